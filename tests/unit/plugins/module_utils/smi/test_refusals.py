# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.refusals import refusals

NAME = {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z]*$"}
ITEM = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": NAME, "size": {"x-kubernetes-int-or-string": True}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "port": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": "number"},
        "on": {"type": "boolean"},
        "kind": {"type": "string", "enum": ["A", "B"], "nullable": True},
        "items": {"type": "array", "minItems": 1, "maxItems": 2, "items": ITEM, "x-kubernetes-list-map-keys": ["name"]},
        "labels": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "any": {},
    },
}


@pytest.mark.parametrize(
    "obj",
    [
        {"apiVersion": "a/v1", "kind": "X", "metadata": {"name": 7}},
        {"port": 1, "share": 1.5, "on": True, "free": {"a": [1]}, "any": [None], "labels": {"a": "b"}},
        {"items": [{"name": "a", "size": 1}, {"name": "b", "size": "1m"}]},
        {"items": [{"name": "a"}]},
    ],
)
def test_what_is_taken(obj: dict[str, Any]) -> None:
    # "kind" of an object is no field, so a nullable one is looked at by itself.
    assert refusals(SCHEMA, obj) == []
    assert (
        refusals({"type": "object", "properties": {"group": {"type": "string", "nullable": True}}}, {"group": None})
        == []
    )


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        ({"port": "1"}, "port: '1' is no integer"),
        ({"port": True}, "port: True is no integer"),
        ({"port": 0}, "port: 0 is less than 1"),
        ({"port": 10}, "port: 10 is more than 9"),
        ({"items": []}, "items: has 0 entries, and needs 1"),
        ({"items": [{"name": name} for name in "abc"]}, "items: has 3 entries, and may have 2"),
        ({"items": [{"name": "a"}, {"name": "a"}]}, "items[1]: a is there already, at items[0]"),
        ({"items": [{}]}, "items[0].name: is missing"),
        ({"items": ["a"]}, "items[0]: 'a' is no object"),
        ({"items": [{"name": ""}]}, "items[0].name: has 0 characters, and needs 1"),
        ({"items": [{"name": "A"}]}, "items[0].name: 'A' should match ^[a-z]*$"),
        ({"items": [{"name": "a", "size": 1.5}]}, "items[0].size: 1.5 is no whole number or text"),
        ({"labels": {"a": 1}}, "labels.a: 1 is no string"),
        ({"labels": {"a": "1", "b": "2"}}, "labels: has 2 entries, and may have 1"),
        ({"other": 1}, "other: is no field of this version, and would be dropped"),
    ],
)
def test_what_is_refused_or_dropped(obj: dict[str, Any], reason: str) -> None:
    assert refusals(SCHEMA, obj) == [reason]


def test_one_of_a_few_words() -> None:
    schema = {"type": "object", "properties": {"method": {"type": "string", "enum": ["GET", "PUT"]}}}
    assert refusals(schema, {"method": "get"}) == ["method: 'get' is none of GET, PUT"]
