# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds that change between two runs, or in the very run: schemas, defaults, versions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness import kinds
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.conftest import Try, in_namespace
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.kinds import (
    ANYTHING,
    CRDS,
    GROUP,
    TEXT,
    WHOLE,
    array,
    mapping,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import (
    Body,
    Server,
    good,
    object_path,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.trial import (
    CONFIGURED,
    UNCHANGED,
    Run,
)

PATH = f"{CRDS}/traps.{GROUP}"


def kind(**properties: Any) -> Body:
    """The kind Trap with these fields in its spec."""
    return kinds.definition("Trap", "traps", mapping(spec=mapping(**properties)))


def with_items(protocol: str = "TCP", list_type: str = "map") -> Body:
    """A list of items with a name, and a protocol that has a default."""
    item = {**mapping(name=TEXT, protocol={**TEXT, "default": protocol}), "required": ["name"]}
    keys = ("name", "protocol") if list_type == "map" else ()
    return kind(items=array(item, list_type, *keys))


def trap(called: str, **spec: Any) -> Body:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Trap", "metadata": {"name": called}, "spec": spec}


def actions(run: Run) -> list[str]:
    return [verdict.action for verdict in run.verdicts]


@pytest.fixture(autouse=True)
def no_kind_is_left(server: Server, place: str) -> Iterator[None]:
    yield
    server.delete(PATH)
    server.await_effect("the kind Trap gone", lambda: server.get(PATH) is None)


def change(server: Server, place: str, definition: Body) -> None:
    """Change the kind, and wait until the server goes by it; not a moment longer."""
    live = server.get(PATH)
    assert live
    definition = copy.deepcopy(definition)
    epoch = int(live["metadata"]["generation"]) + 1
    for version in definition["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"]["properties"]["epoch"] = {**WHOLE, "default": epoch}
    good(server.put(PATH, {**live, "spec": definition["spec"]}))
    canary = in_namespace(trap("canary"), place)
    server.await_effect("the new schema", lambda: server.apply(canary, "c", dry_run=True).body.get("epoch") == epoch)


def test_a_default_comes_for_a_field_that_was_never_written(attempt: Try, server: Server, place: str) -> None:
    """Readers see it at once; an apply only writes it down."""
    kinds.install(server, kind(name=TEXT))
    trial = attempt(trap("new-default", name="x"))
    change(server, place, kind(name=TEXT, level={**WHOLE, "default": 5}))
    assert actions(trial.judge()) == [UNCHANGED]


def test_a_default_changes_for_a_field_that_we_send_as_null(attempt: Try, server: Server, place: str) -> None:
    kinds.install(server, kind(level={**WHOLE, "default": 5}))
    trial = attempt(trap("null-default", level=None))
    change(server, place, kind(level={**WHOLE, "default": 7}))
    assert actions(trial.judge()) == [CONFIGURED]
    assert actions(trial.judge()) == [UNCHANGED]


def test_a_default_changes_within_an_atomic_list(attempt: Try, server: Server, place: str) -> None:
    kinds.install(server, with_items("TCP", "atomic"))
    trial = attempt(trap("atomic-default", items=[{"name": "a"}]))
    change(server, place, with_items("UDP", "atomic"))
    assert actions(trial.judge()) == [CONFIGURED]
    assert actions(trial.judge()) == [UNCHANGED]


def test_a_default_changes_that_is_part_of_a_key(attempt: Try, server: Server, place: str) -> None:
    """The item that we own stays where it is; what we send is another now."""
    kinds.install(server, with_items("TCP"))
    trial = attempt(trap("key-default", items=[{"name": "a"}]))
    change(server, place, with_items("UDP"))
    assert actions(trial.judge()) == [CONFIGURED]
    assert actions(trial.judge()) == [UNCHANGED]


@pytest.mark.parametrize("way", [("atomic", "map"), ("map", "atomic")], ids="-to-".join)
def test_the_type_of_a_list_changes(attempt: Try, server: Server, place: str, way: tuple[str, str]) -> None:
    """From replaced as a whole to merged by key, and the other way; others have items in it."""
    first, second = (with_items("TCP", list_type) for list_type in way)
    kinds.install(server, first)
    trial = attempt(trap("-to-".join(way), items=[{"name": "a"}, {"name": "b"}]))
    theirs = {**trial.definitions[0], "spec": {"items": [{"name": "c"}]}}
    server.apply(theirs, "outsider")
    change(server, place, second)
    for _later in range(3):
        trial.judge()


def test_unknown_fields_are_not_preserved_any_more(attempt: Try, server: Server, place: str) -> None:
    kinds.install(server, kinds.definition("Trap", "traps", mapping(spec=ANYTHING)))
    trial = attempt(trap("pruned", known="x", unknown="y"))
    change(server, place, kind(known=TEXT))
    trial.judge()


def test_a_kind_is_made_anew_otherwise(attempt: Try, server: Server) -> None:
    kinds.install(server, kind(level={**WHOLE, "default": 5}))
    trial = attempt(trap("anew", level=None))
    server.delete(PATH)
    server.await_effect("the kind gone", lambda: server.get(PATH) is None)
    kinds.install(server, kind(level={**WHOLE, "default": 7}))
    trial.judge()
    assert (trial.live[0] or {})["spec"] == {"level": 7}


def test_another_version_is_stored(attempt: Try, server: Server) -> None:
    """What is stored is written anew at the next apply; nobody sees a difference."""
    definition = kind(level={**WHOLE, "default": 5})
    kinds.install(server, definition)
    trial = attempt(trap("stored", level=1))
    other = copy.deepcopy(definition)
    (first,) = other["spec"]["versions"]
    other["spec"]["versions"] = [{**first, "storage": False}, {**copy.deepcopy(first), "name": "v2"}]
    kinds.install(server, other)
    assert actions(trial.judge()) == [UNCHANGED]
    in_second = {**trial.definitions[0], "apiVersion": f"{GROUP}/v2"}
    for _again in range(3):
        assert actions(trial.judge([in_second])) == [UNCHANGED]
    good(server.merge(object_path(in_second), {"spec": {"level": 2}}))
    trial.judge([in_second], force=True)
    trial.judge(force=True)


def test_the_kind_changes_in_the_run_that_has_its_object(attempt: Try, server: Server) -> None:
    """Both are in one set: the definition of the kind comes first, and the object was looked at before that."""
    old, new = (kind(name=TEXT, level={**WHOLE, "default": level}) for level in (5, 7))
    trial = attempt(old, trap("in-one-call", name="x", level=None))
    definitions = [new, trial.definitions[1]]
    run = trial.run(definitions)
    assert object_path(trial.definitions[1]) in run.sent, "what was known of the object was of the old kind"
    server.await_effect(
        "the new default", lambda: trial.plain_apply(trial.definitions[1], dry_run=True).body["spec"]["level"] == 7
    )
    for _later in range(3):
        trial.judge(definitions)
    assert (trial.live[1] or {})["spec"]["level"] == 7


def test_others_change_the_definition_of_a_kind(attempt: Try, server: Server) -> None:
    trial = attempt(kind(name=TEXT))
    live = server.get(PATH)
    assert live
    live["spec"]["names"]["shortNames"] = ["tr"]
    live["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "theirs"
    good(server.put(PATH, live))
    trial.judge()
    trial.judge(force=True)
    assert actions(trial.judge()) == [UNCHANGED]
