# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that the real API server, or we, do not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    AuthenticationFailed,
    CertificateRejected,
)
from cryptography.hazmat.primitives import serialization

from .identity import kubeconfig, write_client_certificate
from .proxy import Proxy
from .webhook import self_signed


def server_of(cluster: Any) -> str:
    address: str = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return address


def test_the_servers_certificate_is_not_trusted(run: Any, make: Any, live: Any, cluster: Any, tmp_path: Path) -> None:
    for options in ({"ca_cert": str(self_signed(tmp_path))}, {}):
        connection = {"host": server_of(cluster), "api_key": "secret", **options}
        with pytest.raises(CertificateRejected, match="is not signed by a CA in") as caught:
            run(make.config_map("a"), connection=connection)
        assert "ca_cert" in str(caught.value)
    assert live.names("configmap", make.namespace) == []


def test_the_servers_certificate_is_for_another_name(run: Any, make: Any, cluster: Any) -> None:
    content = kubeconfig(cluster)
    content["users"][0]["user"] = yaml.safe_load(cluster.kubeconfig.read_text())["users"][0]["user"]
    content["clusters"][0]["cluster"]["tls-server-name"] = "elsewhere.example.com"
    with pytest.raises(CertificateRejected, match=r"is for another name: .*elsewhere\.example\.com"):
        run(make.config_map("a"), connection={"kubeconfig": content})
    content["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default.svc"
    assert run(make.config_map("a"), connection={"kubeconfig": content}).changed


def test_our_certificate_is_of_another_ca(run: Any, make: Any, cluster: Any, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    pair = {"client_cert": str(certificate), "client_key": str(tmp_path / "webhook.key")}
    with pytest.raises(AuthenticationFailed, match="the client certificate is not from a CA that this cluster trusts"):
        run(make.config_map("a"), connection={"kubeconfig": str(cluster.kubeconfig), **pair})


def test_our_key_does_not_fit_or_is_locked(run: Any, make: Any, cluster: Any, tmp_path: Path) -> None:
    """A key with a password must not make OpenSSL ask for that on a terminal that nobody looks at."""
    write_client_certificate(cluster, tmp_path, seconds=600)
    self_signed(tmp_path)
    key = serialization.load_pem_private_key((tmp_path / "client.key").read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"hunter2")
    (tmp_path / "locked.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    for name in ("webhook.key", "locked.key"):
        pair = {"client_cert": str(tmp_path / "client.crt"), "client_key": str(tmp_path / name)}
        with pytest.raises(CertificateRejected, match=rf"client\.crt with key .*{name} of .* cannot be used: "):
            run(make.config_map("a"), connection={"kubeconfig": str(cluster.kubeconfig), **pair})


def test_no_tls_on_the_other_side(run: Any, make: Any, proxy: Proxy) -> None:
    with pytest.raises(CertificateRejected, match="does not speak TLS"):
        run(make.config_map("a"), connection={"host": f"https://127.0.0.1:{proxy.server_port}", "api_key": "secret"})
    assert proxy.seen == []
