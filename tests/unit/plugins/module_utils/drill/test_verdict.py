# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a drill to findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import (
    Name,
    Picture,
    Replica,
    Workload,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.story import Loss, Recovery
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.tally import Tally
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.verdict import (
    Drill,
    Limits,
    findings,
    forecast,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding

WEB = Name("Deployment", "shop", "web")
ALL_READY = {"a-1": ("a", True), "b-1": ("b", True), "c-1": ("c", True)}
C_AWAY = {**ALL_READY, "c-1": ("c", False)}
GOOD = Tally(acknowledged=100, longest_gap=0.3)


def workload(standing: str, /, **changes: Any) -> Workload:
    replicas = tuple(Replica(f"web-{number}", zone, True) for number, zone in enumerate(standing))
    return replace(Workload(WEB, len(standing), replicas), **changes)


def cluster(nodes: dict[str, tuple[str, bool]], *workloads: Workload, in_c: int = 0) -> Picture:
    return Picture(nodes, {one.name: one for one in workloads}, {"shop/web": {"a": 1, "c": in_c}})


def drill(before: Workload, during: Workload, detected: bool = True, in_c: int = 0, **changes: Any) -> Drill:
    """A drill with one look 25 s after the loss, the healing at 40 s and the end at 44 s."""
    start = cluster(ALL_READY, before, in_c=1)
    loss, recovery = Loss("c", start), Recovery("c", start)
    loss.note(cluster(C_AWAY if detected else ALL_READY, during, in_c=in_c), 25)
    after = cluster(ALL_READY, replace(during, wanted=before.wanted))
    if changes.pop("recovers", True):
        recovery.note(after, 44)
    return Drill(**{"kind": "lost", "tally": GOOD, **changes}, loss=loss, recovery=recovery, after=after, healed_at=40)


def by_id(seen: Drill) -> dict[str, Finding]:
    found = findings(seen)
    assert all(finding.component == "zone-drill" for finding in found)
    assert all(bool(finding.mend) == (finding.severity.value != "ok") for finding in found)
    return {finding.id.replace("zone-drill-", ""): finding for finding in found}


def severities(seen: Drill) -> dict[str, str]:
    return {name: finding.severity.value for name, finding in by_id(seen).items()}


WELL = {
    "detection": "ok",
    "endpoints": "ok",
    "replicas": "ok",
    "spread": "ok",
    "spread-after": "info",
    "writes": "ok",
    "healed": "ok",
}


def test_a_loss_that_is_coped_with() -> None:
    seen = drill(workload("abc"), workload("aab"))
    assert severities(seen) == WELL
    assert by_id(seen)["replicas"].message == "1 of 3 replicas were in zone c; all were ready elsewhere after 25.0 s"
    assert by_id(seen)["spread-after"].message.endswith("Deployment shop/web (a: 2, b: 1, c: 0)")
    assert "Ready 4.0 s" in by_id(seen)["healed"].message


def test_nobody_notices() -> None:
    seen = by_id(drill(workload("abc"), workload("ab", wanted=3), detected=False, in_c=1, recovers=False))
    assert seen["detection"].message == "still Ready after 180 s: c-1"
    assert seen["endpoints"].message == "after 180 s ready endpoints there were still told by shop/web"
    assert seen["healed"].severity.value == "error"


@pytest.mark.parametrize(
    ("limits", "failing"),
    [
        (Limits(endpoints=24), {"endpoints"}),
        (Limits(replicas=24), {"replicas"}),
        (Limits(write_gap=0.2), {"writes"}),
        (Limits(endpoints=25, replicas=25, write_gap=0.3), set()),
    ],
)
def test_limits(limits: Limits, failing: set[str]) -> None:
    found = severities(drill(workload("abc"), workload("aab"), limits=limits))
    assert {name for name, severity in found.items() if severity == "error"} == failing


@pytest.mark.parametrize(
    ("zones", "severity", "part"),
    [
        ("abc", "ok", "a: 1, b: 1, c: 1"),
        ("abcc", "ok", "a: 1, b: 1, c: 2"),
        ("accc", "warning", "spread evenly, zone c would have 2"),
        ("ccc", "error", "all 3 replicas stood in zone c; there was none for 25.0 s"),
        ("c", "warning", "its only replica stood in zone c"),
    ],
)
def test_how_replicas_stood(zones: str, severity: str, part: str) -> None:
    found = by_id(drill(workload(zones), workload("a" * len(zones))))["spread"]
    assert (found.severity.value, part in found.message) == (severity, True), found


def test_an_outage_until_the_zone_was_healed() -> None:
    found = by_id(drill(workload("cc"), workload("", wanted=2)))["spread"]
    assert found.message == "all 2 replicas stood in zone c; there was none until the zone was healed after 40.0 s"


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({}, "topologySpreadConstraints with topologyKey topology.kubernetes.io/zone"),
        ({"is_spread": True}, "kubectl -n shop rollout restart deployment web"),
        ({"zones": frozenset("c")}, "its template restricts it to c"),
    ],
)
def test_how_to_spread(changes: dict[str, Any], mend: str) -> None:
    assert mend in by_id(drill(workload("ccc", **changes), workload("aab")))["spread"].mend


