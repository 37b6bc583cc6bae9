# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading ``metadata.managedFields``: which parts of an object a field manager wrote.

Format: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Sequence

Fields = Dict[str, Any]


def applied_by(body: Mapping[str, Any], manager: str) -> Fields:
    """The tree (fieldsV1) of what a manager applied; empty when it applied nothing."""
    for entry in body["metadata"].get("managedFields") or ():
        is_main = entry.get("manager") == manager and not entry.get("subresource")
        if is_main and entry.get("operation") == "Apply":
            return dict(entry.get("fieldsV1") or {})
    return {}


def applies_label(metadata: Mapping[str, Any], label: str) -> bool:
    """Whether somebody applied the label to this very object: one that was copied along with others was not."""
    for entry in metadata.get("managedFields") or ():
        labels = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels") or {}
        if entry.get("operation") == "Apply" and f"f:{label}" in labels:
            return True
    return False


def union(one: Fields, other: Fields) -> Fields:
    """Everything that is in one of the trees. A leaf (the whole value) wins over a part of it."""
    if not one or not other:
        return {}
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        merged[key] = union(one[key], other[key])
    return merged


def project(value: Any, fields: Fields) -> Any:
    """The part of a value that a tree covers; None where there is nothing of it."""
    if set(fields) <= {"."}:
        return value
    if isinstance(value, dict):
        return _project_mapping(value, fields)
    if isinstance(value, list):
        items = (_project_item(index, item, fields) for index, item in enumerate(value))
        return [item for item in items if item is not None]
    return value


def _project_mapping(value: Mapping[str, Any], fields: Fields) -> Dict[str, Any]:
    names = {key[2:]: subtree for key, subtree in fields.items() if key.startswith("f:")}
    return {name: project(value[name], names[name]) for name in value if name in names}


def _project_item(index: int, item: Any, fields: Fields) -> Any:
    for key, subtree in fields.items():
        if _is_item(key, index, item):
            return project(item, subtree)
    return None


def _is_item(key: str, index: int, item: Any) -> bool:
    """Whether a list item is what ``k:{"name":"a"}``, ``v:"a"`` or ``i:0`` stands for."""
    if key.startswith("k:"):
        wanted = json.loads(key[2:])
        return isinstance(item, dict) and all(item.get(name) == wanted[name] for name in wanted)
    if key.startswith("v:"):
        return bool(json.loads(key[2:]) == item)
    return key == f"i:{index}"


def owned_part(body: Optional[Mapping[str, Any]], trees: Sequence[Fields]) -> Dict[str, Any]:
    """The part of an object that any of the trees covers, with what identifies the object."""
    if body is None:
        return {}
    part: Dict[str, Any] = {"apiVersion": body.get("apiVersion"), "kind": body.get("kind"), "metadata": {}}
    covered: Fields = {}
    for tree in trees:
        covered = union(covered, tree) if covered and tree else covered or tree
    if covered:
        part.update(project(body, covered))
    identity = {name: body["metadata"][name] for name in ("name", "namespace") if body["metadata"].get(name)}
    part["metadata"] = {**identity, **part["metadata"]}
    return part
