# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the fields of an object are after it went from one tool to another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.handover_fields import (
    LAST_APPLIED,
    _union,
    _written,
    annotations_size,
    appliers,
    label_owners,
    last_applied_of,
    last_applied_to,
    moved_to_apply,
    moved_to_update,
)
from hypothesis import given
from hypothesis import strategies as st

LABEL = "applyset.kubernetes.io/part-of"
OF_SET = {"f:metadata": {"f:labels": {f"f:{LABEL}": {}}}}
NEW = "servicemesh.platform/web"


def entry(manager: str, operation: str, fields: Any, version: str = "v1", **rest: Any) -> dict[str, Any]:
    fixed = {"manager": manager, "operation": operation, "apiVersion": version, "fieldsType": "FieldsV1"}
    return {**fixed, "fieldsV1": fields, **rest}


def labelled(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, **OF_SET}


def metadata(*entries: dict[str, Any], applied: Any = None, name: str = "a") -> dict[str, Any]:
    annotations = (
        {} if applied is None else {LAST_APPLIED: applied if isinstance(applied, str) else json.dumps(applied)}
    )
    return {"name": name, "namespace": "n", "annotations": annotations, "managedFields": list(entries)}


def config_map(**rest: Any) -> dict[str, Any]:
    labels = {"name": "a", "namespace": "n", "labels": {LABEL: "x"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": labels, **rest}


# --- whose the label is


def test_who_applied_the_label_is_an_applier() -> None:
    found = metadata(entry("kubectl", "Apply", OF_SET), entry("other", "Apply", {"f:data": {}}))
    assert appliers(found, "ConfigMap", LABEL) == label_owners(found, LABEL) == ["kubectl"]


@pytest.mark.parametrize(
    ("manager", "applied", "expected"),
    [
        ("kubectl-client-side-apply", config_map(), True),
        ("ci", config_map(), True),
        ("kubectl-create", config_map(), False),
        ("ci", None, False),
        ("ci", config_map(metadata={"name": "a", "namespace": "n"}), False),
        ("ci", config_map(metadata={**config_map()["metadata"], "name": "original"}), False),
        ("ci", config_map(metadata={**config_map()["metadata"], "namespace": "other"}), False),
        ("ci", {**config_map(), "kind": "Secret"}, False),
    ],
)
def test_an_update_is_an_apply_when_kubectl_says_so_of_this_very_object(
    manager: str, applied: Any, expected: bool
) -> None:
    found = metadata(entry(manager, "Update", OF_SET), applied=applied)
    assert appliers(found, "ConfigMap", LABEL) == ([manager] if expected else [])
    assert label_owners(found, LABEL) == [manager]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", "{}", '{"metadata": 1}', '{"kind":"ConfigMap"}'])
def test_an_annotation_that_kubectl_did_not_write_says_nothing(text: str) -> None:
    assert last_applied_to(metadata(applied=text), "ConfigMap") is None


def test_a_secret_written_as_text_counts_as_data() -> None:
    secret = {**config_map(data={"a": "MQ=="}, stringData={"b": "2"}), "kind": "Secret"}
    found = last_applied_to(metadata(applied=secret), "Secret")
    assert found is not None
    assert set(found["data"]) == {"a", "b"}


# --- to an apply


def test_an_apply_goes_as_it_is() -> None:
    status = entry("kubectl", "Apply", {"f:status": {}}, subresource="status")
    other = entry("kube-controller-manager", "Update", {"f:data": {"f:b": {}}})
    applied = entry("kubectl", "Apply", labelled({"f:data": {"f:a": {}}}), time="t")
    moved = moved_to_apply(metadata(applied, other, status), "ConfigMap", LABEL, ["kubectl"], NEW)
    assert moved == [other, status, {**applied, "manager": NEW}]


def test_what_both_applied_becomes_one() -> None:
    theirs = entry("kubectl", "Apply", labelled({"f:data": {"f:a": {}}}), "v2")
    ours = entry(NEW, "Apply", labelled({"f:data": {"f:b": {}}}), "v1")
    moved = moved_to_apply(metadata(ours, theirs), "ConfigMap", LABEL, ["kubectl"], NEW)
    assert moved == [entry(NEW, "Apply", labelled({"f:data": {"f:a": {}, "f:b": {}}}), "v2")]


def test_of_an_update_goes_what_was_written() -> None:
    fields = labelled({"f:data": {".": {}, "f:a": {}, "f:defaulted": {}}, "f:immutable": {}})
    update = entry("kubectl-client-side-apply", "Update", fields)
    found = metadata(update, applied=config_map(data={"a": "1"}))
    moved = moved_to_apply(found, "ConfigMap", LABEL, ["kubectl-client-side-apply"], NEW)
    assert moved == [entry(NEW, "Apply", labelled({"f:data": {"f:a": {}}}))]


def test_updates_in_several_versions_become_one_in_that_of_the_annotation() -> None:
    old = entry("ci", "Update", labelled({"f:spec": {"f:same": {}, "f:gone": {}}}), "x/v1beta1")
    new = entry("ci", "Update", {"f:spec": {"f:new": {}}}, "x/v1")
    applied = {**config_map(spec={"same": 1, "new": 2}), "apiVersion": "x/v1"}
    moved = moved_to_apply(metadata(old, new, applied=applied), "ConfigMap", LABEL, ["ci"], NEW)
    assert moved == [entry(NEW, "Apply", labelled({"f:spec": {"f:same": {}, "f:new": {}}}), "x/v1")]


def test_without_the_annotation_all_goes_that_came_with_the_label() -> None:
    update = entry("ci", "Update", labelled({"f:data": {"f:a": {}}}))
    by_hand = entry("ci", "Update", {"f:data": {"f:b": {}}}, "v2")
    moved = moved_to_apply(metadata(update, by_hand), "ConfigMap", LABEL, ["ci"], NEW)
    assert moved == [by_hand, {**update, "manager": NEW, "operation": "Apply"}]


def test_the_label_goes_in_any_case() -> None:
    update = entry("ci", "Update", labelled({"f:data": {"f:a": {}}}))
    applied = config_map(data={"a": "1"}, metadata={"name": "a", "namespace": "n"})
    moved = moved_to_apply(metadata(update, applied=applied), "ConfigMap", LABEL, ["ci"], NEW)
    assert moved == [entry(NEW, "Apply", labelled({"f:data": {"f:a": {}}}))]


# --- to an update


def test_an_apply_becomes_an_update_and_the_last_entry() -> None:
    ours = entry(NEW, "Apply", labelled({"f:data": {"f:a": {}}}))
    update = entry("kubectl-client-side-apply", "Update", {"f:data": {"f:b": {}}})
    other = entry("other", "Apply", {"f:data": {"f:c": {}}})
    moved = moved_to_update(metadata(ours, update, other), [NEW], "kubectl-client-side-apply")
    both = labelled({"f:data": {"f:a": {}, "f:b": {}}})
    assert moved == [other, entry("kubectl-client-side-apply", "Update", both)]


def test_the_annotation_is_as_kubectl_writes_it() -> None:
    live = config_map(data={"own": "<ä&\u2028>\n", "other": "1"}, status={})
    live["metadata"]["uid"] = "u"
    text = last_applied_of(live, labelled({"f:data": {"f:own": {}}}))
    assert text == (
        '{"apiVersion":"v1","data":{"own":"\\u003cä\\u0026\\u2028\\u003e\\n"},"kind":"ConfigMap","metadata":'
        f'{{"annotations":{{}},"labels":{{"{LABEL}":"x"}},"name":"a","namespace":"n"}}}}\n'
    )


def test_there_and_back_is_the_same() -> None:
    fields = {"f:data": {"f:a": {}}, "f:spec": {"f:list": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:empty": {}}}}}
    ours = entry(NEW, "Apply", labelled(fields))
    live = config_map(data={"a": "1", "b": "2"}, spec={"list": [{"name": "x", "empty": {}, "default": 1}]})
    annotation = last_applied_of(live, ours["fieldsV1"])
    gone = moved_to_update(metadata(ours), [NEW], "kubectl-client-side-apply")
    back = moved_to_apply(metadata(*gone, applied=annotation), "ConfigMap", LABEL, ["kubectl-client-side-apply"], NEW)
    assert back == [ours]


def test_the_size_is_counted_in_bytes() -> None:
    assert annotations_size({"ä": "ö", "a": ""}) == 5


# --- what was written


@pytest.mark.parametrize(
    ("fields", "value", "written"),
    [
        ({"f:a": {}, "f:b": {}}, {"a": 1}, {"f:a": {}}),
        ({"f:a": {}}, {"a": None}, {}),
        ({"f:a": {}}, {"a": {}}, {"f:a": {}}),
        ({"f:a": {".": {}, "f:b": {}}}, {"a": {}}, {"f:a": {}}),
        ({"f:a": {".": {}, "f:b": {}}}, {"a": {"b": 1}}, {"f:a": {"f:b": {}}}),
        ({"f:a": {"f:b": {}}}, {"a": {"c": 1}}, {}),
        ({"f:a": {"f:b": {}}}, {"a": "of another type"}, {}),
        ({"f:a": {'v:"x"': {}, 'v:"y"': {}}}, {"a": ["x"]}, {"f:a": {'v:"x"': {}}}),
        ({"f:a": {"i:0": {}, "i:1": {}}}, {"a": ["x"]}, {"f:a": {"i:0": {}}}),
        (
            {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:image": {}}},
            [{"name": "y"}, {"name": "x", "image": "i"}],
            {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:image": {}}},
        ),
        ({'k:{"name":"x"}': {".": {}, "f:name": {}}}, [{"name": "y"}, "x", {}], {}),
    ],
)
def test_what_was_written(fields: Any, value: Any, written: Any) -> None:
    assert _written(fields, value) == written


def test_a_key_that_was_defaulted_is_found() -> None:
    """The protocol of a port is one: what does not say it says TCP."""
    udp, tcp = 'k:{"port":53,"protocol":"UDP"}', 'k:{"port":53,"protocol":"TCP"}'
    fields = {key: {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}} for key in (udp, tcp)}
    written = _written(fields, [{"name": "u", "port": 53, "protocol": "UDP"}, {"port": 53}])
    assert written == {
        udp: {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}},
        tcp: {".": {}, "f:port": {}},
    }


# --- fields of both


def paths(fields: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The fields of a tree, spelled out."""
    found: set[tuple[str, ...]] = set()
    for key, below in fields.items():
        if key == ".":
            found.add(above)
        else:
            found |= paths(below, (*above, key)) if below else {(*above, key)}
    return found


TREES = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}']), inner, max_size=3).flatmap(
        lambda tree: st.sampled_from([tree, {".": {}, **tree}] if tree else [tree])
    ),
    max_leaves=8,
)


def root(tree: Any) -> Any:
    return {key: below for key, below in tree.items() if key != "."}


@given(TREES.map(root), TREES.map(root))
def test_the_union_has_the_fields_of_both(one: Any, other: Any) -> None:
    assert paths(_union(one, other)) == paths(one) | paths(other)
