# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether as many workloads of a tenant have a sidecar as it asks for."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio_share import istio_share
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import DEPLOYMENT, POD, Kind
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.share import (
    INJECT,
    MARK,
    Workload,
    chosen,
)

NAMES = ("a", "b", "c", "d")
HAVING = {each.name for each in chosen([Workload("article", "Deployment", name) for name in NAMES], 50)}


def workload(name: str, left_out: bool) -> dict[str, Any]:
    labels = {"app": name, **({INJECT: "false"} if left_out else {})}
    metadata = {"namespace": "article", "name": name, "annotations": {MARK: "true"} if left_out else {}}
    return {
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": labels}, "spec": {}}},
    }


def pod(name: str, has_sidecar: bool, phase: str = "Running") -> dict[str, Any]:
    annotations = {"sidecar.istio.io/status": "{}"} if has_sidecar else {}
    metadata = {"namespace": "article", "name": f"{name}-1", "labels": {"app": name}, "annotations": annotations}
    return {"metadata": metadata, "status": {"phase": phase}}


def found(workloads: list[Any], pods: list[Any], plays: bool = False) -> Finding:
    objects = {DEPLOYMENT: workloads, POD: pods, Kind("apps/v1", "StatefulSet"): [], Kind("apps/v1", "DaemonSet"): []}
    tenant = {"name": "article", "namespaces": ["article"], "share": 50}
    (finding,) = istio_share(objects, {"plays": plays, "tenants": [tenant]})
    return finding


def test_the_right_ones_have_one() -> None:
    workloads = [workload(name, name not in HAVING) for name in NAMES]
    finding = found(workloads, [pod(name, name in HAVING) for name in NAMES])
    assert finding.severity is Severity.OK
    assert finding.message == "2 of 4 workloads have a sidecar, and 50 % are asked for"


def test_without_pods_what_the_workloads_say_counts() -> None:
    workloads = [workload(name, name not in HAVING) for name in NAMES]
    assert found(workloads, [pod(name, False) for name in NAMES], plays=True).severity is Severity.OK
    assert found(workloads, [pod(name, False, "Succeeded") for name in NAMES]).severity is Severity.OK


def test_the_wrong_ones_are_named_though_their_number_is_right() -> None:
    workloads = [workload(name, name in HAVING) for name in NAMES]
    finding = found(workloads, [pod(name, name not in HAVING) for name in NAMES])
    assert finding.severity is Severity.ERROR
    should = ", ".join(f"Deployment article/{name}" for name in sorted(HAVING))
    should_not = ", ".join(f"Deployment article/{name}" for name in NAMES if name not in HAVING)
    assert finding.message.startswith("2 of 4")
    assert finding.message.endswith(f"; should have one: {should}; should have none: {should_not}")


def test_pods_that_are_older_than_the_label_are_told() -> None:
    workloads = [workload(name, name not in HAVING) for name in NAMES]
    finding = found(workloads, [pod(name, True) for name in NAMES])
    assert "4 of 4 workloads have a sidecar" in finding.message
    assert "kubectl rollout restart" in finding.mend
