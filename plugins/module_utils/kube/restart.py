# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing pods that are out of date: by the rolling update of their workloads, else by eviction.

Nothing is remembered: what is out of date is read from the pods, so a run that was cut off goes on where it ended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import restart_plan
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.apply import ApplyOptions, server_side_apply
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import check_expression, holds
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    KubeError,
    WaitFailed,
    WaitTimeout,
    shorten,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey, key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.restart_plan import Left, Plan, Way, Workload
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import Awaited, wait_ready
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

FIELD_MANAGER = "servicemesh.platform/restart"
ANNOTATION = "kubectl.kubernetes.io/restartedAt"
"""That of `kubectl rollout restart`: other tools know that it is nobody's configuration."""
_LOOK = 1.0
"""Seconds between two looks at a budget, or at a pod that is on its way out."""
_APPS = "/apis/apps/v1"
_KINDS = {
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
}


@dataclass(frozen=True)
class Order:
    """What is wanted. ``outdated``: JMESPath over a pod that is to be replaced. ``timeout``: seconds for each batch."""

    namespaces: Sequence[str]
    outdated: str
    at_once: int
    timeout: float


@dataclass(frozen=True)
class Restarted:
    """A workload whose pods were replaced, or would be."""

    key: ObjectKey
    way: Way
    pods: Sequence[str]

    def as_return(self) -> Dict[str, Any]:
        return {"object": str(self.key), "by": self.way.value, "pods": sorted(self.pods)}


@dataclass(frozen=True)
class Outcome:
    """What was restarted, and what stays out of date and why."""

    restarted: List[Restarted]
    left: List[Left]


class RestartFailed(KubeError):
    """Pods could not be replaced. ``restarted``: what was begun by then, in order; the last of it may have failed."""

    def __init__(self, message: str, restarted: Sequence[Restarted]) -> None:
        super().__init__(message)
        self.restarted = list(restarted)

    def details(self) -> Dict[str, Any]:
        return {"restarted": [each.as_return() for each in self.restarted]}


def restart(session: Session, order: Order, dry_run: bool, progress: Progress) -> Outcome:
    """Replace the pods. Raises RestartFailed, InvalidArgument for an expression that is none, and other KubeErrors."""
    check_expression(order.outdated)
    found = look(session, order)
    if dry_run:
        return Outcome([_restarted(each) for each in found.workloads], found.left)
    return _Restart(session, order, progress).run(found)


def look(session: Session, order: Order) -> Plan:
    """What is out of date now, and what can be done about it."""
    pods = [pod for pod in _in_all(session, order, "/api/v1", "pods") if restart_plan.is_there(pod)]
    outdated = [pod for pod in pods if holds(order.outdated, pod)]
    if not outdated:
        return Plan([], [])
    return restart_plan.plan(outdated, _owners(session, order), _budgets(session, order))


def _owners(session: Session, order: Order) -> Dict[ObjectKey, Any]:
    found: Dict[ObjectKey, Any] = {}
    for kind, plural in _KINDS.items():
        for item in _in_all(session, order, _APPS, plural):
            # Items of a list come without these two.
            body = {**item, "apiVersion": "apps/v1", "kind": kind}
            found[key_of(body)] = body
    return found


def _in_all(session: Session, order: Order, api: str, plural: str) -> List[Any]:
    paths = [f"{api}/namespaces/{each}/{plural}" for each in order.namespaces]
    found = map_parallel(lambda path: list(session.list_objects(path)), paths, session.concurrency)
    return [body for bodies in found for body in bodies]


def _budgets(session: Session, order: Order) -> List[Any]:
    return _in_all(session, order, "/apis/policy/v1", "poddisruptionbudgets")


