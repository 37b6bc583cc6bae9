# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that are ours of objects of others."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import set_id
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApplyFailed,
    ApplySetRefused,
    DefinitionError,
    InvalidArgument,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import WaitFor

HOME = "kube-test-fragments"
OURS = "servicemesh.platform/test"


@pytest.fixture
def theirs(make: Any, cluster: Any) -> dict[str, Any]:
    """An object that somebody else has made."""
    definition: dict[str, Any] = make.config_map("theirs", theirs="1")
    cluster.apply(definition)
    return definition


@pytest.fixture
def applyset(namespace: str, run: Any) -> Any:
    wanted = {"name": namespace, "namespace": HOME, "kind": "ConfigMap"}
    yield wanted
    run(applyset=wanted, absent=True)


def fragment(make: Any, **data: str) -> dict[str, Any]:
    definition: dict[str, Any] = make.config_map("theirs", **data)
    return definition


def found(outcome: Any) -> list[tuple[str, str, bool]]:
    return [(change.key.name, change.action, change.verified) for change in outcome.changes]


def managers(live: Any, namespace: str) -> set[str]:
    metadata = json.loads(
        live.cluster.kubectl("get", "configmap", "theirs", "-n", namespace, "-o", "json", "--show-managed-fields")
    )["metadata"]
    return {entry["manager"] for entry in metadata["managedFields"]}


def test_adds_fields_under_our_manager_and_touches_nothing_else(run: Any, make: Any, live: Any, theirs: Any) -> None:
    planned = run(fragments=[fragment(make, ours="2")], field_manager=OURS, dry_run=True, diff=True)
    assert live.get("configmap", "theirs", "-n", make.namespace)["data"] == {"theirs": "1"}
    done = run(fragments=[fragment(make, ours="2")], field_manager=OURS, diff=True)
    assert planned.changes == done.changes
    assert found(done) == [("theirs", "configured", True)]
    assert "theirs: '1'" not in done.changes[0].diff["after"]
    body = live.get("configmap", "theirs", "-n", make.namespace)
    assert body["data"] == {"theirs": "1", "ours": "2"}
    assert PART_OF not in body["metadata"].get("labels", {})
    assert managers(live, make.namespace) == {"kubectl", OURS}
    again = run(fragments=[fragment(make, ours="2")], field_manager=OURS)
    assert found(again) == [("theirs", "unchanged", True)]
    assert not again.changed


def test_a_field_of_others_is_a_conflict(run: Any, make: Any, live: Any, theirs: Any) -> None:
    with pytest.raises(ApplyFailed, match=r'data\.theirs belongs to field manager "kubectl"'):
        run(fragments=[fragment(make, theirs="ours")], field_manager=OURS)
    assert live.get("configmap", "theirs", "-n", make.namespace)["data"] == {"theirs": "1"}


def test_never_creates(run: Any, make: Any, live: Any) -> None:
    with pytest.raises(ApplyFailed) as caught:
        run(make.config_map("own"), fragments=[fragment(make, ours="2")], field_manager=OURS)
    assert str(caught.value) == (
        f"ConfigMap {make.namespace}/theirs (fragments[0]): does not exist. A fragment adds fields to an object that "
        "something else makes; have that made first"
    )
    assert live.names("configmap", make.namespace) == ["own"]


def test_check_mode_counts_with_objects_that_are_still_to_come(run: Any, make: Any, live: Any) -> None:
    planned = run(fragments=[fragment(make, ours="2")], field_manager=OURS, dry_run=True, diff=True)
    assert found(planned) == [("theirs", "created", False)]
    assert planned.warnings == [
        "1 objects were only checked here: objects that fragments belong to do not exist yet",
    ]
    assert live.names("configmap", make.namespace) == []


def test_absent_gives_the_fields_up_and_keeps_the_object(run: Any, make: Any, live: Any, theirs: Any) -> None:
    wanted = [fragment(make, ours="2")]
    run(fragments=wanted, field_manager=OURS)
    planned = run(fragments=[fragment(make, ours="2")], field_manager=OURS, absent=True, dry_run=True)
    assert found(planned) == [("theirs", "configured", True)]
    assert "ours" in live.get("configmap", "theirs", "-n", make.namespace)["data"]
    assert found(run(fragments=[fragment(make, ours="2")], field_manager=OURS, absent=True)) == found(planned)
    assert live.get("configmap", "theirs", "-n", make.namespace)["data"] == {"theirs": "1"}
    assert managers(live, make.namespace) == {"kubectl"}
    assert not run(fragments=[fragment(make, ours="2")], field_manager=OURS, absent=True).changed


def test_absent_needs_no_object_and_no_kind(run: Any, make: Any, live: Any) -> None:
    unknown = {**fragment(make), "apiVersion": "none.example.com/v1", "kind": "None"}
    outcome = run(fragments=[fragment(make, ours="2"), unknown], absent=True)
    assert found(outcome) == []
    assert live.names("configmap", make.namespace) == []


def test_a_set_beside_it_neither_counts_nor_prunes_it(
    run: Any, make: Any, live: Any, theirs: Any, applyset: Any
) -> None:
    options: dict[str, Any] = {"applyset": applyset, "field_manager": OURS}
    run(make.config_map("a"), make.config_map("b"), fragments=[fragment(make, ours="2")], **options)
    body = live.get("configmap", "theirs", "-n", make.namespace)
    assert PART_OF not in body["metadata"].get("labels", {})
    pruned = run(make.config_map("a"), fragments=[fragment(make, ours="2")], **options)
    assert found(pruned) == [("a", "unchanged", True), ("theirs", "unchanged", True), ("b", "deleted", True)]
    assert not run(make.config_map("a"), fragments=[fragment(make, ours="2")], **options).changed
    removed = run(fragments=[fragment(make, ours="2")], absent=True, **options)
    assert found(removed) == [("theirs", "configured", True), ("a", "deleted", True)]
    assert live.names("configmap", make.namespace) == ["theirs"]


