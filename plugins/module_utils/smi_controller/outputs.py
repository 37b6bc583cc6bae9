# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What translations are made of, by mesh, and what makes an object one of ours."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applied_by
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import ANNOTATION, LABEL

FIELD_MANAGER = "smi-controller.servicemesh.platform"
"""Under this name translations are applied. What others apply with the same label (``smi_migrate``) is not ours."""
NO_MESH = "none"
ALL_OF_A_KIND = "*"
"""In the place of a name: a translation that was made from all objects of a kind."""

_GATEWAY = "gateway.networking.k8s.io/v1"
_HTTP = Resource(_GATEWAY, "HTTPRoute", "httproutes", namespaced=True)
_TCP = Resource(_GATEWAY, "TCPRoute", "tcproutes", namespaced=True)
_UDP = Resource(_GATEWAY, "UDPRoute", "udproutes", namespaced=True)

OUTPUTS: Mapping[str, Tuple[Resource, ...]] = {
    "gateway-api": (_HTTP, _TCP, _UDP),
    "istio": (
        Resource("networking.istio.io/v1", "VirtualService", "virtualservices", namespaced=True),
        Resource("security.istio.io/v1", "AuthorizationPolicy", "authorizationpolicies", namespaced=True),
    ),
    "linkerd": (
        _HTTP,
        _TCP,
        Resource("policy.linkerd.io/v1beta3", "Server", "servers", namespaced=True),
        Resource("policy.linkerd.io/v1alpha1", "MeshTLSAuthentication", "meshtlsauthentications", namespaced=True),
        Resource("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", "authorizationpolicies", namespaced=True),
    ),
    NO_MESH: (),
}
"""The kinds that a translation for a mesh may be made of."""

ALL_OUTPUTS: Sequence[Resource] = tuple(dict.fromkeys(each for kinds in OUTPUTS.values() for each in kinds))


def is_ours(obj: Mapping[str, Any]) -> bool:
    """Whether this controller has made the object."""
    return LABEL in (obj["metadata"].get("labels") or {}) and bool(applied_by(obj, FIELD_MANAGER))


def origin_of(obj: Mapping[str, Any]) -> Tuple[str, str]:
    """The kind and the name of the SMI object that a translation was made from; ``*`` for all of the kind."""
    kind, _slash, name = str((obj["metadata"].get("annotations") or {}).get(ANNOTATION)).partition("/")
    return kind, name


def owned(obj: Mapping[str, Any], source: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """The translation, going with the SMI object that it was made from."""
    if source is None:
        return dict(obj)
    metadata = source["metadata"]
    owner = {
        "apiVersion": source["apiVersion"],
        "kind": source["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [owner]}}


def makers(obj: Mapping[str, Any]) -> List[str]:
    """The field managers of an object."""
    return sorted({str(entry.get("manager")) for entry in obj["metadata"].get("managedFields") or ()})
