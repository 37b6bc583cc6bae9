# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be restarted to replace pods, how, and what must not go together (pure).

A rolling update of a workload takes its pods away without asking any PodDisruptionBudget, for only evictions ask
(kubernetes.io, "Disruptions"). So how many it takes at once is held against the budgets beforehand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey, key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import controller_of, selects

Object = Mapping[str, Any]

_APPS = "apps/v1"
_ROLLING = {"Deployment": "strategy", "StatefulSet": "updateStrategy", "DaemonSet": "updateStrategy"}
"""The kinds that replace their pods when their template changes, and where they say how."""


class Way(str, Enum):
    """How the pods of a workload are replaced."""

    ROLL = "rolling update"
    EVICT = "eviction"


class Left(NamedTuple):
    """What stays as it is, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Workload:
    """What has pods to be replaced. ``takes``: how many of them are away at once, by its own rule."""

    body: Object
    pods: Tuple[str, ...]
    way: Way
    takes: int
    budgets: Tuple[str, ...]
    """The PodDisruptionBudgets that its pods are under, by name."""

    @property
    def key(self) -> ObjectKey:
        return key_of(self.body)


class Plan(NamedTuple):
    """What is restarted, and what cannot be."""

    workloads: List[Workload]
    left: List[Left]


def is_there(pod: Object) -> bool:
    """Whether a pod runs, or is going to: not one that has ended, or that is on its way out."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def plan(pods: Sequence[Object], owners: Mapping[ObjectKey, Object], budgets: Sequence[Object]) -> Plan:
    """What to do about pods. ``owners``: Deployments, ReplicaSets, StatefulSets and DaemonSets of their namespaces."""
    workloads: Dict[ObjectKey, Workload] = {}
    left: List[Left] = []
    for pod in pods:
        found = _owner_of(pod, owners)
        if isinstance(found, Left):
            left.append(found)
            continue
        former = workloads.get(key_of(found))
        workloads[key_of(found)] = _workload(found, (*(former.pods if former else ()), _name(pod)), pod, budgets)
    possible = []
    for workload in workloads.values():
        reason = _obstacle(workload, budgets)
        if reason:
            left.append(Left(str(workload.key), reason))
        else:
            possible.append(workload)
    return Plan(sorted(possible, key=lambda each: each.key), sorted(left))


def batches(workloads: Sequence[Workload], at_once: int) -> Iterator[List[Workload]]:
    """In their order, so many at once at most, and never two under one budget."""
    rest = list(workloads)
    while rest:
        batch: List[Workload] = []
        for each in rest:
            if len(batch) < at_once and not any(_share(each, other) for other in batch):
                batch.append(each)
        yield batch
        rest = [each for each in rest if each not in batch]


def allowance(workload: Workload, budgets: Sequence[Object]) -> Optional[str]:
    """The budget that does not allow now what a rolling update takes; None when all do."""
    if workload.way is Way.EVICT:
        return None  # the API server asks the budgets itself
    for budget in budgets:
        status = budget.get("status") or {}
        is_known = status.get("observedGeneration", 0) >= budget["metadata"].get("generation", 0)
        if _full_name(budget) in workload.budgets and not (is_known and _allowed(status) >= workload.takes):
            return _full_name(budget)
    return None


def _owner_of(pod: Object, owners: Mapping[ObjectKey, Object]) -> Any:
    """The workload whose pod it is, or why there is none that would make it anew."""
    namespace = pod["metadata"]["namespace"]
    owner = controller_of(pod)
    if owner is None:
        return Left(_subject(pod), "nothing would make it anew, for no workload owns it; delete and create it yourself")
    found = owners.get(_key(owner, namespace))
    if found is None:
        what = f"{owner['kind']} {namespace}/{owner['name']}"
        if owner["kind"] == "Job":
            return Left(_subject(pod), f"{what} runs it to its end; delete the Job when it need not be waited for")
        return Left(_subject(pod), f"{what} owns it, which nobody here knows how to restart; restart it by its means")
    above = controller_of(found) if found["kind"] == "ReplicaSet" else None
    return owners.get(_key(above, namespace), found) if above else found


