# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an API server with one of our schemas would refuse or drop of an object, told without asking it (pure).

For objects that are going to be written under a CRD that is not there yet. Rules in CEL are left to the API server.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterator, List, Mapping

Schema = Mapping[str, Any]

_NOT_FIELDS = ("apiVersion", "kind", "metadata")
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def refusals(schema: Schema, obj: Mapping[str, Any]) -> List[str]:
    """Field and reason of everything that is refused, or dropped because the schema does not know it."""
    body = {name: value for name, value in obj.items() if name not in _NOT_FIELDS}
    return list(_of_value(schema, body, ""))


def _of_value(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if value is None and schema.get("nullable"):
        return
    if schema.get("x-kubernetes-int-or-string"):
        fits = _TYPES["integer"](value) or _TYPES["string"](value)
        expected = "whole number or text"
    else:
        expected = schema.get("type", "")
        fits = not expected or _TYPES[expected](value)
    if not fits:
        yield f"{path}: {value!r} is no {expected}"
        return
    yield from _of_limits(schema, value, path)
    if isinstance(value, Mapping):
        yield from _of_mapping(schema, value, path)
    if isinstance(value, list):
        yield from _of_list(schema, value, path)


def _of_limits(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} should match {schema['pattern']}"
        yield from _of_size(schema, len(value), path, "Length", "characters")
    elif isinstance(value, (int, float)):
        if value < schema.get("minimum", value):
            yield f"{path}: {value!r} is less than {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{path}: {value!r} is more than {schema['maximum']}"


def _of_size(schema: Schema, size: int, path: str, suffix: str, unit: str) -> Iterator[str]:
    if size < schema.get(f"min{suffix}", 0):
        yield f"{path}: has {size} {unit}, and needs {schema[f'min{suffix}']}"
    if size > schema.get(f"max{suffix}", size):
        yield f"{path}: has {size} {unit}, and may have {schema[f'max{suffix}']}"


def _of_mapping(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[str]:
    known: Mapping[str, Schema] = schema.get("properties", {})
    others = schema.get("additionalProperties")
    yield from _of_size(schema, len(value), path, "Properties", "entries")
    yield from (f"{_below(path, name)}: is missing" for name in schema.get("required", ()) if name not in value)
    for name, child in value.items():
        if name in known:
            yield from _of_value(known[name], child, _below(path, name))
        elif isinstance(others, Mapping):
            yield from _of_value(others, child, _below(path, name))
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{_below(path, name)}: is no field of this version, and would be dropped"


def _of_list(schema: Schema, value: List[Any], path: str) -> Iterator[str]:
    yield from _of_size(schema, len(value), path, "Items", "entries")
    for index, child in enumerate(value):
        yield from _of_value(schema.get("items", {}), child, f"{path}[{index}]")
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: Dict[str, int] = {}
    for index, child in enumerate(value if keys else ()):
        name = "/".join(str(child.get(key)) for key in keys) if isinstance(child, Mapping) else ""
        if name in seen:
            yield f"{path}[{index}]: {name} is there already, at {path}[{seen[name]}]"
        seen.setdefault(name, index)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
