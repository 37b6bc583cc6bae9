# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From pictures to moments."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import (
    Name,
    Picture,
    Replica,
    Workload,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.story import (
    UNSCHEDULABLE_SECONDS,
    Loss,
    Recovery,
    names,
    tell,
    unfit,
)

NODES = {"a-1": ("a", True), "b-1": ("b", True), "c-1": ("c", True), "c-2": ("c", True)}
WEB = Name("Deployment", "shop", "web")
DB = Name("StatefulSet", "shop", "db")


def workload(name: Name = WEB, wanted: int = 3, zones: str = "abc") -> Workload:
    replicas = tuple(Replica(f"{name.name}-{number}", zone, True) for number, zone in enumerate(zones))
    return Workload(name, wanted, replicas)


def shown(*workloads: Workload, endpoints: dict[str, dict[str, int]] | None = None, **nodes: bool) -> Picture:
    """A cluster; nodes that are not Ready are named as c_1=False."""
    changed = {name.replace("_", "-"): ready for name, ready in nodes.items()}
    standing = {name: (zone, changed.get(name, ready)) for name, (zone, ready) in NODES.items()}
    found = endpoints or {}
    return Picture(standing, {one.name: one for one in workloads}, found)


BEFORE = shown(workload(), endpoints={"shop/web": {"a": 1, "b": 1, "c": 1}, "shop/other": {"a": 1}})


def texts(loss: Loss) -> list[str]:
    return [f"{moment.seconds:g}: {moment.text}" for moment in loss.moments]


def test_the_story_of_a_zone_that_others_replace() -> None:
    loss = Loss("c", BEFORE)
    loss.note(BEFORE, 1)
    assert not loss.is_over()
    loss.note(replace(BEFORE, nodes=shown(c_1=False).nodes), 20)
    loss.note(shown(workload(zones="ab"), endpoints={"shop/web": {"a": 1, "b": 1}}, c_1=False, c_2=False), 21)
    assert (loss.is_detected(), loss.are_endpoints_gone(), loss.is_over()) == (True, True, False)
    assert loss.progress() == "2 of 2 nodes NotReady, 1 of 1 services without endpoints there, 0 of 1 workloads back"
    after = shown(workload(zones="abb"), c_1=False, c_2=False)
    loss.note(after, 30)
    assert loss.is_over()
    assert texts(loss) == [
        "20: NotReady: c-1 (1 of 2 by now)",
        "21: NotReady: c-2",
        "21: no ready endpoint in the zone any more: shop/web",
        "30: Deployment shop/web: 3 of 3 replicas ready outside the zone",
    ]
    assert (loss.nodes_lost, loss.back, loss.first_outside) == ({"c-1": 20, "c-2": 21}, {WEB: 30}, {WEB: 0.0})
    recovery = Recovery("c", BEFORE)
    recovery.note(after, 31)
    recovery.note(shown(workload(zones="abb")), 40)
    assert (recovery.nodes_ready, recovery.whole, recovery.is_over()) == (40, 40, True)
    assert tell(loss, recovery, "lost", 30.5, after)[:2] == [
        "before: 4 nodes in 3 zones (a, b, c); in zone c 2 nodes, 1 replica of 1 workload, endpoints of 1 service",
        "   0.0 s  zone c is lost",
    ]
    assert tell(loss, recovery, "lost", 30.5, after)[-1] == (
        "Deployment shop/web: a 1, b 1, c 1 before, a 1, b 2, c 0 after"
    )


def test_what_comes_back_and_goes_again_is_told_both_times() -> None:
    loss = Loss("c", BEFORE)
    for seconds, ready, zones, endpoints in [(1, False, "abb", 0), (2, True, "ab", 1), (3, False, "aab", 0)]:
        loss.note(shown(workload(zones=zones), endpoints={"shop/web": {"c": endpoints}}, c_1=ready, c_2=ready), seconds)
    assert texts(loss)[3:6] == [
        "2: Ready again, with the zone still away: c-1, c-2",
        "2: ready endpoints in the zone again: shop/web",
        "2: Deployment shop/web: 2 of 3 replicas ready outside the zone, again too few",
    ]
    assert (loss.nodes_lost, loss.endpoints_gone, loss.back) == ({"c-1": 3, "c-2": 3}, {"shop/web": 3}, {WEB: 3})


def test_a_workload_without_replicas_elsewhere_has_a_first_one() -> None:
    loss = Loss("c", shown(workload(zones="ccc")))
    loss.note(shown(workload(zones="ccc")), 5)
    loss.note(shown(workload(zones="a")), 9)
    assert (loss.first_outside, texts(loss)) == (
        {WEB: 9},
        ["9: Deployment shop/web: the first replica is ready outside the zone"],
    )


