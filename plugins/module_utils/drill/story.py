# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a cluster while a zone is away and when it is back: from pictures to moments (pure).

All times are seconds since the zone was taken.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import Name, Picture, Workload

NAMED_AT_MOST = 5
UNSCHEDULABLE_SECONDS = 15.0
"""For how long no node must take a pod until it is not waited for any more: nodes that just come are given time."""


class Moment(NamedTuple):
    """Something that happened."""

    seconds: float
    text: str

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s  {self.text}"


class Loss:
    """What happens from the loss of a zone until it is healed. ``before`` is the cluster as it was until then."""

    def __init__(self, zone: str, before: Picture) -> None:
        self.zone = zone
        self.before = before
        self.moments: List[Moment] = []
        self.nodes_lost: Dict[str, float] = {}
        """Node -> when it was seen to be away."""
        self.endpoints_gone: Dict[str, float] = {}
        """Service -> since when it has no ready endpoint in the zone."""
        self.back: Dict[Name, float] = {}
        """Workload -> since when it has all its replicas outside the zone."""
        self.first_outside: Dict[Name, float] = {}
        """Workload -> when it had a ready replica outside the zone for the first time; 0 when it always had one."""
        self.hopeless: Dict[Name, str] = {}
        """Workload -> why it will not have its replicas while the zone is away."""
        self._without_node: Dict[Name, float] = {}
        self.nodes = before.nodes_of(zone)
        self.services = before.services_in(zone)
        self.affected = [
            one for one in sorted(before.workloads.values(), key=lambda one: one.name) if one.ready_in(zone)
        ]
        for workload in self.affected:
            if workload.ready_outside(zone):
                self.first_outside[workload.name] = 0.0

    def note(self, now: Picture, seconds: float) -> None:
        """Take in how the cluster is now."""
        self._note_nodes(now, seconds)
        self._note_services(now, seconds)
        for workload in self.affected:
            self._note_workload(workload.name, now, seconds)

    def is_over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.is_detected() and self.are_endpoints_gone() and not self.awaited()

    def is_detected(self) -> bool:
        """Whether all nodes of the zone count as lost."""
        return len(self.nodes_lost) == len(self.nodes)

    def are_endpoints_gone(self) -> bool:
        """Whether no service has a ready endpoint in the zone."""
        return len(self.endpoints_gone) == len(self.services)

    def awaited(self) -> List[Name]:
        """The workloads that may still get their replicas."""
        return [one.name for one in self.affected if one.name not in self.back and one.name not in self.hopeless]

    def progress(self) -> str:
        """How far it is, in one line."""
        parts = [
            f"{len(self.nodes_lost)} of {len(self.nodes)} nodes NotReady",
            f"{len(self.endpoints_gone)} of {len(self.services)} services without endpoints there",
            f"{len(self.back)} of {len(self.affected)} workloads back",
        ]
        return ", ".join(parts)

    def _tell(self, seconds: float, text: str) -> None:
        self.moments.append(Moment(seconds, text))

    def _note_nodes(self, now: Picture, seconds: float) -> None:
        ready = now.ready_nodes_of(self.zone)
        lost = [name for name in self.nodes if name not in ready and name not in self.nodes_lost]
        again = [name for name in self.nodes_lost if name in ready]
        self.nodes_lost.update(dict.fromkeys(lost, seconds))
        for name in again:
            del self.nodes_lost[name]
        if lost:
            rest = "" if self.is_detected() else f" ({len(self.nodes_lost)} of {len(self.nodes)} by now)"
            self._tell(seconds, f"NotReady: {names(lost)}{rest}")
        if again:
            self._tell(seconds, f"Ready again, with the zone still away: {names(again)}")

    def _note_services(self, now: Picture, seconds: float) -> None:
        present = [name for name in self.services if now.endpoints.get(name, {}).get(self.zone)]
        gone = [name for name in self.services if name not in present and name not in self.endpoints_gone]
        again = [name for name in self.endpoints_gone if name in present]
        self.endpoints_gone.update(dict.fromkeys(gone, seconds))
        for name in again:
            del self.endpoints_gone[name]
        if gone:
            rest = "" if self.are_endpoints_gone() else f" ({len(self.endpoints_gone)} of {len(self.services)} by now)"
            self._tell(seconds, f"no ready endpoint in the zone any more: {names(gone)}{rest}")
        if again:
            self._tell(seconds, f"ready endpoints in the zone again: {names(again)}")

    def _note_workload(self, name: Name, now: Picture, seconds: float) -> None:
        workload = now.workloads.get(name)
        ready = workload.ready_outside(self.zone) if workload else 0
        if ready and name not in self.first_outside:
            self.first_outside[name] = seconds
            self._tell(seconds, f"{name}: the first replica is ready outside the zone")
        if workload is None or ready >= workload.wanted:
            if name not in self.back:
                self.back[name] = seconds
                self._tell(seconds, f"{name}: {_reached(workload)}")
            self.hopeless.pop(name, None)
            return
        if self.back.pop(name, None) is not None:
            self._tell(seconds, f"{name}: {ready} of {workload.wanted} replicas ready outside the zone, again too few")
        self._judge(workload, seconds)

    def _judge(self, workload: Workload, seconds: float) -> None:
        """Whether it is worth waiting for a workload that lacks replicas."""
        why = self._lasting(workload) or self._unplaced(workload, seconds)
        known = self.hopeless.get(workload.name, "")
        if why and not known:
            self._tell(seconds, f"{workload.name}: {workload.ready_outside(self.zone)} of {workload.wanted}, {why}")
        if why:
            self.hopeless[workload.name] = why
        elif known:
            del self.hopeless[workload.name]

    def _lasting(self, workload: Workload) -> str:
        if workload.zones is not None and workload.zones <= {self.zone}:
            return f"its template lets it run in zone {self.zone} only"
        stuck = [one.name for one in workload.replicas if one.zone == self.zone and one.leaving]
        if workload.name.kind == "StatefulSet" and stuck:
            return (
                f"{names(stuck)} cannot be replaced: a StatefulSet waits until the lost node is back "
                "or declared to be out of service"
            )
        return ""

    def _unplaced(self, workload: Workload, seconds: float) -> str:
        """Why no node takes the pods, when that is all that is missing, and lasts."""
        obstacles = [one.obstacle for one in workload.replicas if one.obstacle and not one.leaving]
        if not obstacles or workload.ready_outside(self.zone) + len(obstacles) < workload.wanted:
            self._without_node.pop(workload.name, None)
            return ""
        since = self._without_node.setdefault(workload.name, seconds)
        return f"no node takes the others: {obstacles[0]}" if seconds - since >= UNSCHEDULABLE_SECONDS else ""


