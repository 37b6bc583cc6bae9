# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When objects are ready and when they never will be: data, as JMESPath expressions over the object (pure).

An expression holds when its result is not false in JMESPath's sense (false, null, empty). Sources, by the names used
below: *rollout* is ``kubectl rollout status`` (pkg/polymorphichelpers/rollout_status.go), *kstatus* is
sigs.k8s.io/cli-utils (pkg/kstatus/status/core.go), *types* are the comments of the API's own types. Why what counts
as it does, for users: docs/kubernetes-core.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument

try:
    import jmespath
except ImportError:  # libraries.require() tells what to install
    jmespath = None  # type: ignore[assignment]

RESTARTS = 4
"""So often must a container have been restarted before a crash loop counts: it has ended five times then."""


class Failure(NamedTuple):
    """When something will never be ready."""

    final: str = ""
    """Holds when it is lost for good."""
    lasting: str = ""
    """Holds when it gets no further, which may pass: a failure only once it has lasted."""


class Condition(NamedTuple):
    """What to wait for."""

    success: str
    failure: Failure = Failure()
    pods: Failure = Failure()
    """Of the pods below: one of the newest revision that fails is a failure of the whole."""


def _is(condition_type: str, status: str = "True") -> str:
    return f"status.conditions[?type=='{condition_type}' && status=='{status}']"


def _observed(expression: str) -> str:
    """The expression, but only once the controller has seen the newest version of the object."""
    return f"status.observedGeneration >= metadata.generation && ({expression})"


def _is_now(condition_type: str, status: str = "True", reasons: Sequence[str] = ()) -> str:
    """As ``_is``, for conditions that say themselves which version of the object they are about."""
    found = f"status.conditions[?type=='{condition_type}'] | [0]"
    wanted = f"(({found}).status == '{status}')"
    newest = f"(not_null(({found}).observedGeneration, metadata.generation) >= metadata.generation)"
    reason = f"contains({_strings(reasons)}, ({found}).reason)" if reasons else "`true`"
    return f"{wanted} && {newest} && {reason}"


