# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods are of the newest revision of a workload, and how to ask for them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import (
    controller_of,
    is_newest,
    selector_of,
)


def pod(**labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": {key.replace("_", "-"): value for key, value in labels.items()}}}


def workload(observed: int = 1, annotations: Any = None, **status: Any) -> dict[str, Any]:
    metadata = {"generation": 1, "annotations": annotations}
    return {"metadata": metadata, "status": {"observedGeneration": observed, **status}}


DAEMON = {"deprecated.daemonset.template.generation": "3"}


@pytest.mark.parametrize(
    ("labels", "body", "expected"),
    [
        ({"controller_revision_hash": "db-2"}, workload(updateRevision="db-2"), True),
        ({"controller_revision_hash": "db-1"}, workload(updateRevision="db-2"), False),
        ({}, workload(updateRevision="db-2"), False),
        ({"controller_revision_hash": "db-2"}, workload(observed=0, updateRevision="db-2"), False),
        ({"pod_template_generation": "3"}, workload(annotations=DAEMON), True),
        ({"pod_template_generation": "2"}, workload(annotations=DAEMON), False),
        ({"pod_template_generation": "3"}, workload(observed=0, annotations=DAEMON), False),
        ({}, {"metadata": {}, "status": {}}, True),
    ],
)
def test_newest_revision(labels: dict[str, str], body: dict[str, Any], expected: bool) -> None:
    assert is_newest(pod(**labels), body) is expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"app": "web", "tier": "front"}}, "app=web,tier=front"),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "zone", "operator": "In", "values": ["a", "b"]},
                    {"key": "canary", "operator": "NotIn", "values": ["yes"]},
                    {"key": "tier", "operator": "Exists"},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            },
            "app=web,zone in (a,b),canary notin (yes),tier,!old",
        ),
        ({"app": "a Service has labels here"}, ""),
        ("text", ""),
        (None, ""),
        ({"matchLabels": 5, "matchExpressions": "x"}, ""),
    ],
)
def test_selector(selector: Any, expected: str) -> None:
    assert selector_of({"spec": {"selector": selector}}) == expected


def test_controller() -> None:
    owners = [{"uid": "1", "kind": "Node"}, {"uid": "2", "kind": "ReplicaSet", "controller": True}]
    assert controller_of({"metadata": {"ownerReferences": owners}}) == owners[1]
    assert controller_of({"metadata": {"ownerReferences": owners[:1]}}) is None
    assert controller_of({"metadata": {}}) is None
