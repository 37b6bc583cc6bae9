# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CustomResourceDefinitions for SMI, built from the catalogue and the schemas."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    CATEGORY,
    GROUPS,
    HTTP_ROUTE_GROUP,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
    api_group,
    kinds_of,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import described_versions, schema

Definition = Dict[str, Any]


class UnknownVersion(ValueError):
    """A group or a version was asked for that cannot be served; the message says which ones can."""


def crds(versions: Mapping[str, Sequence[str]]) -> List[Definition]:
    """The CRDs that serve the given versions.

    ``versions`` maps short group names to the versions to serve, for example ``{"split": ["v1alpha4"]}``. A group that
    is not named gets no CRD; within a group, a kind gets a CRD when one of the versions has this kind. The newest
    version served is the one stored. Raises :class:`UnknownVersion`.
    """
    definitions = []
    for group, wanted in versions.items():
        _check(group, wanted)
        for kind in kinds_of(group):
            served = sorted(set(wanted) & set(described_versions(kind)), key=version_key)
            if served:
                definitions.append(crd(kind, served))
    return definitions


def crd(kind: Kind, served: Sequence[str]) -> Definition:
    """The CRD of one kind that serves the given versions, oldest first, and stores the last of them.

    ``spec.conversion`` is left out: it belongs to the component that runs the conversion.
    """
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": kind.api_group,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": kind.list_kind,
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": [kind.short_name],
                "categories": [CATEGORY],
            },
            "versions": [_version(kind, version, stored=version == served[-1]) for version in served],
        },
    }


def servable_versions(group: str) -> List[str]:
    """The versions of a group, given by its short name, that CRDs can be built for, oldest first."""
    found = {version for kind in kinds_of(group) for version in described_versions(kind)}
    return sorted(found, key=version_key)


def _version(kind: Kind, version: str, stored: bool) -> Definition:
    return {
        "name": version,
        "served": True,
        "storage": stored,
        "schema": {"openAPIV3Schema": schema(kind, version)},
        "additionalPrinterColumns": [
            *({"name": name, "type": "string", "jsonPath": path} for name, path in _COLUMNS[kind][version]),
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }


# Name and JSONPath per column. The API server prints the first result of a path only, a list as JSON text.
_COLUMNS: Mapping[Kind, Mapping[str, Sequence[Tuple[str, str]]]] = {
    TRAFFIC_SPLIT: {"v1alpha4": [("Service", ".spec.service"), ("Backends", ".spec.backends")]},
    TRAFFIC_TARGET: {"v1alpha3": [("Destination", ".spec.destination.name")]},
    HTTP_ROUTE_GROUP: {"v1alpha4": []},
    TCP_ROUTE: {"v1alpha4": [("Ports", ".spec.matches.ports")]},
    UDP_ROUTE: {"v1alpha4": [("Ports", ".spec.matches.ports")]},
}


def _check(group: str, wanted: Sequence[str]) -> None:
    """Raise :class:`UnknownVersion` unless every version of the group can be served."""
    if group not in GROUPS:
        raise UnknownVersion(f"SMI has no API group {group!r}; write one of: {', '.join(GROUPS)}")
    allowed = servable_versions(group)
    if isinstance(wanted, str) or not wanted:
        raise UnknownVersion(
            f"{group}: {wanted!r} is no list of versions to serve; write some of [{', '.join(allowed)}]"
        )
    for version in wanted:
        if version not in allowed:
            raise UnknownVersion(
                f"version {version!r} of {api_group(group)} cannot be served; write some of: {', '.join(allowed)}"
            )
