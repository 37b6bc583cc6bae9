# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade by revision canary: which namespaces move to which revision of Istio, in which order, and the way back.

What is to be done is read from what stands, so that an upgrade that was cut off goes on where it ended (istio.io,
"Canary Upgrades").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.istio.baseline import injection

Object = Mapping[str, Any]
Labels = Mapping[str, str]

REVISION = "istio.io/rev"
INJECTION = "istio-injection"
DEFAULT = "default"
"""The name of the revision that has none, as istiod and its injector write it."""


class UpgradeError(ValueError):
    """What is asked for cannot be done. The message is meant for a person."""


@dataclass(frozen=True)
class Plan:
    """``origin``: the revision to move away from, empty when there is none. ``waves``: namespaces of each, in order."""

    origin: str
    target: str
    waves: List[List[str]]
    current: Mapping[str, Labels]
    """The labels by which each namespace asks for sidecars now."""

    def as_dict(self) -> Dict[str, Any]:
        """The plan for a playbook: fragments of namespaces for after each wave, and for after the way back."""
        return {
            "origin": self.origin,
            "target": self.target,
            "waves": [
                {"number": number, "namespaces": names, "fragments": self._fragments(self._moved(number), self.target)}
                for number, names in enumerate(self.waves, 1)
            ],
            "back": self._fragments([name for name in self.current if self.origin], self.origin),
            "outdated": outdated(self.target),
            "outdated_back": outdated(self.origin),
        }

    def _moved(self, number: int) -> List[str]:
        return [name for wave in self.waves[:number] for name in wave]

    def _fragments(self, moved: Sequence[str], revision: str) -> List[Dict[str, Any]]:
        """Of all namespaces, for what is left out of the fragments of a set loses its labels."""
        following = injection(moved, "" if revision == DEFAULT else revision, [])
        staying = [_fragment(name, labels) for name, labels in self.current.items() if name not in moved and labels]
        return [*following, *staying]


def plan(
    target: str,
    istiods: Sequence[Object],
    namespaces: Sequence[Object],
    waves: Sequence[Sequence[str]],
    origin: str = "",
) -> Plan:
    """The plan. ``istiods``: Deployments; ``namespaces``: those that ask for sidecars; ``waves``: empty for the usual.

    The usual waves are the first namespace alone, and then all others. Raises UpgradeError.
    """
    revisions = {_revision_of(each) for each in istiods}
    names = [str(each["metadata"]["name"]) for each in namespaces]
    problem = next(wave_problems(names, waves), "")
    if problem:
        raise UpgradeError(f"mesh_upgrade_waves: {problem}")
    found = [list(wave) for wave in waves] if waves else [wave for wave in (names[:1], names[1:]) if wave]
    current = {str(each["metadata"]["name"]): _asking(each) for each in namespaces}
    return Plan(_origin(origin, revisions, target or DEFAULT), target or DEFAULT, found, current)


def wave_problems(names: Sequence[str], waves: Sequence[Sequence[str]]) -> Iterator[str]:
    """What is wrong with waves of these namespaces, each with what to write instead. No waves are the usual ones."""
    given = [name for wave in waves for name in wave]
    unknown = sorted(set(given) - set(names))
    if unknown:
        yield f"{', '.join(unknown)}: not in mesh_inject_namespaces; write it there, or leave it out"
    missing = sorted(set(names) - set(given)) if waves else []
    if missing:
        yield f"{', '.join(missing)} of mesh_inject_namespaces: in no wave; put it into one"
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        yield f"{', '.join(twice)}: there twice, and a namespace moves once; leave one out"


def outdated(revision: str) -> str:
    """JMESPath over a pod: it could have the sidecar of a revision, and has not.

    Who has opted out, or shares the network of its node, never gets one (istio.io, "Installing the Sidecar").
    """
    status = "not_null(metadata.annotations.\"sidecar.istio.io/status\", '')"
    opted_out = "metadata.labels.\"sidecar.istio.io/inject\" == 'false'"
    return f'!({opted_out}) && !(spec.hostNetwork) && !contains({status}, \'"revision":"{revision}"\')'


def _origin(given: str, revisions: AbstractSet[str], target: str) -> str:
    others = sorted(revisions - {target})
    if given and given not in others:
        told = f"there is {', '.join(others)}" if others else "there is no other"
        raise UpgradeError(f"mesh_upgrade_from is {given!r}, of which no istiod stands beside {target}; {told}")
    if len(others) > 1 and not given:
        raise UpgradeError(
            f"there is an istiod of {' and of '.join(others)} beside {target}; write in mesh_upgrade_from which of "
            "them is to be left"
        )
    return given or "".join(others)


def _revision_of(istiod: Object) -> str:
    labels: Labels = istiod["metadata"].get("labels") or {}
    return labels.get(REVISION) or DEFAULT


def _asking(namespace: Object) -> Labels:
    labels: Labels = namespace["metadata"].get("labels") or {}
    return {name: labels[name] for name in (INJECTION, REVISION) if name in labels}


def _fragment(name: str, labels: Labels) -> Dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
