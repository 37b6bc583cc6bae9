# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods below workloads: which of them are of the newest revision, and whether one of these has failed.

The status of a Deployment does not tell of a crash loop or a missing image for 10 minutes (progressDeadlineSeconds),
that of a StatefulSet, a DaemonSet or a Job never. So the pods are looked at, while their workloads are not ready.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import Failure, holds
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

FIRST_LOOK = 3.0
"""Seconds before the pods are looked at: most workloads are ready by then, and nothing is read for them."""
PAUSE = 5.0
"""Seconds between two looks, at least."""
SHARE = 5
"""The pause is at least so many times as long as the look took, so that in a big namespace reading stays bounded."""
MANY_NAMESPACES = 8
"""From so many namespaces on, one list over all of them replaces one per namespace."""

_REVISION = "deployment.kubernetes.io/revision"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class Workload(NamedTuple):
    """A workload that is not ready yet, as it was last seen."""

    key: ObjectKey
    body: Mapping[str, Any]
    failure: Failure
    """When a pod of it has failed."""


class Lookout:
    """Looks at the pods of workloads again and again, and reports every workload below which one has failed.

    ``pending`` tells which workloads to look below. ``lasting`` is the number of seconds after which what may
    pass counts as a failure. What cannot be read is left out: the lookout makes failures known sooner, no more.
    """

    def __init__(
        self,
        session: Session,
        pending: Callable[[], Sequence[Workload]],
        report: Callable[[ObjectKey], None],
        lasting: float,
    ) -> None:
        self._session = session
        self._pending = pending
        self._report = report
        self._lasting = lasting
        self._blocked: Dict[Tuple[str, ObjectKey], float] = {}
        self._forbidden: Set[str] = set()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until it is stopped."""
        pause = FIRST_LOOK
        while not self._stopped.wait(pause):
            began = time.monotonic()
            self.look(self._pending())
            pause = max(PAUSE, SHARE * (time.monotonic() - began))

    def stop(self) -> None:
        """Have it end after the look it is at."""
        self._stopped.set()

    def look(self, workloads: Sequence[Workload]) -> None:
        """Look once."""
        blocked: Dict[Tuple[str, ObjectKey], float] = {}
        for path, query, below in self._places(workloads):
            revisions = _Revisions(self._session, below)
            for pod in self._pods(path, query):
                for workload in revisions.workloads_of(pod):
                    self._judge(pod, workload, blocked)
        self._blocked = blocked

    def _judge(self, pod: Mapping[str, Any], workload: Workload, blocked: Dict[Tuple[str, ObjectKey], float]) -> None:
        if holds(workload.failure.final, pod):
            self._report(workload.key)
        elif holds(workload.failure.lasting, pod):
            place = (pod["metadata"]["uid"], workload.key)
            blocked[place] = self._blocked.get(place, time.monotonic())
            if time.monotonic() - blocked[place] >= self._lasting:
                self._report(workload.key)

    def _places(self, workloads: Sequence[Workload]) -> Iterator[Tuple[str, str, List[Workload]]]:
        """What to list: path, label selector, and the workloads below which it is looked."""
        namespaces: Dict[str, List[Workload]] = {}
        for each in workloads:
            namespaces.setdefault(each.key.namespace, []).append(each)
        everywhere = "/api/v1/pods"
        if len(namespaces) > MANY_NAMESPACES and everywhere not in self._forbidden:
            yield everywhere, "", list(workloads)
            return
        for namespace, below in namespaces.items():
            path = f"/api/v1/namespaces/{namespace}/pods"
            if path not in self._forbidden:
                yield path, selector_of(below[0].body) if len(below) == 1 else "", below

    def _pods(self, path: str, selector: str) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self._session.list_objects(path, selector)
        except ApiError as error:
            if error.status == 403:
                self._forbidden.add(path)
        except KubeError:
            return  # those who follow the workloads meet it too


class _Revisions:
    """Which of some workloads a pod is of the newest revision of."""

    def __init__(self, session: Session, workloads: Sequence[Workload]) -> None:
        self._session = session
        self._by_uid = {each.body["metadata"]["uid"]: each for each in workloads}
        self._has_deployments = any(each.key.kind == "Deployment" for each in workloads)
        self._by_replica_set: Dict[str, Optional[Workload]] = {}

    def workloads_of(self, pod: Mapping[str, Any]) -> Iterator[Workload]:
        """A pod that is on its way out is nobody's."""
        owner = controller_of(pod)
        if not owner or pod["metadata"].get("deletionTimestamp"):
            return
        direct = self._by_uid.get(owner["uid"])
        if direct and is_newest(pod, direct.body):
            yield direct
        if self._has_deployments and owner["kind"] == "ReplicaSet" and _has_stopped(pod):
            deployment = self._deployment_of(pod["metadata"]["namespace"], owner)
            if deployment:
                yield deployment

    def _deployment_of(self, namespace: str, owner: Mapping[str, Any]) -> Optional[Workload]:
        """The Deployment whose newest ReplicaSet this is."""
        uid = owner["uid"]
        if uid not in self._by_replica_set:
            self._by_replica_set[uid] = self._find_deployment(namespace, owner["name"])
        return self._by_replica_set[uid]

    def _find_deployment(self, namespace: str, name: str) -> Optional[Workload]:
        try:
            replica_set = self._session.get_or_none(f"/apis/apps/v1/namespaces/{namespace}/replicasets/{name}")
        except KubeError:
            return None
        owner = controller_of(replica_set) if replica_set else None
        deployment = self._by_uid.get(owner["uid"]) if owner else None
        if not deployment or not _is_observed(deployment.body):
            return None
        revision = _annotation(replica_set, _REVISION)
        return deployment if revision and revision == _annotation(deployment.body, _REVISION) else None


