# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which serving certificates a node may have."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import registration
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import Node
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NODE = Node("one", "a", {}, 1, IPv4Address("198.19.1.2"), IPv4Network("10.244.1.0/24"), "servicemesh-x-1")


class Server:
    """Answers as the API server does, and keeps what is written."""

    def __init__(self, *requests: dict[str, Any]) -> None:
        self.requests = list(requests)
        self.approved: list[str] = []

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        if method == "PUT":
            self.approved.append(body["metadata"]["name"])
            assert body["status"]["conditions"][0]["type"] == "Approved"
            return 200, b"{}"
        assert "signerName=kubernetes.io/kubelet-serving" in path
        return 200, json.dumps({"items": self.requests}).encode()


def asked(user: str, *names: str, conditions: Any = ()) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    text = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return {
        "metadata": {"name": f"csr-{datetime.datetime.now().timestamp()}"},
        "spec": {"username": user, "request": base64.b64encode(text).decode()},
        "status": {"conditions": list(conditions)},
    }


@pytest.mark.parametrize(
    ("request_", "right"),
    [
        (asked("system:node:one", "one", "198.19.1.2"), True),
        (asked("system:node:one", "198.19.1.2"), True),
        (asked("system:node:one", "one", "198.19.1.3"), False),
        (asked("system:node:one", "one", "kubernetes.default"), False),
        (asked("system:node:two", "one", "198.19.1.2"), False),
        (asked("somebody", "one", "198.19.1.2"), False),
        (asked("system:node:one", "one", "198.19.1.2", conditions=[{"type": "Denied"}]), False),
    ],
)
def test_a_node_gets_a_certificate_for_itself_only(request_: dict[str, Any], right: bool) -> None:
    server: Any = Server(request_)
    registration.approve(server, [NODE])
    assert server.approved == ([request_["metadata"]["name"]] if right else [])