def test_a_set_may_have_fragments_alone(run: Any, make: Any, live: Any, theirs: Any, applyset: Any) -> None:
    options = {"applyset": applyset, "field_manager": OURS}
    assert run(fragments=[fragment(make, ours="2")], **options).changed
    assert not run(fragments=[fragment(make, ours="2")], **options).changed
    assert run(absent=True, **options).changed
    assert live.get("configmap", "theirs", "-n", make.namespace)["data"] == {"theirs": "1"}


def test_fragments_alone_do_not_empty_a_set_of_its_members(run: Any, make: Any, theirs: Any, applyset: Any) -> None:
    run(make.config_map("a"), applyset=applyset)
    with pytest.raises(ApplySetRefused, match="Nothing is defined"):
        run(fragments=[fragment(make, ours="2")], applyset=applyset)


def test_a_member_that_becomes_a_fragment_stays(run: Any, make: Any, live: Any, applyset: Any) -> None:
    run(make.config_map("a"), make.config_map("theirs", ours="1"), applyset=applyset)
    planned = run(make.config_map("a"), fragments=[fragment(make, ours="2")], applyset=applyset, dry_run=True)
    done = run(make.config_map("a"), fragments=[fragment(make, ours="2")], applyset=applyset)
    assert found(planned) == found(done) == [("a", "unchanged", True), ("theirs", "configured", True)]
    assert live.get("configmap", "theirs", "-n", make.namespace)["data"] == {"ours": "2"}


def test_the_label_of_a_set_is_refused(run: Any, make: Any, theirs: Any, applyset: Any) -> None:
    wanted = fragment(make)
    wanted["metadata"]["labels"] = {PART_OF: set_id(applyset["name"], HOME)}
    with pytest.raises(InvalidArgument, match=r"fragments\[0\]\): the label .*part-of is set through the option"):
        run(fragments=[wanted])


def test_one_object_is_not_both(run: Any, make: Any) -> None:
    with pytest.raises(DefinitionError, match=r"fragments\[0\]: ConfigMap .*/theirs is defined twice"):
        run(fragment(make, a="1"), fragments=[fragment(make, b="2")])


def test_of_a_custom_resource_definition(run: Any, make_crd: Any, cluster: Any, live: Any) -> None:
    cluster.apply(make_crd("parts", "Part"))
    cluster.kubectl("wait", "--for=condition=Established", "crd/parts.example.com")
    metadata = {"name": "parts.example.com", "annotations": {"example.com/ours": "1"}}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    options = {"field_manager": OURS, "wait": True, "wait_timeout": 30}
    assert run(fragments=[{**kind, "metadata": metadata}], **options).changed
    assert live.get("crd", "parts.example.com")["metadata"]["annotations"] == {"example.com/ours": "1"}
    assert run(fragments=[{**kind, "metadata": metadata}], absent=True, **options).changed
    assert "annotations" not in live.get("crd", "parts.example.com")["metadata"]
    cluster.kubectl("delete", "crd", "parts.example.com")


def test_can_be_waited_for(run: Any, make: Any, cluster: Any, theirs: Any) -> None:
    wish = WaitFor("ConfigMap", success="data.ready == 'yes'")

    def write() -> None:
        time.sleep(1)
        cluster.kubectl("patch", "configmap", "theirs", "-n", make.namespace, "-p", '{"data": {"ready": "yes"}}')

    thread = threading.Thread(target=write)
    thread.start()
    run(fragments=[fragment(make, ours="2")], field_manager=OURS, wait=True, wait_for=[wish], wait_timeout=30)
    thread.join()
    assert "ready" in cluster.kubectl("get", "configmap", "theirs", "-n", make.namespace, "-o", "jsonpath={.data}")


def test_a_fragment_that_is_no_longer_defined_is_given_back(
    run: Any, make: Any, live: Any, theirs: Any, applyset: Any
) -> None:
    def data() -> Any:
        return live.get("configmap", "theirs", "-n", make.namespace)["data"]

    member = make.config_map("member")
    run(member, fragments=[fragment(make, ours="2")], field_manager=OURS, applyset=applyset)
    kept = run(member, field_manager=OURS, applyset=applyset, prune=False)
    assert not kept.changed
    assert data() == {"theirs": "1", "ours": "2"}
    planned = run(member, field_manager=OURS, applyset=applyset, dry_run=True)
    assert found(planned) == [("member", "unchanged", True), ("theirs", "configured", True)]
    done = run(member, field_manager=OURS, applyset=applyset)
    assert found(done) == found(planned)
    assert data() == {"theirs": "1"}
    assert not run(member, field_manager=OURS, applyset=applyset).changed


def test_a_set_that_is_removed_gives_back_its_fragments(
    run: Any, make: Any, live: Any, theirs: Any, applyset: Any
) -> None:
    run(make.config_map("member"), fragments=[fragment(make, ours="2")], field_manager=OURS, applyset=applyset)
    run(applyset=applyset, field_manager=OURS, absent=True)
    assert live.get("configmap", "theirs", "-n", make.namespace)["data"] == {"theirs": "1"}
    assert managers(live, make.namespace) == {"kubectl"}
