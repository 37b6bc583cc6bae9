# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion between all versions: nothing is lost, ratios stay, and who changes something meanwhile is right."""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DRAFT_KINDS,
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
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
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import ANY, schema
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import (
    LIST,
    MAP,
    UnknownObject,
    fields_of,
    headers_as,
    identify,
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


def subjects(version: int) -> Any:
    accounts = st.fixed_dictionaries({"kind": st.just("ServiceAccount"), "name": NAMES}, optional={"namespace": NAMES})
    if version < 4:
        return accounts
    groups = {"namespace": NAMES, "group": st.just("access.smi-spec.io")}
    # Few names, so that some come twice, one with its group and one without.
    names = st.sampled_from(["web", "client"])
    bindings = st.fixed_dictionaries({"kind": st.just("IdentityBinding"), "name": names}, optional=groups)
    return accounts | bindings


@st.composite
def targets(draw: Any, version: int) -> dict[str, Any]:
    kinds = ["HTTPRouteGroup", "TCPRoute", *(["UDPRoute"] if version > 2 else [])]
    rule = st.fixed_dictionaries(
        {"kind": st.sampled_from(kinds), "name": NAMES}, optional={"matches": st.lists(NAMES, max_size=2)}
    )
    destination = draw(subjects(version))
    if version < 3 and draw(st.booleans()):
        destination["port"] = draw(st.integers(1, 65535))
    rules = "specs" if version == 1 else "rules"
    return {
        "destination": destination,
        rules: draw(st.lists(rule, max_size=3)),
        "sources": draw(st.lists(subjects(version), max_size=3)),
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


@st.composite
def bindings(draw: Any, version: int) -> dict[str, Any]:
    return {"schemes": {"serviceAccount": draw(NAMES), "podLabelSelector": {"matchLabels": {"app": draw(NAMES)}}}}


FIELDS = {
    IDENTITY_BINDING: bindings,
    TRAFFIC_SPLIT: splits,
    TRAFFIC_TARGET: targets,
    HTTP_ROUTE_GROUP: groups,
    TCP_ROUTE: port_routes,
    UDP_ROUTE: port_routes,
}
KINDS_AND_VERSIONS = [(kind, version) for kind in (*KINDS, *DRAFT_KINDS) for version in kind.all_versions]
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
    return next(kind.all_versions for kind in (*KINDS, *DRAFT_KINDS) if kind.name == body["kind"])


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


def unknown(value: Any, node: dict[str, Any], path: str = "$") -> Iterator[str]:
    """The paths in an object that its schema does not have."""
    if node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node:
        return
    if isinstance(value, dict):
        for name, child in value.items():
            if name not in node.get("properties", {}):
                yield f"{path}.{name}"
            else:
                yield from unknown(child, node["properties"][name], f"{path}.{name}")
    if isinstance(value, list):
        for child in value:
            yield from unknown(child, node["items"], f"{path}[]")


@given(objects())
def test_each_version_has_only_its_own_fields(body: dict[str, Any]) -> None:
    for version in versions_of(body):
        kind, _version = identify(body)
        fields = {
            name: value
            for name, value in convert(body, version).items()
            if name not in ("apiVersion", "kind", "metadata")
        }
        assert list(unknown(fields, schema(kind, version, ANY))) == []


@given(
    objects(), st.sampled_from(["x", "apiVersion", "kind", "metadata", "status", "spec", "rules", "specs", "beside"])
)
def test_fields_that_no_version_has_come_along(body: dict[str, Any], name: str) -> None:
    """Also those whose name means something else in another layout."""
    kind, version = identify(body)
    if is_flat(kind, version):
        body.setdefault(name, {"more": 1})
    else:
        body["spec"].setdefault(name, {"more": 1})
        body.setdefault("unknown", 7)
    for other in versions_of(body):
        there = convert(body, other)
        assert (there["kind"], there["metadata"]["name"]) == (body["kind"], "a")
        assert convert(there, version) == body


@given(splits(1), st.data())
def test_a_weight_changed_in_any_version_wins_and_the_rest_is_restored(fields: dict[str, Any], data: Any) -> None:
    there = convert(obj(TRAFFIC_SPLIT, "v1alpha1", fields), data.draw(st.sampled_from(TRAFFIC_SPLIT.versions[1:])))
    changed = data.draw(st.integers(0, len(fields["backends"]) - 1))
    there["spec"]["backends"][changed]["weight"] = data.draw(st.integers(0, 10**6))
    wanted = [backend["weight"] for backend in there["spec"]["backends"]]
    back = convert(there, "v1alpha1")
    found = [quantity.parse(backend["weight"]) for backend in back["spec"]["backends"]]
    assert [weight * sum(wanted) for weight in found] == [weight * sum(found) for weight in wanted]
    for index, backend in enumerate(fields["backends"]):
        if index != changed and not isinstance(backend["weight"], int):
            assert back["spec"]["backends"][index] == backend
    assert convert(back, version_of(there))["spec"] == there["spec"], "reading it in v1alpha1 must not change it"


@given(objects(), st.data())
def test_what_is_changed_in_between_wins(body: dict[str, Any], data: Any) -> None:
    """A field that every version has is changed in another version: it, and only it, differs on the way back."""
    kind, version = identify(body)
    paths = {
        TRAFFIC_SPLIT: ("service", "changed"),
        TRAFFIC_TARGET: ("sources", [{"kind": "ServiceAccount", "name": "changed"}]),
    }
    if kind not in paths:
        return
    name, value = paths[kind]
    there = convert(body, data.draw(st.sampled_from(kind.all_versions)))
    (there if is_flat(kind, version_of(there)) else there["spec"])[name] = value
    back = convert(there, version)
    assert fields_of(back) == {**fields_of(body), name: value}
    assert back["metadata"] == body["metadata"]


@given(objects())
def test_what_is_converted_to_its_own_version_is_the_same(body: dict[str, Any]) -> None:
    for version in versions_of(body):
        there = convert(body, version)
        assert convert(there, version) == there


def test_ten_thousand_objects_take_no_time() -> None:
    """A webhook answers for whole lists. The bound is ten times what it took, for slow machines."""
    body = mixed()
    before = time.process_time()
    for _each in range(5000):
        convert(convert(body, "v1alpha4"), "v1alpha1")
    assert time.process_time() - before < 10


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


def test_weights_that_are_all_written_anew_are_whole_again() -> None:
    there = convert(mixed(), "v1alpha4")
    there["spec"]["backends"] = [{"service": "b0", "weight": 80}, {"service": "b1", "weight": 20}]
    back = convert(there, "v1alpha1")
    assert [backend["weight"] for backend in back["spec"]["backends"]] == [80, 20]
    assert "annotations" not in back["metadata"]


def test_whole_weights_are_not_shortened_by_reading_them_as_quantities() -> None:
    """1000 and 1000 read as 1 and 1, and come back as 1000 and 1000 unless somebody changes them there."""
    there = convert(mixed(), "v1alpha4")
    there["spec"]["backends"] = [{"service": "b0", "weight": 1000}, {"service": "b1", "weight": 1000}]
    read = convert(there, "v1alpha1")
    assert [backend["weight"] for backend in read["spec"]["backends"]] == ["1", 1]
    assert convert(read, "v1alpha4")["spec"] == there["spec"]
    read["spec"]["backends"][1]["weight"] = 3
    assert [backend["weight"] for backend in convert(read, "v1alpha4")["spec"]["backends"]] == [1, 3]


def test_no_weight_turns_into_nothing() -> None:
    """Quantities end at a billionth: what would be below is written as whole numbers."""
    backends = [{"service": "a", "weight": "1"}, {"service": "b", "weight": "1e-12"}]
    there = convert(obj(TRAFFIC_SPLIT, "v1alpha1", {"service": "root", "backends": backends}), "v1alpha4")
    there["spec"]["backends"][1]["weight"] = 2
    back = convert(there, "v1alpha1")["spec"]["backends"]
    assert [backend["weight"] for backend in back] == [10**12, 2]


def test_weights_that_whole_numbers_cannot_say_are_refused() -> None:
    backends = [{"service": "a", "weight": "1E"}, {"service": "b", "weight": "1m"}]
    with pytest.raises(ConversionError, match=r"^TrafficSplit default/a: backends: .*write them closer") as caught:
        convert(obj(TRAFFIC_SPLIT, "v1alpha1", {"service": "root", "backends": backends}), "v1alpha2")
    assert (caught.value.subject, caught.value.field) == ("TrafficSplit default/a", "backends")


@pytest.mark.parametrize("weights", [["1", "1000m"], ["1000m", "1"], ["0", "0m"]])
def test_a_service_that_is_named_twice(weights: list[str]) -> None:
    body = obj(
        TRAFFIC_SPLIT,
        "v1alpha1",
        {"service": "root", "backends": [{"service": "a", "weight": each} for each in weights]},
    )
    assert convert(convert(body, "v1alpha2"), "v1alpha1") == body


def test_what_is_kept_needs_no_metadata_to_be_there() -> None:
    body = {"apiVersion": "split.smi-spec.io/v1alpha4", "kind": "TrafficSplit", "spec": {"matches": [{"name": "m"}]}}
    assert convert(convert(body, "v1alpha1"), "v1alpha4")["spec"] == body["spec"]


@pytest.mark.parametrize("other", TCP_ROUTE.versions)
def test_a_route_without_spec_gets_none_that_says_more(other: str) -> None:
    body = obj(TCP_ROUTE, "v1alpha4", {})
    del body["spec"]
    assert convert(convert(body, other), "v1alpha4") == body
    older = {**body, "apiVersion": "specs.smi-spec.io/v1alpha3"}
    assert convert(convert(older, other), "v1alpha3").get("spec", {}) == {}


def test_a_route_that_means_all_ports_says_so_where_ports_can_be_named() -> None:
    for version in ("v1alpha1", "v1alpha2", "v1alpha3"):
        body = obj(TCP_ROUTE, version, {})
        there = convert(body, "v1alpha4")
        assert there == obj(TCP_ROUTE, "v1alpha4", {"matches": {}})
        assert convert(there, version) == body


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


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3"])
def test_an_identity_binding_stays_in_sight_and_its_group_comes_back(version: str) -> None:
    """Out of sight it could leave an empty list of sources, or go along with whoever is the destination meanwhile."""
    body = target_of_bindings()
    there = fields_of(convert(body, version))
    plain_ones = [{"kind": "IdentityBinding", "name": name, "namespace": "shop"} for name in ("api", "web", "web")]
    assert [there["destination"], *there["sources"]] == plain_ones
    assert convert(convert(body, version), "v1alpha4") == body


def test_the_group_of_a_subject_is_not_that_of_another() -> None:
    there = convert(target_of_bindings(), "v1alpha3")
    there["spec"]["destination"]["name"] = "other"
    there["spec"]["sources"][0] = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
    there["spec"]["sources"].append({"kind": "IdentityBinding", "name": "api", "namespace": "shop"})
    back = convert(there, "v1alpha4")
    assert back["spec"]["destination"] == {"kind": "IdentityBinding", "name": "other", "namespace": "shop"}
    assert [source.get("group") for source in back["spec"]["sources"]] == [None, "access.smi-spec.io", None]
    assert "annotations" not in back["metadata"]


def target_of_bindings() -> dict[str, Any]:
    binding = {"kind": "IdentityBinding", "name": "web", "namespace": "shop"}
    grouped = {**binding, "group": "access.smi-spec.io"}
    fields = {"destination": {**grouped, "name": "api"}, "rules": [], "sources": [grouped, binding]}
    return obj(TRAFFIC_TARGET, "v1alpha4", fields)


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


@pytest.mark.parametrize("names", [("a", "a", "b"), ("a", None, None)])
def test_headers_do_not_go_to_another_match_of_that_name(names: tuple[Any, ...]) -> None:
    """Names should differ, but not every CRD sees to it."""
    matches: list[dict[str, Any]] = [{"pathRegex": "/"} if name is None else {"name": name} for name in names]
    for with_headers in itertools.product([True, False], repeat=3):
        there = [
            {**match, **({"headers": {"x": str(index)}} if has else {})}
            for index, (match, has) in enumerate(zip(matches, with_headers))
        ]
        body = obj(HTTP_ROUTE_GROUP, "v1alpha4", {"matches": there})
        assert convert(body, "v1alpha1")["matches"] == matches
        assert convert(convert(body, "v1alpha1"), "v1alpha4") == body


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_a_rule_for_udp_is_neither_hidden_nor_lost(version: str) -> None:
    """Left out, it could leave an empty list, and what that allows is up to the reader."""
    rules = [{"kind": "UDPRoute", "name": "dns"}]
    fields = {"destination": {"kind": "ServiceAccount", "name": "dns"}, "rules": rules, "sources": []}
    body = obj(TRAFFIC_TARGET, "v1alpha3", fields)
    there = fields_of(convert(body, version))
    assert there["specs" if version == "v1alpha1" else "rules"] == rules
    assert convert(convert(body, version), "v1alpha3") == body


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(LIST, [{"x": "1"}, {"y": "2"}]), (MAP, {"x": "1", "y": "2"}), (None, [{"x": "1", "y": "2"}])],
)
def test_headers_in_the_shape_that_is_asked_for(shape: Any, expected: Any) -> None:
    body = obj(HTTP_ROUTE_GROUP, "v1alpha4", {"matches": [{"name": "a", "headers": [{"x": "1", "y": "2"}]}]})
    assert convert(body, "v1alpha4", shape)["spec"]["matches"][0]["headers"] == expected
    assert convert(body, "v1alpha2", shape)["matches"][0]["headers"] == expected


