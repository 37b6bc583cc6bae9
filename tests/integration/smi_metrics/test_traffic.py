# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic that really was, scraped by a real Prometheus, read through a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.quantity import parse
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.conftest import Api

WEB_TO_CART, FAILED, CART_TO_PAY, OUTSIDE = 60, 10, 40, 20


def near(count: float) -> Any:
    """About so many: Prometheus extrapolates to the edges of the window."""
    return pytest.approx(count, rel=0.12, abs=0.01)


def values(metrics: dict[str, Any]) -> dict[str, float]:
    """The metrics by name."""
    return {metric["name"]: float(parse(metric["value"])) for metric in metrics["metrics"]}


def by_name(listed: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The items of a list by the name of the object."""
    return {item["metadata"]["name"]: values(item) for item in listed["items"]}


def test_a_deployment_has_what_its_pods_have_received(api: Api) -> None:
    found = api.get("/namespaces/shop/deployments/cart")
    assert found["kind"] == "TrafficMetrics"
    assert found["apiVersion"] == "metrics.smi-spec.io/v1alpha1"
    assert found["resource"] == {"kind": "Deployment", "apiVersion": "apps/v1", "namespace": "shop", "name": "cart"}
    assert found["edge"] == {"direction": "from", "side": "server", "resource": {}}
    assert found["window"] == "1h0m0s"
    assert values(found)["success_count"] == near(WEB_TO_CART - FAILED)
    assert values(found)["failure_count"] == near(FAILED)


def test_latencies_are_those_of_the_requests_in_milliseconds(api: Api) -> None:
    found = api.get("/namespaces/bank/pods/pay-1")
    assert [metric.get("unit") for metric in found["metrics"]] == ["ms", "ms", "ms", None, None]
    measured = values(found)
    # 36 requests took a little more than 15 ms, 4 a little more than 150: by the buckets that they fell into.
    assert 10 <= measured["p50_response_latency"] <= 50
    assert measured["p90_response_latency"] <= 100
    assert 100 <= measured["p99_response_latency"] <= 500
    assert measured["success_count"] == near(CART_TO_PAY)
    assert measured["failure_count"] == 0


def test_lists_have_all_that_prometheus_knows(api: Api) -> None:
    in_shop = by_name(api.get("/namespaces/shop/deployments"))
    assert sorted(in_shop) == ["cart", "idle", "web"]
    assert in_shop["web"]["success_count"] == near(OUTSIDE)
    everywhere = api.get("/pods/")
    assert everywhere["kind"] == "TrafficMetricsList"
    assert everywhere["resource"] == {"kind": "Pod", "apiVersion": "v1"}
    assert sorted(by_name(everywhere)) == ["cart-1", "idle-1", "pay-1", "web-1", "web-2"]


def test_namespaces_are_the_sum_of_what_is_in_them(api: Api) -> None:
    everywhere = by_name(api.get("/namespaces"))
    assert sorted(everywhere) == ["bank", "shop"]
    assert everywhere["shop"]["success_count"] == near(WEB_TO_CART - FAILED + OUTSIDE)
    bank = api.get("/namespaces/bank")
    assert bank["resource"] == {"kind": "Namespace", "apiVersion": "v1", "name": "bank"}
    assert "namespace" not in bank["metadata"]
    assert values(bank)["success_count"] == near(CART_TO_PAY)


def test_without_requests_there_are_counts_of_nothing_and_no_latencies(api: Api) -> None:
    idle = api.get("/namespaces/shop/deployments/idle")
    assert [metric["name"] for metric in idle["metrics"]] == ["success_count", "failure_count"]
    assert values(idle) == {"success_count": 0, "failure_count": 0}


def edges(listed: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, float]]:
    """The edges of an object, by direction, namespace and name of the other side."""
    found = {}
    for item in listed["items"]:
        other = item["edge"]["resource"]
        found[item["edge"]["direction"], other.get("namespace", ""), other["name"]] = values(item)
    return found


def test_edges_are_who_asked_and_who_was_asked(api: Api) -> None:
    listed = api.get("/namespaces/shop/deployments/cart/edges")
    assert listed["resource"]["name"] == "cart"
    assert {item["resource"]["name"] for item in listed["items"]} == {"cart"}
    found = edges(listed)
    assert sorted(found) == [("from", "shop", "web"), ("to", "bank", "pay")]
    assert found["from", "shop", "web"]["failure_count"] == near(FAILED)
    assert found["to", "bank", "pay"]["success_count"] == near(CART_TO_PAY)


def test_edges_of_pods_and_of_namespaces(api: Api) -> None:
    pods = edges(api.get("/namespaces/shop/pods/cart-1/edges"))
    assert sorted(pods) == [("from", "shop", "web-1"), ("from", "shop", "web-2"), ("to", "bank", "pay-1")]
    namespaces = edges(api.get("/namespaces/shop/edges"))
    assert sorted(namespaces) == [("from", "", "shop"), ("to", "", "bank"), ("to", "", "shop")]
    assert namespaces["to", "", "bank"]["success_count"] == near(CART_TO_PAY)


def test_what_prometheus_does_not_know_is_not_found(api: Api) -> None:
    refused = api.refused("/namespaces/shop/deployments/nowhere")
    assert "NotFound" in refused
    assert 'Prometheus has no traffic of Deployment "nowhere" of the namespace shop within 1h0m0s' in refused
    assert api.get("/namespaces/nowhere/pods")["items"] == []


@pytest.mark.parametrize(
    ("window", "message"),
    [("soon", "'soon' is no window; write whole seconds"), ("1s", "1s is not between 5s and 1h0m0s")],
)
def test_a_window_that_is_none_is_a_bad_request(api: Api, window: str, message: str) -> None:
    refused = api.refused(f"/namespaces/shop/pods?window={window}")
    assert "BadRequest" in refused
    assert message in refused
    assert api.get("/namespaces/shop/pods?window=1m30s")["items"][0]["window"] == "1m30s"


def test_clients_find_the_resources(api: Api) -> None:
    listed = json.loads(api.cluster.kubectl("get", "--raw", "/apis/metrics.smi-spec.io/v1alpha1"))
    names = {each["name"]: each["namespaced"] for each in listed["resources"]}
    assert names["pods"] is names["deployments/edges"] is True
    assert names["namespaces"] is False
    group = json.loads(api.cluster.kubectl("get", "--raw", "/apis/metrics.smi-spec.io"))
    assert group["preferredVersion"]["version"] == "v1alpha1"
    resources = api.cluster.kubectl("api-resources", "--api-group=metrics.smi-spec.io", "--no-headers")
    assert len(resources.splitlines()) == 5
