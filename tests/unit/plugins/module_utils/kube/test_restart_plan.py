# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.restart_plan import (
    Left,
    Plan,
    Way,
    allowance,
    batches,
    is_there,
    plan,
)


def workload(kind: str, name: str, owner: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", **({"ownerReferences": [reference(owner)]} if owner else {})}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def reference(owner: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "controller": True,
    }


def pod(name: str, owner: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    owners = {"ownerReferences": [reference(owner)]} if owner else {}
    labels = {"app": name.partition("-")[0]}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, **owners, **metadata},
        "status": {"phase": "Running"},
    }


def budget(name: str, allowed: int, at_best: int, **selector: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": {"selector": selector or {"matchLabels": {"app": name}}},
        "status": {
            "observedGeneration": 1,
            "disruptionsAllowed": allowed,
            "expectedPods": 3,
            "desiredHealthy": 3 - at_best,
        },
    }


def planned(pods: list[Any], owners: list[Any], budgets: list[Any] | None = None) -> Plan:
    return plan(pods, {key_of(each): each for each in owners}, budgets or [])


def deployment(name: str, replicas: int = 3, **strategy: Any) -> list[dict[str, Any]]:
    """A Deployment and its ReplicaSet."""
    top = workload("Deployment", name, replicas=replicas, strategy={"type": "RollingUpdate", "rollingUpdate": strategy})
    return [top, workload("ReplicaSet", f"{name}-1", owner=top)]


def test_pods_of_a_deployment_are_replaced_by_its_update() -> None:
    owners = deployment("web", maxUnavailable=0)
    found = planned([pod("web-1-a", owners[1]), pod("web-1-b", owners[1])], owners)
    (one,) = found.workloads
    assert (str(one.key), one.way, one.takes, one.pods) == ("Deployment shop/web", Way.ROLL, 0, ("web-1-a", "web-1-b"))
    assert found.left == []


@pytest.mark.parametrize(
    ("body", "takes"),
    [
        (workload("Deployment", "w", replicas=4), 1),
        (workload("Deployment", "w", replicas=3), 0),
        (workload("Deployment", "w", replicas=8, strategy={"rollingUpdate": {"maxUnavailable": "50%"}}), 4),
        (workload("Deployment", "w", replicas=2, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}), 1),
        (workload("Deployment", "w", replicas=5, strategy={"type": "Recreate"}), 5),
        (workload("StatefulSet", "w", replicas=3, updateStrategy={"type": "RollingUpdate"}), 1),
        ({**workload("DaemonSet", "w"), "status": {"desiredNumberScheduled": 3}}, 1),
        (
            {
                **workload("DaemonSet", "w", updateStrategy={"rollingUpdate": {"maxUnavailable": "34%"}}),
                "status": {"desiredNumberScheduled": 3},
            },
            2,
        ),
    ],
)
def test_how_many_an_update_takes_away(body: dict[str, Any], takes: int) -> None:
    (one,) = planned([pod("w-1", body)], [body]).workloads
    assert (one.way, one.takes) == (Way.ROLL, takes)


@pytest.mark.parametrize(
    "body",
    [
        workload("ReplicaSet", "w"),
        workload("StatefulSet", "w", updateStrategy={"type": "OnDelete"}),
        workload("DaemonSet", "w", updateStrategy={"type": "OnDelete"}),
    ],
)
def test_what_does_not_update_itself_has_its_pods_evicted(body: dict[str, Any]) -> None:
    (one,) = planned([pod("w-1", body)], [body]).workloads
    assert one.way is Way.EVICT


