# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion between all versions: nothing is lost, ratios stay, and who changes something meanwhile is right."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    KINDS,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import (
    KEPT,
    ConversionError,
    convert,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import (
    LIST,
    MAP,
    UnknownObject,
    headers_as,
    is_flat,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
QUANTITIES = st.one_of(
    st.integers(0, 10**6),
    st.integers(0, 10**6).map(str),
    st.integers(0, 10**6).map("{}m".format),
    st.decimals(0, 1000, places=3).map(str),
    st.sampled_from(["1k", "2.5", "0", "100u", "1e2", "3Ki"]),
)
PORTS = st.lists(st.integers(1, 65535), unique=True, max_size=4)
REGEXES = st.sampled_from(["", "/", "/api/.*", "^/a$"])
PAIRS = st.lists(st.tuples(NAMES, REGEXES), min_size=1, max_size=3, unique_by=lambda pair: pair[0])
SHAPES = st.sampled_from([LIST, MAP])


def obj(kind: Kind, version: str, fields: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """An object as a version writes it."""
    head = {"apiVersion": f"{kind.api_group}/{version}", "kind": kind.name, "metadata": {"name": "a", **metadata}}
    return {**head, **(fields if is_flat(kind, version) else {"spec": fields})}


@st.composite
def splits(draw: Any, version: int) -> dict[str, Any]:
    weights = QUANTITIES if version == 1 else st.integers(0, 10**6)
    services = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    fields = {"service": "root", "backends": [{"service": name, "weight": draw(weights)} for name in services]}
    if version > 2 and draw(st.booleans()):
        fields["matches"] = [{"kind": "HTTPRouteGroup", "name": name} for name in draw(st.lists(NAMES, max_size=2))]
    return fields


def subjects() -> Any:
    return st.fixed_dictionaries({"kind": st.just("ServiceAccount"), "name": NAMES}, optional={"namespace": NAMES})


@st.composite
def targets(draw: Any, version: int) -> dict[str, Any]:
    kinds = ["HTTPRouteGroup", "TCPRoute", *(["UDPRoute"] if version > 2 else [])]
    rule = st.fixed_dictionaries(
        {"kind": st.sampled_from(kinds), "name": NAMES}, optional={"matches": st.lists(NAMES, max_size=2)}
    )
    destination = draw(subjects())
    if version < 3 and draw(st.booleans()):
        destination["port"] = draw(st.integers(1, 65535))
    rules = "specs" if version == 1 else "rules"
    return {
        "destination": destination,
        rules: draw(st.lists(rule, max_size=3)),
        "sources": draw(st.lists(subjects(), max_size=3)),
    }


@st.composite
def groups(draw: Any, version: int) -> dict[str, Any]:
    def match(name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name, "pathRegex": draw(REGEXES), "methods": draw(st.just(["GET"]))}
        if version > 1 and draw(st.booleans()):
            found["headers"] = headers_as(draw(PAIRS), draw(SHAPES))
        return found

    return {"matches": [match(name) for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))]}


@st.composite
def port_routes(draw: Any, version: int) -> dict[str, Any]:
    return {"matches": draw(st.fixed_dictionaries({}, optional={"ports": PORTS}))} if version > 3 else {}


FIELDS = {
    TRAFFIC_SPLIT: splits,
    TRAFFIC_TARGET: targets,
    HTTP_ROUTE_GROUP: groups,
    TCP_ROUTE: port_routes,
    UDP_ROUTE: port_routes,
}
KINDS_AND_VERSIONS = [(kind, version) for kind in KINDS for version in kind.versions]
METADATA = st.fixed_dictionaries(
    {"namespace": NAMES},
    optional={
        "annotations": st.dictionaries(NAMES, NAMES, min_size=1, max_size=2),
        "labels": st.dictionaries(NAMES, NAMES, max_size=2),
        "uid": st.just("1-2"),
    },
)


@st.composite
def objects(draw: Any) -> dict[str, Any]:
    """Objects of all kinds and versions."""
    kind, version = draw(st.sampled_from(KINDS_AND_VERSIONS))
    return obj(kind, version, draw(FIELDS[kind](version_key(version))), **draw(METADATA))


def versions_of(body: dict[str, Any]) -> tuple[str, ...]:
    return next(kind.versions for kind in KINDS if kind.name == body["kind"])


def version_of(body: dict[str, Any]) -> str:
    return str(body["apiVersion"].partition("/")[2])


