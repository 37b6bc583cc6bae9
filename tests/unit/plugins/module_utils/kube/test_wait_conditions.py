# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When objects are ready and when they never will be, told from their status."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import conditions
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import Awaited, WaitFor

READY, PENDING, BLOCKED, FAILED = "ready", "pending", "blocked", "failed"


def awaited(group: str, kind: str, spec: Any, status: Any, generation: int = 2, **metadata: Any) -> Awaited:
    body = {"metadata": {"generation": generation, **metadata}, "spec": spec, "status": status}
    condition = conditions.condition_of(group, kind)
    return Awaited(Resource("v1", kind, "x", True), ObjectKey(group, kind, "a", "x"), condition, seen=body)


def verdict(each: Awaited) -> str:
    if each.is_ready():
        return READY
    if each.has_failed():
        return FAILED
    return BLOCKED if each.is_blocked() else PENDING


class Example(NamedTuple):
    """A status as the controllers write it, and what it means."""

    kind: str
    says: str
    spec: dict[str, Any]
    status: dict[str, Any]
    verdict: str

    @property
    def group_and_kind(self) -> tuple[str, str]:
        group, _slash, kind = self.kind.rpartition("/")
        return group, kind


def cond(condition_type: str, status: str = "True", reason: str = "", generation: int = 0, message: str = "") -> Any:
    made = {"type": condition_type, "status": status, "reason": reason, "message": message}
    return {**made, "observedGeneration": generation} if generation else made


def numbers(**values: int) -> dict[str, Any]:
    return {"observedGeneration": 2, **values}


def parent(*of: Any) -> dict[str, Any]:
    return {"parentRef": {"name": "gw"}, "controllerName": "example.com/gw", "conditions": list(of)}


ALL_UP = numbers(replicas=3, updatedReplicas=3, readyReplicas=3, availableReplicas=3)
LATE = cond("Progressing", "False", "ProgressDeadlineExceeded")
INSECURE = 'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
ROLLING: dict[str, Any] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
STS: dict[str, Any] = {"replicas": 3, "updateStrategy": ROLLING}
STS_UP = {**ALL_UP, "currentReplicas": 3, "currentRevision": "db-1", "updateRevision": "db-1"}
DS = {"updateStrategy": {"type": "RollingUpdate"}}
DS_UP = numbers(desiredNumberScheduled=3, currentNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=3)
TWO_PARENTS = {"parentRefs": [{"name": "gw"}, {"name": "mesh"}]}
ONE_PARENT = {"parentRefs": [{"name": "gw"}]}
ATTACHED = parent(cond("Accepted", generation=2), cond("ResolvedRefs", generation=2))
NO_BACKEND = parent(cond("Accepted", generation=2), cond("ResolvedRefs", "False", "BackendNotFound", 2))
GATEWAY = "gateway.networking.k8s.io/"

