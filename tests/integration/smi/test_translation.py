# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What translations give, in a real API server: CRDs of the Gateway API and Istio, minimal ones for Linkerd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import translate
from ansible_collections.servicemesh.platform.tests.integration.smi.go_modules import files_of, gateway_api

HERE = Path(__file__).parent / "translation"
SPLIT = {
    "apiVersion": "split.smi-spec.io/v1alpha2",
    "kind": "TrafficSplit",
    "metadata": {"name": "checkout", "namespace": "default"},
    "spec": {
        "service": "checkout",
        "backends": [{"service": "checkout-v1", "weight": 80}, {"service": "checkout-v2", "weight": 20}],
    },
}
MATCHED = {
    "apiVersion": "split.smi-spec.io/v1alpha4",
    "kind": "TrafficSplit",
    "metadata": {"name": "cart", "namespace": "default"},
    "spec": {
        "service": "cart",
        "backends": [{"service": "cart-v2", "weight": 1}],
        "matches": [{"kind": "HTTPRouteGroup", "name": "routes"}],
    },
}
GROUP = {
    "apiVersion": "specs.smi-spec.io/v1alpha4",
    "kind": "HTTPRouteGroup",
    "metadata": {"name": "routes", "namespace": "default"},
    "spec": {
        "matches": [
            {"name": "api", "pathRegex": "/api/.*", "methods": ["GET", "PUT"]},
            {"name": "user", "pathRegex": "/users/[^/]+/orders$", "headers": [{"X-User": "in.*"}]},
            {"name": "all", "pathRegex": ".*", "methods": ["OPTIONS"]},
        ]
    },
}
TARGET = {
    "apiVersion": "access.smi-spec.io/v1alpha3",
    "kind": "TrafficTarget",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "destination": {"kind": "ServiceAccount", "name": "checkout", "namespace": "default"},
        "sources": [{"kind": "ServiceAccount", "name": "storefront", "namespace": "web"}],
        "rules": [{"kind": "HTTPRouteGroup", "name": "routes"}],
    },
}
AROUND = [
    {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"ports": [{"name": "http", "port": 80}, {"name": "mysql", "port": 3306}]},
    }
    for name in ("checkout", "cart")
] + [
    {
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "default", "labels": {"app": "checkout"}},
        "spec": {"serviceAccountName": "checkout", "containers": [{"ports": [{"containerPort": 8080}]}]},
    }
]


def definitions() -> list[dict[str, Any]]:
    gateway = gateway_api()
    istio = files_of(HERE / "istio-api", "istio.io/api") / "kubernetes/customresourcedefinitions.gen.yaml"
    found: list[dict[str, Any]] = []
    linkerd = sorted((HERE / "linkerd-minimal").glob("*.yaml"))
    for path in [*sorted(gateway.glob("gateway.networking.k8s.io_*routes.yaml")), istio, *linkerd]:
        found.extend(document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document)
    kinds = {"HTTPRoute", "TCPRoute", "UDPRoute", "VirtualService", "AuthorizationPolicy"}
    kinds |= {"Server", "MeshTLSAuthentication"}
    return [each for each in found if each["spec"]["names"]["kind"] in kinds]


@pytest.fixture(scope="module")
def targets(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The test cluster with the CRDs that translations are for; they are gone afterwards."""
    manifest = tmp_path_factory.mktemp("translation") / "crds.json"
    crds = definitions()
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": crds}), encoding="utf-8")
    cluster.kubectl("apply", "--server-side", "-f", str(manifest))
    names = [f"crd/{each['metadata']['name']}" for each in crds]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    yield cluster
    cluster.kubectl("delete", "--wait", "-f", str(manifest))


def create(cluster: Any, objects: list[dict[str, Any]], *options: str) -> list[dict[str, Any]]:
    """What the server has after each object was created, or would have with --dry-run=server."""
    command = ["create", "--validate=strict", "-o", "json", *options, "-f", "-"]
    answers = [cluster.kubectl(*command, check=False, stdin=json.dumps(each)) for each in objects]
    assert [answer for answer in answers if not answer.startswith("{")] == []
    return [json.loads(answer) for answer in answers]


def test_the_split_of_the_article_is_an_http_route_that_the_server_takes(targets: Any) -> None:
    made = translate([SPLIT], "gateway-api", Surroundings.of(AROUND)).objects
    stored = create(targets, made)
    try:
        route = next(each for each in stored if each["kind"] == "HTTPRoute")
        (rule,) = route["spec"]["rules"]
        assert [ref["weight"] for ref in rule["backendRefs"]] == [80, 20]
        # A rule that takes every path is the catch-all; and the server adds nothing to what we write.
        assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
        assert route["spec"] == made[0]["spec"]
    finally:
        targets.kubectl("delete", "httproutes,tcproutes", "--all", "-n", "default")


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ("gateway-api", {"HTTPRoute", "TCPRoute"}),
        ("istio", {"VirtualService", "AuthorizationPolicy"}),
        ("linkerd", {"HTTPRoute", "TCPRoute", "Server", "MeshTLSAuthentication", "AuthorizationPolicy"}),
    ],
)
def test_the_server_takes_what_a_translation_gives(targets: Any, target: str, kinds: set[str]) -> None:
    made = translate([SPLIT, MATCHED, GROUP, TARGET], target, Surroundings.of(AROUND)).objects
    assert {each["kind"] for each in made} == kinds
    taken = create(targets, made, "--dry-run=server")
    assert [each["spec"] for each in taken] == [each["spec"] for each in made]


def test_the_server_takes_a_route_at_its_limits(targets: Any) -> None:
    matches = [{"name": f"m{index}", "pathRegex": f"/{index}"} for index in range(127)]
    backends = [{"service": f"v{index}", "weight": 1_000_000} for index in range(16)]
    split = {**MATCHED, "spec": {**MATCHED["spec"], "backends": backends}}  # type: ignore[dict-item]
    group = {**GROUP, "spec": {"matches": matches}}
    made = translate([split, group], "gateway-api", Surroundings.of(AROUND)).objects
    assert len(made) == 1
    create(targets, made, "--dry-run=server")
