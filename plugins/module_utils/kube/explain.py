# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an object is not ready, from its conditions, its last events, and the state of its pods."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

OBJECTS = 10
"""Objects that are explained; of the others only the names are told."""
EVENTS = 3
PODS = 3


def why_not_ready(session: Session, body: Optional[Mapping[str, Any]]) -> str:
    """In one line. What cannot be read is left out."""
    if body is None:
        return "does not exist"
    reasons = [*_own_reasons(body), *_pod_reasons(session, body), *_event_reasons(session, body)]
    return "; ".join(reasons) or "its status says nothing yet; is its controller running?"


def _own_reasons(body: Mapping[str, Any]) -> Iterator[str]:
    status = _mapping(body, "status")
    replicas = _mapping(body, "spec").get("replicas")
    if replicas is not None:
        yield f"{status.get('availableReplicas', 0)} of {replicas} replicas available"
    elif status.get("phase"):
        yield f"phase {status['phase']}"
    for condition in _conditions(body):
        if _is_bad(condition):
            text = condition.get("message") or condition.get("reason") or ""
            yield f"{condition['type']}={condition['status']}: {text}".rstrip(": ")
    yield from _container_reasons(body)


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of an object; custom resources may have anything there."""
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _conditions(body: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    return [each for each in _mappings(_mapping(body, "status"), "conditions") if {"type", "status"} <= set(each)]


def _mappings(body: Mapping[str, Any], name: str) -> List[Mapping[str, Any]]:
    part = body.get(name)
    return [each for each in part if isinstance(each, dict)] if isinstance(part, list) else []


def _is_bad(condition: Mapping[str, Any]) -> bool:
    says_failure = condition["type"] in ("Failed", "ReplicaFailure", "Stalled")
    return bool((condition["status"] == "True") is says_failure)


def _container_reasons(pod: Mapping[str, Any]) -> Iterator[str]:
    status = _mapping(pod, "status")
    for container in [*_mappings(status, "initContainerStatuses"), *_mappings(status, "containerStatuses")]:
        state = _mapping(container, "state")
        stopped = _mapping(state, "waiting") or _mapping(state, "terminated")
        if stopped and stopped.get("reason") != "Completed":
            text = ": ".join(filter(None, (stopped.get("reason"), stopped.get("message"))))
            yield f"container {container.get('name')} {text}"


def _pod_reasons(session: Session, body: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the pods that a workload selects."""
    labels = _mapping(body, "spec").get("selector") or {}
    wanted = labels.get("matchLabels") if isinstance(labels, dict) else None
    namespace = body["metadata"].get("namespace")
    if not namespace or not wanted or not isinstance(wanted, dict):
        return
    selector = ",".join(f"{key}={value}" for key, value in wanted.items())
    pods = _items(session, f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector, "limit": 50})
    told = 0
    for pod in pods:
        reasons = list(_own_reasons(pod))
        if reasons and not _is_ready(pod) and told < PODS:
            told += 1
            yield f"pod {pod['metadata']['name']}: {', '.join(reasons)}"


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in _conditions(pod))


def _event_reasons(session: Session, body: Mapping[str, Any]) -> Iterator[str]:
    namespace = body["metadata"].get("namespace") or "default"
    selector = f"involvedObject.uid={body['metadata']['uid']}"
    events = _items(session, f"/api/v1/namespaces/{namespace}/events", {"fieldSelector": selector})
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=lambda event: event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])
    for event in warnings[-EVENTS:]:
        yield f"event {event.get('reason')}: {event.get('message')}"


def _items(session: Session, path: str, query: Mapping[str, Any]) -> List[Any]:
    """An explanation must not hide what it explains: who may not list gets fewer words."""
    try:
        return list(session.get_json(path, query)["items"] or ())
    except KubeError:
        return []
