# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How SMI objects are written: which kind and version an object is, where its fields stand, the shapes of headers."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DRAFT_KINDS,
    HTTP_ROUTE_GROUP,
    KINDS,
    TCP_ROUTE,
    TRAFFIC_TARGET,
    Kind,
)

LIST = "list"
"""``headers`` as a list of mappings with one entry each: the CRD and the Go types of smi-sdk-go."""
MAP = "map"
"""``headers`` as one mapping: the text of the spec since its pull request 237, NGINX Service Mesh."""

Headers = Union[List[Dict[str, str]], Dict[str, str]]

_FLAT: Mapping[str, Tuple[str, ...]] = {
    TRAFFIC_TARGET.crd_name: ("v1alpha1",),
    HTTP_ROUTE_GROUP.crd_name: ("v1alpha1", "v1alpha2"),
    TCP_ROUTE.crd_name: ("v1alpha1", "v1alpha2"),
}
_NOT_FIELDS = ("apiVersion", "kind", "metadata", "status")


class UnknownObject(ValueError):
    """What is no SMI object, or one of a version that SMI does not have."""


def identify(obj: Mapping[str, Any]) -> Tuple[Kind, str]:
    """The kind and the version of an object, published or drafted. Raises UnknownObject."""
    group, _slash, version = str(obj.get("apiVersion") or "").rpartition("/")
    name = obj.get("kind")
    kind = next((each for each in (*KINDS, *DRAFT_KINDS) if (each.api_group, each.name) == (group, name)), None)
    if kind is None:
        raise UnknownObject(f"{name} of {group or version or 'no API group'} is no SMI object")
    if version not in kind.all_versions:
        raise UnknownObject(f"{name} has no version {version!r}; write one of: {', '.join(kind.all_versions)}")
    return kind, version


def is_flat(kind: Kind, version: str) -> bool:
    """Whether the fields stand beside ``metadata`` instead of under ``spec``."""
    return version in _FLAT.get(kind.crd_name, ())


def fields_of(obj: Mapping[str, Any]) -> Dict[str, Any]:
    """The fields of an object, wherever its version has them. Raises UnknownObject."""
    kind, version = identify(obj)
    if is_flat(kind, version):
        return {name: value for name, value in obj.items() if name not in _NOT_FIELDS}
    spec = obj.get("spec")
    return dict(spec) if isinstance(spec, Mapping) else {}


def header_pairs(headers: Any) -> List[Tuple[str, str]]:
    """Names and regular expressions of headers in either shape. Raises ValueError for anything else."""
    parts = [headers] if isinstance(headers, Mapping) else headers
    if parts is None:
        return []
    if (
        not isinstance(parts, Sequence)
        or isinstance(parts, str)
        or not all(isinstance(each, Mapping) for each in parts)
    ):
        raise ValueError(
            "headers is neither a mapping nor a list of mappings; write a list with one 'name: regex' each"
        )
    pairs = [(name, value) for part in parts for name, value in part.items()]
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise ValueError("headers holds something else than text; quote its names and values")
    return pairs


def headers_as(pairs: Sequence[Tuple[str, str]], shape: str) -> Headers:
    """Headers in a shape, LIST or MAP. Raises ValueError when a mapping cannot hold them, for a name comes twice."""
    if shape == LIST:
        return [{name: value} for name, value in pairs]
    names = [name for name, _value in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a header is named twice, which a mapping cannot say; join the two regular expressions")
    return dict(pairs)