EXAMPLES = [
    Example("Namespace", "stands", {}, {"phase": "Active"}, READY),
    Example("Namespace", "is going", {}, {"phase": "Terminating"}, FAILED),
    Example("Namespace", "is new", {}, {}, PENDING),
    Example("PersistentVolumeClaim", "is bound", {}, {"phase": "Bound"}, READY),
    Example("PersistentVolumeClaim", "waits", {}, {"phase": "Pending"}, PENDING),
    Example("PersistentVolumeClaim", "lost its volume", {}, {"phase": "Lost"}, FAILED),
    Example("ResourceQuota", "is counted", {"hard": {"pods": "1k"}}, {"hard": {"pods": "1k"}, "used": {}}, READY),
    Example("ResourceQuota", "is new", {"hard": {"pods": "9"}}, {}, PENDING),
    Example("ResourceQuota", "was changed", {"hard": {"pods": "9"}}, {"hard": {"pods": "8"}}, PENDING),
    Example("apps/Deployment", "is new", {"replicas": 3}, {}, PENDING),
    Example("apps/Deployment", "is rolled out", {"replicas": 3}, ALL_UP, READY),
    Example("apps/Deployment", "has a newer version", {"replicas": 3}, {**ALL_UP, "observedGeneration": 1}, PENDING),
    Example("apps/Deployment", "has old pods", {"replicas": 3}, {**ALL_UP, "replicas": 4}, PENDING),
    Example("apps/Deployment", "has too many pods", {"replicas": 2}, ALL_UP, PENDING),
    Example("apps/Deployment", "starts", {"replicas": 3}, {**ALL_UP, "availableReplicas": 2}, PENDING),
    Example("apps/Deployment", "is scaled to none", {"replicas": 0}, numbers(), READY),
    Example("apps/Deployment", "is late", {"replicas": 3}, numbers(conditions=[LATE]), FAILED),
    Example("apps/Deployment", "was late", {"replicas": 3}, {"observedGeneration": 1, "conditions": [LATE]}, PENDING),
    Example("apps/Deployment", "was late and has come", {"replicas": 3}, {**ALL_UP, "conditions": [LATE]}, READY),
    Example("apps/Deployment", "is paused", {"replicas": 3, "paused": True}, numbers(replicas=3), BLOCKED),
    Example("apps/Deployment", "was paused when all was up", {"replicas": 3, "paused": True}, ALL_UP, READY),
    Example(
        "apps/Deployment",
        "may not have such pods",
        {"replicas": 3},
        numbers(conditions=[cond("ReplicaFailure", reason="FailedCreate", message=INSECURE)]),
        BLOCKED,
    ),
    Example(
        "apps/Deployment",
        "meets a quota, which old pods still use",
        {"replicas": 3},
        numbers(conditions=[cond("ReplicaFailure", reason="FailedCreate", message="exceeded quota: q")]),
        PENDING,
    ),
    Example("apps/ReplicaSet", "is up", {"replicas": 3}, ALL_UP, READY),
    Example("apps/ReplicaSet", "starts", {"replicas": 3}, numbers(replicas=3), PENDING),
    Example("apps/ReplicaSet", "was changed", {"replicas": 3}, {**ALL_UP, "observedGeneration": 1}, PENDING),
    Example("apps/StatefulSet", "is new", STS, {"replicas": 0, "availableReplicas": 0}, PENDING),
    Example("apps/StatefulSet", "is rolled out", STS, STS_UP, READY),
    Example("apps/StatefulSet", "was changed", STS, {**STS_UP, "observedGeneration": 1}, PENDING),
    Example("apps/StatefulSet", "rolls", STS, {**STS_UP, "updatedReplicas": 1, "updateRevision": "db-2"}, PENDING),
    Example("apps/StatefulSet", "starts", STS, {**STS_UP, "availableReplicas": 2}, PENDING),
    Example("apps/StatefulSet", "shrinks", {**STS, "replicas": 2}, STS_UP, PENDING),
    Example(
        "apps/StatefulSet",
        "is updated up to its partition",
        {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
        {**STS_UP, "updatedReplicas": 1, "updateRevision": "db-2"},
        READY,
    ),
    Example(
        "apps/StatefulSet",
        "is not yet updated up to its partition",
        {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
        {**STS_UP, "updatedReplicas": 1, "updateRevision": "db-2"},
        PENDING,
    ),
    Example(
        "apps/StatefulSet",
        "is updated by hand",
        {"replicas": 3, "updateStrategy": {"type": "OnDelete"}},
        {**STS_UP, "updatedReplicas": 0, "updateRevision": "db-2"},
        READY,
    ),
    Example("apps/DaemonSet", "is new", DS, {}, PENDING),
    Example("apps/DaemonSet", "is rolled out", DS, DS_UP, READY),
    Example("apps/DaemonSet", "was changed", DS, {**DS_UP, "observedGeneration": 1}, PENDING),
    Example("apps/DaemonSet", "rolls", DS, {**DS_UP, "updatedNumberScheduled": 1}, PENDING),
    Example("apps/DaemonSet", "starts", DS, {**DS_UP, "numberAvailable": 2}, PENDING),
    Example("apps/DaemonSet", "has no node", DS, numbers(desiredNumberScheduled=0), READY),
    Example(
        "apps/DaemonSet",
        "is updated by hand",
        {"updateStrategy": {"type": "OnDelete"}},
        {**DS_UP, "updatedNumberScheduled": 0},
        READY,
    ),
    Example("batch/Job", "runs", {}, {"active": 1, "ready": 1}, PENDING),
    Example("batch/Job", "is suspended", {"suspend": True}, {"conditions": [cond("Suspended")]}, PENDING),
    Example("batch/Job", "succeeds", {}, {"conditions": [cond("SuccessCriteriaMet")]}, PENDING),
    Example("batch/Job", "is done", {}, {"conditions": [cond("SuccessCriteriaMet"), cond("Complete")]}, READY),
    Example("batch/Job", "fails", {}, {"conditions": [cond("FailureTarget", reason="BackoffLimitExceeded")]}, FAILED),
    Example("batch/Job", "has failed", {}, {"conditions": [cond("FailureTarget"), cond("Failed")]}, FAILED),
    Example("autoscaling/HorizontalPodAutoscaler", "is new", {}, {"desiredReplicas": 0}, PENDING),
    Example(
        "autoscaling/HorizontalPodAutoscaler",
        "has no metrics yet",
        {},
        {"conditions": [cond("AbleToScale"), cond("ScalingActive", "False", "FailedGetResourceMetric")]},
        READY,
    ),
    Example(
        "autoscaling/HorizontalPodAutoscaler",
        "does not find its target",
        {},
        {"conditions": [cond("AbleToScale", "False", "FailedGetScale")]},
        PENDING,
    ),
    Example(
        "apiextensions.k8s.io/CustomResourceDefinition",
        "is served",
        {},
        {"conditions": [cond("NamesAccepted"), cond("Established")]},
        READY,
    ),
    Example(
        "apiextensions.k8s.io/CustomResourceDefinition",
        "has a name that is taken",
        {},
        {"conditions": [cond("NamesAccepted", "False", "KindConflict"), cond("Established", "False")]},
        FAILED,
    ),
    Example("apiextensions.k8s.io/CustomResourceDefinition", "is new", {}, {}, PENDING),
    Example("apiregistration.k8s.io/APIService", "answers", {}, {"conditions": [cond("Available")]}, READY),
    Example(
        "apiregistration.k8s.io/APIService",
        "has no pods yet",
        {},
        {"conditions": [cond("Available", "False", "MissingEndpoints")]},
        PENDING,
    ),
    Example(GATEWAY + "GatewayClass", "is served", {}, {"conditions": [cond("Accepted", generation=2)]}, READY),
    Example(GATEWAY + "GatewayClass", "was changed", {}, {"conditions": [cond("Accepted", generation=1)]}, PENDING),
    Example(GATEWAY + "GatewayClass", "is new", {}, {"conditions": [cond("Accepted", "Unknown", "Pending")]}, PENDING),
    Example(
        GATEWAY + "GatewayClass",
        "is of no use",
        {},
        {"conditions": [cond("Accepted", "False", "Unsupported", 2)]},
        FAILED,
    ),
    Example(
        GATEWAY + "Gateway",
        "is new",
        {},
        {"conditions": [cond("Accepted", "Unknown", "Pending"), cond("Programmed", "Unknown", "Pending")]},
        PENDING,
    ),
    Example(
        GATEWAY + "Gateway",
        "has no address yet",
        {},
        {"conditions": [cond("Accepted", generation=2), cond("Programmed", "False", "AddressNotAssigned", 2)]},
        PENDING,
    ),
    Example(
        GATEWAY + "Gateway",
        "is programmed",
        {},
        {"conditions": [cond("Accepted", generation=2), cond("Programmed", generation=2)]},
        READY,
    ),
    Example(
        GATEWAY + "Gateway",
        "was changed",
        {},
        {"conditions": [cond("Accepted", generation=1), cond("Programmed", generation=1)]},
        PENDING,
    ),
    Example(
        GATEWAY + "Gateway",
        "wants an address of an unknown type",
        {},
        {"conditions": [cond("Accepted", "False", "UnsupportedAddress", 2), cond("Programmed", "False", "Invalid", 2)]},
        FAILED,
    ),
    Example(
        GATEWAY + "Gateway",
        "wanted an address of an unknown type",
        {},
        {"conditions": [cond("Accepted", "False", "UnsupportedAddress", 1)]},
        PENDING,
    ),
    Example(GATEWAY + "HTTPRoute", "is new", ONE_PARENT, {"parents": []}, PENDING),
    Example(GATEWAY + "HTTPRoute", "was not seen by anyone", ONE_PARENT, {}, PENDING),
    Example(GATEWAY + "HTTPRoute", "hangs on nothing", {}, {"parents": []}, READY),
    Example(GATEWAY + "HTTPRoute", "is attached", ONE_PARENT, {"parents": [ATTACHED]}, READY),
    Example(GATEWAY + "HTTPRoute", "is attached to one of two", TWO_PARENTS, {"parents": [ATTACHED]}, PENDING),
    Example(GATEWAY + "HTTPRoute", "is attached to both", TWO_PARENTS, {"parents": [ATTACHED, ATTACHED]}, READY),
    Example(GATEWAY + "HTTPRoute", "lacks a backend", ONE_PARENT, {"parents": [NO_BACKEND]}, PENDING),
    Example(GATEWAY + "HTTPRoute", "lacks one once", TWO_PARENTS, {"parents": [ATTACHED, NO_BACKEND]}, PENDING),
    Example(
        GATEWAY + "HTTPRoute",
        "was changed",
        ONE_PARENT,
        {"parents": [parent(cond("Accepted", generation=1), cond("ResolvedRefs", generation=1))]},
        PENDING,
    ),
    Example(
        GATEWAY + "HTTPRoute",
        "is served by a controller that tells no generation",
        ONE_PARENT,
        {"parents": [parent(cond("Accepted"), cond("ResolvedRefs"))]},
        READY,
    ),
    Example(
        GATEWAY + "HTTPRoute",
        "has a value that is not supported",
        ONE_PARENT,
        {"parents": [parent(cond("Accepted", "False", "UnsupportedValue", 2), cond("ResolvedRefs", generation=2))]},
        FAILED,
    ),
    *(
        Example(GATEWAY + kind, *example)
        for kind in ("GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
        for example in (
            ("is attached", ONE_PARENT, {"parents": [ATTACHED]}, READY),
            ("lacks a backend", ONE_PARENT, {"parents": [NO_BACKEND]}, PENDING),
        )
    ),
    Example("cert-manager.io/Certificate", "is new", {}, {}, PENDING),
    Example(
        "cert-manager.io/Certificate",
        "is being issued",
        {},
        {"conditions": [cond("Issuing", reason="DoesNotExist", generation=2), cond("Ready", "False", generation=2)]},
        PENDING,
    ),
    Example("cert-manager.io/Certificate", "is there", {}, {"conditions": [cond("Ready", generation=2)]}, READY),
    Example("cert-manager.io/Certificate", "is of before", {}, {"conditions": [cond("Ready", generation=1)]}, PENDING),
    Example(
        "cert-manager.io/Certificate",
        "was refused",
        {},
        {"conditions": [cond("Ready", "False", generation=2), cond("Issuing", "False", "Denied", 2)]},
        FAILED,
    ),
    Example(
        "cert-manager.io/Certificate",
        "was refused before the change",
        {},
        {"conditions": [cond("Ready", "False", generation=2), cond("Issuing", "False", "Failed", 1)]},
        PENDING,
    ),
    Example(
        "cert-manager.io/Certificate",
        "has just been issued (with server-side apply)",
        {},
        {"conditions": [cond("Ready", "False", generation=2), cond("Issuing", "False", "Issued", 2)]},
        PENDING,
    ),
    Example(
        "cert-manager.io/Certificate",
        "is there, and its renewal failed",
        {},
        {"conditions": [cond("Ready", generation=2), cond("Issuing", "False", "Failed", 2)]},
        READY,
    ),
    Example("cert-manager.io/Issuer", "has its key", {}, {"conditions": [cond("Ready", generation=2)]}, READY),
    Example("cert-manager.io/Issuer", "lacks its key", {}, {"conditions": [cond("Ready", "False")]}, PENDING),
    Example("cert-manager.io/ClusterIssuer", "has its key", {}, {"conditions": [cond("Ready")]}, READY),
    Example("cert-manager.io/ClusterIssuer", "is new", {}, {}, PENDING),
    Example("Node", "is up", {}, {"conditions": [cond("Ready")]}, READY),
    Example("Node", "is down", {}, {"conditions": [cond("Ready", "Unknown", "NodeStatusUnknown")]}, PENDING),
    Example("Service", "is within", {"type": "ClusterIP"}, {"loadBalancer": {}}, READY),
    Example("Service", "has no address", {"type": "LoadBalancer"}, {"loadBalancer": {}}, PENDING),
    Example(
        "Service", "has one", {"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, READY
    ),
    Example("networking.k8s.io/Ingress", "has no address", {}, {"loadBalancer": {}}, PENDING),
    Example("networking.k8s.io/Ingress", "has one", {}, {"loadBalancer": {"ingress": [{"hostname": "a.test"}]}}, READY),
    Example("admissionregistration.k8s.io/ValidatingAdmissionPolicy", "is new", {}, {}, PENDING),
    Example(
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
        "is right",
        {},
        {"observedGeneration": 2, "typeChecking": {}},
        READY,
    ),
    Example(
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
        "asks for what is not there",
        {},
        {"observedGeneration": 2, "typeChecking": {"expressionWarnings": [{"fieldRef": "spec", "warning": "no"}]}},
        FAILED,
    ),
    Example("example.com/Thing", "is new", {}, {}, PENDING),
    Example("example.com/Thing", "is ready", {}, {"observedGeneration": 2, "conditions": [cond("Ready")]}, READY),
    Example("example.com/Thing", "was ready", {}, {"observedGeneration": 1, "conditions": [cond("Ready")]}, PENDING),
    Example("example.com/Thing", "tells no generation", {}, {"conditions": [cond("Ready")]}, READY),
    Example("example.com/Thing", "is stalled", {}, {"conditions": [cond("Ready", "False"), cond("Stalled")]}, FAILED),
    Example(
        "example.com/Thing", "was stalled", {}, {"observedGeneration": 1, "conditions": [cond("Stalled")]}, PENDING
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.kind} {example.says}")
def test_what_a_status_means(example: Example) -> None:
    assert verdict(awaited(*example.group_and_kind, example.spec, example.status)) == example.verdict


def test_every_kind_has_examples_of_ready_and_not_yet() -> None:
    shown = {(example.group_and_kind, example.verdict) for example in EXAMPLES}
    kinds = {**conditions.CONDITIONS, **conditions.ON_WISH}
    del kinds["", "Pod"]  # has tests of its own below
    lacking = [kind for kind in kinds for wanted in (READY, PENDING) if (kind, wanted) not in shown]
    assert lacking == []


def test_the_documentation_lists_every_kind() -> None:
    lines = (Path(__file__).parents[5] / "docs" / "waiting.md").read_text().splitlines()
    cells = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    told = {name for cell in cells for name in cell.split(", ")}
    kinds = {kind for _group, kind in [*conditions.CONDITIONS, *conditions.ON_WISH]}
    assert kinds <= told
    assert (
        f"[{len(conditions.CONDITIONS)} kinds]"
        in (Path(__file__).parents[5] / "docs" / "kubernetes-core.md").read_text()
    )


def container(reason: str = "", restarts: int = 0, message: str = "", name: str = "c") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}} if reason else {"running": {}}
    return {"name": name, "restartCount": restarts, "state": state}


def pod(*containers: Any, phase: str = "Pending", init: Any = (), **status: Any) -> Awaited:
    full = {"phase": phase, "containerStatuses": list(containers), "initContainerStatuses": list(init), **status}
    return awaited("", "Pod", {}, full)


def back_off(seconds: str) -> str:
    return f"back-off {seconds} restarting failed container=c pod=web-1_shop(4711)"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (pod(phase="Succeeded"), READY),
        (pod(container(), phase="Running", conditions=[cond("Ready")]), READY),
        (pod(container(), phase="Running", conditions=[cond("Ready", "False")]), PENDING),
        (pod(phase="Failed"), FAILED),
        (pod(container("ContainerCreating")), PENDING),
        (pod(container("PodInitializing"), init=[container()]), PENDING),
        (pod(container(), container("InvalidImageName")), FAILED),
        (pod(container("ErrImageNeverPull")), FAILED),
        (pod(container("ErrImagePull")), BLOCKED),
        (pod(container("ImagePullBackOff")), BLOCKED),
        (pod(container("CreateContainerConfigError")), BLOCKED),
        (pod(container("PodInitializing"), init=[container("ImagePullBackOff")]), BLOCKED),
        (pod(container("CrashLoopBackOff", 1, back_off("10s")), phase="Running"), PENDING),
        (pod(container("CrashLoopBackOff", 3, back_off("40s")), phase="Running"), PENDING),
        (pod(container("CrashLoopBackOff", 4, back_off("1m20s")), phase="Running"), FAILED),
        (pod(container("CrashLoopBackOff", 57, back_off("5m0s")), phase="Running"), FAILED),
        (pod(container("CrashLoopBackOff", 57, back_off("10s")), phase="Running"), PENDING),
        (pod(container("CrashLoopBackOff", 4, ""), phase="Running"), FAILED),
        (pod(container("PodInitializing"), init=[container("CrashLoopBackOff", 4, back_off("1m20s"))]), FAILED),
        (awaited("", "Pod", {}, {}), PENDING),
        (awaited("", "Pod", {}, {"phase": "Pending", "containerStatuses": [container("InvalidImageName")]}), FAILED),
    ],
)
def test_pod(status: Awaited, expected: str) -> None:
    assert verdict(status) == expected


def test_only_the_job_counts_the_crashes_of_its_containers() -> None:
    looping = pod(container("CrashLoopBackOff", 9, back_off("5m0s"))).seen or {}
    nameless = pod(container("InvalidImageName")).seen or {}
    below = {kind: conditions.CONDITIONS[kind].pods for kind in (("batch", "Job"), ("apps", "Deployment"))}
    assert [conditions.holds(failure.final, looping) for failure in below.values()] == [False, True]
    assert [conditions.holds(failure.final, nameless) for failure in below.values()] == [True, True]


def test_an_evicted_pod_is_no_failure_of_its_workload() -> None:
    evicted = pod(phase="Failed", reason="Evicted").seen or {}
    failure = conditions.CONDITIONS["apps", "Deployment"].pods
    assert not conditions.holds(failure.final, evicted)
    assert not conditions.holds(failure.lasting, evicted)


def test_what_does_not_exist_is_neither() -> None:
    missing = Awaited(Resource("v1", "Pod", "pods", True), ObjectKey("", "Pod", "a", "x"))
    assert verdict(missing) == PENDING


def test_what_is_being_deleted_is_not_ready() -> None:
    leaving = awaited("apps", "Deployment", {"replicas": 3}, ALL_UP, deletionTimestamp="2026-01-01T00:00:00Z")
    assert verdict(leaving) == PENDING


def test_a_wish_for_success_keeps_the_usual_failure() -> None:
    usual = conditions.CONDITIONS["apps", "Deployment"]
    wished = WaitFor("Deployment", success="status.availableReplicas > `0`").condition("apps")
    assert wished == usual._replace(success="status.availableReplicas > `0`")
    assert WaitFor("Deployment").condition("apps") == usual
    assert WaitFor("Thing", success="a").condition("") == conditions.Condition("a")


def test_a_wish_for_failure_is_the_only_one() -> None:
    usual = conditions.CONDITIONS["apps", "Deployment"]
    never = WaitFor("Deployment", failure="`false`").condition("apps")
    assert never == conditions.Condition(usual.success, conditions.Failure("`false`"))


def test_a_wish_that_cannot_be_understood() -> None:
    with pytest.raises(InvalidArgument, match="Thing has no condition of its own"):
        WaitFor("Thing").condition("")
    with pytest.raises(InvalidArgument, match="is not JMESPath"):
        WaitFor("Thing", success="a[").condition("")
    with pytest.raises(InvalidArgument, match="is not JMESPath"):
        WaitFor("Pod", failure="a[").condition("")


@pytest.mark.parametrize(
    ("group", "known"), [("example.com", True), ("cluster.x-k8s.io", True), ("storage.k8s.io", False), ("apps", False)]
)
def test_of_a_custom_resource_the_custom_is_known(group: str, known: bool) -> None:
    assert (conditions.condition_of(group, "Thing") is conditions.CUSTOM) is known
