# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server has to know of real nodes: the Node objects and the kubelets' serving certificates.

Kubernetes approves the client certificates of kubelets by itself. The serving ones are left to the operator of the
cluster (KEP-1205, kubelet TLS bootstrapping), who knows which node has which address: here, this module.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import (
    EmbeddedError,
    UnavailableError,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import Node
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client

with suppress(ImportError):  # the module that uses this one says so
    from cryptography import x509

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

NODES = "/api/v1/nodes"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_TAINTS = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
Object = Dict[str, Any]


def register(client: Client, nodes: Sequence[Node]) -> None:
    """Make the Node objects before their kubelets do.

    Errors: EmbeddedError when one is there with another pod network, which cannot be changed.
    """
    for node in nodes:
        _register(client, node)


def _register(client: Client, node: Node) -> None:
    """Make the Node object, which gives the node its pod network. One that is there stays, if it has the same one."""
    present = _read(client, f"{NODES}/{node.name}")
    if present is None:
        spec = {"podCIDR": str(node.pods), "podCIDRs": [str(node.pods)]}
        metadata = {"name": node.name, "labels": dict(node.labels)}
        _write(client, "POST", NODES, {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec})
    elif present["spec"].get("podCIDR") != str(node.pods):
        raise EmbeddedError(
            f"node {node.name} has the pod network {present['spec'].get('podCIDR')}, and {node.pods} is meant for it; "
            f"remove it with: kubectl delete node {node.name}"
        )


def admit(client: Client, nodes: Sequence[Node], since: datetime) -> Dict[str, str]:
    """Approve what waits for approval, and say how the nodes are, as `states` does."""
    approve(client, nodes)
    return states(client, since)


class Registered(NamedTuple):
    """What the API server knows of nodes. states: as `states` gives them. asking: nodes that wait for a certificate."""

    states: Mapping[str, str]
    asking: Sequence[str] = ()


def look(client: Client, nodes: Sequence[Node]) -> Registered:
    """How the nodes are, and which of them ask for a serving certificate."""
    return Registered(states(client), [one["spec"]["username"].rpartition(":")[2] for one in _asked(client, nodes)])


def states(client: Client, since: Optional[datetime] = None) -> Dict[str, str]:
    """What is wrong with each registered node; an empty text when it is ready. since: older reports do not count."""
    listed = _read(client, NODES) or {"items": []}
    return {node["metadata"]["name"]: problem_of(node, since) for node in listed["items"]}


def problem_of(node: Optional[Mapping[str, Any]], since: Optional[datetime]) -> str:
    """What is wrong with a Node object; an empty text when it is ready and takes pods."""
    if node is None:
        return "not registered"
    conditions = {one["type"]: one for one in node.get("status", {}).get("conditions") or []}
    ready = conditions.get("Ready")
    if not ready:
        return "its kubelet has not reported yet"
    if ready["status"] != "True":
        return f"not ready: {ready.get('message', '')}"
    # Reports tell whole seconds: one of the same second may be older.
    if since and _time(ready.get("lastHeartbeatTime", "")) <= since:
        return "its kubelet has not reported since"
    taints = {taint["key"] for taint in node["spec"].get("taints") or []}
    held = [taint for taint in _TAINTS if taint in taints]
    return f"still has the taint {held[0]}" if held else ""


def _time(text: str) -> datetime:
    """A time as Kubernetes writes it (RFC 3339, UTC); the beginning of time for none."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)


def approve(client: Client, nodes: Sequence[Node]) -> None:
    """Approve the serving certificates that kubelets of these nodes ask for."""
    for one in _asked(client, nodes):
        condition = {
            "type": "Approved",
            "status": "True",
            "reason": "KnownNode",
            "message": "the names are those of the node",
        }
        one["status"]["conditions"] = [condition]
        _write(client, "PUT", f"{REQUESTS}/{one['metadata']['name']}/approval", one)


def _asked(client: Client, nodes: Sequence[Node]) -> List[Object]:
    """The requests that wait and that a node may make."""
    listed = _read(client, f"{REQUESTS}?fieldSelector=spec.signerName={SERVING_SIGNER}") or {"items": []}
    return [one for one in listed["items"] if not one["status"].get("conditions") and _is_right(one, nodes)]


def _is_right(one: Object, nodes: Sequence[Node]) -> bool:
    """Whether a node asks for itself: its user, its name and its address, nothing else."""
    node = next((node for node in nodes if one["spec"]["username"] == f"system:node:{node.name}"), None)
    if node is None:
        return False
    request = x509.load_pem_x509_csr(base64.b64decode(one["spec"]["request"]))
    return request.is_signature_valid and _names(request) <= {node.name, str(node.address)}


def _names(request: CertificateSigningRequest) -> set[str]:
    extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def _read(client: Client, path: str) -> Optional[Object]:
    status, content = client.request("GET", path)
    if status == 404:
        return None
    if status != 200:
        raise _refusal(f"the API server answers {status} to GET {path}", status)
    found: Object = json.loads(content)
    return found


def _write(client: Client, method: str, path: str, content: Object) -> None:
    status, answer = client.request(method, path, content)
    if status not in (200, 201, 409):
        raise _refusal(f"the API server answers {status} to {method} {path}: {answer[:300].decode()}", status)


def _refusal(message: str, status: int) -> EmbeddedError:
    return UnavailableError(message) if status == 429 or status >= 500 else EmbeddedError(message)
