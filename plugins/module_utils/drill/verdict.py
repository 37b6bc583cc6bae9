# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was seen in a drill to findings (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Iterator, List, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import ZONE_LABEL
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import Name, Picture, Workload
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.story import Loss, Recovery, count, names
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.tally import Tally
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed

COMPONENT = "zone-drill"
SLOW = "slow"

OUT_OF_SERVICE = "kubectl taint node NODE node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
UNTIL_DETECTED = "Until then a part of all requests goes to the lost zone and fails."


@dataclass(frozen=True)
class Limits:
    """What is still good, in seconds. timeout: how long each part of the drill was watched at most."""

    endpoints: float = 45.0
    replicas: float = 90.0
    write_gap: float = 5.0
    timeout: float = 180.0


@dataclass(frozen=True)
class Drill:
    """Everything that was seen. kind: lost, cut or slow. not_healed: why the zone could not be healed."""

    kind: str
    loss: Loss
    recovery: Recovery
    after: Picture
    healed_at: float
    tally: Tally
    limits: Limits = field(default_factory=Limits)
    explanations: Mapping[Name, str] = field(default_factory=dict)
    not_healed: str = ""

    @property
    def zone(self) -> str:
        return self.loss.zone

    @property
    def before(self) -> Picture:
        return self.loss.before


def findings(drill: Drill) -> List[Finding]:
    """All findings of a drill."""
    found = [*(_of_slow(drill) if drill.kind == SLOW else _of_loss(drill)), _writes(drill), *_healed(drill)]
    return [replace(finding, component=COMPONENT) for finding in found]


def forecast(before: Picture, zone: str) -> List[Finding]:
    """What can be told of the loss of a zone without taking it."""
    loss = Loss(zone, before)
    found = [_spread(workload, loss, None) for workload in loss.affected]
    return [replace(finding, component=COMPONENT) for finding in found]


def _of_loss(drill: Drill) -> Iterator[Finding]:
    yield _detection(drill)
    yield _endpoints(drill)
    for workload in drill.loss.affected:
        yield _replicas(workload, drill)
        yield _spread(workload, drill.loss, drill.healed_at)
    if drill.loss.affected and not drill.not_healed:
        yield _spread_after(drill)


def _of_slow(drill: Drill) -> Iterator[Finding]:
    loss, subject = drill.loss, f"Zone {drill.zone}"
    fell = {name for name in loss.nodes if name in loss.nodes_lost}
    if fell:
        yield Finding(
            "zone-drill-detection",
            Severity.WARNING,
            subject,
            f"NotReady while the zone was slow: {names(sorted(fell))}",
            "Pods of nodes that only answer slowly are moved away, and the other zones get their load.",
            "Give the controller manager a longer node-monitor-grace-period, or the kubelets a faster way to the API.",
        )
    else:
        yield passed(
            "zone-drill-detection", subject, f"{count(len(loss.nodes), 'node')} stayed Ready while it was slow"
        )
    if loss.services:
        yield passed(
            "zone-drill-endpoints",
            subject,
            f"{len(loss.services) - len(loss.endpoints_gone)} of {len(loss.services)} services kept their endpoints "
            "there, and sent requests into the slow zone",
        )


def _detection(drill: Drill) -> Finding:
    loss, subject = drill.loss, f"Zone {drill.zone}"
    if loss.is_detected():
        seconds = max(loss.nodes_lost.values())
        return passed(
            "zone-drill-detection", subject, f"{count(len(loss.nodes), 'node')} known to be lost after {seconds:.1f} s"
        )
    missing = [name for name in loss.nodes if name not in loss.nodes_lost]
    return Finding(
        "zone-drill-detection",
        Severity.ERROR,
        subject,
        f"still Ready after {drill.limits.timeout:.0f} s: {names(missing)}",
        "As long as a node counts as Ready its pods get requests and are not replaced.",
        "Look whether the controller manager runs, and at its node-monitor-grace-period.",
    )


def _endpoints(drill: Drill) -> Finding:
    loss, subject = drill.loss, f"Zone {drill.zone}"
    if not loss.services:
        return passed("zone-drill-endpoints", subject, "no service had an endpoint there")
    if not loss.are_endpoints_gone():
        missing = [name for name in loss.services if name not in loss.endpoints_gone]
        return Finding(
            "zone-drill-endpoints",
            Severity.ERROR,
            subject,
            f"after {drill.limits.timeout:.0f} s ready endpoints there were still told by {names(missing)}",
            UNTIL_DETECTED,
            "Services with publishNotReadyAddresses keep endpoints until the pods are deleted; do without it, "
            "or let the clients look away from endpoints that fail (outlier detection of the mesh).",
        )
    seconds = max(loss.endpoints_gone.values())
    message = f"{count(len(loss.services), 'service')} without endpoints there after {seconds:.1f} s"
    if seconds <= drill.limits.endpoints:
        return passed("zone-drill-endpoints", subject, message)
    return Finding(
        "zone-drill-endpoints",
        Severity.ERROR,
        subject,
        f"{message}; {drill.limits.endpoints:g} s are allowed",
        UNTIL_DETECTED,
        "Shorten node-monitor-grace-period of the controller manager, "
        "or let the clients look away from endpoints that fail (outlier detection of the mesh).",
    )


