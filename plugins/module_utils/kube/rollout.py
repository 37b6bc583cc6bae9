# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling out new versions of Deployments, and going back to what stood before where a new one does not become ready.

A unit is a Deployment with all that belongs to it (its Service, its rights): the objects with the same value of a
label. What stood before is read before anything is sent: of each object the part that our field manager applied, which
is its definition of then. CustomResourceDefinitions and namespaces are of no unit. They stay.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import ApplySet
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import Change
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import (
    Outcome,
    Request,
    converge,
    converge_in,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import Definition, load_definitions
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    InvalidArgument,
    KubeError,
    WaitFailed,
    WaitTimeout,
    shorten,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applied_by, owned_part
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey, key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import WaitFor

VERSION = "app.kubernetes.io/version"
"""The label that tells people which version it is."""
_DEPLOYMENT = ("apps", "Deployment")
_SHARED = (("apiextensions.k8s.io", "CustomResourceDefinition"), ("", "Namespace"))

_HINTS = (
    ("no match for platform", "The image is for another machine than the nodes. Build it for theirs."),
    ("exec format error", "The program is for another machine than the nodes. Build it for theirs."),
    (": not found", "The registry has no such image. Is the digest right, and was it pushed to this registry?"),
    ("connection refused", "The registry does not answer. See that it runs and that the nodes reach it."),
    ("i/o timeout", "The registry does not answer. See that it runs and that the nodes reach it."),
    ("401 Unauthorized", "The registry wants credentials. Name a Secret with them in image_pull_secrets."),
    ("certificate signed by unknown authority", "The nodes do not trust the registry. Give containerd its CA."),
    ("CrashLoopBackOff", "Its last words: kubectl logs --previous, as long as the pod is there."),
    ("Readiness probe failed", "It runs, but does not say that it is ready. Are path and port of the probe right?"),
)


class RolledBack(KubeError):
    """New versions did not become ready, and those that stood before were restored where there were any.

    `units`: one entry for each that failed.
    """

    def __init__(self, message: str, units: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message)
        self.units = list(units)

    def details(self) -> Dict[str, Any]:
        return {"failed_rollouts": self.units}


@dataclass
class Unit:
    """What stood of a unit before: the Deployment as it was, and the definitions of all its objects."""

    definitions: List[Dict[str, Any]] = field(default_factory=list)
    deployment: Optional[Mapping[str, Any]] = None

    @property
    def version(self) -> str:
        """What it is called."""
        return version_of(self.deployment)

    @property
    def ran(self) -> bool:
        """Whether there is something worth going back to."""
        return bool(self.deployment and (self.deployment.get("status") or {}).get("availableReplicas"))

    @property
    def generation(self) -> int:
        """The number of the Deployment's specification; 0 when there was none."""
        return int(self.deployment["metadata"]["generation"]) if self.deployment else 0


class Failure(NamedTuple):
    """A unit whose new version did not become ready. `restored`: whether it goes back to what stood before."""

    unit: str
    key: ObjectKey
    version: str
    before: str
    reason: str
    restored: bool
    standing: str
    """Why it does not go back; empty when it does."""


def roll_out(request: Request, label: str, rollback: bool) -> Outcome:
    """Converge and wait; go back where that fails. `label`: objects with the same value of it are one unit.

    Raises RolledBack, and what `converge` raises for anything but Deployments that do not become ready.
    """
    if request.absent or request.offline or request.dry_run or not rollback:
        return converge(request)
    if not request.applyset:
        raise InvalidArgument("applyset: it is needed to know what stood before; name the set of these objects.")
    definitions = load_definitions(request.definitions)
    with open_session(request.connection) as session:
        return _Rollout(session, request, label, definitions).run()


def version_of(body: Optional[Mapping[str, Any]]) -> str:
    """The version that an object says it is, or what else tells it: the images."""
    if body is None:
        return ""
    labels = body["metadata"].get("labels") or {}
    containers = body["spec"]["template"]["spec"]["containers"]
    return str(labels.get(VERSION) or ", ".join(each.get("image") or each["name"] for each in containers))


def hint(reason: str) -> str:
    """What a person can do about a reason, or an empty string."""
    return next((told for sign, told in _HINTS if sign in reason), "")


def reasons(message: str, keys: Sequence[ObjectKey]) -> Dict[ObjectKey, str]:
    """What the message of a wait says about each of the objects; those that it does not name are left out."""
    found: Dict[ObjectKey, str] = {}
    for line in message.splitlines():
        for key in keys:
            if line == str(key) or line.startswith(f"{key}: "):
                found[key] = line[len(str(key)) + 2 :] or "not ready"
    return found


def definition_of(body: Mapping[str, Any], manager: str) -> Dict[str, Any]:
    """What a manager has applied of an object: the definition that it was made by."""
    part = copy.deepcopy(owned_part(body, [applied_by(body, manager)]))
    labels = part["metadata"].get("labels") or {}
    labels.pop(PART_OF, None)
    return part


class _Rollout:
    """One rollout. What failed goes back, the rest goes on, until all that is to be ready is."""

    def __init__(self, session: Session, request: Request, label: str, definitions: Sequence[Definition]) -> None:
        self._session = session
        self._request = request
        self._label = label
        self._definitions = definitions
        self._discovery = Discovery(session)
        self._former = self._read_former()
        self._failures: Dict[str, Failure] = {}
        self._changes: List[Change] = []

    def run(self) -> Outcome:
        """Raises RolledBack when a unit failed."""
        while True:
            try:
                outcome = converge_in(self._session, self._next())
            except (WaitFailed, WaitTimeout) as error:
                self._changes += error.done
                if not self._note_failures(error):
                    raise self._given_up(error) from error
                continue
            outcome.changes = [*self._changes, *outcome.changes]
            if self._failures:
                lines = [line for failure in self._failures.values() for line in _tell(failure, "and it runs")]
                raise self._told(lines, outcome.changes)
            return outcome

    def _next(self) -> Request:
        """What is to be done now. What has failed and stays as it is is not waited for once more."""
        lost = [each.key for each in self._failures.values() if not each.restored]
        passed = [WaitFor(key.kind, name=key.name, namespace=key.namespace, success="`true`") for key in lost]
        return replace(self._request, definitions=self._wanted(), wait_for=[*self._request.wait_for, *passed])

    def _wanted(self) -> List[Dict[str, Any]]:
        """The definitions, those of before for what goes back."""
        back = [unit for unit, failure in self._failures.items() if failure.restored]
        wanted = [each.body for each in self._definitions if self._unit_of(each.body) not in back]
        return copy.deepcopy([*wanted, *(body for unit in back for body in self._former[unit].definitions)])

    def _note_failures(self, error: KubeError) -> bool:
        """Take in which Deployments failed; whether there is anything new to go back to."""
        keys = [each.key for each in self._definitions if each.key[:2] == _DEPLOYMENT]
        restored = False
        for key, reason in reasons(str(error), keys).items():
            body = next(each.body for each in self._definitions if each.key == key)
            unit = self._unit_of(body)
            if unit in self._failures:
                return False
            failure = self._failure(unit, key, body, reason)
            self._failures[unit] = failure
            restored = restored or failure.restored
        return restored

    def _failure(self, unit: str, key: ObjectKey, body: Mapping[str, Any], reason: str) -> Failure:
        former = self._former.get(unit, Unit())
        standing = ""
        if not former.deployment:
            standing = "It is the first version, so there is none to go back to. It is left as it is, to be looked at"
        elif not former.ran:
            standing = f"{former.version} before it did not run either, so it is left as it is, to be looked at"
        elif self._generation(key) == former.generation:
            standing = "This run did not change it, so there is nothing to go back to"
        return Failure(unit, key, version_of(body), former.version, reason, not standing, standing)

    def _generation(self, key: ObjectKey) -> int:
        resource = self._discovery.resource("apps/v1", key.kind)
        live = self._session.get_or_none(resource.path(key.namespace, key.name))
        return int(live["metadata"]["generation"]) if live else 0

    def _given_up(self, error: KubeError) -> KubeError:
        """What is told when there is nothing (more) to go back to."""
        if not self._failures:
            error.done = self._changes
            return error
        again = reasons(str(error), [each.key for each in self._failures.values() if each.restored])
        lines = []
        for failure in self._failures.values():
            reason = again.get(failure.key)
            lines += _tell(failure, f"but it did not become ready either: {reason}" if reason else "")
        return self._told(lines, self._changes)

    def _told(self, lines: Sequence[str], changes: List[Change]) -> RolledBack:
        units = [
            {
                "name": each.unit,
                "object": str(each.key),
                "version": each.version,
                "restored": each.before if each.restored else "",
                "reason": each.reason,
            }
            for each in self._failures.values()
        ]
        error = RolledBack(shorten(list(lines)), units)
        error.done = changes
        error.warnings = self._session.warnings
        return error

    def _unit_of(self, body: Mapping[str, Any]) -> str:
        return str((body["metadata"].get("labels") or {}).get(self._label) or "")

    def _read_former(self) -> Dict[str, Unit]:
        """What stands now of each unit."""
        wanted = self._request.applyset or {}
        applyset = ApplySet(
            self._session, self._discovery, wanted["name"], wanted["namespace"], wanted["kind"], dry_run=True
        )
        if not applyset.exists:
            return {}
        kinds = [kind for kind in sorted(applyset.scope.kinds) if tuple(kind) not in _SHARED]
        resources = [each for each in (self._discovery.preferred(*kind) for kind in kinds) if each]
        listed = map_parallel(lambda each: list(applyset.each_of(each)), resources, self._session.concurrency)
        units: Dict[str, Unit] = {}
        for body in [member.body for members in listed for member in members]:
            name = self._unit_of(body)
            if not name or body["metadata"].get("deletionTimestamp"):
                continue
            unit = units.setdefault(name, Unit())
            unit.definitions.append(definition_of(body, self._request.field_manager))
            if key_of(body)[:2] == _DEPLOYMENT:
                unit.deployment = body
        return units


def _tell(failure: Failure, outcome: str) -> List[str]:
    """What happened to a unit, line by line. `outcome`: what became of going back; empty when that is open."""
    lines = [f"{failure.key}: {failure.version} did not become ready: {failure.reason}"]
    advice = hint(failure.reason)
    done = f"Rolled back to {failure.before}, {outcome}".rstrip(", ") if failure.restored else failure.standing
    return [*lines, *([advice] if advice else []), f"{done}. Run again when it is mended."]
