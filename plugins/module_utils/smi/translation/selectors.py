# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels that select the pods of a service account and no others: Istio and Linkerd select destinations by labels."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, DefaultDict, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import TrafficTarget
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import Translation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.sources import subject

Name = Tuple[str, str]

_PASSING = frozenset(
    (
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    )
)
"""Labels that controllers put on pods and that change with the next rollout."""


class Selectors:
    """The labels of each service account's pods, looked up once."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._accounts: DefaultDict[Tuple[str, str, str], Set[str]] = defaultdict(set)
        self._found: Dict[Name, Optional[Dict[str, str]]] = {}
        for (namespace, account), pods in surroundings.pods.items():
            for pod in pods:
                for key, value in _labels(pod).items():
                    self._accounts[namespace, key, value].add(account)

    def of(self, target: TrafficTarget, result: Translation) -> Optional[Dict[str, str]]:
        """Labels for the pods of a target's destination; None, with a finding, when there are none."""
        name = (target.destination.namespace, target.destination.name)
        if name not in self._found:
            self._found[name] = self._exclusive(name)
        if self._found[name] is None:
            pods = self._surroundings.pods_of_account(*name)
            message = "no labels are common to its pods and on no others" if pods else "no pod of it is known"
            result.error(
                "selector",
                subject(target),
                f"not translated: ServiceAccount {name[0]}/{name[1]}: {message}",
                "Give the pods of the ServiceAccount, with a label that only they have.",
                "The target selects pods by labels; a wider selection would allow what SMI does not.",
            )
        return self._found[name]

    def _exclusive(self, name: Name) -> Optional[Dict[str, str]]:
        namespace, account = name
        pods = self._surroundings.pods_of_account(*name)
        common = set(_labels(pods[0]).items()) if pods else set()
        for pod in pods:
            common &= set(_labels(pod).items())
        if not common:
            return None
        sharing = sorted((self._accounts[(namespace, *label)] for label in common), key=len)
        others = set(sharing[0]).intersection(*sharing[1:]) - {account}
        for other in others:
            if any(common <= set(_labels(pod).items()) for pod in self._surroundings.pods_of_account(namespace, other)):
                return None
        return dict(sorted(common))


def _labels(pod: Mapping[str, Any]) -> Dict[str, str]:
    labels = (pod.get("metadata") or {}).get("labels") or {}
    return {key: value for key, value in labels.items() if key not in _PASSING}


def tcp_ports(pods: Sequence[Mapping[str, Any]]) -> List[int]:
    """The TCP ports that the containers of pods say they listen on."""
    containers = [each for pod in pods for each in (pod.get("spec") or {}).get("containers") or ()]
    ports = [port for container in containers for port in container.get("ports") or ()]
    return sorted({int(port["containerPort"]) for port in ports if port.get("protocol", "TCP") == "TCP"})