@pytest.mark.parametrize(
    ("why", "mend"),
    [
        ("0/3 nodes: 1 Insufficient cpu", "have no room"),
        ("0/3 nodes: 2 node(s) had volume node affinity conflict", "Its volume is in the lost zone"),
        ("2 node(s) didn't match pod topology spread constraints", "nodeTaintsPolicy: Honor"),
        ("pod web-1: ImagePullBackOff", "kubectl -n shop describe deployment web"),
    ],
)
def test_why_replicas_did_not_come_back(why: str, mend: str) -> None:
    found = by_id(drill(workload("abc"), workload("ab", wanted=3), explanations={WEB: why}))["replicas"]
    assert found.severity.value == "error"
    assert found.message == f"1 of 3 replicas were in zone c; they did not come back elsewhere: {why}"
    assert mend in found.mend


def test_what_is_bound_to_the_zone_is_told_so() -> None:
    pinned = workload("c", zones=frozenset("c"))
    found = by_id(drill(pinned, replace(pinned, replicas=())))["replicas"]
    assert (found.severity.value, "run in zone c only" in found.message) == ("error", True)
    assert "nodeSelector" in found.mend


@pytest.mark.parametrize(("zones", "severity"), [("abc", "warning"), ("cc", "error")])
def test_a_stateful_set_that_waits_is_bad_when_nothing_is_left(zones: str, severity: str) -> None:
    name = Name("StatefulSet", "shop", "db")
    before = workload(zones, name=name)
    leaving = tuple(replace(one, ready=False, leaving=True) if one.zone == "c" else one for one in before.replicas)
    found = by_id(drill(before, replace(before, replicas=leaving)))["replicas"]
    assert found.severity.value == severity
    assert "node.kubernetes.io/out-of-service" in found.mend


@pytest.mark.parametrize(
    ("tally", "severity", "part"),
    [
        (Tally(acknowledged=9, lost=["write-000003"], longest_gap=0.2), "error", "1 of 9 acknowledged writes are not"),
        (Tally(acknowledged=9, longest_gap=7.5, failed=2, first_error="refused"), "error", "the first error: refused"),
        (Tally(failed=9, longest_gap=1.0, first_error="refused"), "error", "0 writes were acknowledged"),
        (Tally(acknowledged=9, longest_gap=2.0, failed=2, first_error="refused"), "info", "2 failed"),
        (GOOD, "ok", "100 writes were acknowledged and read back"),
    ],
)
def test_writes(tally: Tally, severity: str, part: str) -> None:
    found = by_id(drill(workload("abc"), workload("aab"), tally=tally))["writes"]
    assert (found.severity.value, part in found.message) == (severity, True), found


def test_a_zone_that_cannot_be_healed() -> None:
    found = by_id(drill(workload("abc"), workload("aab"), not_healed="node-c-1 ended with exit code 1"))
    assert found["healed"].message == "it could not be healed: node-c-1 ended with exit code 1"
    assert "spread-after" not in found


def test_nodes_are_back_but_not_all_replicas() -> None:
    seen = drill(workload("abc"), workload("ab"))
    assert by_id(seen)["healed"].message.endswith("180 s after the healing: Deployment shop/web")


def test_a_slow_zone_loses_nothing_or_is_told() -> None:
    kept = drill(workload("abc"), workload("abc"), detected=False, in_c=1, kind="slow")
    assert severities(kept) == {"detection": "ok", "endpoints": "ok", "writes": "ok", "healed": "ok"}
    lost = drill(workload("abc"), workload("abc"), kind="slow")
    assert by_id(lost)["detection"].message == "NotReady while the zone was slow: c-1"


def test_what_can_be_told_beforehand() -> None:
    found = forecast(cluster(ALL_READY, workload("cc"), in_c=2), "c")
    assert [finding.message for finding in found] == [
        "all 2 replicas stood in zone c; without the zone there would be none"
    ]