class _Restart:
    """One run through the batches."""

    def __init__(self, session: Session, order: Order, progress: Progress) -> None:
        self._session = session
        self._order = order
        self._progress = progress
        self._done: List[Restarted] = []
        self._deadline = 0.0

    def run(self, plan: Plan) -> Outcome:
        for batch in restart_plan.batches(plan.workloads, self._order.at_once):
            self._deadline = time.monotonic() + self._order.timeout
            names = ", ".join(str(each.key) for each in batch)
            self._progress.say(f"restarting {names}: {len(self._done)} of {len(plan.workloads)} are done")
            try:
                self._replace(batch)
            except (WaitFailed, WaitTimeout) as error:
                raise RestartFailed(str(error), self._done) from error
        after = look(self._session, self._order)
        if after.workloads:
            lines = [f"{each.key}: {', '.join(sorted(each.pods))}" for each in after.workloads]
            story = "These pods are new, and out of date all the same. What makes them so did not work"
            raise RestartFailed(f"{story}:\n{shorten(lines)}", self._done)
        return Outcome(self._done, after.left)

    def _replace(self, batch: Sequence[Workload]) -> None:
        rolling = [each for each in batch if each.way is Way.ROLL]
        awaited = []
        for each in rolling:
            self._await_budgets(each)
            self._done.append(_restarted(each))
            awaited.append(self._roll(each))
        wait_ready(self._session, awaited, self._left_seconds())
        for each in batch:
            if each.way is Way.EVICT:
                self._done.append(_restarted(each))
                self._evict_all(each)

    def _left_seconds(self) -> float:
        return max(self._deadline - time.monotonic(), 0)

    def _await_budgets(self, workload: Workload) -> None:
        for _look in self._looks():
            short = restart_plan.allowance(workload, _budgets(self._session, self._order))
            if short is None:
                return
            self._progress.say(f"waiting until PodDisruptionBudget {short} allows {workload.takes} for {workload.key}")
        raise WaitTimeout(
            f"{workload.key}: not restarted, for PodDisruptionBudget {short} did not allow {workload.takes} pods to be "
            f"away within {self._order.timeout:.0f} seconds. Are other pods of it unhealthy?"
        )

    def _roll(self, workload: Workload) -> Awaited:
        key, body = workload.key, workload.body
        stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        template = {"metadata": {"annotations": {ANNOTATION: stamp}}}
        metadata = {"name": key.name, "namespace": key.namespace}
        change = {"apiVersion": body["apiVersion"], "kind": key.kind, "metadata": metadata}
        resource = _resource(key.kind)
        seen = server_side_apply(
            self._session,
            resource.path(key.namespace, key.name),
            {**change, "spec": {"template": template}},
            ApplyOptions(FIELD_MANAGER, force_conflicts=True),
        )
        return Awaited(resource, key, seen=seen)

    def _evict_all(self, workload: Workload) -> None:
        """One after the other, and each only when the one before is replaced."""
        key = workload.key
        for pod in workload.pods:
            path = f"/api/v1/namespaces/{key.namespace}/pods/{pod}"
            uid = str((self._session.get_or_none(path) or {"metadata": {"uid": ""}})["metadata"]["uid"])
            self._evict(workload, path, pod)
            self._await_end(workload, path, uid)
            wait_ready(self._session, [Awaited(_resource(key.kind), key)], self._left_seconds())

    def _evict(self, workload: Workload, path: str, pod: str) -> None:
        """Raises WaitTimeout when a budget does not allow it in time."""
        metadata = {"name": pod, "namespace": workload.key.namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        told = ""
        for _look in self._looks():
            try:
                self._session.request("POST", f"{path}/eviction", body=body)
                return
            except ApiError as error:
                if error.status == 404:
                    return
                if error.status != 429:
                    raise
                told = str(error)
        raise WaitTimeout(f"{workload.key}: pod {pod} was not evicted within {self._order.timeout:.0f} seconds: {told}")

    def _await_end(self, workload: Workload, path: str, uid: str) -> None:
        for _look in self._looks():
            live = self._session.get_or_none(path)
            if live is None or live["metadata"]["uid"] != uid:
                return
        raise WaitTimeout(f"{workload.key}: {path.rpartition('/')[2]} is still there after it was evicted")

    def _looks(self) -> Iterator[None]:
        """Once, and then again and again until the deadline."""
        yield
        while time.monotonic() < self._deadline:
            time.sleep(_LOOK)
            yield


def _restarted(workload: Workload) -> Restarted:
    return Restarted(workload.key, workload.way, workload.pods)


def _resource(kind: str) -> Resource:
    return Resource("apps/v1", kind, _KINDS[kind], namespaced=True)