def test_other_kinds_have_no_headers_to_shape() -> None:
    assert convert(mixed(), "v1alpha1", MAP) == mixed()


def test_a_shape_that_there_is_not() -> None:
    with pytest.raises(ConversionError, match="'set' is no shape of headers; write list or map"):
        convert(obj(HTTP_ROUTE_GROUP, "v1alpha4", {"matches": []}), "v1alpha4", "set")


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
        '{"weights":{"per":1000,"was":[[1],null,[[],{},[]],[{},1,"1m"]]},"headers":{"a":1},"port":{"of":7}}',
        '{"weights":{"per":1000,"of":[[1],null]},"headers":[["a",0,7],[[],{},{}]],"matches":[7],"spec":[],"beside":{}}',
        "[" * 100_000,
    ],
    ids=range(9),
)
@given(body=objects())
def test_an_annotation_that_somebody_spoilt_does_no_harm(kept: str, body: dict[str, Any]) -> None:
    body["metadata"]["annotations"] = {KEPT: kept}
    for version in versions_of(body):
        there = convert(body, version)
        assert version_of(there) == version
        clean = {**body, "metadata": {**body["metadata"], "annotations": {}}}
        assert fields_of(there) == fields_of(convert(clean, version)), "nothing comes out of it"


FORGED = {
    "other weight": (TRAFFIC_SPLIT, {"weights": {"per": 1000, "was": [["b", 500, "9"]]}}),
    "no weight": (TRAFFIC_SPLIT, {"weights": {"per": 1000, "was": [["b", 500, {"a": 1}]]}}),
    "no factor": (TRAFFIC_SPLIT, {"weights": {"per": "7", "was": [["b", 500, "500"]]}}),
    "matches": (TRAFFIC_SPLIT, {"matches": [7]}),
    "other fields": (HTTP_ROUTE_GROUP, {"spec": {"matches": []}, "beside": {"spec": {}, "kind": "x", "metadata": 7}}),
    "headers": (HTTP_ROUTE_GROUP, {"headers": [["m", 0, 1]]}),
    "port": (TRAFFIC_TARGET, {"port": {"of": ["ServiceAccount", None, "x"], "is": "80"}}),
    "groups": (TRAFFIC_TARGET, {"groups": {"sources": [], "destination": [[["ServiceAccount", None, "x"], 0, 7]]}}),
    "groups of nobody": (TRAFFIC_TARGET, {"groups": {"destination": [[7, 0, "g"], "x", [["x"], True, "g"]]}}),
    "ports": (TCP_ROUTE, {"matches": {"ports": "all"}}),
}
PLAIN = {
    TRAFFIC_SPLIT: {"service": "root", "backends": [{"service": "b", "weight": 500}]},
    HTTP_ROUTE_GROUP: {"matches": [{"name": "m"}]},
    TRAFFIC_TARGET: {"destination": {"kind": "ServiceAccount", "name": "x"}, "sources": []},
}


