# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TrafficMetrics as clients decode them."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity as quantities
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import windows
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.model import (
    Edge,
    Interval,
    Traffic,
    quantity,
    traffic_metrics,
    traffic_metrics_list,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import Reference
from hypothesis import given
from hypothesis import strategies as st

CART = Reference("deployments", "shop", "cart")
INTERVAL = Interval(1554762355.9, 30)


def test_a_traffic_metrics_is_that_of_the_spec() -> None:
    traffic = Traffic(100, 0.5, {"p99_response_latency": 296.875, "p50_response_latency": 10})
    edge = Edge("to", "client", Reference("pods", "shop", "pay-1"))
    assert traffic_metrics(CART, edge, INTERVAL, traffic) == {
        "kind": "TrafficMetrics",
        "apiVersion": "metrics.smi-spec.io/v1alpha1",
        "metadata": {"name": "cart", "namespace": "shop", "creationTimestamp": "2019-04-08T22:25:55Z"},
        "resource": {"kind": "Deployment", "apiVersion": "apps/v1", "namespace": "shop", "name": "cart"},
        "edge": {
            "direction": "to",
            "side": "client",
            "resource": {"kind": "Pod", "apiVersion": "v1", "namespace": "shop", "name": "pay-1"},
        },
        "timestamp": "2019-04-08T22:25:55Z",
        "window": "30s",
        "metrics": [
            {"name": "p99_response_latency", "unit": "ms", "value": "296875m"},
            {"name": "p50_response_latency", "unit": "ms", "value": "10"},
            {"name": "success_count", "value": "100"},
            {"name": "failure_count", "value": "500m"},
        ],
    }


def test_a_namespace_is_in_no_namespace() -> None:
    made = traffic_metrics(Reference("namespaces", "shop", "shop"), Edge("from", "server"), INTERVAL, Traffic())
    assert made["metadata"] == {"name": "shop", "creationTimestamp": "2019-04-08T22:25:55Z"}
    assert made["resource"] == {"kind": "Namespace", "apiVersion": "v1", "name": "shop"}
    assert made["edge"]["resource"] == {}


def test_a_list_tells_what_it_is_of() -> None:
    made = traffic_metrics_list(Reference("pods", "shop"), [])
    assert made["resource"] == {"kind": "Pod", "apiVersion": "v1", "namespace": "shop"}
    assert made["items"] == []


@given(st.floats(min_value=0, max_value=1e12))
def test_quantities_are_exact_to_a_thousandth(value: float) -> None:
    assert float(quantities.parse(quantity(value))) == pytest.approx(value, abs=0.0005, rel=1e-12)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_no_quantity(value: float) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(value)


@pytest.mark.parametrize(
    ("text", "seconds", "spelt"),
    [
        ("30s", 30, "30s"),
        ("5m", 300, "5m0s"),
        ("1m30s", 90, "1m30s"),
        ("90s", 90, "1m30s"),
        ("1h", 3600, "1h0m0s"),
        ("5s", 5, "5s"),
    ],
)
def test_windows_are_spelt_as_go_does(text: str, seconds: int, spelt: str) -> None:
    assert windows.parse(text) == seconds
    assert windows.spell(seconds) == spelt


@pytest.mark.parametrize(
    "text", ["", "30", "s", "1.5m", "-30s", "30s ", "30S", "1s30m", "\u09e9\u09e6s", "30s]) or up"]
)
def test_what_is_no_window_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no window; write whole seconds"):
        windows.parse(text)


@pytest.mark.parametrize("text", ["0s", "4s", "1h1s", "9999h"])
def test_windows_have_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="is not between 5s and 1h0m0s; write one in between"):
        windows.parse(text)
