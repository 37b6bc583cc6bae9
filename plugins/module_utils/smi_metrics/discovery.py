# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API says of itself: the documents by which clients and the aggregator of kube-apiserver find it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

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
_TEXT: Dict[str, Any] = {"type": "string"}


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
        # The definitions stand in v3 only: kube-apiserver would join those of v2 with its own, under names that clash.
        "/openapi/v2": {"swagger": "2.0", "info": _TITLE, "paths": {}},
        "/openapi/v3": {"paths": {f"apis/{API_VERSION}": {"serverRelativeURL": _OPENAPI_V3}}},
        _OPENAPI_V3: {
            "openapi": "3.0.0",
            "info": _TITLE,
            "paths": {},
            "components": {"schemas": _schemas()},
        },
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


def _schemas() -> Dict[str, Any]:
    reference = _object("An object of the cluster.", dict.fromkeys(("kind", "apiVersion", "namespace", "name"), _TEXT))
    metric = _object(
        "One metric.",
        {
            "name": {**_TEXT, "description": "p99_response_latency, p90_..., p50_..., success_count or failure_count."},
            "unit": {**_TEXT, "description": "ms for latencies, nothing for counts."},
            "value": {**_TEXT, "description": "A quantity, exact to a thousandth: 294, 73492m."},
        },
    )
    edge = _object(
        "Between whom the traffic is.",
        {
            "direction": {**_TEXT, "description": "Of the traffic: from edge.resource, or to it."},
            "side": {**_TEXT, "description": "Where it was measured: client or server."},
            "resource": reference,
        },
    )
    metrics = {
        "resource": {**reference, "description": "The object that the metrics are about."},
        "edge": edge,
        "timestamp": {**_TEXT, "format": "date-time", "description": "The end of the window."},
        "window": {**_TEXT, "description": "Over how long the metrics are: 30s."},
        "metrics": {"type": "array", "items": metric},
    }
    prefix = ".".join([*reversed(GROUP.split(".")), VERSION])
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{prefix}.{KIND}"}}
    return {
        f"{prefix}.{KIND}": _kind(KIND, "Traffic of one object.", metrics),
        f"{prefix}.{LIST_KIND}": _kind(LIST_KIND, "Traffic of several.", {"resource": reference, "items": items}),
    }


def _object(description: str, properties: Mapping[str, Any]) -> Dict[str, Any]:
    return {"type": "object", "description": description, "properties": dict(properties)}


def _kind(kind: str, description: str, properties: Mapping[str, Any]) -> Dict[str, Any]:
    common = {"kind": _TEXT, "apiVersion": _TEXT, "metadata": {"type": "object"}}
    known_as = {"group": GROUP, "version": VERSION, "kind": kind}
    return {
        **_object(description, {**common, **properties}),
        "x-kubernetes-group-version-kind": [known_as],
    }
