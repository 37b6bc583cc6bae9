# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways on real nodes: requests from outside of the mesh reach its workloads through an Envoy of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.mesh.conftest import OUTSIDE, SHOP
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

FRONT = "front"
GATEWAYS = [
    {
        "name": FRONT,
        "namespace": FRONT,
        "service_type": "ClusterIP",
        "ports": [{"name": "http", "port": 80}, {"name": "http-routes", "port": 8081}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }
]
URL, ROUTES_URL = (f"http://{FRONT}.{FRONT}:{port}/hostname" for port in (80, 8081))

Object = dict[str, Any]


@pytest.fixture(scope="module")
def gateway(playbooks: Playbooks, mesh: Environment) -> Iterator[Environment]:
    """The mesh with a gateway, which goes in the end."""
    run = playbooks.run("site", site_components="mesh", mesh_gateways=GATEWAYS)
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 1
    yield mesh
    assert playbooks.run("site", site_components="mesh").recap["demo"]["changed"] == 1
    assert FRONT not in [each["metadata"]["name"] for each in mesh.get("namespaces")["items"]]


def answers(mesh: Environment, url: str, times: int = 20) -> set[str]:
    """Who answers somebody outside of the mesh; what is no answer goes by its status."""
    found = set()
    for answer in mesh.count(OUTSIDE, "asker", url, times):
        backend = re.search(r'"hostname": "(backend(?:-v\d)?)-[0-9a-f]+-\w+"', answer)
        found.add(backend[1] if answer.startswith("200 ") and backend else answer.partition(" ")[0])
    return found


def istio(kind: str, **spec: Any) -> Object:
    metadata = {"name": "through", "namespace": SHOP}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def gateway_api(kind: str, namespace: str, **spec: Any) -> Object:
    metadata = {"name": "through", "namespace": namespace}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def test_its_pod_has_the_envoy_of_the_mesh(playbooks: Playbooks, gateway: Environment) -> None:
    (pod,) = gateway.get("-n", FRONT, "pods")["items"]
    (container,) = pod["spec"]["containers"]
    assert "/proxyv2@sha256:" in container["image"]
    again = playbooks.run("site", site_components="mesh", mesh_gateways=GATEWAYS)
    assert again.recap["demo"]["changed"] == 0


def test_requests_from_outside_reach_a_workload_by_the_objects_of_istio(gateway: Environment) -> None:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    route = {"route": [{"destination": {"host": f"backend-v1.{SHOP}.svc.cluster.local", "port": {"number": 80}}}]}
    entry = istio("Gateway", selector={"istio": FRONT}, servers=[server])
    service = istio("VirtualService", hosts=["*"], gateways=["through"], http=[route])
    gateway.cluster.apply(entry, service)
    try:
        eventually(30, lambda: answers(gateway, URL, 3) == {"backend-v1"}, "the gateway knows the route")
        assert answers(gateway, URL, 50) == {"backend-v1"}
    finally:
        gateway.cluster.kubectl("-n", SHOP, "delete", "gateways.networking.istio.io/through", "virtualservice/through")
    eventually(30, lambda: "backend-v1" not in answers(gateway, URL, 3), "the route is gone")


def test_and_by_those_of_the_gateway_api(gateway: Environment) -> None:
    everybody = {"namespaces": {"from": "All"}}
    listener = {"name": "http", "port": 8081, "protocol": "HTTP", "allowedRoutes": everybody}
    address = {"type": "Hostname", "value": f"{FRONT}.{FRONT}.svc.cluster.local"}
    entry = gateway_api("Gateway", FRONT, gatewayClassName="istio", addresses=[address], listeners=[listener])
    rule = {"backendRefs": [{"name": "backend-v2", "port": 80}]}
    parent = {"name": "through", "namespace": FRONT}
    gateway.cluster.apply(entry, gateway_api("HTTPRoute", SHOP, parentRefs=[parent], rules=[rule]))
    try:
        eventually(30, lambda: answers(gateway, ROUTES_URL, 3) == {"backend-v2"}, "the gateway knows the route")
        assert answers(gateway, ROUTES_URL, 50) == {"backend-v2"}
    finally:
        gateway.cluster.kubectl("-n", SHOP, "delete", "httproute/through")
        gateway.cluster.kubectl("-n", FRONT, "delete", "gateways.gateway.networking.k8s.io/through")


def test_the_mesh_is_not_kept_by_its_own_gateways(playbooks: Playbooks, gateway: Environment) -> None:
    refused = playbooks.absent("mesh", mesh_gateways=GATEWAYS)
    assert refused.code != 0
    assert "pods have a sidecar of this mesh" in refused.text
    assert f"{FRONT}/{FRONT}-" not in refused.text
    assert gateway.get("-n", FRONT, "deployment", FRONT)["status"]["readyReplicas"] == 1