def is_newest(pod: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether a pod is of the newest revision of the StatefulSet, DaemonSet, ReplicaSet or Job that owns it."""
    labels = pod["metadata"].get("labels") or {}
    revision = (body.get("status") or {}).get("updateRevision")
    if revision:
        return _is_observed(body) and labels.get("controller-revision-hash") == revision
    generation = _annotation(body, _TEMPLATE_GENERATION)
    if generation:
        return _is_observed(body) and labels.get("pod-template-generation") == generation
    return True


def controller_of(body: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    """The reference to the controller that owns an object."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def selector_of(body: Mapping[str, Any]) -> str:
    """The label selector of a workload as the API takes it in a query; empty when it has none."""
    spec = body.get("spec")
    selector = spec.get("selector") if isinstance(spec, dict) else None
    if not isinstance(selector, dict):
        return ""
    labels = selector.get("matchLabels")
    terms = [f"{key}={value}" for key, value in labels.items()] if isinstance(labels, dict) else []
    expressions = selector.get("matchExpressions")
    if isinstance(expressions, list):
        terms += [_term(each) for each in expressions if isinstance(each, dict)]
    return ",".join(terms)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector of the API selects these labels; an empty one selects all."""
    wanted = selector.get("matchLabels") or {}
    terms = selector.get("matchExpressions") or []
    return bool(wanted.items() <= labels.items()) and all(_fits(term, labels) for term in terms)


def _term(expression: Mapping[str, Any]) -> str:
    key, operator = expression.get("key"), expression.get("operator")
    if operator in ("In", "NotIn"):
        return f"{key} {str(operator).lower()} ({','.join(expression.get('values') or ())})"
    return f"!{key}" if operator == "DoesNotExist" else str(key)


def _fits(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = term["key"], term["operator"], term.get("values") or []
    is_positive = operator in ("Exists", "In")
    is_there = key in labels if operator in ("Exists", "DoesNotExist") else labels.get(key) in values
    return is_positive == is_there


def _has_stopped(pod: Mapping[str, Any]) -> bool:
    """Whether a container waits for anything: only then is it worth finding out whose pod it is."""
    return holds("status.[initContainerStatuses, containerStatuses][][].state.waiting", pod)


def _is_observed(body: Mapping[str, Any]) -> bool:
    return holds("status.observedGeneration >= metadata.generation", body)


def _annotation(body: Mapping[str, Any], name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name) or "")
