# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object says about itself when it is not ready."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.explain import TEXT, Explainer


def explain(status: Any, **body: Any) -> str:
    full = {"metadata": {"name": "x", "namespace": "a", "uid": "4711"}, "status": status, **body}
    return Explainer(None).why_not_ready(full)


@pytest.mark.parametrize(
    ("status", "spec", "expected"),
    [
        (
            {
                "availableReplicas": 1,
                "conditions": [
                    {"type": "Available", "status": "False", "message": "does not have minimum availability"},
                    {"type": "Progressing", "status": "True", "message": "is progressing"},
                    {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
                ],
            },
            {"replicas": 3},
            "1 of 3 replicas available; Available=False: does not have minimum availability; "
            "ReplicaFailure=True: exceeded quota",
        ),
        ({"desiredNumberScheduled": 3, "numberAvailable": 2}, {}, "2 of 3 pods available"),
        ({"phase": "Pending"}, {}, "phase Pending"),
        (
            {
                "conditions": [
                    {"type": kind, "status": "True", "message": "it broke"} for kind in ("FailureTarget", "Failed")
                ]
            },
            {},
            "FailureTarget=True: it broke",
        ),
        ({"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending"}]}, {}, "Ready=Unknown: Pending"),
        (
            {
                "parents": [
                    {
                        "parentRef": {"name": "gw"},
                        "conditions": [
                            {"type": "Accepted", "status": "True"},
                            {"type": "ResolvedRefs", "status": "False", "message": "no Service web"},
                        ],
                    }
                ]
            },
            {},
            "parent gw: ResolvedRefs=False: no Service web",
        ),
        ({}, {}, "its status says nothing yet; is its controller running?"),
        ("busy", None, "its status says nothing yet; is its controller running?"),
        (
            {"conditions": [{"foo": 1}, 5], "parents": [3, {"conditions": "none"}]},
            {"replicas": None},
            "its status says",
        ),
    ],
)
def test_tells_the_conditions(status: Any, spec: Any, expected: str) -> None:
    assert explain(status, spec=spec).startswith(expected)


def test_tells_the_states_of_containers() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting\n failed container=c"}}
    status = {
        "phase": "Running",
        "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
        "containerStatuses": [
            {"name": "c", "state": waiting, "lastState": ended},
            {"name": "d", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            {"name": "e", "state": {"running": {}}},
        ],
    }
    assert explain(status) == (
        "phase Running; container c CrashLoopBackOff: back-off 40s restarting failed container=c: exit code 1 (Error); "
        "container d OOMKilled: exit code 137 (OOMKilled)"
    )


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 1},
        {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
        {"parents": [{"conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 1}]}]},
    ],
)
def test_tells_that_the_status_is_of_before(status: Any) -> None:
    metadata = {"name": "x", "uid": "4711", "generation": 2}
    expected = "its controller has not seen the newest version yet (generation 2, but 1)"
    assert explain(status, metadata=metadata) == expected
    assert explain(status, metadata={**metadata, "generation": 1}) != expected


def test_shortens_what_is_long() -> None:
    message = f"failed to pull: {'x' * 5000}: not found"
    told = explain({"conditions": [{"type": "Ready", "status": "False", "message": message}]})
    assert len(told) == len("Ready=False: ") + TEXT
    assert told.startswith("Ready=False: failed to pull: x")
    assert told.endswith("x: not found")  # the cause stands at the end
    assert "x…x" in told


def test_what_is_not_there() -> None:
    assert Explainer(None).why_not_ready(None) == "does not exist"
    leaving = {"name": "x", "uid": "1", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert explain({}, metadata=leaving) == "is being deleted"
