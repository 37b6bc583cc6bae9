# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of Prometheus, and what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import queries
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.model import Interval
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import (
    HTTP,
    ISTIO,
    LINKERD,
    PROFILES,
    Profile,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import BY_PLURAL, Reference

CART = Reference("deployments", "shop", "cart")
INTERVAL = Interval(1554762355, 30)
NAN = float("nan")


def test_istio_counts_by_what_the_destination_reports() -> None:
    asked = queries.about(ISTIO, CART, 30).queries
    assert asked["counts"] == (
        "sum by (destination_workload_namespace, destination_workload, response_code, grpc_response_status) "
        '(increase(istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
        'destination_workload="cart",destination_workload_namespace!~"|unknown",'
        'destination_workload!~"|unknown"}[30s]))'
    )
    assert asked["p90_response_latency"].startswith(
        "histogram_quantile(0.9, sum by (destination_workload_namespace, destination_workload, le) "
        "(rate(istio_request_duration_milliseconds_bucket{"
    )


def test_linkerd_edges_are_what_clients_have_measured() -> None:
    incoming, outgoing = queries.about_edges(LINKERD, Reference("pods", "shop", "cart-1"), 60)
    assert incoming.queries["counts"] == (
        "sum by (dst_namespace, dst_pod, namespace, pod, classification) (increase(response_total{"
        'direction="outbound",dst_namespace="shop",dst_pod="cart-1",dst_namespace!="",dst_pod!="",namespace!="",'
        'pod!=""}[60s]))'
    )
    assert 'namespace="shop",pod="cart-1"' in outgoing.queries["counts"]
    assert (incoming.direction, outgoing.direction) == ("from", "to")


def test_a_list_is_of_all_objects_that_have_a_name() -> None:
    asked = queries.about(HTTP, Reference("statefulsets"), 30).queries["counts"]
    assert asked == (
        'sum by (namespace, statefulset, code) (increase(http_requests_total{namespace!="",statefulset!=""}[30s]))'
    )
    in_shop = queries.about(HTTP, Reference("statefulsets", "shop"), 30).queries["counts"]
    assert 'http_requests_total{namespace="shop",namespace!="",statefulset!=""}' in in_shop
    space = queries.about(HTTP, Reference("namespaces", "shop", "shop"), 30).queries["counts"]
    assert space == 'sum by (namespace, code) (increase(http_requests_total{namespace="shop",namespace!=""}[30s]))'


def test_values_cannot_leave_their_quotes() -> None:
    asked = queries.about(HTTP, Reference("pods", "shop", 'x"} or up{a="\\\n'), 30).queries["counts"]
    assert 'pod="x\\"} or up{a=\\"\\\\\\n"' in asked


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_resource_of_a_profile_can_be_asked_for(profile: Profile) -> None:
    for plural in profile.resources:
        assert plural in BY_PLURAL
        assert len(queries.about(profile, Reference(plural, "shop", "shop"), 30).queries) == 4
        if profile.has_edges(plural):
            assert len(queries.about_edges(profile, Reference(plural, "shop", "shop"), 30)) == 2


def metrics(item: dict[str, Any]) -> dict[str, str]:
    """The values by name."""
    return {metric["name"]: metric["value"] for metric in item["metrics"]}


def answers(counts: Any, p99: Any = (), p90: Any = (), p50: Any = ()) -> dict[str, Any]:
    """Answers by the names of the queries."""
    return {
        "counts": counts,
        "p99_response_latency": p99,
        "p90_response_latency": p90,
        "p50_response_latency": p50,
    }


def test_samples_of_one_object_become_one_item() -> None:
    labels = {"namespace": "shop", "deployment": "cart"}
    other = {"namespace": "bank", "deployment": "pay"}
    counts = [
        ({**labels, "code": "200"}, 10.0),
        ({**labels, "code": "404"}, 2.0),
        ({**labels, "code": "503"}, 3.0),
        ({**other, "code": "500"}, 1.5),
    ]
    question = queries.about(HTTP, Reference("deployments"), 30)
    bank, shop = queries.items(question, answers(counts, p99=[(labels, 0.25)]), INTERVAL)
    assert metrics(shop) == {"p99_response_latency": "250", "success_count": "12", "failure_count": "3"}
    assert metrics(bank) == {"success_count": "0", "failure_count": "1500m"}
    assert bank["resource"]["name"] == "pay"


def test_what_prometheus_cannot_divide_is_left_out() -> None:
    labels = {"namespace": "shop", "deployment": "cart"}
    given = answers([({**labels, "code": "200"}, 0.0)], [(labels, NAN)], [(labels, float("inf"))], [(labels, NAN)])
    (item,) = queries.items(queries.about(HTTP, CART, 30), given, INTERVAL)
    assert metrics(item) == {"success_count": "0", "failure_count": "0"}


def test_latencies_alone_are_an_item_too() -> None:
    given = answers([], p50=[({"namespace": "shop", "deployment": "cart"}, 0.01)])
    (item,) = queries.items(queries.about(HTTP, CART, 30), given, INTERVAL)
    assert metrics(item) == {"p50_response_latency": "10", "success_count": "0", "failure_count": "0"}


def test_without_samples_there_is_nothing() -> None:
    assert queries.items(queries.about(HTTP, CART, 30), answers([]), INTERVAL) == []


@pytest.mark.parametrize(
    ("labels", "failed"),
    [
        ({"response_code": "200"}, False),
        ({"response_code": "404", "grpc_response_status": ""}, False),
        ({"response_code": "500"}, True),
        ({"response_code": "0"}, True),
        ({"response_code": "200", "grpc_response_status": "5"}, False),
        ({"response_code": "200", "grpc_response_status": "14"}, True),
    ],
)
def test_failures_of_istio(labels: dict[str, str], failed: bool) -> None:
    ends = {"destination_workload_namespace": "shop", "destination_workload": "cart"}
    (item,) = queries.items(queries.about(ISTIO, CART, 30), answers([({**ends, **labels}, 1.0)]), INTERVAL)
    assert metrics(item) == {"success_count": str(int(not failed)), "failure_count": str(int(failed))}


def test_edges_have_the_other_side() -> None:
    incoming, _outgoing = queries.about_edges(ISTIO, CART, 30)
    labels = {
        "destination_workload_namespace": "shop",
        "destination_workload": "cart",
        "source_workload_namespace": "front",
        "source_workload": "web",
        "response_code": "200",
    }
    (item,) = queries.items(incoming, answers([(labels, 1.0)]), INTERVAL)
    assert item["metadata"]["name"] == "cart"
    assert item["edge"] == {
        "direction": "from",
        "side": "server",
        "resource": {"kind": "Deployment", "apiVersion": "apps/v1", "namespace": "front", "name": "web"},
    }
