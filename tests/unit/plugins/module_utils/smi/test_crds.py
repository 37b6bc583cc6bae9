# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schemas and CRDs, without a server: what the structural rules of Kubernetes and our own conventions ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    GATEWAY_API_NAMESAKES,
    KINDS,
    Kind,
    newest_versions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import (
    UnknownVersion,
    crd,
    crds,
    servable_versions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import Schema, described_versions, schema
from hypothesis import assume, given
from hypothesis import strategies as st

DESCRIBED = [(kind, version) for kind in KINDS for version in described_versions(kind)]
SERVABLE = {group: servable_versions(group) for group in ("split", "access", "specs")}

each_schema = pytest.mark.parametrize(("kind", "version"), DESCRIBED, ids=lambda value: getattr(value, "name", value))
some_versions = st.dictionaries(st.sampled_from(sorted(SERVABLE)), st.none()).flatmap(
    lambda groups: st.fixed_dictionaries(
        {group: st.lists(st.sampled_from(SERVABLE[group]), min_size=1, unique=True) for group in groups}
    )
)


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


@each_schema
def test_every_field_has_a_type_and_a_description(kind: Kind, version: str) -> None:
    bare = [path for path, node in nodes(schema(kind, version)) if not (node.get("type") and node.get("description"))]
    assert bare == []


@each_schema
def test_required_fields_and_list_keys_exist(kind: Kind, version: str) -> None:
    for path, node in nodes(schema(kind, version)):
        assert set(node.get("required", [])) <= set(node.get("properties", {})), path
        keys = set(node.get("x-kubernetes-list-map-keys", []))
        assert keys <= set(node.get("items", {}).get("required", [])), f"{path}: a key must be required"


@each_schema
def test_nothing_is_open(kind: Kind, version: str) -> None:
    """Structural: no untyped corner, and a map only where its values are typed."""
    for path, node in nodes(schema(kind, version)):
        assert "x-kubernetes-preserve-unknown-fields" not in node, path
        assert node["type"] != "object" or "properties" in node or "additionalProperties" in node, path
        assert ("items" in node) == (node["type"] == "array"), path


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
    schema(kind, version)["properties"].clear()
    assert schema(kind, version)["properties"]


@pytest.mark.parametrize("kind", GATEWAY_API_NAMESAKES, ids=lambda kind: kind.name)
def test_a_kind_with_a_namesake_in_the_gateway_api_says_so(kind: Kind) -> None:
    assert f"Not the {kind.name} of the Gateway API" in schema(kind, kind.newest)["description"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_newest_published_version_is_described(kind: Kind) -> None:
    assert kind.newest in described_versions(kind)


def test_headers_are_a_list_of_single_entries_in_specs_v1alpha4() -> None:
    route_group = next(kind for kind in KINDS if kind.name == "HTTPRouteGroup")
    headers = at(schema(route_group, "v1alpha4"), "spec", "matches", "*", "headers")
    assert headers["type"] == "array"
    assert headers["items"]["maxProperties"] == headers["items"]["minProperties"] == 1


def test_weights_are_whole_numbers_from_zero_without_a_rule_on_their_sum() -> None:
    split = next(kind for kind in KINDS if kind.name == "TrafficSplit")
    backends = at(schema(split, "v1alpha4"), "spec", "backends")
    assert at(backends, "*", "weight")["type"] == "integer"
    assert at(backends, "*", "weight")["minimum"] == 0
    assert "maximum" not in at(backends, "*", "weight")
    assert "x-kubernetes-validations" not in backends


@given(some_versions)
def test_crds_have_one_storage_version_the_newest_served(versions: Any) -> None:
    for definition in crds(versions):
        served = [version["name"] for version in definition["spec"]["versions"]]
        stored = [version["name"] for version in definition["spec"]["versions"] if version["storage"]]
        assert stored == served[-1:]
        assert served == sorted(served)
        assert all(version["served"] for version in definition["spec"]["versions"])


@given(some_versions)
def test_crds_serve_what_is_asked_and_nothing_else(versions: Any) -> None:
    made = {definition["spec"]["group"].split(".")[0] for definition in crds(versions)}
    assert made == set(versions)
    for definition in crds(versions):
        group = definition["spec"]["group"].split(".")[0]
        assert {version["name"] for version in definition["spec"]["versions"]} <= set(versions[group])


def test_names_of_a_crd_agree_with_each_other() -> None:
    for definition in crds(newest_versions()):
        spec = definition["spec"]
        assert definition["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
        assert spec["names"]["listKind"] == spec["names"]["kind"] + "List"
        assert spec["names"]["singular"] == spec["names"]["kind"].lower()
        assert spec["names"]["categories"] == ["smi"]
        assert spec["scope"] == "Namespaced"


def test_conversion_is_left_to_its_owner() -> None:
    assert all("conversion" not in definition["spec"] for definition in crds(newest_versions()))


def test_the_order_that_versions_are_asked_in_does_not_matter() -> None:
    split = next(kind for kind in KINDS if kind.name == "TrafficSplit")
    assert crds({"split": ["v1alpha4", "v1alpha4"]}) == [crd(split, ["v1alpha4"])]


def test_nothing_asked_nothing_made() -> None:
    assert crds({}) == []


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({"splits": ["v1alpha4"]}, r"no API group 'splits'; write one of: split, access, specs"),
        ({"metrics": ["v1alpha1"]}, r"no API group 'metrics'"),
        (
            {"split": ["v1alpha9"]},
            r"version 'v1alpha9' of split\.smi-spec\.io cannot be served; write some of: v1alpha4",
        ),
        ({"access": ["v1alpha4"]}, r"version 'v1alpha4' of access\.smi-spec\.io cannot be served.*v1alpha3"),
        ({"specs": "v1alpha4"}, r"specs: 'v1alpha4' is no list of versions"),
        ({"specs": []}, r"specs: \[\] is no list of versions"),
        ({"specs": None}, r"specs: None is no list of versions"),
        ({"specs": [4]}, r"version 4 of specs\.smi-spec\.io cannot be served"),
    ],
)
def test_what_cannot_be_served_is_named_with_what_can(versions: Any, message: str) -> None:
    with pytest.raises(UnknownVersion, match=message):
        crds(versions)


@given(st.dictionaries(st.text(), st.lists(st.text()), min_size=1))
def test_any_other_input_is_refused_in_words(versions: Any) -> None:
    assume(any(group not in SERVABLE or not set(wanted) <= set(SERVABLE[group]) for group, wanted in versions.items()))
    with pytest.raises(UnknownVersion, match="write "):
        crds(versions)
