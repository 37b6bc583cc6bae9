# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schemas, without a server: what the structural rules of Kubernetes ask for, and which version has which field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DRAFT_KINDS,
    GATEWAY_API_NAMESAKES,
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
    KINDS,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    Kind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import (
    ANY,
    HEADER_SHAPES,
    Schema,
    described_versions,
    fields,
    schema,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP, is_flat
from hypothesis import given
from hypothesis import strategies as st

DESCRIBED = [(kind, version) for kind in (*KINDS, *DRAFT_KINDS) for version in described_versions(kind)]
WITH_HEADERS = HTTP_ROUTE_GROUP.versions[1:]

each_schema = pytest.mark.parametrize(("kind", "version"), DESCRIBED, ids=lambda value: getattr(value, "name", value))
each_shape = pytest.mark.parametrize("shape", HEADER_SHAPES)


def nodes(node: Schema, path: str = "$") -> Iterator[tuple[str, Schema]]:
    """Every schema inside a schema, with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            yield from nodes(node[keyword], f"{path}.{keyword}")


def at(node: Schema, *path: str) -> Schema:
    for step in path:
        node = node["items"] if step == "*" else node["properties"][step]
    return node


def headers(version: str, shape: str) -> Schema:
    path = ("matches", "*", "headers") if is_flat(HTTP_ROUTE_GROUP, version) else ("spec", "matches", "*", "headers")
    return at(schema(HTTP_ROUTE_GROUP, version, shape), *path)


def untyped(node: Schema) -> bool:
    return bool(node.get("x-kubernetes-preserve-unknown-fields") or node.get("x-kubernetes-int-or-string"))


@pytest.mark.parametrize("kind", [*KINDS, *DRAFT_KINDS], ids=lambda kind: kind.name)
def test_every_version_and_draft_is_described(kind: Kind) -> None:
    assert described_versions(kind) == (*kind.versions, *kind.drafts)


@pytest.mark.parametrize(("kind", "version"), [(IDENTITY_BINDING, "v1alpha3"), (TRAFFIC_TARGET, "v1alpha5")])
def test_what_is_neither_published_nor_drafted_has_no_schema(kind: Kind, version: str) -> None:
    with pytest.raises(KeyError, match=f"{kind.name} {version}"):
        schema(kind, version)


@each_schema
@each_shape
def test_every_field_has_a_type_and_a_description(kind: Kind, version: str, shape: str) -> None:
    found = nodes(schema(kind, version, shape))
    bare = [path for path, node in found if not ((node.get("type") or untyped(node)) and node.get("description"))]
    assert bare == []


@each_schema
def test_required_fields_and_list_keys_exist(kind: Kind, version: str) -> None:
    for path, node in nodes(schema(kind, version)):
        assert set(node.get("required", [])) <= set(node.get("properties", {})), path
        keys = set(node.get("x-kubernetes-list-map-keys", []))
        assert keys <= set(node.get("items", {}).get("required", [])), f"{path}: a key must be required"


@each_schema
@each_shape
def test_only_headers_that_must_take_both_shapes_are_open(kind: Kind, version: str, shape: str) -> None:
    opened = [
        path for path, node in nodes(schema(kind, version, shape)) if "x-kubernetes-preserve-unknown-fields" in node
    ]
    expected = kind == HTTP_ROUTE_GROUP and version in WITH_HEADERS and shape == ANY
    assert [path.rsplit(".", 1)[1] for path in opened] == (["headers"] if expected else [])


@each_schema
def test_lists_are_typed_and_no_mapping_is_empty(kind: Kind, version: str) -> None:
    """The API server drops an empty `properties`, and a second run would find a difference."""
    for path, node in nodes(schema(kind, version)):
        assert ("items" in node) == (node.get("type") == "array"), path
        assert node.get("properties", "none"), path


@each_schema
def test_patterns_are_anchored_and_rules_explain_themselves(kind: Kind, version: str) -> None:
    for path, node in nodes(schema(kind, version)):
        if "pattern" in node:
            assert re.fullmatch(r"\^.*\$", node["pattern"]), path
        for rule in node.get("x-kubernetes-validations", []):
            assert rule["message"], path
            assert "self" in rule["rule"], path


@each_schema
def test_a_schema_is_made_anew(kind: Kind, version: str) -> None:
    schema(kind, version)["description"] = "changed"
    assert schema(kind, version)["description"] != "changed"


@each_schema
def test_fields_stand_where_the_wire_format_of_the_version_has_them(kind: Kind, version: str) -> None:
    outside = [path for path in fields(kind, version) if path.split(".")[0] != "spec"]
    assert bool(outside) == (is_flat(kind, version) and kind != TCP_ROUTE)


@pytest.mark.parametrize(
    ("kind", "version", "added", "gone"),
    [
        (TRAFFIC_SPLIT, "v1alpha2", set(), set()),
        (
            TRAFFIC_SPLIT,
            "v1alpha3",
            {"spec.matches[].apiGroup", "spec.matches[].kind", "spec.matches[].name"},
            set(),
        ),
        (TRAFFIC_SPLIT, "v1alpha4", set(), set()),
        (TRAFFIC_TARGET, "v1alpha3", set(), {"spec.destination.port"}),
        (TRAFFIC_TARGET, "v1alpha4", {"spec.destination.group", "spec.sources[].group"}, set()),
        (HTTP_ROUTE_GROUP, "v1alpha2", {"matches[].headers[]"}, set()),
        (HTTP_ROUTE_GROUP, "v1alpha4", set(), set()),
        (TCP_ROUTE, "v1alpha2", set(), set()),
        (TCP_ROUTE, "v1alpha3", {"spec"}, set()),
        (TCP_ROUTE, "v1alpha4", {"spec.matches.ports[]"}, {"spec"}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_a_version_adds_and_drops(kind: Kind, version: str, added: set[str], gone: set[str]) -> None:
    before = set(fields(kind, kind.all_versions[kind.all_versions.index(version) - 1]))
    now = set(fields(kind, version))
    assert (now - before, before - now) == (added, gone)


def test_the_first_traffic_target_is_flat_and_calls_its_rules_specs() -> None:
    body = schema(TRAFFIC_TARGET, "v1alpha1")
    assert list(body["properties"]) == ["destination", "specs", "sources"]
    assert body["required"] == ["destination"]
    assert "port" not in at(body, "destination")["required"]


@pytest.mark.parametrize(("version", "kinds"), [("v1alpha1", 2), ("v1alpha2", 2), ("v1alpha3", 3)])
def test_rules_may_name_udp_routes_once_these_exist(version: str, kinds: int) -> None:
    path = ("specs", "*", "kind") if version == "v1alpha1" else ("spec", "rules", "*", "kind")
    assert at(schema(TRAFFIC_TARGET, version), *path)["enum"] == ["HTTPRouteGroup", "TCPRoute", "UDPRoute"][:kinds]


@pytest.mark.parametrize("kind", GATEWAY_API_NAMESAKES, ids=lambda kind: kind.name)
def test_a_kind_with_a_namesake_in_the_gateway_api_says_so(kind: Kind) -> None:
    assert f"Not the {kind.name} of the Gateway API" in schema(kind, kind.newest)["description"]


@pytest.mark.parametrize("version", WITH_HEADERS)
def test_headers_have_the_shape_that_is_asked_for(version: str) -> None:
    single = headers(version, LIST)["items"]
    assert single["maxProperties"] == single["minProperties"] == 1
    assert headers(version, MAP)["type"] == "object"
    assert headers(version, MAP)["additionalProperties"]["type"] == "string"
    assert "type" not in headers(version, ANY)


@each_shape
def test_the_first_route_groups_have_no_headers(shape: str) -> None:
    assert list(at(schema(HTTP_ROUTE_GROUP, "v1alpha1", shape), "matches", "*")["properties"]) == [
        "name",
        "pathRegex",
        "methods",
    ]


@pytest.mark.parametrize("version", TRAFFIC_SPLIT.versions[1:])
def test_weights_are_whole_numbers_from_zero_without_a_rule_on_their_sum(version: str) -> None:
    backends = at(schema(TRAFFIC_SPLIT, version), "spec", "backends")
    assert at(backends, "*", "weight")["type"] == "integer"
    assert at(backends, "*", "weight")["minimum"] == 0
    assert "maximum" not in at(backends, "*", "weight")
    assert "x-kubernetes-validations" not in backends


def weight_pattern() -> str:
    pattern: str = at(schema(TRAFFIC_SPLIT, "v1alpha1"), "spec", "backends", "*", "weight")["pattern"]
    return pattern


@given(st.from_regex(weight_pattern(), fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_what_the_first_version_takes_as_a_weight_can_be_read(weight: str) -> None:
    assert quantity.parse(weight) >= 0


@pytest.mark.parametrize("weight", ["-1", "1.5x", "", " 1", "1 ", "m", "1e", "1Mm", "ten", "1_000", "0x1", "500M i"])
def test_what_is_no_quantity_is_no_weight(weight: str) -> None:
    assert not re.search(weight_pattern(), weight)


@pytest.mark.parametrize(
    "weight", ["0", "1", "500m", "1000m", "1.5", ".5", "1.", "2k", "1Ki", "1e3", "1E-2", "+3", "10n"]
)
def test_quantities_as_kubernetes_writes_them_are_weights(weight: str) -> None:
    assert re.search(weight_pattern(), weight)


@pytest.mark.parametrize("arguments", [("v1alpha4", "dict"), ("v1alpha4", "")])
def test_another_shape_of_headers_is_an_error(arguments: Any) -> None:
    with pytest.raises(KeyError):
        schema(HTTP_ROUTE_GROUP, *arguments)