def plain(kind: Kind, version: str, **metadata: Any) -> dict[str, Any]:
    """An object without anything that needs an annotation."""
    all_ports: dict[str, Any] = {"matches": {}} if version == "v1alpha4" else {}
    return obj(kind, version, PLAIN.get(kind, all_ports), **metadata)


@pytest.mark.parametrize("name", FORGED)
def test_an_annotation_written_by_hand_changes_nothing_that_no_version_would_write(name: str) -> None:
    kind, kept = FORGED[name]
    for first, second in itertools.product(kind.all_versions, repeat=2):
        if first != second:
            body = plain(kind, first, annotations={KEPT: json.dumps(kept)})
            assert convert(body, second) == plain(kind, second)


@pytest.mark.parametrize(
    ("metadata", "field"), [("x", "metadata"), ([1], "metadata"), ({"annotations": "x"}, "metadata.annotations")]
)
def test_metadata_that_is_none(metadata: Any, field: str) -> None:
    body = {**obj(TRAFFIC_SPLIT, "v1alpha1", {}), "metadata": metadata}
    with pytest.raises(ConversionError, match=f"^TrafficSplit: {field}: .* is no mapping; write one"):
        convert(body, "v1alpha4")


def test_what_an_annotation_cannot_hold_is_refused() -> None:
    body = obj(TRAFFIC_SPLIT, "v1alpha4", {"matches": [{"name": {1, 2}}]})
    with pytest.raises(ConversionError, match=r"^TrafficSplit default/a: matches: .*write text and numbers only"):
        convert(body, "v1alpha1")


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
    with pytest.raises(ConversionError, match="TrafficTarget has no version 'v1alpha5'; write one of: v1alpha1"):
        convert(with_port(), "v1alpha5")
    with pytest.raises(UnknownObject, match="TCPRoute of gateway"):
        convert({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "TCPRoute"}, "v1alpha4")
