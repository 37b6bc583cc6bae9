# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an apply need not be sent. Whether the server agrees is what the tests of exactness ask it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.circumstances import _matches
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import Proofs, circumstance, is_exactly

MANAGER = "shop"
NOW = {circumstance("v1", "Service"): "1", circumstance("v1", "Secret"): "1"}
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments", namespaced=True)


def definition(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "b"}, "spec": spec}


def standing(owned: dict[str, Any], api_version: str = "v1", **spec: Any) -> dict[str, Any]:
    """An object as the server gives it, with what we own of its spec."""
    entry = {
        "manager": MANAGER,
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsV1": {"f:spec": owned},
    }
    return {**definition(**spec), "metadata": {"name": "a", "namespace": "b", "managedFields": [entry]}}


def proofs(then: dict[str, str] | None = None, settled: frozenset[bytes] = frozenset()) -> Proofs:
    return Proofs(MANAGER, NOW if then is None else then, NOW, settled)


PORTS = {
    'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}},
    'k:{"port":53,"protocol":"UDP"}': {".": {}, "f:port": {}, "f:protocol": {}},
}
LIVE_PORTS = [{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 53, "protocol": "UDP", "targetPort": 53}]


@pytest.mark.parametrize(
    ("owned", "desired", "live"),
    [
        ({"f:a": {}}, {"a": 1}, {"a": 1, "theirs": 2}),
        ({"f:a": {}}, {"a": {"atomic": [1, {"b": True}]}}, {"a": {"atomic": [1, {"b": True}]}}),
        ({"f:a": {"f:b": {}}}, {"a": {"b": "c"}}, {"a": {"b": "c", "theirs": 1}}),
        ({"f:ports": PORTS}, {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}, {"ports": LIVE_PORTS}),
        ({"f:set": {'v:"a"': {}, 'v:"b"': {}}}, {"set": ["a", "b"]}, {"set": ["a", "theirs", "b"]}),
    ],
)
def test_the_same_fields_with_the_same_values_are_proof(owned: Any, desired: Any, live: Any) -> None:
    assert is_exactly({"f:spec": owned}, definition(**desired), definition(**live))


@pytest.mark.parametrize(
    ("owned", "desired", "live"),
    [
        pytest.param({"f:a": {}}, {"a": 1}, {"a": 2}, id="another value"),
        pytest.param({"f:a": {}}, {"a": 1}, {"a": True}, id="true is not 1"),
        pytest.param({"f:a": {}}, {"a": 1}, {"a": 1.0}, id="1.0 is not 1"),
        pytest.param({"f:a": {}}, {"a": "1000m"}, {"a": "1"}, id="nothing is taken as alike"),
        pytest.param({"f:a": {}}, {"a": 1, "b": 2}, {"a": 1, "b": 2}, id="a field that is not ours"),
        pytest.param({"f:a": {}, "f:b": {}}, {"a": 1}, {"a": 1, "b": 2}, id="a field too many is ours"),
        pytest.param({"f:a": {}}, {"a": None}, {}, id="null"),
        pytest.param({"f:a": {}}, {"a": {}}, {"a": {"b": 1}}, id="an empty mapping that is not empty"),
        pytest.param({"f:a": {}}, {"a": [1, 2]}, {"a": [2, 1]}, id="another order in an atomic list"),
        pytest.param(
            {"f:ports": PORTS},
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 80}]},
            {"ports": LIVE_PORTS},
            id="another order of items",
        ),
        pytest.param(
            {"f:ports": PORTS},
            {"ports": [{"port": 80}, {"port": 80}]},
            {"ports": LIVE_PORTS},
            id="an item twice",
        ),
        pytest.param(
            {"f:ports": {'k:{"p":1,"q":1}': {"f:p": {}}, 'k:{"p":1,"q":2}': {"f:p": {}}}},
            {"ports": [{"p": 1}, {"p": 1}]},
            {"ports": [{"p": 1, "q": 1}, {"p": 1, "q": 2}]},
            id="items that cannot be told apart",
        ),
        pytest.param({"f:a": {"i:0": {}}}, {"a": [1]}, {"a": [1]}, id="an item known by its place"),
    ],
)
def test_anything_else_is_no_proof(owned: Any, desired: Any, live: Any) -> None:
    assert not is_exactly({"f:spec": owned}, definition(**desired), definition(**live))