def _replicas(workload: Workload, drill: Drill) -> Finding:
    loss, name = drill.loss, workload.name
    inside = workload.ready_in(drill.zone)
    lost = f"{inside} of {workload.wanted} replicas were in zone {drill.zone}"
    seconds = loss.back.get(name)
    if seconds is not None and seconds <= drill.limits.replicas:
        return passed("zone-drill-replicas", str(name), f"{lost}; all were ready elsewhere after {seconds:.1f} s")
    if seconds is not None:
        return Finding(
            "zone-drill-replicas",
            Severity.ERROR,
            str(name),
            f"{lost}; all were ready elsewhere after {seconds:.1f} s, {drill.limits.replicas:g} s are allowed",
            "Until then the others carry the load of all.",
            "Shorten tolerationSeconds of node.kubernetes.io/unreachable in the pods (300 by default), have room and "
            "images ready in the other zones, and look at the time until a new pod is Ready.",
        )
    why = drill.explanations.get(name) or loss.hopeless.get(name) or "no reason was told"
    # A StatefulSet keeps a lost replica's place on purpose; what is left of it goes on.
    waits = name.kind == "StatefulSet" and "StatefulSet waits" in why and workload.ready_outside(drill.zone) > 0
    return Finding(
        "zone-drill-replicas",
        Severity.WARNING if waits else Severity.ERROR,
        str(name),
        f"{lost}; they did not come back elsewhere: {why}",
        "As long as the zone is away, the others carry the load of all, if there are others.",
        _mend_for(workload, why, drill.zone),
    )


def _mend_for(workload: Workload, why: str, zone: str) -> str:
    """How to let replicas come back elsewhere, by what stood in the way."""
    if workload.zones is not None and workload.zones <= {zone}:
        return f"Take the restriction to zone {zone} out of its template (nodeSelector or nodeAffinity {ZONE_LABEL})."
    if workload.name.kind == "StatefulSet" and "StatefulSet waits" in why:
        return f"When the nodes are known to be off: {OUT_OF_SERVICE}. Or run enough replicas in the other zones."
    if "volume node affinity" in why:
        return (
            "Its volume is in the lost zone. Use storage that several zones reach, or replicate between the replicas."
        )
    if "topology spread" in why:
        return (
            "The lost zone still counts in the spread. Write nodeTaintsPolicy: Honor in topologySpreadConstraints, "
            "or whenUnsatisfiable: ScheduleAnyway."
        )
    if "Insufficient" in why:
        return "The other zones have no room. Keep the capacity of one zone free, or let nodes be added automatically."
    return (
        f"kubectl -n {workload.name.namespace} describe {workload.name.kind.lower()} {workload.name.name}, and its pods"
    )


def _spread(workload: Workload, loss: Loss, healed_at: Optional[float]) -> Finding:
    """How the replicas stood before. healed_at: None when the zone was not taken."""
    zone, name = loss.zone, workload.name
    inside, outside = workload.ready_in(zone), workload.ready_outside(zone)
    per_zone = workload.per_zone(loss.before.zones())
    told = "replicas per zone: " + ", ".join(f"{place}: {count}" for place, count in per_zone.items())
    fair = math.ceil((inside + outside) / len(per_zone))
    if outside and inside <= fair:
        return passed("zone-drill-spread", str(name), told)
    if outside:
        return Finding(
            "zone-drill-spread",
            Severity.WARNING,
            str(name),
            f"{told}; spread evenly, zone {zone} would have {fair}",
            "The more replicas a zone has, the more load falls on the rest when it is lost.",
            _mend_spread(workload),
        )
    whole = "its only replica" if inside == 1 else f"all {inside} replicas"
    return Finding(
        "zone-drill-spread",
        Severity.WARNING if inside == 1 else Severity.ERROR,
        str(name),
        f"{whole} stood in zone {zone}{_outage(loss, name, healed_at)}",
        "The loss of one zone is an outage of the whole workload.",
        ("Run at least two replicas. " if inside == 1 else "") + _mend_spread(workload),
    )


