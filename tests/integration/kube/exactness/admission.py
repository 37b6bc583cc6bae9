# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutating admission, made for real: a webhook in this process, and policies.

Everything concerns one namespace only, the one with the label that is its name.
"""

from __future__ import annotations

import base64
import copy
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Body, Server, good
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADMISSION = "admissionregistration.k8s.io"
ADDRESS = "127.0.0.1"
ALL = [{"operations": ["CREATE", "UPDATE"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]

Mutation = Callable[[Body, Body], None]
"""Changes an object (the second) in place; the first is the request of the AdmissionReview."""


class Webhook:
    """A mutating webhook; ``mutation`` is what it does and can be changed at any time, as with a new release of it."""

    def __init__(self, folder: Path) -> None:
        self.mutation: Mutation | None = None
        self.authority, pair = _make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(webhook.review(review)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((ADDRESS, 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def review(self, review: Body) -> Body:
        request = review["request"]
        response: Body = {"uid": request["uid"], "allowed": True}
        if self.mutation and request.get("object"):
            changed = copy.deepcopy(request["object"])
            self.mutation(request, changed)
            operations = list(_operations(request["object"], changed))
            patch = base64.b64encode(json.dumps(operations).encode()).decode()
            response.update({"patchType": "JSONPatch", "patch": patch})
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}

    def configuration(
        self,
        name: str,
        rules: list[Body] | None = None,
        namespace_selector: Body | None = None,
        object_selector: Body | None = None,
        port: int = 0,
        **rest: Any,
    ) -> Body:
        """The configuration that has the API server ask this webhook."""
        client = {
            "url": f"https://{ADDRESS}:{port or self._server.server_port}/{name}",
            "caBundle": base64.b64encode(self.authority).decode(),
        }
        webhook = {
            "name": f"{name}.exactness.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": client,
            "rules": rules or ALL,
            "namespaceSelector": namespace_selector or {},
            "objectSelector": object_selector or {},
            "timeoutSeconds": 5,
            **rest,
        }
        return {
            "apiVersion": f"{ADMISSION}/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [webhook],
        }


def of_namespace(name: str) -> Body:
    """The selector of one namespace."""
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


class Canary:
    """Tells whether something acts on what is written in a namespace, without writing anything."""

    def __init__(self, server: Server, namespace: str) -> None:
        self._server = server
        self._namespace = namespace

    def look(self, **rest: Any) -> Body:
        """What a ConfigMap would be if it were applied now."""
        metadata = {"name": "canary", "namespace": self._namespace, "labels": {"canary": "x"}}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **rest}
        return self._server.apply(body, "canary", dry_run=True).body

    def await_mark(self, mark: str | None) -> None:
        """Wait until the annotation ``mark`` is put on by what was configured (None: until nothing is)."""

        def is_so() -> bool:
            return (self.look()["metadata"].get("annotations") or {}).get("mark") == mark

        self._server.await_effect(f"mark {mark} in {self._namespace}", is_so)


@contextmanager
def configured(server: Server, *configurations: Body) -> Iterator[None]:
    """Objects of the admission for the time being."""
    made = [server.create(each) for each in configurations]
    try:
        yield
    finally:
        for each in reversed(made):
            server.delete(path_of(each))


def reconfigure(server: Server, body: Body) -> None:
    """Put an object of the admission as it shall be."""
    live = server.get(path_of(body))
    assert live
    good(server.put(path_of(body), {**body, "metadata": live["metadata"]}))


def path_of(body: Body) -> str:
    plural = {
        "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
        "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
        "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
    }[body["kind"]]
    return f"/apis/{body['apiVersion']}/{plural}/{body['metadata']['name']}"


def policy_version(server: Server) -> str:
    """The API version of mutating admission policies; empty where the server does not serve them."""
    for version in ("v1", "v1beta1"):
        if not server.request("GET", f"/apis/{ADMISSION}/{version}/mutatingadmissionpolicies").is_error:
            return f"{ADMISSION}/{version}"
    return ""


def policy(api_version: str, name: str, expression: str, parameters: Body | None = None, **rest: Any) -> Body:
    """A policy whose ``expression`` (CEL) gives what is applied to each object that is written."""
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": ALL},
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        **({"paramKind": parameters} if parameters else {}),
        **rest,
    }
    return {"apiVersion": api_version, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec}


def binding(api_version: str, name: str, namespace: str, parameters: Body | None = None) -> Body:
    """What makes a policy act in one namespace."""
    spec: Body = {"policyName": name, "matchResources": {"namespaceSelector": of_namespace(namespace)}}
    if parameters:
        spec["paramRef"] = {**parameters, "parameterNotFoundAction": "Deny"}
    return {
        "apiVersion": api_version,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }


def marking(mark: str) -> Mutation:
    """Puts an annotation on everything."""

    def mutation(request: Body, body: Body) -> None:
        body["metadata"]["annotations"] = {**(body["metadata"].get("annotations") or {}), "mark": mark}

    return mutation


def _operations(before: Body, after: Body, path: str = "") -> Iterator[Body]:
    """The JSON patch (RFC 6902) between two mappings; it goes down into the metadata only."""
    for name in {*before, *after}:
        place = f"{path}/{name}"
        if name not in after:
            yield {"op": "remove", "path": place}
        elif name not in before or (before[name] != after[name] and name != "metadata"):
            yield {"op": "add", "path": place, "value": after[name]}
        elif before[name] != after[name]:
            yield from _operations(before[name], after[name], place)


def _make_certificate(folder: Path) -> tuple[bytes, Path]:
    """A certificate for our address that is its own authority, and a file that holds it and its key; both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    pair = folder / "webhook.pem"
    pair.touch(mode=0o600)
    pair.write_bytes(private + public)
    return public, pair
