# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spread, scaling and protection of workloads."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    AUTOSCALER,
    BUDGET,
    DEPLOYMENT,
    NODE,
    POD,
    ZONE_LABEL,
    Objects,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.scaling import scaling, zone_skew

WORKLOAD = {"name": "w", "namespace": "s", "min_replicas": 3, "max_skew": 1}
IDENTITY = {"name": "w", "namespace": "s"}


def node(name: str, zone: str, ready: bool = True) -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": {"name": name, "labels": {ZONE_LABEL: zone}}, "spec": {}, "status": status}


def pod(where: str, **changes: Any) -> dict[str, Any]:
    metadata = {"name": f"p-{where}", "namespace": "s", "labels": {"app": "w"}, **changes}
    return {"metadata": metadata, "spec": {"nodeName": where}, "status": {"phase": "Running"}}


NODES = [node("n1", "a"), node("n2", "b"), node("n3", "c")]


def cluster(pods: list[dict[str, Any]], **changes: Any) -> Objects:
    deployment = {
        "metadata": IDENTITY,
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "w"}}},
        "status": {"readyReplicas": 3},
    }
    scaler = {
        "metadata": IDENTITY,
        "spec": {"minReplicas": 3, "maxReplicas": 10},
        "status": {"conditions": [{"type": "ScalingActive", "status": "True"}]},
    }
    budget = {"metadata": IDENTITY, "status": {"disruptionsAllowed": 1}}
    return {NODE: NODES, POD: pods, DEPLOYMENT: [deployment], AUTOSCALER: [scaler], BUDGET: [budget], **changes}


def found(objects: Objects) -> dict[str, str]:
    return {finding.id: finding.severity.value for finding in scaling(objects, {"workloads": [WORKLOAD]})}


SPREAD = [pod("n1"), pod("n2"), pod("n3")]


def test_all_as_asked() -> None:
    names = ("replicas-ready", "zone-spread", "autoscaler-active", "disruptions-allowed")
    assert found(cluster(SPREAD)) == dict.fromkeys(names, "ok")


def test_two_in_one_zone_and_none_in_another_is_too_much() -> None:
    assert found(cluster([pod("n1"), pod("n1"), pod("n2")]))["zone-spread"] == "error"


def test_a_zone_without_ready_node_does_not_count_as_empty() -> None:
    assert zone_skew([pod("n1"), pod("n2")], [*NODES[:2], node("n3", "c", ready=False)]) == {"a": 1, "b": 1}
    assert zone_skew([pod("n1"), pod("n2")], NODES) == {"a": 1, "b": 1, "c": 0}


def test_pods_on_their_way_out_and_of_others_do_not_count() -> None:
    others = [pod("n1", deletionTimestamp="now"), pod("n1", labels={"app": "other"}), pod("n1", namespace="t")]
    assert found(cluster([*SPREAD, *others]))["zone-spread"] == "ok"


def test_without_any_pod_nothing_is_spread() -> None:
    assert found(cluster([]) | {NODE: []})["zone-spread"] == "error"


def test_a_missing_workload_autoscaler_or_budget() -> None:
    assert found(cluster(SPREAD) | {DEPLOYMENT: []}) == {"workload-missing": "error"}
    assert found(cluster(SPREAD) | {AUTOSCALER: []})["autoscaler-active"] == "error"
    assert found(cluster(SPREAD) | {BUDGET: []})["disruptions-allowed"] == "warning"


def test_an_autoscaler_without_metrics_is_a_warning_that_says_why() -> None:
    conditions = [{"type": "ScalingActive", "status": "False", "message": "no metrics known"}]
    scaler = {"metadata": IDENTITY, "spec": {}, "status": {"conditions": conditions}}
    findings = scaling(cluster(SPREAD) | {AUTOSCALER: [scaler]}, {"workloads": [WORKLOAD]})
    (finding,) = [finding for finding in findings if finding.id == "autoscaler-active"]
    assert finding.severity.value == "warning"
    assert "no metrics known" in finding.message
