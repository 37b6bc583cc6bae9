# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API says of itself: the documents by which clients and the aggregator of kube-apiserver find it.

By the spec all resources have the one kind TrafficMetrics. ``kubectl get deployments.metrics.smi-spec.io`` goes by the
kind and so comes to any one of them; ``kubectl get --raw`` with the path is what works.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import Profile
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import (
    API_VERSION,
    BY_PLURAL,
    EDGES,
    GROUP,
    KIND,
    LIST_KIND,
    VERSION,
    Resource,
)

AGGREGATED = "as=APIGroupDiscoveryList"
"""In an Accept header: the newer way of discovery, to which kube-apiserver knows an older one."""

_TITLE = {"title": "Traffic metrics of the Service Mesh Interface", "version": VERSION}
_OPENAPI_V3 = f"/openapi/v3/apis/{API_VERSION}"


def documents(profile: Profile) -> Dict[str, Dict[str, Any]]:
    """The documents by path."""
    return {
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]},
        f"/apis/{GROUP}": {"kind": "APIGroup", "apiVersion": "v1", **_group()},
        f"/apis/{API_VERSION}": {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": API_VERSION,
            "resources": _resources(profile),
        },
        # kube-apiserver asks for these of every API that it aggregates, and logs an error where they are missing.
        "/openapi/v2": {"swagger": "2.0", "info": _TITLE, "paths": {}},
        "/openapi/v3": {"paths": {f"apis/{API_VERSION}": {"serverRelativeURL": _OPENAPI_V3}}},
        _OPENAPI_V3: {"openapi": "3.0.0", "info": _TITLE, "paths": {}},
    }


def _group() -> Dict[str, Any]:
    version = {"groupVersion": API_VERSION, "version": VERSION}
    return {"name": GROUP, "versions": [version], "preferredVersion": version}


def _resources(profile: Profile) -> List[Dict[str, Any]]:
    found = []
    for resource in (BY_PLURAL[plural] for plural in sorted(profile.resources)):
        found.append(_described(resource, resource.plural, ["get", "list"]))
        if profile.has_edges(resource.plural):
            found.append(_described(resource, f"{resource.plural}/{EDGES}", ["get"]))
    return found


def _described(resource: Resource, name: str, verbs: Sequence[str]) -> Dict[str, Any]:
    return {
        "name": name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": KIND if EDGES not in name else LIST_KIND,
        "verbs": list(verbs),
    }
