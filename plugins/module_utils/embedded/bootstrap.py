# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access rules that a fresh cluster needs before anybody but the super-administrator can work."""

from __future__ import annotations

import json
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import (
    EmbeddedError,
    UnavailableError,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client

API_GROUP = "rbac.authorization.k8s.io"
FIELD_MANAGER = "servicemesh.platform/embedded"
PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "RoleBinding": "rolebindings",
}
DECISIVE_FIELDS = ("rules", "roleRef", "subjects")
READ = ["get", "list", "watch"]
LEASE_NAMESPACE = "kube-node-lease"
KWOK_LEASES = pki.KWOK_USER + "-leases"

Object = Dict[str, Any]


def access_rules(nodes: bool = False) -> List[Object]:
    """The objects: administrators as kubeadm binds them since 1.29, the API server towards nodes, and the nodes.

    nodes: whether there are real ones. If not, kwok plays them.
    """
    return [
        _binding(pki.ADMIN_GROUP, "cluster-admin", "Group", pki.ADMIN_GROUP),
        _binding("servicemesh.platform:kubelet-client", "system:kubelet-api-admin", "User", pki.KUBELET_CLIENT_USER),
        *(_node_rules() if nodes else _kwok_rules()),
    ]


def _node_rules() -> List[Object]:
    """Kubelets may ask for certificates (KEP-1205), and Calico's Felix and CNI plugin read policies and endpoints.

    Calico's rules are what its datastore driver for Kubernetes calls (libcalico-go/lib/backend/k8s).
    """
    signing = "system:certificates.k8s.io:certificatesigningrequests:"
    return [
        _binding("servicemesh.platform:kubelet-bootstrap", "system:node-bootstrapper", "Group", pki.BOOTSTRAP_GROUP),
        _binding("servicemesh.platform:kubelet-approve", f"{signing}nodeclient", "Group", pki.BOOTSTRAP_GROUP),
        _binding("servicemesh.platform:kubelet-renew", f"{signing}selfnodeclient", "Group", "system:nodes"),
        _role(
            pki.CALICO_USER,
            _rule([""], ["endpoints", "namespaces", "nodes", "pods", "serviceaccounts", "services"], READ),
            _rule([""], ["pods/status"], ["patch"]),
            _rule([""], ["nodes/status"], ["patch", "update"]),
            _rule(["discovery.k8s.io"], ["endpointslices"], READ),
            _rule(["networking.k8s.io"], ["networkpolicies"], READ),
            _rule(["crd.projectcalico.org"], ["*"], READ),
            _rule(["crd.projectcalico.org"], ["clusterinformations"], ["create", "update"]),
        ),
        _binding(pki.CALICO_USER, pki.CALICO_USER, "User", pki.CALICO_USER),
    ]


def _kwok_rules() -> List[Object]:
    """What kwok's controllers call (pkg/kwok/controllers).

    It reads nodes and pods, writes their status, deletes pods, holds the leases of its nodes and reports events.
    """
    return [
        _role(
            pki.KWOK_USER,
            _rule([""], ["nodes"], ["get", "list", "watch"]),
            _rule([""], ["pods"], ["get", "list", "watch", "delete"]),
            _rule([""], ["nodes/status", "pods/status"], ["patch"]),
            _rule([""], ["events"], ["create", "patch"]),
        ),
        _binding(pki.KWOK_USER, pki.KWOK_USER, "User", pki.KWOK_USER),
        _role(
            KWOK_LEASES,
            _rule(["coordination.k8s.io"], ["leases"], ["get", "list", "watch", "create", "update"]),
        ),
        _binding(KWOK_LEASES, KWOK_LEASES, "User", pki.KWOK_USER, namespace=LEASE_NAMESPACE),
    ]


def missing_access_rules(client: Client, nodes: bool = False) -> List[Object]:
    """Those of the access rules that are not there or say something else. client: the super-administrator's.

    Raises UnavailableError when the server cannot answer just now, EmbeddedError when it refuses.
    """
    return [wanted for wanted in access_rules(nodes) if not _stands(client, wanted)]


def apply_access_rule(client: Client, wanted: Object) -> None:
    """Server-side apply of one access rule; raise EmbeddedError when the server refuses."""
    path = f"{_path(wanted)}?fieldManager={FIELD_MANAGER}&force=true"
    status, content = client.request("PATCH", path, wanted, "application/apply-patch+yaml")
    if status not in (200, 201):
        raise _refusal(f"the API server refused {describe(wanted)} with {status}: {_message(content)}", status)


def describe(wanted: Object) -> str:
    """Kind and name for messages."""
    return f"{wanted['kind']} {wanted['metadata']['name']}"


def has_default_service_account(client: Client) -> bool:
    """Whether the controllers work: they make this account in every namespace, and pods need it."""
    status, _content = client.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
    return status == 200


def _stands(client: Client, wanted: Object) -> bool:
    status, content = client.request("GET", _path(wanted))
    if status == 404:
        return False
    if status != 200:
        raise _refusal(f"the API server answers {status} to reading {describe(wanted)}: {_message(content)}", status)
    found = json.loads(content)
    return all(found.get(field) == wanted.get(field) for field in DECISIVE_FIELDS)


def _refusal(message: str, status: int) -> EmbeddedError:
    return UnavailableError(message) if status == 429 or status >= 500 else EmbeddedError(message)


def _path(wanted: Object) -> str:
    metadata = wanted["metadata"]
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"/apis/{API_GROUP}/v1{namespace}/{PLURALS[wanted['kind']]}/{metadata['name']}"


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode("utf-8", "replace")[:200]


def _role(name: str, *rules: Object) -> Object:
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
    }


def _rule(groups: List[str], resources: List[str], verbs: List[str]) -> Object:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _binding(name: str, role: str, subject_kind: str, subject: str, namespace: str = "") -> Object:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": API_GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": API_GROUP, "kind": subject_kind, "name": subject}],
    }
