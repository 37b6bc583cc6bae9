# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy says of a split, as it was recorded from Envoy 1.40."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.benchmarks import report
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import MESH, Result, latency
from ansible_collections.servicemesh.platform.tests.benchmarks.propagation import moment_of, weight_in
from ansible_collections.servicemesh.platform.tests.benchmarks.splits import Split

SPLIT = Split("bench-mesh", "split", 55)


def host(route: dict[str, Any]) -> dict[str, Any]:
    return {"virtual_hosts": [{"name": "any", "routes": [{"match": {"prefix": "/"}, "route": route}]}]}


def cluster(name: str, namespace: str, weight: int) -> dict[str, Any]:
    return {"name": f"outbound|8080||{name}.{namespace}.svc.cluster.local", "weight": weight}


def test_the_weight_of_the_first_backend_is_found() -> None:
    clusters = [cluster("split-v1", "bench-mesh", 55), cluster("split-v2", "bench-mesh", 45)]
    assert weight_in(host({"weighted_clusters": {"clusters": clusters}}), SPLIT) == 55
    foreign = [cluster("split-v1", "other", 55), cluster("more-split-v1", "bench-mesh", 55)]
    assert weight_in(host({"weighted_clusters": {"clusters": foreign}}), SPLIT) == 0
    assert weight_in(host({"cluster": "outbound|8080||split-v1.bench-mesh.svc.cluster.local"}), SPLIT) == 0
    assert weight_in({}, SPLIT) == 0


def test_the_clock_of_a_proxy_is_read_to_the_millisecond() -> None:
    passed = moment_of("2026-11-26T17:01:32.794Z") - moment_of("2026-11-26T17:01:32.700Z")
    assert passed == pytest.approx(0.094, abs=1e-6)


def test_the_figures_become_a_table() -> None:
    details = {
        "proxies": 10,
        "changes": 2,
        "load": 0.4,
        "one": latency([0.2, 0.3]),
        "last": latency([0.3]),
        "look": latency([1.5]),
        "crowds": {"500": {"one": latency([0.25]), "last": latency([0.5])}},
    }
    text = report.markdown({}, [Result(MESH, details=details)])
    assert "| until a proxy has it | 200 | 300 | 2 |" in text
    assert "| until all have it | 300 | 300 | 1 |" in text
    assert "| until one has it, of 500 simulated clients | 250 | 250 | 1 |" in text
    assert "| until all have it, of 500 simulated clients | 500 | 500 | 1 |" in text
    assert "10 real proxies" in text
