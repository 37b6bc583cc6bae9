# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From objects to a picture."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import DEPLOYMENT, NODE, POD, Kind
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import (
    SLICE,
    STATEFUL_SET,
    Name,
    Picture,
    Replica,
    picture,
)

ZONE = "topology.kubernetes.io/zone"
WEB = Name("Deployment", "shop", "web")


def node(name: str, zone: str, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {ZONE: zone}},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def pod(
    name: str, node_name: str = "", owner: str = "web-5f", kind: str = "ReplicaSet", **changes: Any
) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True" if changes.get("ready", True) else "False"}
    placed = {"type": "PodScheduled", "status": "True" if node_name else "False", "message": changes.get("message")}
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "shop",
        "labels": {"pod-template-hash": "5f"},
        "ownerReferences": [{"kind": kind, "name": owner, "controller": True}],
    }
    if changes.get("leaving"):
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {"phase": changes.get("phase", "Running"), "conditions": [ready, placed]}
    return {"metadata": metadata, "spec": {"nodeName": node_name} if node_name else {}, "status": status}


def workload(name: str = "web", replicas: int = 2, **template: Any) -> dict[str, Any]:
    spec = {"replicas": replicas, "template": {"spec": template}}
    return {"metadata": {"namespace": "shop", "name": name}, "spec": spec}


def piece(service: str | None, *endpoints: dict[str, Any]) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": service} if service else {}
    return {"metadata": {"namespace": "shop", "name": "x", "labels": labels}, "endpoints": list(endpoints)}


def seen(**objects: list[dict[str, Any]]) -> Picture:
    kinds: dict[str, Kind] = {
        "nodes": NODE,
        "pods": POD,
        "deployments": DEPLOYMENT,
        "stateful_sets": STATEFUL_SET,
        "slices": SLICE,
    }
    return picture({kind: objects.get(name, []) for name, kind in kinds.items()})


NODES = [node("a-1", "a"), node("b-1", "b"), node("b-2", "b", "Unknown")]


def test_nodes_stand_in_zones_and_are_ready_or_not() -> None:
    shown = seen(nodes=[*NODES, {"metadata": {"name": "lonely"}}])
    assert shown.zones() == ["a", "b"]
    assert shown.nodes_of("b") == ["b-1", "b-2"]
    assert shown.ready_nodes_of("b") == ["b-1"]
    assert shown.nodes["lonely"] == ("", False)


def test_pods_belong_to_the_deployment_of_their_replica_set() -> None:
    pods = [
        pod("one", "a-1"),
        pod("two", "b-1", ready=False),
        pod("three", message="0/3 nodes are available", ready=False),
        pod("done", "a-1", phase="Failed"),
        pod("alien", "a-1", owner="other-5f"),
        pod("loose", "a-1", owner="web", kind="DaemonSet"),
    ]
    replicas = seen(nodes=NODES, pods=pods, deployments=[workload()]).workloads[WEB].replicas
    assert replicas == (
        Replica("one", "a", True),
        Replica("three", "", False, obstacle="0/3 nodes are available"),
        Replica("two", "b", False),
    )


def test_a_pod_that_is_leaving_is_not_ready_whatever_it_says() -> None:
    found = seen(nodes=NODES, pods=[pod("one", "a-1", leaving=True)], deployments=[workload()]).workloads[WEB]
    assert (found.ready_in("a"), found.replicas[0].leaving) == (0, True)


def test_a_stateful_set_owns_its_pods_itself() -> None:
    found = seen(nodes=NODES, pods=[pod("db-0", "b-1", "db", "StatefulSet")], stateful_sets=[workload("db", 1)])
    assert found.workloads[Name("StatefulSet", "shop", "db")].is_whole()


def test_what_wants_no_replicas_is_no_workload() -> None:
    assert seen(deployments=[workload(replicas=0)]).workloads == {}


def term(*values: str, key: str = ZONE, operator: str = "In") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("template", "zones"),
    [
        ({}, None),
        ({"nodeSelector": {"disk": "ssd"}}, None),
        ({"nodeSelector": {ZONE: "a"}}, {"a"}),
        ([term("a", "b")], {"a", "b"}),
        ([term("a"), term("b")], {"a", "b"}),
        ([term("a"), term("ssd", key="disk")], None),
        ([term("a", operator="NotIn")], None),
        ([{"matchExpressions": [*term("a", "b")["matchExpressions"], *term("b", "c")["matchExpressions"]]}], {"b"}),
    ],
)
def test_zones_that_a_template_leaves(template: Any, zones: set[str] | None) -> None:
    if isinstance(template, list):
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": template}}
        template = {"affinity": {"nodeAffinity": required}}
    assert seen(deployments=[workload(**template)]).workloads[WEB].zones == zones


@pytest.mark.parametrize(
    ("template", "spread"),
    [
        ({}, False),
        ({"topologySpreadConstraints": [{"topologyKey": ZONE}]}, True),
        ({"topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname"}]}, False),
        (
            {
                "affinity": {
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ZONE}]}
                }
            },
            True,
        ),
    ],
)
def test_whether_a_template_asks_for_a_spread(template: dict[str, Any], spread: bool) -> None:
    assert seen(deployments=[workload(**template)]).workloads[WEB].is_spread is spread


def test_endpoints_count_where_they_are_ready() -> None:
    slices = [
        piece("web", {"addresses": ["1"], "zone": "a"}, {"addresses": ["2"], "nodeName": "b-1"}),
        piece("web", {"addresses": ["3"], "zone": "b", "conditions": {"ready": False}}),
        piece("web", {"addresses": ["4"], "zone": "b", "conditions": {"ready": True}}),
        piece("outside", {"addresses": ["192.0.2.1"]}),
        piece(None, {"addresses": ["5"], "zone": "a"}),
    ]
    shown = seen(nodes=NODES, slices=slices)
    assert shown.endpoints == {"shop/web": {"a": 1, "b": 2}, "shop/outside": {}}
    assert shown.services_in("a") == ["shop/web"]
    assert shown.services_in("c") == []