def _strings(values: Sequence[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def _number(path: str) -> str:
    """A number that the server leaves out when it is 0."""
    return f"not_null({path}, `0`)"


# --- containers: types ContainerStateWaiting; the reasons are those of the kubelet (pkg/kubelet/images/types.go,
# --- pkg/kubelet/container/sync_result.go, pkg/kubelet/kuberuntime/kuberuntime_container.go)

_CONTAINERS = "status.[initContainerStatuses, containerStatuses][][]"

_HOPELESS = ("InvalidImageName", "ErrImageNeverPull")
"""No further try can end otherwise: the name cannot be parsed; the image is not there and must not be pulled."""

_BLOCKED = (
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
"""The kubelet tries again: a registry may come back, a Secret may still be made by somebody else."""

_SHORT_BACK_OFFS = ("1s", "2s", "4s", "10s", "20s", "40s")
"""How long the kubelet waits after the first crashes in a row. It forgets them when the container ran for 10 minutes,
while ``restartCount`` counts for ever. (From 1 s on where ReduceDefaultCrashLoopBackOffDecay is on, else from 10 s.)"""


def _waits_for(reasons: Sequence[str]) -> str:
    return f"{_CONTAINERS} | [?contains({_strings(reasons)}, state.waiting.reason)]"


def _crash_loop() -> str:
    message = "not_null(state.waiting.message, '')"
    early = " || ".join(f"starts_with({message}, 'back-off {seconds} ')" for seconds in _SHORT_BACK_OFFS)
    return f"{_CONTAINERS} | [?state.waiting.reason=='CrashLoopBackOff' && restartCount >= `{RESTARTS}` && !({early})]"


_POD = Failure(final=f"({_waits_for(_HOPELESS)}) || ({_crash_loop()})", lasting=_waits_for(_BLOCKED))
_POD_OF_JOB = Failure(final=_waits_for(_HOPELESS), lasting=_waits_for(_BLOCKED))
"""Containers of a Job that crash are counted by the Job itself (backoffLimit, podFailurePolicy)."""


# --- routes of the Gateway API: types RouteParentStatus. Every parent has conditions of its own.

_ROUTE_CONDITIONS = "status.parents[].conditions[?type=='Accepted' || type=='ResolvedRefs'][]"


def _lack(condition_type: str) -> str:
    return f"status.parents[?!(conditions[?type=='{condition_type}' && status=='True'])]"


_ROUTE = Condition(
    "length(not_null(status.parents, `[]`)) >= length(not_null(spec.parentRefs, `[]`))"
    f" && !({_lack('Accepted')}) && !({_lack('ResolvedRefs')})"
    f" && not_null(min(not_null({_ROUTE_CONDITIONS}.observedGeneration, `[]`)), metadata.generation)"
    " >= metadata.generation",
    # What may still pass (no such Gateway, Service or ReferenceGrant yet) is not among these.
    Failure(
        final=f"{_ROUTE_CONDITIONS} | [?status=='False' && contains({_strings(('UnsupportedValue', 'InvalidKind'))},"
        " reason)]"
    ),
)

CONDITIONS: Dict[Tuple[str, str], Condition] = {
    # types NamespacePhase
    ("", "Namespace"): Condition("status.phase == 'Active'", Failure("status.phase == 'Terminating'")),
    # types PersistentVolumeClaimPhase; claims.py adds those that wait for their first consumer
    ("", "PersistentVolumeClaim"): Condition("status.phase == 'Bound'", Failure("status.phase == 'Lost'")),
    # types PodPhase, PodConditionType; kstatus
    ("", "Pod"): Condition(
        f"status.phase == 'Succeeded' || {_is('Ready')}",
        Failure(final=f"status.phase == 'Failed' || {_POD.final}", lasting=_POD.lasting),
    ),
    # types ResourceQuotaStatus: before that, pods are refused with "status unknown for quota"
    ("", "ResourceQuota"): Condition("status.hard == spec.hard"),
    # rollout, kstatus. Paused: rollout waits for ever, for no ReplicaSet is made for the newest template
    ("apps", "Deployment"): Condition(
        _observed(
            f"{_number('status.updatedReplicas')} == spec.replicas"
            f" && {_number('status.replicas')} == spec.replicas"
            f" && {_number('status.availableReplicas')} == spec.replicas"
        ),
        Failure(
            final=_observed("status.conditions[?type=='Progressing' && reason=='ProgressDeadlineExceeded']"),
            lasting=_observed(
                f"(spec.paused && {_number('status.updatedReplicas')} < spec.replicas)"
                " || status.conditions[?type=='ReplicaFailure' && status=='True'"
                " && contains(not_null(message, ''), 'violates PodSecurity')]"
            ),
        ),
        pods=_POD,
    ),
    # kstatus
    ("apps", "ReplicaSet"): Condition(
        _observed(
            f"{_number('status.replicas')} == spec.replicas && {_number('status.availableReplicas')} == spec.replicas"
        ),
        pods=_POD,
    ),
    # rollout (which counts pods that are ready; those that are available have been so for minReadySeconds too)
    ("apps", "StatefulSet"): Condition(
        _observed(
            f"{_number('status.replicas')} == spec.replicas && {_number('status.availableReplicas')} == spec.replicas"
            " && (spec.updateStrategy.type == 'OnDelete'"
            f" || sum([{_number('status.updatedReplicas')}, {_number('spec.updateStrategy.rollingUpdate.partition')}])"
            " >= spec.replicas)"
        ),
        pods=_POD,
    ),
    # rollout
    ("apps", "DaemonSet"): Condition(
        _observed(
            f"{_number('status.numberAvailable')} >= status.desiredNumberScheduled"
            " && (spec.updateStrategy.type == 'OnDelete'"
            f" || {_number('status.updatedNumberScheduled')} >= status.desiredNumberScheduled)"
        ),
        pods=_POD,
    ),
    # types JobConditionType: FailureTarget comes before Failed, while pods are still being ended
    ("batch", "Job"): Condition(
        _is("Complete"), Failure(final=f"{_is('Failed')} || {_is('FailureTarget')}"), pods=_POD_OF_JOB
    ),
    # types HorizontalPodAutoscalerConditionType: it finds what it is to scale. Metrics (ScalingActive) come later.
    ("autoscaling", "HorizontalPodAutoscaler"): Condition(_is("AbleToScale")),
    # types CustomResourceDefinitionConditionType, kstatus
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Condition(
        _is("Established"), Failure(_is("NamesAccepted", "False"))
    ),
    # types APIServiceConditionType
    ("apiregistration.k8s.io", "APIService"): Condition(_is("Available")),
    # types GatewayClassConditionType, GatewayConditionType
    ("gateway.networking.k8s.io", "GatewayClass"): Condition(
        _is_now("Accepted"), Failure(_is_now("Accepted", "False", ("Unsupported",)))
    ),
    ("gateway.networking.k8s.io", "Gateway"): Condition(
        _is_now("Programmed"), Failure(_is_now("Accepted", "False", ("UnsupportedAddress",)))
    ),
    ("gateway.networking.k8s.io", "HTTPRoute"): _ROUTE,
    ("gateway.networking.k8s.io", "GRPCRoute"): _ROUTE,
    ("gateway.networking.k8s.io", "TLSRoute"): _ROUTE,
    ("gateway.networking.k8s.io", "TCPRoute"): _ROUTE,
    ("gateway.networking.k8s.io", "UDPRoute"): _ROUTE,
    # cert-manager.io/docs/usage/certificate; after a failure (pkg/controller/certificates/issuing) the next try comes
    # in an hour at the earliest
    ("cert-manager.io", "Certificate"): Condition(
        _is_now("Ready"),
        Failure(f"{_is_now('Issuing', 'False')} && !(status.conditions[?type=='Issuing' && reason=='Issued'])"),
    ),
    ("cert-manager.io", "Issuer"): Condition(_is_now("Ready")),
    ("cert-manager.io", "ClusterIssuer"): Condition(_is_now("Ready")),
}
"""The kinds that are waited for unasked: whoever serves them promises to tell in the status how they are."""

ON_WISH: Dict[Tuple[str, str], Condition] = {
    # types NodeConditionType. Who labels nodes does not want to wait for those that are switched off.
    ("", "Node"): Condition(_is("Ready")),
    # types LoadBalancerStatus. Where nothing hands out addresses, they never come.
    ("", "Service"): Condition("spec.type != 'LoadBalancer' || status.loadBalancer.ingress"),
    ("networking.k8s.io", "Ingress"): Condition("status.loadBalancer.ingress"),
    # types ValidatingAdmissionPolicyStatus. A policy for several kinds can be right despite warnings.
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): Condition(
        _observed("!(status.typeChecking.expressionWarnings)"),
        Failure(_observed("status.typeChecking.expressionWarnings")),
    ),
}
"""The kinds that a wish need only name."""

CUSTOM = Condition(
    f"not_null(status.observedGeneration, metadata.generation) >= metadata.generation && {_is_now('Ready')}",
    Failure(f"not_null(status.observedGeneration, metadata.generation) >= metadata.generation && {_is_now('Stalled')}"),
)
"""For any other custom resource that is wished for: the conditions that kstatus has made a custom."""


def condition_of(group: str, kind: str) -> Optional[Condition]:
    """What to wait for with objects of a kind; None when that is not known."""
    known = CONDITIONS.get((group, kind)) or ON_WISH.get((group, kind))
    return known or (CUSTOM if _is_custom(group) else None)


def _is_custom(group: str) -> bool:
    """Whether a group is somebody's own. Groups below k8s.io are Kubernetes' (those of its SIGs end in -k8s.io)."""
    return "." in group and not group.endswith(".k8s.io")


def holds(expression: str, value: Mapping[str, Any]) -> bool:
    """Whether the result of an expression is true as JMESPath sees it (0 is true).

    A function of a field that is still to come gets null, which most do not take: that is not true yet.
    Raises InvalidArgument when the expression cannot be worked out.
    """
    if not expression:
        return False
    try:
        result = _compiled(expression).search(value)
    except jmespath.exceptions.JMESPathTypeError:
        return False
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidArgument(f"wait_for: {expression!r} cannot be worked out: {error}") from error
    return result is not None and result is not False and result not in ("", [], {})


def check_expression(expression: str) -> None:
    """Raise InvalidArgument for what is not JMESPath."""
    libraries.require("jmespath")
    try:
        _compiled(expression).search({})
    except jmespath.exceptions.JMESPathTypeError:
        return
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidArgument(f"wait_for: {expression!r} is not JMESPath: {error}") from error


@lru_cache(maxsize=None)
def _compiled(expression: str) -> Any:
    """Expressions are few and are asked of thousands of objects; JMESPath's own cache empties itself at 128."""
    return jmespath.compile(expression)
