# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster looks like at one moment, as far as the loss of a zone is concerned (pure).

Workloads are Deployments and StatefulSets that want replicas. A pod belongs to the Deployment whose ReplicaSet owns it;
the name of that is the Deployment's with the pod-template-hash behind it (kube-controller-manager,
pkg/controller/deployment/sync.go, getNewReplicaSet).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    DEPLOYMENT,
    NODE,
    POD,
    ZONE_LABEL,
    Kind,
    KubeObject,
    Objects,
    condition,
    is_true,
    labels_of,
)

STATEFUL_SET = Kind("apps/v1", "StatefulSet")
SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
KINDS: Mapping[Kind, str] = {
    NODE: "/api/v1/nodes",
    POD: "/api/v1/pods",
    DEPLOYMENT: "/apis/apps/v1/deployments",
    STATEFUL_SET: "/apis/apps/v1/statefulsets",
    SLICE: "/apis/discovery.k8s.io/v1/endpointslices",
}
"""What is looked at, and where it is."""

_HASH_LABEL = "pod-template-hash"
_SERVICE_LABEL = "kubernetes.io/service-name"
_OLD_ZONE_LABEL = "failure-domain.beta.kubernetes.io/zone"


@dataclass(frozen=True, order=True)
class Name:
    """Which workload: ``kind`` is Deployment or StatefulSet."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Replica:
    """One pod. zone: empty until it is scheduled. leaving: deleted, but not gone. obstacle: why no node takes it."""

    name: str
    zone: str
    ready: bool
    leaving: bool = False
    obstacle: str = ""


@dataclass(frozen=True)
class Workload:
    """A workload with its pods.

    zones: those that its template restricts it to; None when it may run in all. is_spread: whether its template asks
    for a spread over zones.
    """

    name: Name
    wanted: int
    replicas: Tuple[Replica, ...]
    zones: Optional[FrozenSet[str]] = None
    is_spread: bool = False

    def ready_in(self, zone: str) -> int:
        """Ready replicas in the zone."""
        return len([one for one in self.replicas if one.ready and one.zone == zone])

    def ready_outside(self, zone: str) -> int:
        """Ready replicas in all other zones."""
        return len([one for one in self.replicas if one.ready and one.zone != zone])

    def per_zone(self, zones: Sequence[str]) -> Dict[str, int]:
        """Ready replicas in each of ``zones``."""
        counted = Counter(one.zone for one in self.replicas if one.ready)
        return {zone: counted[zone] for zone in zones}

    def is_whole(self) -> bool:
        """Whether it has all replicas that it wants."""
        return len([one for one in self.replicas if one.ready]) >= self.wanted


@dataclass(frozen=True)
class Picture:
    """nodes: node -> (zone, whether it is Ready). endpoints: service -> zone -> ready endpoints there."""

    nodes: Mapping[str, Tuple[str, bool]] = field(default_factory=dict)
    workloads: Mapping[Name, Workload] = field(default_factory=dict)
    endpoints: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def zones(self) -> List[str]:
        """The zones that have a node, by name."""
        return sorted({zone for zone, _ready in self.nodes.values() if zone})

    def nodes_of(self, zone: str) -> List[str]:
        """The nodes of the zone, by name."""
        return sorted(name for name, (place, _ready) in self.nodes.items() if place == zone)

    def ready_nodes_of(self, zone: str) -> List[str]:
        """Those of them that are Ready."""
        return [name for name in self.nodes_of(zone) if self.nodes[name][1]]

    def services_in(self, zone: str) -> List[str]:
        """The services that have ready endpoints in the zone."""
        return sorted(name for name, counted in self.endpoints.items() if counted.get(zone))


def picture(objects: Objects) -> Picture:
    """The picture of these objects, which are all of each kind in KINDS."""
    nodes = {node["metadata"]["name"]: (_zone_of(node), is_true(node, "Ready")) for node in objects[NODE]}
    zones = {name: zone for name, (zone, _ready) in nodes.items()}
    replicas: Dict[Name, List[Replica]] = {}
    for pod in objects[POD]:
        owner = _owner(pod)
        if owner and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            replicas.setdefault(owner, []).append(_replica(pod, zones))
    workloads = [_workload(body, kind.kind, replicas) for kind in (DEPLOYMENT, STATEFUL_SET) for body in objects[kind]]
    endpoints: Dict[str, Counter[str]] = {}
    for piece in objects[SLICE]:
        _count(piece, zones, endpoints)
    return Picture(nodes, {one.name: one for one in workloads if one.wanted}, endpoints)


def _zone_of(node: KubeObject) -> str:
    labels = labels_of(node)
    return labels.get(ZONE_LABEL) or labels.get(_OLD_ZONE_LABEL) or ""


def _owner(pod: KubeObject) -> Optional[Name]:
    """The workload of the pod; None for one that belongs to something else, or to nobody."""
    metadata = pod["metadata"]
    owners = [one for one in metadata.get("ownerReferences") or [] if one.get("controller")]
    if not owners:
        return None
    kind, name = owners[0]["kind"], owners[0]["name"]
    if kind == "StatefulSet":
        return Name(kind, metadata["namespace"], name)
    tail = "-" + labels_of(pod).get(_HASH_LABEL, "")
    if kind == "ReplicaSet" and tail != "-" and name.endswith(tail):
        return Name("Deployment", metadata["namespace"], name[: -len(tail)])
    return None


def _replica(pod: KubeObject, zones: Mapping[str, str]) -> Replica:
    scheduled = condition(pod, "PodScheduled")
    leaving = bool(pod["metadata"].get("deletionTimestamp"))
    return Replica(
        pod["metadata"]["name"],
        zones.get(pod["spec"].get("nodeName") or "", ""),
        is_true(pod, "Ready") and not leaving,
        leaving,
        str(scheduled.get("message") or "no node takes it") if scheduled.get("status") == "False" else "",
    )


def _workload(body: KubeObject, kind: str, replicas: Mapping[Name, List[Replica]]) -> Workload:
    name = Name(kind, body["metadata"]["namespace"], body["metadata"]["name"])
    template = body["spec"]["template"]["spec"]
    pods = sorted(replicas.get(name, []), key=lambda one: one.name)
    return Workload(name, int(body["spec"].get("replicas", 1)), tuple(pods), _restricted(template), _spreads(template))


def _restricted(template: Mapping[str, Any]) -> Optional[FrozenSet[str]]:
    """The zones that node selector and required node affinity leave; None for all. Terms are alternatives."""
    chosen = (template.get("nodeSelector") or {}).get(ZONE_LABEL)
    if chosen:
        return frozenset([chosen])
    affinity = (template.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    found = [_zones_of_term(term) for term in terms]
    if not found or any(zones is None for zones in found):
        return None
    return frozenset(zone for zones in found for zone in zones or ())


def _zones_of_term(term: Mapping[str, Any]) -> Optional[FrozenSet[str]]:
    named = [
        frozenset(one.get("values") or ())
        for one in term.get("matchExpressions") or []
        if one["key"] == ZONE_LABEL and one["operator"] == "In"
    ]
    return frozenset.intersection(*named) if named else None


def _spreads(template: Mapping[str, Any]) -> bool:
    """Whether it asks for a spread over zones, or for no second pod in a zone."""
    constraints = template.get("topologySpreadConstraints") or []
    apart = (template.get("affinity") or {}).get("podAntiAffinity") or {}
    required = apart.get("requiredDuringSchedulingIgnoredDuringExecution") or []
    return any(one.get("topologyKey") == ZONE_LABEL for one in [*constraints, *required])


def _count(piece: KubeObject, zones: Mapping[str, str], endpoints: Dict[str, Counter[str]]) -> None:
    """Add the ready endpoints of a slice. Ready is what is not said to be otherwise (KEP-752)."""
    service = labels_of(piece).get(_SERVICE_LABEL)
    if not service:
        return
    counted = endpoints.setdefault(f"{piece['metadata']['namespace']}/{service}", Counter())
    for endpoint in piece.get("endpoints") or []:
        zone = endpoint.get("zone") or zones.get(endpoint.get("nodeName") or "", "")
        if zone and (endpoint.get("conditions") or {}).get("ready") is not False:
            counted[zone] += len(endpoint.get("addresses") or [])
