# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same traffic by the metrics of each mesh: what its proxies would tell of these requests, scraped for real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.clients import Direct
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.conftest import API, PROGRAM, Traffic
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.test_access import AS_MASTER, issuer
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.test_traffic import (
    CART_TO_PAY,
    FAILED,
    OUTSIDE,
    WEB_TO_CART,
    by_name,
    edges,
    near,
    values,
)
from ansible_collections.servicemesh.platform.tests.support.authority import Authority
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, free_port

SIDES = {"http": "server", "istio": "server", "linkerd": "client"}


class Asked:
    """The metrics API with one profile, asked directly."""

    def __init__(self, profile: str, client: Direct) -> None:
        self.profile = profile
        self._client = client

    def get(self, path: str) -> Any:
        """What it gives for a path below the version."""
        status, body = self._client.get(f"{API}{path}", AS_MASTER)
        assert status == 200, body
        return body


@pytest.fixture(scope="module", params=sorted(SIDES))
def asked(
    request: pytest.FixtureRequest, cluster: Cluster, traffic: Traffic, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    """The metrics API with each of the profiles."""
    folder = tmp_path_factory.mktemp(request.param)
    authority = Authority("metrics")
    authority.write(folder / "certificates")
    options = (f"--prometheus={traffic.prometheus.url}", f"--profile={request.param}", "--window=1h")
    server = Controller(cluster.kubeconfig, folder, free_port(), *options, program=PROGRAM).start()
    certificate = issuer(cluster).client(folder, pki.FRONT_PROXY_USER)
    yield Asked(request.param, Direct(server.port, authority.pem, certificate))
    assert server.end() == 0


def test_counts_and_latencies(asked: Asked) -> None:
    cart = values(asked.get("/namespaces/shop/deployments/cart"))
    assert cart["success_count"] == near(WEB_TO_CART - FAILED)
    assert cart["failure_count"] == near(FAILED)
    pay = values(asked.get("/namespaces/bank/pods/pay-1"))
    assert 10 <= pay["p50_response_latency"] <= 50
    assert 100 <= pay["p99_response_latency"] <= 500


def test_namespaces(asked: Asked) -> None:
    found = by_name(asked.get("/namespaces"))
    assert found["shop"]["success_count"] == near(WEB_TO_CART - FAILED + OUTSIDE)
    assert found["bank"]["success_count"] == near(CART_TO_PAY)


def test_edges(asked: Asked) -> None:
    listed = asked.get("/namespaces/shop/deployments/cart/edges")
    found = edges(listed)
    assert sorted(found) == [("from", "shop", "web"), ("to", "bank", "pay")]
    assert found["from", "shop", "web"]["success_count"] == near(WEB_TO_CART - FAILED)
    assert found["from", "shop", "web"]["failure_count"] == near(FAILED)
    assert found["to", "bank", "pay"]["success_count"] == near(CART_TO_PAY)
    assert {item["edge"]["side"] for item in listed["items"]} == {SIDES[asked.profile]}
    # Who asked web from outside is nobody of the cluster.
    assert [direction for direction, *_other in edges(asked.get("/namespaces/shop/deployments/web/edges"))] == ["to"]
