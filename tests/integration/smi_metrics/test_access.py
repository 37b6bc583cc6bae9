# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see traffic: as the API server says it, through its front proxy and past it."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.clients import Direct, Issuer
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.conftest import API, PROGRAM, Api, Traffic
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, eventually, free_port

PODS = f"{API}/namespaces/shop/pods"
CART = f"{API}/namespaces/shop/deployments/cart"
AS_MASTER = {"X-Remote-User": "somebody", "X-Remote-Group": "system:masters"}
CONFIG_MAP = ("-n", "kube-system", "configmap", "extension-apiserver-authentication")


@pytest.fixture(scope="module")
def rights(api: Api) -> Iterator[None]:
    """ServiceAccounts of the namespace shop that may see deployments there, or the edges of pods, or nothing."""
    rules = {"viewer": ["deployments"], "edges": ["pods/edges"], "none": []}
    objects: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}]
    for name, resources in rules.items():
        metadata = {"name": name, "namespace": "shop"}
        rule = {"apiGroups": ["metrics.smi-spec.io"], "resources": resources or ["nothing"], "verbs": ["get", "list"]}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": "shop"}
        rbac = "rbac.authorization.k8s.io"
        objects += [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
                "subjects": [subject],
            },
        ]
    api.cluster.apply(*objects)
    yield
    api.cluster.kubectl("delete", "namespace", "shop", "--wait=false")


def issuer(cluster: Cluster) -> Issuer:
    """The authority of the front proxy."""
    layout = Layout(cluster.state_dir)
    return Issuer.read(layout.certificate(pki.FRONT_PROXY_AUTHORITY), layout.key(pki.FRONT_PROXY_AUTHORITY))


def direct(api: Api, certificate: Path | None = None) -> Direct:
    """A connection past the API server."""
    return Direct(api.server.port, api.authority.pem, certificate)


def bearer(api: Api, account: str) -> dict[str, str]:
    """The header with a token of a ServiceAccount of the namespace shop."""
    token = api.cluster.kubectl("create", "token", account, "-n", "shop").strip()
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("headers", [{}, AS_MASTER, {"Authorization": "Bearer nonsense"}])
def test_who_comes_directly_and_shows_nothing_is_not_let_in(api: Api, headers: dict[str, str]) -> None:
    status, body = direct(api).get(PODS, headers)
    assert status == 401
    assert (body["kind"], body["reason"], body["code"]) == ("Status", "Unauthorized", 401)
    assert "nobody knows who asks" in body["message"]


def test_the_front_proxy_is_believed(api: Api, folder: Path) -> None:
    certificate = issuer(api.cluster).client(folder, pki.FRONT_PROXY_USER)
    status, body = direct(api, certificate).get(CART, AS_MASTER)
    assert (status, body["kind"]) == (200, "TrafficMetrics")
    status, body = direct(api, certificate).get(CART, {"X-Remote-User": "nobody-special"})
    assert status == 403
    assert 'User "nobody-special" cannot get resource "deployments"' in body["message"]


def test_a_certificate_of_another_name_is_not(api: Api, folder: Path) -> None:
    certificate = issuer(api.cluster).client(folder, "somebody-else")
    assert direct(api, certificate).get(CART, AS_MASTER)[0] == 401


def test_a_certificate_of_another_authority_ends_the_handshake(api: Api, folder: Path) -> None:
    certificate = Issuer.new("stranger").client(folder, pki.FRONT_PROXY_USER)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        direct(api, certificate).get(CART, AS_MASTER)


@pytest.mark.usefixtures("rights")
def test_tokens_are_looked_at_by_the_api_server(api: Api) -> None:
    assert direct(api).get(CART, bearer(api, "viewer"))[0] == 200
    status, body = direct(api).get(CART, bearer(api, "none"))
    assert (status, body["reason"]) == (403, "Forbidden")
    assert body["message"].startswith(
        'deployments.metrics.smi-spec.io is forbidden: User "system:serviceaccount:shop:none" cannot get resource '
        '"deployments" in API group "metrics.smi-spec.io" in the namespace "shop"'
    )