@given(objects())
def test_a_way_there_and_back_loses_nothing(body: dict[str, Any]) -> None:
    for version in versions_of(body):
        there = convert(body, version)
        assert version_of(there) == version
        assert convert(there, version_of(body)) == body


@given(objects())
def test_a_way_through_two_versions_loses_nothing(body: dict[str, Any]) -> None:
    for first, second in itertools.product(versions_of(body), repeat=2):
        assert convert(convert(convert(body, first), second), version_of(body)) == body


@given(objects())
def test_the_object_given_stays_as_it_is(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    for version in versions_of(body):
        convert(body, version)
    assert body == before


@given(objects())
def test_of_the_metadata_only_the_annotation_differs(body: dict[str, Any]) -> None:
    for version in versions_of(body):
        metadata = copy.deepcopy(convert(body, version)["metadata"])
        annotations = metadata.get("annotations", {})
        annotations.pop(KEPT, None)
        if not annotations:
            metadata.pop("annotations", None)
        assert metadata == body["metadata"]


@given(splits(1))
def test_ratios_of_weights_stay_exactly(fields: dict[str, Any]) -> None:
    weights = [quantity.parse(backend["weight"]) for backend in fields["backends"]]
    found = [
        backend["weight"] for backend in convert(obj(TRAFFIC_SPLIT, "v1alpha1", fields), "v1alpha4")["spec"]["backends"]
    ]
    assert all(isinstance(weight, int) for weight in found)
    total = sum(weights)
    assert [weight * total for weight in found] == [weight * sum(found) for weight in weights]


@pytest.mark.parametrize("version", TRAFFIC_SPLIT.versions)
def test_the_split_of_the_article(version: str) -> None:
    backends = [{"service": "backend-v1", "weight": 80}, {"service": "backend-v2", "weight": 20}]
    body = obj(TRAFFIC_SPLIT, "v1alpha2", {"service": "backend", "backends": backends})
    assert convert(body, version) == obj(TRAFFIC_SPLIT, version, {"service": "backend", "backends": backends})


def mixed() -> dict[str, Any]:
    weights = ["1", "500m", "1000m", "1.5"]
    backends = [{"service": f"b{index}", "weight": weight} for index, weight in enumerate(weights)]
    return obj(TRAFFIC_SPLIT, "v1alpha1", {"service": "root", "backends": backends})


def test_mixed_units_do_not_turn_ratios_around() -> None:
    """The controller SDK's conversion gives 1, 500, 1000 and 15."""
    backends = convert(mixed(), "v1alpha4")["spec"]["backends"]
    assert [backend["weight"] for backend in backends] == [1000, 500, 1000, 1500]


def test_a_weight_that_is_changed_meanwhile_counts() -> None:
    there = convert(mixed(), "v1alpha4")
    there["spec"]["backends"][1]["weight"] = 250
    there["spec"]["backends"].append({"service": "new", "weight": 2000})
    back = convert(there, "v1alpha1")["spec"]["backends"]
    assert [backend["weight"] for backend in back] == ["1", "250m", "1000m", "1.5", 2]


def test_matches_outlast_a_version_that_has_none() -> None:
    matches = [{"kind": "HTTPRouteGroup", "name": "admin"}]
    backends = [{"service": "b", "weight": 1}]
    there = convert(
        obj(TRAFFIC_SPLIT, "v1alpha4", {"service": "root", "backends": backends, "matches": matches}), "v1alpha2"
    )
    assert "matches" not in there["spec"]
    there["spec"]["backends"] = [{"service": "c", "weight": 7}]
    back = convert(there, "v1alpha4")
    assert back["spec"] == {"service": "root", "backends": [{"service": "c", "weight": 7}], "matches": matches}


def test_what_is_kept_does_not_win_over_what_is_written() -> None:
    stale = json.dumps({"matches": [{"kind": "HTTPRouteGroup", "name": "old"}]})
    fields = {"service": "root", "backends": [{"service": "b", "weight": 1}]}
    body = obj(TRAFFIC_SPLIT, "v1alpha3", fields, annotations={KEPT: stale})
    for version in ("v1alpha4", "v1alpha2"):
        assert convert(convert(body, version), "v1alpha3") == obj(TRAFFIC_SPLIT, "v1alpha3", fields)


def with_port() -> dict[str, Any]:
    destination = {"kind": "ServiceAccount", "name": "api", "namespace": "shop", "port": 8080}
    return obj(TRAFFIC_TARGET, "v1alpha2", {"destination": destination, "rules": [], "sources": []})


def test_the_port_of_a_destination_comes_back() -> None:
    there = convert(with_port(), "v1alpha3")
    assert "port" not in there["spec"]["destination"]
    there["spec"]["sources"] = [{"kind": "ServiceAccount", "name": "web"}]
    assert convert(there, "v1alpha1")["destination"]["port"] == 8080


def test_the_port_is_not_that_of_another_destination() -> None:
    there = convert(with_port(), "v1alpha3")
    there["spec"]["destination"]["name"] = "other"
    assert "port" not in convert(there, "v1alpha2")["spec"]["destination"]


def test_headers_belong_to_their_match() -> None:
    matches = [
        {"name": "a", "pathRegex": "/a", "headers": {"x": "1"}},
        {"name": "b", "pathRegex": "/b", "headers": {"y": "2"}},
    ]
    there = convert(obj(HTTP_ROUTE_GROUP, "v1alpha4", {"matches": matches}), "v1alpha1")
    assert there["matches"] == [{"name": "a", "pathRegex": "/a"}, {"name": "b", "pathRegex": "/b"}]
    there["matches"] = [{"name": "c", "pathRegex": "/c"}, {"name": "b", "pathRegex": "/changed"}]
    back = convert(there, "v1alpha2")["matches"]
    assert back == [{"name": "c", "pathRegex": "/c"}, {"name": "b", "pathRegex": "/changed", "headers": {"y": "2"}}]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(LIST, [{"x": "1"}, {"y": "2"}]), (MAP, {"x": "1", "y": "2"}), (None, [{"x": "1", "y": "2"}])],
)
def test_headers_in_the_shape_that_is_asked_for(shape: Any, expected: Any) -> None:
    body = obj(HTTP_ROUTE_GROUP, "v1alpha4", {"matches": [{"name": "a", "headers": [{"x": "1", "y": "2"}]}]})
    assert convert(body, "v1alpha4", shape)["spec"]["matches"][0]["headers"] == expected
    assert convert(body, "v1alpha2", shape)["matches"][0]["headers"] == expected


