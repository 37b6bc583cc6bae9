# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an object is not ready, from its conditions, its last events, and the state of its pods."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ConnectionFailed, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import selector_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

OBJECTS = 10
"""Objects that are explained; of the others only the names are told."""
EVENTS = 3
PODS = 3
PODS_READ = 50
TEXT = 400
"""Characters of one message; some hold whole stack traces."""

_BAD_WHEN_TRUE = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
    "Failed",
    "FailureTarget",
    "ReplicaFailure",
    "Stalled",
    "Suspended",
    "Terminating",
    "Conflicted",
    "DisruptionTarget",
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "NetworkUnavailable",
)
_CONTAINER_STATUSES = ("initContainerStatuses", "containerStatuses")


def why_not_ready(session: Session, body: Optional[Mapping[str, Any]]) -> str:
    """In one line. What cannot be read is left out."""
    return Explainer(session).why_not_ready(body)


class Explainer:
    """Explains several objects. ``session`` may be None: then each is explained from itself alone."""

    def __init__(self, session: Optional[Session]) -> None:
        self._session = session

    def why_not_ready(self, body: Optional[Mapping[str, Any]]) -> str:
        """In one line. What cannot be read is left out."""
        if body is None:
            return "does not exist"
        reasons = [*_own_reasons(body), *self._pod_reasons(body)]
        reasons.extend(self._event_reasons(body, EVENTS, reasons))
        return "; ".join(reasons) or "its status says nothing yet; is its controller running?"

    def _pod_reasons(self, body: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the pods that a workload selects; first those with containers that have stopped."""
        namespace = body["metadata"].get("namespace")
        selector = selector_of(body)
        if not namespace or not selector:
            return
        pods = self._items(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector, "limit": PODS_READ})
        lame = [pod for pod in pods if not _is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]
        lame.sort(key=lambda pod: not any(_container_reasons(pod)))
        for pod in lame[:PODS]:
            reasons = list(_own_reasons(pod))
            if not any(_says_why(pod)):
                reasons.extend(self._event_reasons(pod, 1, reasons))
            yield f"pod {pod['metadata']['name']}: {', '.join(reasons)}"

    def _event_reasons(self, body: Mapping[str, Any], number: int, told: Sequence[str]) -> Iterator[str]:
        """The last warnings that say something new; where little was told, the last event when there are none."""
        namespace = body["metadata"].get("namespace") or "default"
        selector = f"involvedObject.uid={body['metadata']['uid']}"
        events = self._items(f"/api/v1/namespaces/{namespace}/events", {"fieldSelector": selector})
        events.sort(key=_time_of)
        warnings = [event for event in events if event.get("type") == "Warning"]
        if not warnings and len(told) < 2:
            warnings = events[-1:]
        texts = {f"event {event.get('reason')}: {_short(event.get('message'))}": event for event in warnings}
        news = [text for text, event in texts.items() if _short(event.get("message")) not in " ".join(told)]
        yield from news[-number:]

    def _items(self, path: str, query: Mapping[str, Any]) -> List[Any]:
        """An explanation must not hide what it explains: who may not list gets fewer words."""
        if self._session is None:
            return []
        try:
            return list(self._session.get_json(path, query)["items"] or ())
        except ConnectionFailed:
            self._session = None  # has been tried patiently; not again for every object
        except KubeError:
            pass
        return []


def _own_reasons(body: Mapping[str, Any]) -> Iterator[str]:
    if body["metadata"].get("deletionTimestamp"):
        yield "is being deleted"
    status = _mapping(body, "status")
    yield from _stale_reasons(body["metadata"].get("generation"), status)
    spec = _mapping(body, "spec")
    if spec.get("replicas") is not None:
        yield f"{status.get('availableReplicas', 0)} of {spec['replicas']} replicas available"
    elif "desiredNumberScheduled" in status:
        yield f"{status.get('numberAvailable', 0)} of {status['desiredNumberScheduled']} pods available"
    elif status.get("phase"):
        yield f"phase {status['phase']}"
    yield from _condition_reasons(status)
    yield from _parent_reasons(status)
    yield from _container_reasons(body)


def _stale_reasons(generation: Any, status: Mapping[str, Any]) -> Iterator[str]:
    """What the status says may be of a version of the object that is no longer."""
    holders = [
        status,
        *_conditions(status),
        *(each for part in _mappings(status, "parents") for each in _conditions(part)),
    ]
    seen = [each["observedGeneration"] for each in holders if isinstance(each.get("observedGeneration"), int)]
    if seen and isinstance(generation, int) and max(seen) < generation:
        yield f"its controller has not seen the newest version yet (generation {generation}, but {max(seen)})"


def _condition_reasons(holder: Mapping[str, Any]) -> Iterator[str]:
    told: Set[str] = set()
    for condition in _conditions(holder):
        text = _short(condition.get("message") or condition.get("reason"))
        if _is_bad(condition) and text not in told:
            told.update(filter(None, [text]))
            yield f"{condition['type']}={condition['status']}: {text}".rstrip(": ")


def _parent_reasons(status: Mapping[str, Any]) -> Iterator[str]:
    """Routes of the Gateway API have conditions for each parent."""
    for parent in _mappings(status, "parents"):
        for reason in _condition_reasons(parent):
            yield f"parent {_mapping(parent, 'parentRef').get('name')}: {reason}"


def _container_reasons(pod: Mapping[str, Any]) -> Iterator[str]:
    status = _mapping(pod, "status")
    for container in [each for name in _CONTAINER_STATUSES for each in _mappings(status, name)]:
        state = _mapping(container, "state")
        stopped = _mapping(state, "waiting") or _mapping(state, "terminated")
        if not stopped or stopped.get("reason") == "Completed":
            continue
        words = [str(stopped.get("reason") or "has ended")]
        if stopped.get("message"):
            words.append(_short(stopped["message"]))
        ended = _mapping(state, "terminated") or _mapping(_mapping(container, "lastState"), "terminated")
        if "exitCode" in ended:
            words.append(f"exit code {ended['exitCode']} ({ended.get('reason')})")
        yield f"container {container.get('name')} {': '.join(words)}"


def _says_why(pod: Mapping[str, Any]) -> Iterator[str]:
    """Reasons of a pod that need no event to be understood; "ContainerCreating" is none."""
    status = _mapping(pod, "status")
    if any(each["type"] == "PodScheduled" and each["status"] != "True" for each in _conditions(status)):
        yield "PodScheduled"
    yield from (reason for reason in _container_reasons(pod) if not reason.endswith(" ContainerCreating"))


def _conditions(holder: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    return [each for each in _mappings(holder, "conditions") if {"type", "status"} <= set(each)]


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of an object; custom resources may have anything there."""
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _mappings(body: Mapping[str, Any], name: str) -> List[Mapping[str, Any]]:
    part = body.get(name)
    return [each for each in part if isinstance(each, dict)] if isinstance(part, list) else []


def _is_bad(condition: Mapping[str, Any]) -> bool:
    return bool((condition["status"] == "True") is (condition["type"] in _BAD_WHEN_TRUE))


def _is_ready(pod: Mapping[str, Any]) -> bool:
    status = _mapping(pod, "status")
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in _conditions(status))
    return is_ready or status.get("phase") == "Succeeded"


def _time_of(event: Mapping[str, Any]) -> str:
    """Events of events.k8s.io have no lastTimestamp."""
    series = _mapping(event, "series")
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next(filter(None, times), event["metadata"].get("creationTimestamp") or ""))


def _short(text: Any) -> str:
    """One line. What is too long loses its middle: errors that wrap others have their cause at the end."""
    line = " ".join(str(text or "").split())
    half = TEXT // 2
    return line if len(line) <= TEXT else f"{line[:half]}…{line[1 - half :]}"