def test_a_workload_that_is_removed_meanwhile_is_not_waited_for() -> None:
    loss = Loss("c", BEFORE)
    loss.note(shown(), 4)
    assert loss.awaited() == []
    assert texts(loss)[-1] == "4: Deployment shop/web: wants no replicas any more"


def test_what_may_run_in_the_lost_zone_only_is_not_waited_for() -> None:
    pinned = replace(workload(zones="c", wanted=1), zones=frozenset("c"))
    loss = Loss("c", shown(pinned))
    loss.note(shown(replace(pinned, replicas=())), 2)
    assert (loss.awaited(), loss.hopeless) == ([], {WEB: "its template lets it run in zone c only"})


def test_what_may_run_in_other_zones_too_is_waited_for() -> None:
    loss = Loss("c", shown(replace(workload(zones="c", wanted=1), zones=frozenset("bc"))))
    loss.note(shown(replace(workload(zones="", wanted=1), zones=frozenset("bc"))), 2)
    assert loss.awaited() == [WEB]


def test_a_stateful_set_waits_for_its_node() -> None:
    before = workload(DB, zones="abc")
    loss = Loss("c", shown(before))
    stuck = replace(before.replicas[2], ready=False)
    loss.note(shown(replace(before, replicas=(*before.replicas[:2], stuck))), 20)
    assert loss.awaited() == [DB]  # it has not been evicted yet
    loss.note(shown(replace(before, replicas=(*before.replicas[:2], replace(stuck, leaving=True)))), 30)
    assert loss.awaited() == []
    assert loss.hopeless[DB].startswith("db-2 cannot be replaced: a StatefulSet waits")


def pending(obstacle: str = "no room") -> Workload:
    there = workload(zones="ab")
    return replace(there, replicas=(*there.replicas, Replica("web-new", "", False, obstacle=obstacle)))


def test_pods_that_no_node_takes_are_given_some_time() -> None:
    loss = Loss("c", BEFORE)
    loss.note(shown(pending()), 10)
    assert loss.awaited() == [WEB]
    loss.note(shown(pending()), 10 + UNSCHEDULABLE_SECONDS)
    assert (loss.awaited(), loss.hopeless) == ([], {WEB: "no node takes the others: no room"})
    loss.note(shown(workload(zones="abb")), 40)
    assert (loss.hopeless, list(loss.back)) == ({}, [WEB])


def test_the_time_begins_anew_when_a_node_took_them_meanwhile() -> None:
    loss = Loss("c", BEFORE)
    for seconds, picture in [(10, pending()), (12, pending(obstacle="")), (14, pending())]:
        loss.note(shown(picture), seconds)
    loss.note(shown(pending()), 13 + UNSCHEDULABLE_SECONDS)
    assert loss.awaited() == [WEB]


def test_recovery_waits_for_what_was_complete_before() -> None:
    lame = workload(DB, wanted=5, zones="ab")
    recovery = Recovery("c", shown(workload(), lame))
    recovery.note(shown(workload(zones="ab"), lame), 50)
    assert (recovery.nodes_ready, recovery.whole) == (50, None)
    assert recovery.incomplete(shown(workload(zones="ab"), lame)) == [WEB]
    recovery.note(shown(workload(), lame), 55)
    assert recovery.whole == 55


@pytest.mark.parametrize(
    ("picture", "zone", "told"),
    [
        (BEFORE, "d", ["no node has the zone d; the zones of the nodes are a, b, c"]),
        (Picture(), "d", ["no node has the zone d; the zones of the nodes are not labelled"]),
        (Picture({"c-1": ("c", True)}), "c", ["c is the only zone, so nothing could take over"]),
        (shown(b_1=False), "c", ["node b-1 is not Ready"]),
        (shown(workload(zones="ab")), "c", ["Deployment shop/web has 2 of 3 replicas ready"]),
        (shown(pending()), "c", ["Deployment shop/web has 2 of 3 replicas ready: no room"]),
        (BEFORE, "c", []),
    ],
)
def test_a_cluster_that_is_not_fit(picture: Picture, zone: str, told: list[str]) -> None:
    assert unfit(picture, zone) == told


def test_many_names_are_counted() -> None:
    assert names(range(5)) == "0, 1, 2, 3, 4"
    assert names(range(7)) == "0, 1, 2, 3, 4 and 2 more"
