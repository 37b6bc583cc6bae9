# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CustomResourceDefinitions for SMI, built from the catalogue and the schemas."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    CATEGORY,
    GROUPS,
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
    METRICS,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
    api_group,
    kinds_and_drafts_of,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import (
    ANY,
    HEADER_SHAPES,
    described_versions,
    schema,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP, is_flat

Definition = Dict[str, Any]


class CannotServe(ValueError):
    """What was asked for cannot be served; the message says what can."""


class UnknownVersion(CannotServe):
    """A group or a version that no CRD of SMI has."""


class ConversionMissing(CannotServe):
    """Versions of a kind with different fields or layouts, and nothing that converts between them."""


def crds(
    versions: Mapping[str, Sequence[str]],
    headers: str = LIST,
    conversion: Optional[Mapping[str, Any]] = None,
    short_names: bool = True,
    unserved: Optional[Mapping[str, Sequence[str]]] = None,
) -> List[Definition]:
    """The CRDs that serve the given versions.

    ``versions`` maps short group names to the versions to serve, for example ``{"split": ["v1alpha4"]}``. A group that
    is not named gets no CRD; within a group, a kind gets a CRD when one of the versions has this kind. Stored is the
    newest published version that is served; a draft only where nothing else is.

    ``headers`` is the shape of the headers of HTTPRouteGroups, one of schemas.HEADER_SHAPES. ``conversion`` is the
    ``clientConfig`` of the conversion webhook; without one, several versions of a kind have to be identical but for
    their name. ``short_names`` is False to leave them out, where ``ts`` shall mean the kind of another product.
    ``unserved`` are further versions, by group, that stay listed because objects may still be stored in them; who asks
    for them sees to it that these objects are written anew.

    Raises :class:`UnknownVersion` and :class:`ConversionMissing`, and CannotServe for another shape of headers.
    """
    if headers not in HEADER_SHAPES:
        raise CannotServe(f"headers has no shape {headers!r}; write one of: {', '.join(HEADER_SHAPES)}")
    for group, wanted in [*versions.items(), *(unserved or {}).items()]:
        _check(group, wanted)
    definitions = []
    for group, wanted in versions.items():
        for kind in kinds_and_drafts_of(group):
            served = [version for version in kind.all_versions if version in wanted]
            kept = [version for version in kind.all_versions if version in (unserved or {}).get(group, ())]
            if served:
                definitions.append(crd(kind, served, headers, conversion, short_names, kept))
    return definitions


def crd(
    kind: Kind,
    served: Sequence[str],
    headers: str = LIST,
    conversion: Optional[Mapping[str, Any]] = None,
    short_names: bool = True,
    unserved: Sequence[str] = (),
) -> Definition:
    """The CRD of one kind that serves the given versions, oldest first, and stores the last published one of them.

    A draft is stored where nothing else is served: who stops serving it has lost nothing that way.

    ``spec.conversion`` is left out where it is not needed (the API server then puts strategy None there): it belongs
    to the component that runs the conversion. Raises :class:`ConversionMissing`.
    """
    if conversion is None and needs_conversion(kind, served):
        raise ConversionMissing(
            f"{', '.join(served)} of {kind.name} ({kind.crd_name}) have different fields, which the API server would "
            "cut off objects without a word; serve one of them, or give the client configuration of the conversion "
            f"webhook. Without conversion these go together: {'; '.join(_alike(kind))}"
        )
    listed = sorted({*served, *unserved}, key=version_key)
    names = {
        "kind": kind.name,
        "listKind": kind.list_kind,
        "plural": kind.plural,
        "singular": kind.singular,
        **({"shortNames": [kind.short_name]} if short_names else {}),
        "categories": [CATEGORY],
    }
    spec: Definition = {"group": kind.api_group, "scope": "Namespaced", "names": names}
    if conversion is not None and needs_conversion(kind, listed):
        spec["conversion"] = {
            "strategy": "Webhook",
            "webhook": {"clientConfig": dict(conversion), "conversionReviewVersions": ["v1"]},
        }
    storage = [version for version in served if version in kind.versions] or served
    spec["versions"] = [
        _version(kind, version, headers, served=version in served, stored=version == storage[-1]) for version in listed
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": spec,
    }


def servable_versions(group: str) -> List[str]:
    """The versions of a group, given by its short name, that CRDs can be built for, oldest first."""
    found = {version for kind in kinds_and_drafts_of(group) for version in described_versions(kind)}
    return sorted(found, key=version_key)


def needs_conversion(kind: Kind, versions: Sequence[str]) -> bool:
    """Whether objects of these versions differ in more than the name of the version."""
    first, others = versions[0], versions[1:]
    return any(_shape(schema(kind, version)) != _shape(schema(kind, first)) for version in others)


def headers_of(definition: Mapping[str, Any], version: str) -> Optional[str]:
    """The shape of headers that an installed CRD of HTTPRouteGroup takes: LIST, MAP or ANY.

    None for a version that it does not have or that has no headers.
    """
    versions = definition.get("spec", {}).get("versions", [])
    listed: Mapping[str, Any] = next((entry for entry in versions if entry.get("name") == version), {})
    node = listed.get("schema", {}).get("openAPIV3Schema", {})
    if node.get("x-kubernetes-preserve-unknown-fields") and "properties" not in node:
        return ANY
    for step in ("matches",) if is_flat(HTTP_ROUTE_GROUP, version) else ("spec", "matches"):
        node = node.get("properties", {}).get(step, {})
    typed = node.get("items", {}).get("properties", {}).get("headers")
    if typed is None:
        return None
    return {"array": LIST, "object": MAP}.get(typed.get("type", ""), ANY)


def _shape(node: Any) -> Any:
    """A schema without its descriptions. Property names are no keywords: a field may be called description."""
    if isinstance(node, Mapping):
        return {
            key: {name: _shape(child) for name, child in value.items()} if key == "properties" else _shape(value)
            for key, value in node.items()
            if key != "description"
        }
    return [_shape(item) for item in node] if isinstance(node, list) else node


def _alike(kind: Kind) -> List[str]:
    """The versions of a kind in groups that need no conversion, each group as text."""
    groups: List[List[str]] = []
    for version in kind.all_versions:
        if groups and not needs_conversion(kind, [groups[-1][-1], version]):
            groups[-1].append(version)
        else:
            groups.append([version])
    return [" with ".join(group) for group in groups if len(group) > 1] or ["none"]


def _version(kind: Kind, version: str, headers: str, served: bool, stored: bool) -> Definition:
    return {
        "name": version,
        "served": served,
        "storage": stored,
        "schema": {"openAPIV3Schema": schema(kind, version, headers)},
        "additionalPrinterColumns": [
            *({"name": name, "type": "string", "jsonPath": path} for name, path in _columns(kind, version)),
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }


def _columns(kind: Kind, version: str) -> List[Tuple[str, str]]:
    """Name and JSONPath per column. The API server prints the first result of a path only, a list as JSON text."""
    fields = "" if is_flat(kind, version) else ".spec"
    if kind in (TCP_ROUTE, UDP_ROUTE) and version != "v1alpha4":
        return []
    return [(name, f"{fields}{path}") for name, path in _COLUMNS[kind]]


_COLUMNS: Mapping[Kind, Sequence[Tuple[str, str]]] = {
    TRAFFIC_SPLIT: (("Service", ".service"), ("Backends", ".backends")),
    TRAFFIC_TARGET: (("Destination", ".destination.name"),),
    HTTP_ROUTE_GROUP: (),
    TCP_ROUTE: (("Ports", ".matches.ports"),),
    UDP_ROUTE: (("Ports", ".matches.ports"),),
    IDENTITY_BINDING: (("Service account", ".schemes.serviceAccount"), ("SPIFFE", ".schemes.spiffeIdentities")),
}


def _check(group: str, wanted: Sequence[str]) -> None:
    """Raise :class:`UnknownVersion` unless every version of the group can be served."""
    if group not in GROUPS:
        served = "; metrics are served by an APIService, never by a CRD" if group == METRICS.group else ""
        raise UnknownVersion(f"SMI has no API group {group!r}{served}; write one of: {', '.join(GROUPS)}")
    allowed = servable_versions(group)
    if isinstance(wanted, str) or not isinstance(wanted, Sequence) or not wanted:
        raise UnknownVersion(
            f"{group}: {wanted!r} is no list of versions to serve; write some of [{', '.join(allowed)}]"
        )
    for version in wanted:
        if version not in allowed:
            raise UnknownVersion(
                f"version {version!r} of {api_group(group)} cannot be served; write some of: {', '.join(allowed)}"
            )