def test_what_nobody_makes_anew_is_left_and_told() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "shop"}}
    other = {"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "ships", "namespace": "shop"}}
    paused = [workload("Deployment", "web", paused=True)]
    paused.append(workload("ReplicaSet", "web-1", owner=paused[0]))
    pods = [pod("bare"), pod("once-1", job), pod("ship-1", other), pod("web-1", paused[1])]
    found = planned(pods, paused)
    assert found.workloads == []
    assert [each.subject for each in found.left] == [
        "Deployment shop/web",
        "Pod shop/bare",
        "Pod shop/once-1",
        "Pod shop/ship-1",
    ]
    told = dict(found.left)
    assert "it is paused" in told["Deployment shop/web"]
    assert "no workload owns it" in told["Pod shop/bare"]
    assert told["Pod shop/once-1"].startswith("Job shop/once runs it to its end")
    assert told["Pod shop/ship-1"].startswith("Fleet shop/ships owns it")


def test_a_replica_set_of_somebody_unknown_has_its_pods_evicted() -> None:
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "w", "namespace": "shop"}}
    replicas = workload("ReplicaSet", "w-1", owner=rollout)
    (one,) = planned([pod("w-1-a", replicas)], [replicas]).workloads
    assert (str(one.key), one.way) == ("ReplicaSet shop/w-1", Way.EVICT)


def test_an_update_that_no_budget_ever_allows_is_left() -> None:
    owners = deployment("web", replicas=8, maxUnavailable=4)
    found = planned([pod("web-1", owners[1])], owners, [budget("web", 1, 1)])
    (left,) = found.left
    assert left.subject == "Deployment shop/web"
    assert "takes 4 of its pods away at once, and PodDisruptionBudget shop/web allows 1 at best" in left.reason
    bare = workload("ReplicaSet", "web")
    (left,) = planned([pod("web-1", bare)], [bare], [budget("web", 0, 0)]).left
    assert isinstance(left, Left)
    assert "allows no eviction even when all pods are healthy" in left.reason


def test_an_update_that_takes_none_asks_for_no_more_than_there_is() -> None:
    owners = deployment("web", maxUnavailable=0)
    (one,) = planned([pod("web-1", owners[1])], owners, [budget("web", 0, -2)]).workloads
    assert allowance(one, [budget("web", 0, -2)]) is None


def test_a_budget_that_does_not_allow_it_now_is_named() -> None:
    owners = deployment("web", maxUnavailable=1)
    now = budget("web", 0, 1)
    (one,) = planned([pod("web-1", owners[1])], owners, [now, budget("other", 0, 0)]).workloads
    assert allowance(one, [now, budget("other", 0, 0)]) == "shop/web"
    assert allowance(one, [budget("web", 1, 1)]) is None
    unseen = budget("web", 1, 1)
    unseen["metadata"]["generation"] = 2
    assert allowance(one, [unseen]) == "shop/web"


def test_a_budget_without_selector_covers_nobody_and_an_empty_one_all() -> None:
    owners = deployment("web", maxUnavailable=1)
    none, every = budget("none", 0, 0), budget("every", 0, 0)
    none["spec"] = {}
    every["spec"] = {"selector": {}}
    assert planned([pod("web-1", owners[1])], owners, [none]).left == []
    assert "PodDisruptionBudget shop/every" in planned([pod("web-1", owners[1])], owners, [every]).left[0].reason


def test_batches_are_bounded_and_share_no_budget() -> None:
    owners = [each for name in ("a", "b", "c", "d") for each in deployment(name, maxUnavailable=1)]
    pods = [pod(f"{name}-1-x", owner) for name, owner in zip("abcd", owners[1::2])]
    shared = budget("ab", 1, 1, matchExpressions=[{"key": "app", "operator": "In", "values": ["a", "b"]}])
    found = planned(pods, owners, [shared]).workloads
    names = [[each.key.name for each in batch] for batch in batches(found, 2)]
    assert names == [["a", "c"], ["b", "d"]]
    assert [len(batch) for batch in batches(found, 1)] == [1, 1, 1, 1]


def test_who_has_ended_or_is_ending_is_not_there() -> None:
    assert is_there(pod("a"))
    assert not is_there(pod("a", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert not is_there({**pod("a"), "status": {"phase": "Succeeded"}})