def test_headers_that_a_mapping_cannot_say_are_refused() -> None:
    body = obj(HTTP_ROUTE_GROUP, "v1alpha4", {"matches": [{"name": "a", "headers": [{"x": "1"}, {"x": "2"}]}]})
    with pytest.raises(ConversionError, match=r"HTTPRouteGroup default/a: matches\[0\]\.headers: .*named twice"):
        convert(body, "v1alpha4", MAP)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{",
        "[]",
        "7",
        '{"matches":7,"weights":7,"port":7,"headers":7}',
        '{"weights":{"per":0,"was":7}}',
        '{"weights":{"per":1000,"was":[[1],null]},"headers":{"a":1},"port":{"of":7}}',
    ],
)
@given(body=objects())
def test_an_annotation_that_somebody_spoilt_does_no_harm(kept: str, body: dict[str, Any]) -> None:
    body["metadata"]["annotations"] = {KEPT: kept}
    for version in versions_of(body):
        assert version_of(convert(body, version)) == version


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(
                st.sampled_from(["service", "backends", "weight", "matches", "name", "headers", "destination", "port"]),
                each,
            )
        ),
        max_leaves=15,
    )
)
def test_nonsense_is_passed_on(fields: Any) -> None:
    for kind, version in KINDS_AND_VERSIONS:
        body = {
            "apiVersion": f"{kind.api_group}/{version}",
            "kind": kind.name,
            "metadata": {"name": "a"},
            "spec": fields,
        }
        for other in kind.versions:
            assert version_of(convert(body, other)) == other


def test_the_status_comes_along() -> None:
    body = {**obj(TRAFFIC_SPLIT, "v1alpha4", {"service": "a", "backends": []}), "status": {"phase": "x"}}
    assert convert(body, "v1alpha1")["status"] == {"phase": "x"}


def test_versions_and_kinds_that_there_are_not() -> None:
    with pytest.raises(ConversionError, match="TrafficTarget has no version 'v1alpha4'; write one of: v1alpha1"):
        convert(with_port(), "v1alpha4")
    with pytest.raises(UnknownObject, match="TCPRoute of gateway"):
        convert({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "TCPRoute"}, "v1alpha4")
