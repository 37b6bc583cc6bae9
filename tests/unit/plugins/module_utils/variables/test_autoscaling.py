# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for scaled workloads."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import autoscaling
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

GOOD = {
    "name": "istiod",
    "namespace": "istio-system",
    "kind": "Deployment",
    "min_replicas": 3,
    "max_replicas": 10,
    "cpu_utilization": 75,
    "max_unavailable": "1",
    "max_skew": 1,
}


def told(*changes: dict[str, Any]) -> list[str]:
    variables = {"autoscaling_workloads": [{**GOOD, **change} for change in changes]}
    return [str(problem) for problem in autoscaling.problems(variables, Inventory("demo", {}, {}))]


@pytest.mark.parametrize("change", [{}, {"max_unavailable": "25%"}, {"max_unavailable": "100%"}, {"max_replicas": 3}])
def test_good_workloads(change: dict[str, Any]) -> None:
    assert told(change) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_replicas", 0),
        ("max_replicas", 2),
        ("cpu_utilization", 0),
        ("cpu_utilization", 101),
        ("max_unavailable", "0"),
        ("max_unavailable", "0%"),
        ("max_unavailable", "101%"),
        ("max_unavailable", "some"),
        ("max_skew", 0),
        ("name", "Istiod"),
    ],
)
def test_bad_workloads(key: str, value: Any) -> None:
    (problem,) = told({key: value})
    assert problem.startswith("autoscaling_workloads[Deployment istio-system/")
    assert f".{key} is {value!r}:" in problem


def test_one_workload_is_scaled_once() -> None:
    assert told({}, {}) == [
        "autoscaling_workloads is 'Deployment istio-system/istiod': listed more than once; name each only once"
    ]