def _key(reference: Mapping[str, Any], namespace: str) -> ObjectKey:
    return ObjectKey(reference["apiVersion"].rpartition("/")[0], reference["kind"], namespace, reference["name"])


def _workload(body: Object, pods: Tuple[str, ...], pod: Object, budgets: Sequence[Object]) -> Workload:
    above = tuple(sorted(_full_name(each) for each in budgets if _covers(each, pod)))
    way = Way.ROLL if body["kind"] in _ROLLING and _strategy(body).get("type") != "OnDelete" else Way.EVICT
    return Workload(body, pods, way, _takes(body) if way is Way.ROLL else 1, above)


def _strategy(body: Object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = body["spec"].get(_ROLLING[body["kind"]]) or {}
    return found


def _takes(body: Object) -> int:
    """How many pods a rolling update takes away before others are there (types DeploymentStrategy and its like)."""
    strategy = _strategy(body)
    replicas = _replicas(body)
    if strategy.get("type") == "Recreate":
        return replicas
    rolling = strategy.get("rollingUpdate") or {}
    if body["kind"] == "StatefulSet":
        return _resolved(rolling.get("maxUnavailable", 1), replicas, math.floor) or 1
    if body["kind"] == "DaemonSet":
        return _resolved(rolling.get("maxUnavailable", 1), replicas, math.ceil)
    unavailable = _resolved(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    # Where rounding leaves neither, one is taken, for else nothing would ever move (deployment_util.go).
    return unavailable or (0 if _resolved(rolling.get("maxSurge", "25%"), replicas, math.ceil) else 1)


def _replicas(body: Object) -> int:
    if body["kind"] == "DaemonSet":
        return int((body.get("status") or {}).get("desiredNumberScheduled", 0))
    return int(body["spec"].get("replicas", 1))


def _resolved(value: Any, of: int, rounding: Any) -> int:
    """A number, or a share of ``of`` in percent (types IntOrString)."""
    if isinstance(value, str) and value.endswith("%"):
        return int(rounding(int(value[:-1]) * of / 100))
    return int(value)


def _obstacle(workload: Workload, budgets: Sequence[Object]) -> str:
    """Why a workload can never be restarted as it is; empty when it can."""
    if workload.way is Way.ROLL and workload.body["spec"].get("paused"):
        return "it is paused, so it does not replace its pods: kubectl rollout resume"
    for budget in budgets:
        status = budget.get("status") or {}
        at_best = max(status.get("expectedPods", 0) - status.get("desiredHealthy", 0), 0)
        if _full_name(budget) not in workload.budgets or at_best >= workload.takes:
            continue
        name = f"PodDisruptionBudget {_full_name(budget)}"
        if workload.way is Way.EVICT:
            return f"{name} allows no eviction even when all pods are healthy; raise its maxUnavailable"
        return (
            f"its rolling update takes {workload.takes} of its pods away at once, and {name} allows {at_best} "
            "at best; give the update no more than that as maxUnavailable, and 1 or more as maxSurge"
        )
    return ""


def _covers(budget: Object, pod: Object) -> bool:
    """An absent selector covers nothing, an empty one everything (policy/v1)."""
    selector = budget["spec"].get("selector")
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and selector is not None and selects(selector, pod["metadata"].get("labels") or {})


def _share(one: Workload, other: Workload) -> bool:
    return bool(set(one.budgets) & set(other.budgets))


def _allowed(status: Mapping[str, Any]) -> int:
    return int(status.get("disruptionsAllowed", 0))


def _full_name(body: Object) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def _subject(pod: Object) -> str:
    return f"Pod {_full_name(pod)}"
