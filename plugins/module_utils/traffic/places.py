# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backend a pod belongs to, where it stands, and which policies are in its way (pure)."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Sequence, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    NODE,
    POD,
    ZONE_LABEL,
    Kind,
    KubeObject,
    Objects,
    is_true,
    labels_of,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import controller_of, selects
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import Place, TrafficError

SERVICE = Kind("v1", "Service")
POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy")

_HASH_LABEL = "pod-template-hash"
_HOST_NAME = 63
"""Characters that a host name can have."""
_ORIGIN = 40
"""Characters of a workload's name that the names of its pods always begin with, however long it is."""


def zones_of(nodes: Sequence[KubeObject]) -> Dict[str, str]:
    """The zone of each node that has one."""
    labelled = {node["metadata"]["name"]: labels_of(node).get(ZONE_LABEL, "") for node in nodes}
    return {name: zone for name, zone in labelled.items() if zone}


def open_zones(nodes: Sequence[KubeObject]) -> List[str]:
    """The zones with a node that is Ready and takes pods, by name."""
    taking = [node for node in nodes if is_true(node, "Ready") and not node["spec"].get("unschedulable")]
    return sorted(set(zones_of(taking).values()))


def places(objects: Objects, expected: Collection[str]) -> Dict[str, Place]:
    """All pods by name and by host name, each as an instance of the expected Service or workload, else of its workload.

    A host name is left out where pods of several backends have it. Raises TrafficError when a pod belongs to several
    that are expected.
    """
    zones = zones_of(objects[NODE])
    found: Dict[str, Place] = {}
    hosts: Dict[str, Set[Place]] = {}
    for pod in objects[POD]:
        name = pod["metadata"]["name"]
        zone = zones.get(pod["spec"].get("nodeName") or "", "")
        found[name] = Place(name, _backend(pod, objects[SERVICE], expected), zone)
        hosts.setdefault(host_name(pod), set()).add(found[name])
    shared = {name: _common(those) for name, those in hosts.items() if len({one.backend for one in those}) == 1}
    return {**shared, **found}


def host_name(pod: KubeObject) -> str:
    """What a pod takes for its host name: its own name cut to what can be one, unless it is given another."""
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])[:_HOST_NAME].rstrip("-.")


def origins(objects: Objects) -> List[str]:
    """What the host names of all pods begin with: few texts, also where there are many pods."""
    return sorted({_origin(pod) for pod in objects[POD]})


def known(objects: Objects) -> Set[str]:
    """The names of everything that can be expected."""
    return {service["metadata"]["name"] for service in objects[SERVICE]} | {workload(pod) for pod in objects[POD]}


def workload(pod: KubeObject) -> str:
    """The name of what a pod is an instance of; its own when it is nobody's."""
    owner = controller_of(pod)
    if not owner:
        return str(pod["metadata"]["name"])
    name = str(owner["name"])
    tail = "-" + labels_of(pod).get(_HASH_LABEL, "")
    return name[: -len(tail)] if owner["kind"] == "ReplicaSet" and tail != "-" and name.endswith(tail) else name


def serving(service: KubeObject, pods: Sequence[KubeObject]) -> List[KubeObject]:
    """The pods that a Service selects."""
    selector = service["spec"].get("selector") or {}
    return [pod for pod in pods if selector and selector.items() <= labels_of(pod).items()]


def blockers(policies: Sequence[KubeObject], direction: str, pods: Sequence[KubeObject]) -> List[str]:
    """The NetworkPolicies that select one of the pods for a direction, Ingress or Egress."""
    acting = [policy for policy in policies if direction in _directions(policy["spec"])]
    return sorted(name_of(policy) for policy in acting if any(_is_under(policy, pod) for pod in pods))


def _origin(pod: KubeObject) -> str:
    own, host = workload(pod)[:_ORIGIN], host_name(pod)
    return own if host.startswith(own) else host


def _common(those: Collection[Place]) -> Place:
    """What is true of all places, which have one backend."""
    if len(those) == 1:
        return next(iter(those))
    zones = {one.zone for one in those}
    return Place("", next(iter(those)).backend, zones.pop() if len(zones) == 1 else "")


def _backend(pod: KubeObject, services: Sequence[KubeObject], expected: Collection[str]) -> str:
    own = workload(pod)
    names = {own, *(service["metadata"]["name"] for service in services if serving(service, [pod]))}
    wanted = sorted(names & set(expected))
    if len(wanted) > 1:
        raise TrafficError(
            f"expect: pod {pod['metadata']['name']} belongs to {' and to '.join(wanted)}, so an answer of it cannot be "
            "counted for one of them. Expect names that share no pod"
        )
    return wanted[0] if wanted else own


def _directions(spec: Mapping[str, Any]) -> Collection[str]:
    """As the API has it when they are not given: always Ingress, and Egress when there are such rules."""
    given: Collection[str] = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    return given


def _is_under(policy: KubeObject, pod: KubeObject) -> bool:
    same = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and selects(policy["spec"].get("podSelector") or {}, labels_of(pod))
