# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of our own, with everything that a structural schema can say about merging and defaults."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Body, Server, good

GROUP = "exactness.example.com"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(kind: str, plural: str, schema: Body, **version: Any) -> Body:
    """A CustomResourceDefinition with one version."""
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": kind + "List"}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [served]},
    }


TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def mapping(**properties: Any) -> Body:
    return {"type": "object", "properties": properties}


def array(of: Body, list_type: str, *keys: str) -> Body:
    merging: Body = {"x-kubernetes-list-type": list_type}
    if keys:
        merging["x-kubernetes-list-map-keys"] = list(keys)
    return {"type": "array", "items": of, **merging}


_PROTOCOL = {**TEXT, "default": "TCP"}
_ITEM = {
    **mapping(name=TEXT, protocol=_PROTOCOL, port=WHOLE, weight={**WHOLE, "default": 1, "nullable": True}),
    "required": ["name"],
}
EXACT_SPEC = mapping(
    replicas={**WHOLE, "default": 1},
    size={"x-kubernetes-int-or-string": True},
    number={"type": "number"},
    text={**TEXT, "nullable": True, "default": "d"},
    atomicItems=array(mapping(name=TEXT, protocol=_PROTOCOL), "atomic"),
    set=array(TEXT, "set"),
    numbers=array(WHOLE, "set"),
    items=array(_ITEM, "map", "name", "protocol"),
    map={"type": "object", "additionalProperties": TEXT},
    atomicMap={"type": "object", "additionalProperties": TEXT, "x-kubernetes-map-type": "atomic"},
    nested={**mapping(level={**WHOLE, "default": 5}, mode={**TEXT, "default": "fast"}), "default": {}},
    free=ANYTHING,
    template={**ANYTHING, "x-kubernetes-embedded-resource": True},
)
EXACT = definition(
    "Exact",
    "exacts",
    mapping(spec=EXACT_SPEC, status=ANYTHING),
    subresources={"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.n"}},
)
LOOSE = definition("Loose", "loosies", ANYTHING)


def install(server: Server, *definitions: Body) -> None:
    """Make kinds, or change them, and wait until they are served."""
    for each in definitions:
        path = f"{CRDS}/{each['metadata']['name']}"
        live = server.get(path)
        if live is None:
            server.create(each)
        else:
            good(server.put(path, {**live, "spec": each["spec"]}))
        for version in each["spec"]["versions"]:
            address = f"/apis/{GROUP}/{version['name']}/{each['spec']['names']['plural']}"
            server.await_effect(f"{address} served", lambda at=address: not server.request("GET", at).is_error)


def uninstall(server: Server, *definitions: Body) -> None:
    for each in definitions:
        server.delete(f"{CRDS}/{each['metadata']['name']}")