def _outage(loss: Loss, name: Name, healed_at: Optional[float]) -> str:
    if healed_at is None:
        return "; without the zone there would be none"
    first = loss.first_outside.get(name)
    if first is not None:
        return f"; there was none for {first:.1f} s"
    return f"; there was none until the zone was healed after {healed_at:.1f} s"


def _mend_spread(workload: Workload) -> str:
    namespace, kind, name = workload.name.namespace, workload.name.kind.lower(), workload.name.name
    if workload.zones is not None:
        return f"Let it run in all zones: its template restricts it to {', '.join(sorted(workload.zones)) or 'none'}."
    if workload.is_spread:
        return (
            "It asks for a spread, but pods are only placed when they are made: "
            f"kubectl -n {namespace} rollout restart {kind} {name}"
        )
    return (
        f"Spread it over zones: topologySpreadConstraints with topologyKey {ZONE_LABEL}, "
        "or name it in autoscaling_workloads."
    )


def _spread_after(drill: Drill) -> Finding:
    """Whether the replicas stand as before. Pods do not move by themselves."""
    zones = drill.before.zones()
    moved = []
    for workload in drill.loss.affected:
        now = drill.after.workloads.get(workload.name)
        if now and now.ready_in(drill.zone) < workload.ready_in(drill.zone):
            told = ", ".join(f"{zone}: {count}" for zone, count in now.per_zone(zones).items())
            moved.append(f"{workload.name} ({told})")
    if not moved:
        return passed("zone-drill-spread-after", f"Zone {drill.zone}", "it has as many replicas as before")
    return Finding(
        "zone-drill-spread-after",
        Severity.INFO,
        f"Zone {drill.zone}",
        f"fewer replicas than before the loss: {names(moved)}",
        "Pods do not move back by themselves, so the next loss of another zone takes more of them.",
        "kubectl -n NAMESPACE rollout restart deployment NAME, when it suits",
    )


def _writes(drill: Drill) -> Finding:
    tally, limit = drill.tally, drill.limits.write_gap
    seen = (
        f"{tally.acknowledged} writes were acknowledged and read back, {tally.failed} failed, "
        f"the longest time without one was {tally.longest_gap:.1f} s"
    )
    subject = "Kubernetes API"
    if tally.lost:
        return Finding(
            "zone-drill-writes",
            Severity.ERROR,
            subject,
            f"{len(tally.lost)} of {tally.acknowledged} acknowledged writes are not there: {names(tally.lost)}",
            "Who was told that something is stored relies on it.",
            "etcd has lost data: look at its members, at its disks, and whether it runs with unsafe-no-fsync.",
        )
    if tally.longest_gap > limit or not tally.acknowledged:
        first = f"; the first error: {tally.first_error}" if tally.first_error else ""
        return Finding(
            "zone-drill-writes",
            Severity.ERROR,
            subject,
            f"{seen}; {limit:g} s are allowed{first}",
            "While nothing can be written nothing is replaced, and nobody can act on the loss.",
            "Run three members of etcd and three API servers, one of each per zone.",
        )
    if not tally.failed:
        return passed("zone-drill-writes", subject, seen)
    return Finding(
        "zone-drill-writes",
        Severity.INFO,
        subject,
        f"{seen}; the first error: {tally.first_error}",
        "Clients have to repeat such requests.",
        "Nothing, when it is only a moment around the loss.",
    )


def _healed(drill: Drill) -> Iterator[Finding]:
    recovery, subject = drill.recovery, f"Zone {drill.zone}"
    if drill.not_healed:
        yield Finding(
            "zone-drill-healed",
            Severity.ERROR,
            subject,
            f"it could not be healed: {drill.not_healed}",
            "The environment is without this zone.",
            "Run site: it starts what does not run and heals the network.",
        )
    elif recovery.nodes_ready is None:
        yield Finding(
            "zone-drill-healed",
            Severity.ERROR,
            subject,
            f"its nodes were not all Ready {drill.limits.timeout:.0f} s after the healing",
            "The environment is without this zone.",
            "Look at the logs of the nodes, then run site.",
        )
    elif recovery.whole is None:
        yield Finding(
            "zone-drill-healed",
            Severity.ERROR,
            subject,
            f"its nodes are Ready, but not all workloads had their replicas {drill.limits.timeout:.0f} s after the "
            f"healing: {names(recovery.incomplete(drill.after))}",
            "They run with less than they should.",
            "kubectl describe them and their pods.",
        )
    else:
        nodes = recovery.nodes_ready - drill.healed_at
        whole = recovery.whole - drill.healed_at
        yield passed(
            "zone-drill-healed",
            subject,
            f"Ready {nodes:.1f} s and all workloads complete {whole:.1f} s after the healing",
        )