@pytest.mark.usefixtures("rights")
def test_rights_are_those_of_roles(api: Api) -> None:
    def ask(account: str, path: str) -> str:
        return api.refused(path, f"--as=system:serviceaccount:shop:{account}")

    assert '"kind":"TrafficMetrics"' in ask("viewer", "/namespaces/shop/deployments/cart")
    assert '"kind":"TrafficMetricsList"' in ask("edges", "/namespaces/shop/pods/cart-1/edges")
    for account, path in (
        ("none", "/namespaces/shop/deployments/cart"),
        ("viewer", "/namespaces/shop/pods"),
        ("viewer", "/namespaces/bank/deployments"),
        ("viewer", "/deployments"),
        ("edges", "/namespaces/shop/pods/cart-1"),
    ):
        assert "Forbidden" in ask(account, path), (account, path)


@pytest.mark.usefixtures("rights")
def test_a_right_that_is_given_or_taken_counts_within_ten_seconds(api: Api) -> None:
    header = bearer(api, "none")
    namespaces = f"{API}/namespaces/shop/statefulsets"
    assert direct(api).get(namespaces, header)[0] == 403
    grant = ("rolebinding", "late", "-n", "shop")
    api.cluster.kubectl(
        "create", "role", "late", "-n", "shop", "--verb=list", "--resource=statefulsets.metrics.smi-spec.io"
    )
    api.cluster.kubectl("create", *grant, "--role=late", "--serviceaccount=shop:none")
    eventually(lambda: direct(api).get(namespaces, header)[0] == 200, "the right counts", 12)
    api.cluster.kubectl("delete", *grant)
    eventually(lambda: direct(api).get(namespaces, header)[0] == 403, "the right is gone", 12)


def test_metrics_can_only_be_read(api: Api, folder: Path) -> None:
    proxy = direct(api, issuer(api.cluster).client(folder, pki.FRONT_PROXY_USER))
    assert proxy.get(CART, AS_MASTER, "DELETE")[1]["reason"] == "MethodNotAllowed"
    assert proxy.get(f"{PODS}?watch=true", AS_MASTER)[0] == 405
    assert proxy.get(f"{PODS}?labelSelector=app%3Dweb", AS_MASTER)[0] == 400
    assert proxy.get(f"{API}/namespaces/shop/services", AS_MASTER)[0] == 404


def test_it_tells_of_itself(api: Api) -> None:
    before = api.server.metric("smi_metrics_requests_total")
    api.get("/namespaces/shop/deployments/cart")
    assert api.server.metric("smi_metrics_requests_total") > before
    assert api.server.metric("smi_metrics_prometheus_query_duration_seconds_count") >= 4
    assert time.time() - api.server.metric("smi_metrics_authentication_read_timestamp_seconds") < 120


def test_another_authority_is_trusted_and_no_longer_trusted_without_a_restart(
    api: Api, traffic: Traffic, folder: Path
) -> None:
    options = (f"--prometheus={traffic.prometheus.url}", "--window=1h", "--authentication-refresh=1")
    server = Controller(api.kubeconfig, folder, free_port(), *options, program=PROGRAM).start()
    new = Issuer.new("next front proxy")
    certificate = new.client(folder, pki.FRONT_PROXY_USER)
    found = json.loads(api.cluster.kubectl("get", *CONFIG_MAP, "-o", "json"))["data"]["requestheader-client-ca-file"]

    def trust(authorities: str) -> None:
        patch = json.dumps({"data": {"requestheader-client-ca-file": authorities}})
        api.cluster.kubectl("patch", *CONFIG_MAP, "--type=merge", "-p", patch)

    def answers() -> bool:
        try:
            return Direct(server.port, api.authority.pem, certificate).get(CART, AS_MASTER)[0] == 200
        except (ssl.SSLError, ConnectionError):
            return False

    try:
        assert not answers()
        trust(found + new.pem)
        eventually(answers, "the new authority is trusted", 10)
        kept = Direct(server.port, api.authority.pem, certificate)
        assert kept.get(CART, AS_MASTER)[0] == 200
        trust(found)
        eventually(lambda: not answers(), "the authority is no longer trusted", 10)
        with pytest.raises(ConnectionError):
            kept.get(CART, AS_MASTER)
    finally:
        trust(found)
        server.end()
