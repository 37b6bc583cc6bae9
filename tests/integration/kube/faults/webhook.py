# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An admission webhook that the API server really asks."""

from __future__ import annotations

import base64
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from pathlib import Path
from typing import Any, Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HANG = "hang"
TIMEOUT = 3
"""Seconds for which the API server waits for an answer."""

Decide = Callable[[str], str]
"""What is said to an object of that name: why it is denied, nothing to allow it, or HANG."""


class Webhook(http.server.ThreadingHTTPServer):
    """Decides by the name of the object, and remembers which names it was asked about."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.certificate = self_signed(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, folder / "webhook.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.decide: Decide = lambda _name: ""
        self.asked: list[str] = []
        self.over = threading.Event()

    def configuration(self, name: str, namespace: str) -> dict[str, Any]:
        """Has the server ask about every ConfigMap that is written in the namespace."""
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [
                {
                    "name": name,
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "timeoutSeconds": TIMEOUT,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "resources": ["configmaps"],
                            "operations": ["CREATE", "UPDATE", "DELETE"],
                        }
                    ],
                    "clientConfig": {
                        "url": f"https://127.0.0.1:{self.server_port}/",
                        "caBundle": base64.b64encode(self.certificate.read_bytes()).decode(),
                    },
                }
            ],
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks may well have stopped waiting."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = review["request"]
        self.server.asked.append(request["name"])
        said = self.server.decide(request["name"])
        if said == HANG:
            self.server.over.wait(10)
        answer: dict[str, Any] = {"uid": request["uid"], "allowed": not said}
        if said:
            answer["status"] = {"code": 422, "message": said}
        content = json.dumps({**review, "request": None, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


def self_signed(folder: Path) -> Path:
    """A serving certificate for 127.0.0.1 that is its own CA; its key is beside it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "webhook.key").write_bytes(private)
    path = folder / "webhook.crt"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path
