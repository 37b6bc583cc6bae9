# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of API priority and fairness that are so low that the server really turns us away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

OBJECTS = 150
USER = "kube-test-crowd"


@pytest.fixture
def crowded(cluster: Any, connection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A connection as a user who gets one seat, and no place in a queue."""
    others = level(f"{USER}-others", 1000)  # so that one share is less than a seat
    subjects = [{"kind": "User", "user": {"name": USER}}]
    rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}]
    schema = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": USER},
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": {"name": USER},
            "rules": [{"subjects": subjects, "resourceRules": rules}],
        },
    }
    cluster.apply(others, level(USER, 1), schema)
    cluster.kubectl("create", "clusterrolebinding", USER, "--clusterrole=cluster-admin", f"--user={USER}")
    yield {**connection, "impersonate_user": USER, "impersonate_groups": ["system:authenticated"]}
    cluster.kubectl("delete", f"flowschema/{USER}", f"clusterrolebinding/{USER}")
    cluster.kubectl("delete", "prioritylevelconfiguration", USER, f"{USER}-others")


def level(name: str, shares: int) -> dict[str, Any]:
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": 0, "borrowingLimitPercent": 0}
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name},
        "spec": {"type": "Limited", "limited": {**limited, "limitResponse": {"type": "Reject"}}},
    }


def turned_away(cluster: Any) -> int:
    """How many requests the server says it has rejected at our level."""
    metrics = cluster.kubectl("get", "--raw", "/metrics")
    counter = rf'^apiserver_flowcontrol_rejected_requests_total\{{.*priority_level="{USER}".*\}} (\S+)$'
    return sum(int(float(number)) for number in re.findall(counter, metrics, re.MULTILINE))


def test_everything_gets_its_turn(run: Any, make: Any, live: Any, cluster: Any, crowded: Any, applyset: Any) -> None:
    objects = [make.config_map(f"c{index:03}", a="1") for index in range(OBJECTS)]
    outcome = run(*objects, connection=crowded, applyset=applyset)
    assert Counter(change.action for change in outcome.changes) == {"created": OBJECTS}
    rejected = turned_away(cluster)
    print(f"{rejected} requests were turned away")
    assert rejected > 3
    assert len(live.names("configmap", make.namespace)) == OBJECTS
    assert not run(*objects, connection=crowded, applyset=applyset).changed
