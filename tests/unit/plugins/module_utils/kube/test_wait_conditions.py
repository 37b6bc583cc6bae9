# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When objects are ready and when they never will be, told from their status."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import Awaited, WaitFor


def awaited(group: str, kind: str, spec: Any, status: Any, generation: int = 1) -> Awaited:
    body = {"metadata": {"generation": generation}, "spec": spec, "status": status}
    return Awaited(Resource("v1", kind, "x", True), ObjectKey(group, kind, "a", "x"), seen=body)


DONE = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


@pytest.mark.parametrize(
    ("status", "ready", "failed"),
    [
        ({}, False, False),
        (DONE, True, False),
        ({**DONE, "observedGeneration": 0}, False, False),
        ({**DONE, "replicas": 3}, False, False),
        ({**DONE, "availableReplicas": 1}, False, False),
        ({"observedGeneration": 1, "conditions": [LATE]}, False, True),
        ({"observedGeneration": 0, "conditions": [LATE]}, False, False),
    ],
)
def test_deployment(status: dict[str, Any], ready: bool, failed: bool) -> None:
    deployment = awaited("apps", "Deployment", {"replicas": 2}, status)
    assert (deployment.is_ready(), deployment.has_failed()) == (ready, failed)


def test_deployment_without_replicas_is_ready() -> None:
    assert awaited("apps", "Deployment", {"replicas": 0}, {"observedGeneration": 1}).is_ready()


@pytest.mark.parametrize(
    ("spec", "status", "ready"),
    [
        ({"type": "RollingUpdate"}, {"updateRevision": "b", "currentRevision": "b"}, True),
        ({"type": "RollingUpdate"}, {"updateRevision": "b", "currentRevision": "a"}, False),
        ({"type": "OnDelete"}, {"updateRevision": "b", "currentRevision": "a"}, True),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
            {"updateRevision": "b", "currentRevision": "a"},
            True,
        ),
    ],
)
def test_stateful_set(spec: dict[str, Any], status: dict[str, Any], ready: bool) -> None:
    full = {"observedGeneration": 1, "availableReplicas": 2, **status}
    assert awaited("apps", "StatefulSet", {"replicas": 2, "updateStrategy": spec}, full).is_ready() is ready


def test_daemon_set() -> None:
    spec = {"updateStrategy": {"type": "RollingUpdate"}}
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}
    assert not awaited("apps", "DaemonSet", spec, status).is_ready()
    assert awaited("apps", "DaemonSet", spec, {**status, "numberAvailable": 3}).is_ready()
    nowhere = {"observedGeneration": 1, "desiredNumberScheduled": 0}
    assert awaited("apps", "DaemonSet", spec, nowhere).is_ready()


def pod(*waiting: str, phase: str = "Pending") -> Awaited:
    states = [{"name": "c", "state": {"waiting": {"reason": reason}}} for reason in waiting]
    return awaited("", "Pod", {}, {"phase": phase, "containerStatuses": states})


def test_pod() -> None:
    assert awaited("", "Pod", {}, {"conditions": [{"type": "Ready", "status": "True"}]}).is_ready()
    assert pod(phase="Succeeded").is_ready()
    assert pod(phase="Failed").has_failed()
    assert not pod("ContainerCreating").has_failed()
    assert pod("ContainerCreating", "CrashLoopBackOff").has_failed()
    assert pod("ImagePullBackOff").has_failed()


def test_pod_fails_by_an_init_container() -> None:
    waiting = [{"name": "i", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    assert awaited("", "Pod", {}, {"phase": "Pending", "initContainerStatuses": waiting}).has_failed()


def test_job() -> None:
    assert awaited("batch", "Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}).is_ready()
    failed = awaited("batch", "Job", {}, {"conditions": [{"type": "Failed", "status": "True"}]})
    assert failed.has_failed()
    assert not failed.is_ready()


def test_what_does_not_exist_is_neither() -> None:
    missing = Awaited(Resource("v1", "Pod", "pods", True), ObjectKey("", "Pod", "a", "x"))
    assert not missing.is_ready()
    assert not missing.has_failed()


def test_a_wish_replaces_the_usual_condition() -> None:
    assert WaitFor("Pod", success="status.phase").condition("") == ("status.phase", "")
    assert WaitFor("Pod").condition("").failure
    with pytest.raises(InvalidArgument, match="Thing has no condition of its own"):
        WaitFor("Thing").condition("")
    with pytest.raises(InvalidArgument, match="is not JMESPath"):
        WaitFor("Thing", success="a[").condition("")
