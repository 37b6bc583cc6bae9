# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout reads from messages and from objects."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import rollout
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey

WEB = ObjectKey("apps", "Deployment", "shop", "web")
WEB_2 = ObjectKey("apps", "Deployment", "shop", "web-2")


def deployment(**labels: str) -> dict[str, Any]:
    containers = [{"name": "c", "image": "r.example.com/web:1"}]
    return {"metadata": {"labels": labels}, "spec": {"template": {"spec": {"containers": containers}}}}


def test_reasons_are_told_apart_by_object() -> None:
    message = "\n".join(
        [
            "Will not become ready:",
            "Deployment shop/web: 1 of 2 replicas available; pod web-x: CrashLoopBackOff",
            "Deployment shop/other: whatever",
            "Deployment shop/web-2",
        ]
    )
    found = rollout.reasons(message, [WEB, WEB_2])
    assert found == {WEB: "1 of 2 replicas available; pod web-x: CrashLoopBackOff", WEB_2: "not ready"}


def test_a_message_about_something_else_has_no_reasons() -> None:
    assert rollout.reasons("CustomResourceDefinition a.b: name taken", [WEB]) == {}


@pytest.mark.parametrize(
    ("labels", "told"),
    [({rollout.VERSION: "v1"}, "v1"), ({}, "r.example.com/web:1")],
)
def test_a_version_is_told_by_the_label_or_else_by_the_image(labels: dict[str, str], told: str) -> None:
    assert rollout.version_of(deployment(**labels)) == told


def test_nothing_has_no_version() -> None:
    assert rollout.version_of(None) == ""


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ErrImagePull: no match for platform in manifest sha256:00: not found", "for another machine"),
        ("ErrImagePull: registry.embedded/x@sha256:00: not found", "no such image"),
        ("ErrImagePull: dial tcp 198.18.0.1:5000: connect: connection refused", "does not answer"),
        ("something new", ""),
    ],
)
def test_hints(reason: str, words: str) -> None:
    assert words in rollout.hint(reason)
    assert bool(words) == bool(rollout.hint(reason))


def test_a_definition_holds_what_was_applied_and_no_label_of_the_set() -> None:
    applied = {"f:metadata": {"f:labels": {f"f:{PART_OF}": {}, "f:mine": {}}}, "f:data": {"f:a": {}}}
    entries = [
        {"manager": "us", "operation": "Apply", "fieldsV1": applied},
        {"manager": "them", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}},
    ]
    labels = {PART_OF: "set", "mine": "1", "theirs": "2"}
    metadata = {"name": "c", "namespace": "shop", "uid": "u", "labels": labels, "managedFields": entries}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1", "b": "2"}}
    assert rollout.definition_of(body, "us") == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "shop", "labels": {"mine": "1"}},
        "data": {"a": "1"},
    }
    assert body["metadata"]["labels"] == labels


def test_units_with_nothing_that_ran() -> None:
    assert not rollout.Unit().ran
    assert rollout.Unit().generation == 0
    assert not rollout.Unit(deployment={"metadata": {"generation": 3}, "status": {}}).ran
    assert rollout.Unit(deployment={"metadata": {"generation": 3}, "status": {"availableReplicas": 1}}).ran