class Recovery:
    """What happens from the healing on, until all is as before but for the places of the replicas."""

    def __init__(self, zone: str, before: Picture) -> None:
        self.zone = zone
        self.moments: List[Moment] = []
        self.nodes_ready: Optional[float] = None
        self.whole: Optional[float] = None
        self._nodes = before.nodes_of(zone)
        self._workloads = [one.name for one in before.workloads.values() if one.is_whole()]

    def note(self, now: Picture, seconds: float) -> None:
        """Take in how the cluster is now."""
        if self.nodes_ready is None and now.ready_nodes_of(self.zone) == self._nodes:
            self.nodes_ready = seconds
            self.moments.append(Moment(seconds, f"{count(len(self._nodes), 'node')} of zone {self.zone} Ready again"))
        if self.nodes_ready is not None and self.whole is None and not self.incomplete(now):
            self.whole = seconds
            self.moments.append(Moment(seconds, "all workloads have their replicas"))

    def is_over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.whole is not None

    def incomplete(self, now: Picture) -> List[Name]:
        """The workloads that had all their replicas before, and do not now."""
        present = [now.workloads[name] for name in self._workloads if name in now.workloads]
        return [one.name for one in present if not one.is_whole()]


def unfit(before: Picture, zone: str) -> List[str]:
    """Why a drill of the zone would tell nothing; empty when the cluster is as it should be."""
    zones = before.zones()
    if zone not in zones:
        return [f"no node has the zone {zone}; the zones of the nodes are {', '.join(zones) or 'not labelled'}"]
    reasons = []
    if len(zones) == 1:
        reasons.append(f"{zone} is the only zone, so nothing could take over")
    reasons += [f"node {name} is not Ready" for name, (_zone, ready) in sorted(before.nodes.items()) if not ready]
    for workload in sorted(before.workloads.values(), key=lambda one: one.name):
        ready = len([one for one in workload.replicas if one.ready])
        if ready < workload.wanted:
            why = next((f": {one.obstacle}" for one in workload.replicas if one.obstacle), "")
            reasons.append(f"{workload.name} has {ready} of {workload.wanted} replicas ready{why}")
    return reasons


def names(items: Iterable[object]) -> str:
    """Some names, and how many more there are."""
    texts: Sequence[str] = [str(item) for item in items]
    rest = len(texts) - NAMED_AT_MOST
    return ", ".join(texts[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")


def count(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _reached(workload: Optional[Workload]) -> str:
    if workload is None:
        return "wants no replicas any more"
    return f"{workload.wanted} of {workload.wanted} replicas ready outside the zone"


def tell(loss: Loss, recovery: Recovery, kind: str, healed_at: float, after: Picture) -> List[str]:
    """The whole story in lines. healed_at: when the healing began."""
    zones = loss.before.zones()
    replicas = sum(workload.ready_in(loss.zone) for workload in loss.affected)
    lines = [
        f"before: {count(len(loss.before.nodes), 'node')} in {count(len(zones), 'zone')} ({', '.join(zones)}); in zone "
        f"{loss.zone} {count(len(loss.nodes), 'node')}, {count(replicas, 'replica')} of "
        f"{count(len(loss.affected), 'workload')}, endpoints of {count(len(loss.services), 'service')}",
        str(Moment(0.0, f"zone {loss.zone} is {kind}")),
        *map(str, loss.moments),
        str(Moment(healed_at, f"zone {loss.zone} is being healed")),
        *map(str, recovery.moments),
    ]
    for workload in loss.affected:
        now = after.workloads.get(workload.name)
        if now:
            lines.append(f"{workload.name}: {_places(workload, zones)} before, {_places(now, zones)} after")
    return lines


def _places(workload: Workload, zones: Sequence[str]) -> str:
    return ", ".join(f"{zone} {count}" for zone, count in workload.per_zone(zones).items())
