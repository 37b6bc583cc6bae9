# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in an embedded cluster, and what kwok plays in it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client

# 127.0.0.1 as /proc/net/tcp writes it, on little-endian machines.
LOOPBACK = "0100007F"


@pytest.fixture
def address(cluster: Any) -> tuple[int, Path]:
    """Port and authority of the API server, as the kubeconfig tells them."""
    server = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    pki = cluster.state_dir / "pki"
    assert base64.b64decode(server["certificate-authority-data"]) == (pki / "ca.crt").read_bytes()
    return int(server["server"].rpartition(":")[2]), pki


def ask(address: tuple[int, Path], path: str, credential: str) -> int:
    port, pki = address
    with Client(port, pki / "ca.crt", pki / f"{credential}.crt", pki / f"{credential}.key") as client:
        return client.request("GET", path)[0]


@pytest.mark.parametrize("path", ["/", "/version", "/readyz", "/api/v1/secrets"])
def test_anonymous_requests_are_refused(address: tuple[int, Path], path: str) -> None:
    port, pki = address
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    connection.request("GET", path)
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize(
    ("credential", "path", "status"),
    [
        ("health", "/readyz", 200),
        ("health", "/api/v1/namespaces", 403),
        ("health", "/api/v1/secrets", 403),
        ("kwok", "/api/v1/nodes", 200),
        ("kwok", "/api/v1/secrets", 403),
        ("kwok", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", 200),
        ("kwok", "/apis/coordination.k8s.io/v1/leases", 403),
        ("admin", "/api/v1/secrets", 200),
    ],
)
def test_rbac_decides(address: tuple[int, Path], credential: str, path: str, status: int) -> None:
    assert ask(address, path, credential) == status


def test_a_certificate_of_another_authority_is_refused(address: tuple[int, Path]) -> None:
    assert ask(address, "/api/v1/namespaces", "front-proxy-client") == 401


def test_etcd_wants_a_certificate_of_its_own_authority(cluster: Any) -> None:
    pki = cluster.state_dir / "pki"
    port = json.loads((cluster.state_dir / "cluster.json").read_text())["ports"]["etcd"]
    client = Client(port, pki / "etcd" / "ca.crt", pki / "admin.crt", pki / "admin.key")
    with client, pytest.raises(ssl.SSLError):
        client.request("GET", "/version")


def test_the_administrator_is_no_master(cluster: Any) -> None:
    who = json.loads(cluster.kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert who["groups"] == ["servicemesh.platform:cluster-admins", "system:authenticated"]
    assert cluster.kubectl("auth", "can-i", "*", "*", "--all-namespaces").strip() == "yes"


def test_service_accounts_get_tokens(cluster: Any) -> None:
    token = cluster.kubectl("create", "token", "default").strip()
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["iss"] == "https://kubernetes.default.svc.cluster.local"
    who = cluster.kubectl("--token", token, "auth", "can-i", "get", "secrets", check=False)
    assert who.split()[0] in ("yes", "no")


def test_extension_api_servers_find_the_front_proxy_authority(cluster: Any) -> None:
    found = cluster.kubectl("get", "configmap", "-n", "kube-system", "extension-apiserver-authentication", "-o", "json")
    data = json.loads(found)["data"]
    assert data["requestheader-client-ca-file"] == (cluster.state_dir / "pki" / "front-proxy-ca.crt").read_text()
    assert json.loads(data["requestheader-allowed-names"]) == ["front-proxy-client"]


def test_nodes_are_ready_in_their_zones_with_networks_of_their_own(cluster: Any) -> None:
    nodes = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    played = [node for node in nodes if node["metadata"]["name"].startswith("zone-")]
    zones = [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in played]
    assert sorted(zones) == ["zone-a", "zone-a", "zone-b", "zone-b", "zone-c", "zone-c"]
    assert len({node["spec"]["podCIDR"] for node in played}) == len(played)
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in played} == {server_version(cluster)}


def test_pods_become_ready_and_jobs_complete(cluster: Any) -> None:
    cluster.kubectl("create", "namespace", "kwok-plays")
    try:
        in_it = ("-n", "kwok-plays")
        cluster.kubectl("create", "deployment", "web", "--image=web", "--replicas=3", *in_it)
        cluster.kubectl("create", "job", "once", "--image=once", *in_it)
        cluster.kubectl("wait", "--for=condition=Available", "--timeout=60s", "deployment/web", *in_it)
        cluster.kubectl("wait", "--for=condition=Complete", "--timeout=60s", "job/once", *in_it)
        pods = json.loads(cluster.kubectl("get", "pods", "-l", "app=web", "-o", "json", *in_it))["items"]
        assert len({pod["status"]["podIP"] for pod in pods}) == 3
        complaint = cluster.kubectl("exec", "deployment/web", *in_it, "--", "ls", check=False)
        assert "Debug endpoints are disabled" in complaint
    finally:
        cluster.kubectl("delete", "namespace", "kwok-plays", "--timeout=60s")


def test_a_node_without_the_annotation_is_not_played(cluster: Any) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "real"}})
    try:
        assert "condition met" not in cluster.kubectl(
            "wait", "--for=condition=Ready", "--timeout=3s", "node/real", check=False
        )
    finally:
        cluster.kubectl("delete", "node", "real")


def test_everything_is_private(cluster: Any) -> None:
    open_to_others = [
        path for path in [cluster.state_dir, *cluster.state_dir.rglob("*")] if path.lstat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_nothing_listens_beyond_loopback(cluster: Any) -> None:
    addresses = [address for pid in processes(cluster) for address in listening(pid)]
    # etcd has two, every other component one.
    assert addresses == [LOOPBACK] * (6)


def listening(pid: int) -> list[str]:
    """The addresses that a process listens on (/proc/net/tcp, state 0A)."""
    sockets = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        target = os.readlink(entry.path)
        if target.startswith("socket:["):
            sockets.add(target[len("socket:[") : -1])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [field[1].split(":")[0] for field in fields if field[3] == "0A" and field[9] in sockets]


def processes(cluster: Any) -> list[int]:
    """The processes of the control plane, from their records."""
    return [json.loads(record.read_text())["pid"] for record in (cluster.state_dir / "run").glob("*.json")]


def server_version(cluster: Any) -> str:
    return str(json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"])
