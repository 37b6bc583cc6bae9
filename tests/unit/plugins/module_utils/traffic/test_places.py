# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backend a pod belongs to, and which policies select it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import NODE, POD
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.clients import Clients, job
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import Place, TrafficError
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.places import (
    SERVICE,
    blockers,
    known,
    open_zones,
    origins,
    places,
    selects,
    workload,
)

ZONE = "topology.kubernetes.io/zone"


def node(name: str, zone: str = "", ready: str = "True", **spec: Any) -> dict[str, Any]:
    labels = {ZONE: zone} if zone else {}
    conditions = [{"type": "Ready", "status": ready}]
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"conditions": conditions}}


def pod(name: str, owner: str = "", kind: str = "ReplicaSet", on: str = "n1", **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "shop", "labels": labels}
    if owner:
        metadata["ownerReferences"] = [{"kind": kind, "name": owner, "controller": True}]
    return {"metadata": metadata, "spec": {"nodeName": on}}


def service(name: str, **selector: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": selector}}


def policy(name: str, selector: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"podSelector": selector, **spec}}


V1 = pod("v1-abc-x", "v1-abc", app="backend", version="v1", **{"pod-template-hash": "abc"})
OBJECTS = {
    NODE: [node("n1", "a")],
    POD: [V1, pod("db-0", "db", "StatefulSet", app="db"), pod("alone", on="n9")],
    SERVICE: [service("root", app="backend"), service("first", version="v1"), service("headless")],
}


def test_workloads() -> None:
    assert [workload(one) for one in OBJECTS[POD]] == ["v1", "db", "alone"]


@pytest.mark.parametrize(("expected", "backend"), [((), "v1"), (("first",), "first"), (("root", "db"), "root")])
def test_a_pod_is_of_the_backend_that_is_expected(expected: tuple[str, ...], backend: str) -> None:
    assert places(OBJECTS, expected)["v1-abc-x"] == Place("v1-abc-x", backend, "a")


def test_a_pod_without_a_zone() -> None:
    assert places(OBJECTS, ())["alone"] == Place("alone", "alone", "")


def test_expected_backends_share_no_pod() -> None:
    with pytest.raises(TrafficError, match="belongs to first and to root"):
        places(OBJECTS, ("root", "first"))


def test_what_can_be_expected() -> None:
    assert known(OBJECTS) == {"root", "first", "headless", "v1", "db", "alone"}


def test_zones_that_take_pods() -> None:
    nodes = [node("1", "a"), node("2", "b", "False"), node("3", "c", unschedulable=True), node("4"), node("5", "a")]
    assert open_zones(nodes) == ["a"]


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "backend"}}, True),
        ({"matchLabels": {"app": "backend", "x": "y"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["backend"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["backend"]}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "backend"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}, False),
    ],
)
def test_label_selectors(selector: dict[str, Any], selected: bool) -> None:
    assert selects(selector, {"app": "backend"}) == selected


def test_policies_in_the_way() -> None:
    policies = [
        policy("both", {}, policyTypes=["Ingress", "Egress"]),
        policy("ingress-by-default", {"matchLabels": {"app": "backend"}}),
        policy("egress-by-rules", {}, egress=[{}]),
        policy("others", {"matchLabels": {"app": "other"}}),
    ]
    assert blockers(policies, "Ingress", [V1]) == ["shop/both", "shop/egress-by-rules", "shop/ingress-by-default"]
    assert blockers(policies, "Egress", [V1]) == ["shop/both", "shop/egress-by-rules"]
    elsewhere = {**V1, "metadata": {**V1["metadata"], "namespace": "other"}}
    assert blockers(policies, "Ingress", [elsewhere]) == []


def test_clients_are_restricted_and_end_by_themselves() -> None:
    made = job(Clients("shop", "asker", "image", {"sidecar": "yes"}, 90), "name", "run", "a")
    spec = made["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (90, 0)
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["template"]["metadata"]["labels"]["sidecar"] == "yes"
    pod_spec = spec["template"]["spec"]
    assert pod_spec["nodeSelector"] == {ZONE: "a"}
    assert pod_spec["serviceAccountName"] == "asker"
    assert pod_spec["securityContext"]["runAsNonRoot"] is True
    assert pod_spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


LONG = "a-workload-with-a-name-that-is-quite-a-bit-longer-than-most-names"


def test_a_host_name_that_was_cut_is_that_of_its_pod() -> None:
    objects = {**OBJECTS, POD: [pod(f"{LONG}-0", LONG, "StatefulSet")]}
    found = places(objects, ())
    assert found[LONG[:63]] == found[f"{LONG}-0"] == Place(f"{LONG}-0", LONG, "a")


def test_a_host_name_that_two_pods_have_tells_their_workload() -> None:
    pods = [pod(f"{LONG}-{number}", LONG, "StatefulSet", on=on) for number, on in enumerate(("n1", "n2"))]
    objects = {**OBJECTS, POD: pods, NODE: [node("n1", "a"), node("n2", "b")]}
    assert places(objects, ())[LONG[:63]] == Place("", LONG, "")
    assert places({**objects, NODE: [node("n1", "a"), node("n2", "a")]}, ())[LONG[:63]] == Place("", LONG, "a")
    assert LONG[:63] not in places({**objects, POD: [pods[0], pod(f"{LONG}-x", "other")]}, ())


def test_a_host_name_of_its_own_is_known_too() -> None:
    named = pod("db-0", "db", "StatefulSet")
    named["spec"]["hostname"] = "first"
    objects = {**OBJECTS, POD: [named]}
    assert places(objects, ())["first"].backend == "db"
    assert origins(objects) == ["first"]


def test_what_names_of_pods_begin_with() -> None:
    pods = [V1, pod("v1-abc-y", "v1-abc", **{"pod-template-hash": "abc"}), pod(f"{LONG}-0", LONG, "StatefulSet")]
    assert origins({POD: pods}) == [LONG[:40], "v1"]