def test_a_proof_holds_only_under_the_same_circumstances() -> None:
    live = standing({"f:a": {}}, a=1)
    assert proofs().hold(definition(a=1), live)
    assert not proofs(then={}).hold(definition(a=1), live)
    assert not proofs(then={**NOW, circumstance("v1", "Service"): "2"}).hold(definition(a=1), live)


def test_ownership_in_another_version_or_by_another_manager_is_no_proof() -> None:
    assert not proofs().hold(definition(a=1), standing({"f:a": {}}, api_version="v2", a=1))
    assert not Proofs("other", NOW, NOW, frozenset()).hold(definition(a=1), standing({"f:a": {}}, a=1))
    assert not Proofs("kubectl", NOW, NOW, frozenset()).hold(definition(a=1), standing({"f:a": {}}, a=1))


def test_the_word_of_the_server_settles_what_is_written_otherwise() -> None:
    desired, live = definition(a="1000m"), standing({"f:a": {}}, a="1")
    first = proofs()
    assert not first.hold(desired, live)
    first.note_unchanged(desired, live, live)
    assert len(first.settled) == 1
    later = proofs(settled=first.settled)
    assert later.hold(desired, live)
    assert later.settled == first.settled
    for other in (standing({"f:a": {}}, a="2"), standing({"f:a": {}}, a="1", theirs=1), standing({}, a="1")):
        assert not proofs(settled=first.settled).hold(desired, other)
    assert not proofs(settled=first.settled).hold(definition(a="1001m"), live)


def test_only_what_changed_nothing_settles_anything() -> None:
    desired, live = definition(a="1000m"), standing({"f:a": {}}, a="1")
    for before in (standing({"f:a": {}}, a="2"), standing({}, a="1"), standing({"f:a": {}}, a="1", theirs=1)):
        first = proofs()
        first.note_unchanged(desired, before, live)
        assert not first.settled


def test_a_settled_pair_depends_on_who_else_owns_something() -> None:
    desired, live = definition(a="1000m"), standing({"f:a": {}}, a="1")
    first = proofs()
    first.note_unchanged(desired, live, live)
    later = copy.deepcopy(live)
    later["metadata"]["managedFields"].append(
        {"manager": "x", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}}
    )
    assert not proofs(settled=first.settled).hold(desired, later)


def test_what_the_server_keeps_for_itself_does_not_matter() -> None:
    desired, live = definition(a="1000m"), standing({"f:a": {}}, a="1")
    first = proofs()
    first.note_unchanged(desired, live, live)
    later = copy.deepcopy(live)
    later["metadata"]["resourceVersion"] = "7"
    later["status"] = {"ready": True}
    assert proofs(settled=first.settled).hold(desired, later)


def test_no_digest_is_kept_of_a_secret_or_a_precondition() -> None:
    for change in ({"kind": "Secret"}, {"metadata": {"name": "a", "namespace": "b", "uid": "1"}}):
        first = proofs()
        live = standing({"f:a": {}}, a="1")
        first.note_unchanged({**definition(a="1000m"), **change}, live, live)
        assert not first.settled


@pytest.mark.parametrize(
    ("operations", "groups", "resources", "expected"),
    [
        (["UPDATE"], ["apps"], ["deployments"], True),
        (["*"], ["*"], ["*"], True),
        (["CREATE", "UPDATE"], ["*"], ["*/*"], True),
        (["UPDATE"], ["apps"], ["deployments/*"], True),
        (["CREATE"], ["apps"], ["deployments"], False),
        (["UPDATE"], [""], ["deployments"], False),
        (["UPDATE"], ["apps"], ["deployments/scale"], False),
        (["UPDATE"], ["apps"], ["daemonsets"], False),
    ],
)
def test_rules_of_mutating_admission(
    operations: list[str], groups: list[str], resources: list[str], expected: bool
) -> None:
    rule = {"operations": operations, "apiGroups": groups, "apiVersions": ["v1"], "resources": resources}
    assert _matches(rule, DEPLOYMENTS) is expected
