# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until objects are ready: conditions as data, watches, one deadline, and an end as soon as one fails."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import explain, libraries
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    InvalidArgument,
    WaitFailed,
    WaitTimeout,
    shorten,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

try:
    import jmespath
except ImportError:  # libraries.require() tells what to install
    jmespath = None  # type: ignore[assignment]

WATCH_SECONDS = 5
"""How long one watch runs before the objects are listed anew: the remedy for whatever a watch may miss."""
PAUSE = 0.2
"""Seconds between the end of a watch and the next list, so that watches that end at once are no busy loop."""

MANY_NAMESPACES = 8
"""From so many namespaces on, one watch of a kind over all of them replaces one per namespace."""


class Condition(NamedTuple):
    """When an object is ready and when it will never be: JMESPath expressions over the object.

    An expression holds when its result is not false in JMESPath's sense (false, null, empty).
    """

    success: str
    failure: str = ""


def _is_true(condition_type: str) -> str:
    return f"status.conditions[?type=='{condition_type}' && status=='True']"


def _current(expression: str) -> str:
    """The expression, but only once the controller has seen the newest version of the object."""
    return f"status.observedGeneration >= metadata.generation && {expression}"


CONDITIONS: Dict[Tuple[str, str], Condition] = {
    ("", "Namespace"): Condition("status.phase == 'Active'", "status.phase == 'Terminating'"),
    ("", "PersistentVolumeClaim"): Condition("status.phase == 'Bound'", "status.phase == 'Lost'"),
    ("", "Pod"): Condition(
        f"status.phase == 'Succeeded' || {_is_true('Ready')}",
        "status.phase == 'Failed' || "
        "(status.[initContainerStatuses, containerStatuses][][].state.waiting.reason[]"
        " | [?contains(['CrashLoopBackOff', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'], @)])",
    ),
    ("apps", "Deployment"): Condition(
        _current(
            "not_null(status.updatedReplicas, `0`) >= spec.replicas"
            " && not_null(status.replicas, `0`) <= not_null(status.updatedReplicas, `0`)"
            " && not_null(status.availableReplicas, `0`) >= not_null(status.updatedReplicas, `0`)"
        ),
        _current("status.conditions[?type=='Progressing' && reason=='ProgressDeadlineExceeded']"),
    ),
    ("apps", "ReplicaSet"): Condition(_current("not_null(status.availableReplicas, `0`) >= spec.replicas")),
    ("apps", "StatefulSet"): Condition(
        _current(
            "not_null(status.availableReplicas, `0`) >= spec.replicas"
            " && (spec.updateStrategy.type == 'OnDelete' || spec.updateStrategy.rollingUpdate.partition > `0`"
            " || status.updateRevision == status.currentRevision)"
        ),
    ),
    ("apps", "DaemonSet"): Condition(
        _current(
            "not_null(status.numberAvailable, `0`) >= status.desiredNumberScheduled"
            " && (spec.updateStrategy.type == 'OnDelete'"
            " || not_null(status.updatedNumberScheduled, `0`) >= status.desiredNumberScheduled)"
        ),
    ),
    ("batch", "Job"): Condition(_is_true("Complete"), _is_true("Failed")),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Condition(
        _is_true("Established"), "status.conditions[?type=='NamesAccepted' && status=='False']"
    ),
    ("apiregistration.k8s.io", "APIService"): Condition(_is_true("Available")),
}
"""The kinds that are waited for unasked. Sources: ``kubectl rollout status`` and the fields' own documentation."""

WAIT_FOR_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "apiVersion": {"type": "str"},
    "kind": {"type": "str", "required": True},
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "success": {"type": "str"},
    "failure": {"type": "str"},
}


@dataclass(frozen=True)
class WaitFor:
    """What a user wants to wait for: an object (with ``name``), or all applied objects of a kind."""

    kind: str
    api_version: str = ""
    name: str = ""
    namespace: str = ""
    success: str = ""
    failure: str = ""

    def concerns(self, api_version: str, key: ObjectKey) -> bool:
        """Whether an applied object is meant."""
        return (
            self.kind == key.kind
            and self.api_version in ("", api_version)
            and self.name in ("", key.name)
            and self.namespace in ("", key.namespace)
        )

    def condition(self, group: str) -> Condition:
        """The condition to wait for; raises InvalidArgument when there is none or it is not JMESPath."""
        default = CONDITIONS.get((group, self.kind))
        success = self.success or (default.success if default else "")
        if not success:
            raise InvalidArgument(f"wait_for: {self.kind} has no condition of its own; give success (JMESPath).")
        for expression in filter(None, (success, self.failure)):
            _check_expression(expression)
        return Condition(success, self.failure or (default.failure if default and not self.success else ""))


@dataclass
class Awaited:
    """An object that shall become ready."""

    resource: Resource
    key: ObjectKey
    condition: Optional[Condition] = None
    """None for the one that is usual for the kind."""
    selector: str = ""
    """A label selector that the object matches, if there is one: it keeps what is read small."""
    seen: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    """The object as it was last seen."""

    def __post_init__(self) -> None:
        self.condition = self.condition or CONDITIONS[self.key.group, self.key.kind]

    def is_ready(self) -> bool:
        """Whether the success condition holds."""
        return self.seen is not None and _holds(self.condition.success if self.condition else "", self.seen)

    def has_failed(self) -> bool:
        """Whether the failure condition holds."""
        return self.seen is not None and _holds(self.condition.failure if self.condition else "", self.seen)


def wait_ready(session: Session, awaited: Sequence[Awaited], timeout: float) -> None:
    """Wait until all are ready; ``timeout`` in seconds.

    Raises WaitTimeout with what is not ready and why, or WaitFailed at once when something failed.
    """
    if not awaited:
        return
    libraries.require("jmespath")
    deadline = time.monotonic() + timeout
    followers = [_Follower(session, group, deadline) for group in _groups(awaited)]
    for result in _run(followers, deadline):
        if isinstance(result, Exception):
            raise result
        failed = [each for each in result if each.has_failed()]
        if failed:
            raise WaitFailed(f"Will not become ready:\n{_reasons(session, failed)}")
    pending = [each for each in awaited if not each.is_ready()]
    if pending:
        raise WaitTimeout(
            f"Not ready after {timeout:.0f} seconds ({len(pending)} of {len(awaited)}):\n{_reasons(session, pending)}"
        )


class _Group(NamedTuple):
    """Awaited objects that one list and watch covers."""

    path: str
    query: Dict[str, Union[str, int]]
    members: List[Awaited]


class _Follower:
    """Follows the objects of one group until all are ready, one failed, or time is up."""

    def __init__(self, session: Session, group: _Group, deadline: float) -> None:
        self._session = session
        self._group = group
        self._deadline = deadline
        self._pending = {(each.key.namespace, each.key.name): each for each in group.members}
        self.stopped = threading.Event()

    def run(self) -> List[Awaited]:
        while not self._is_over():
            listing = self._session.get_json(self._group.path, self._group.query)
            self._note_listing(listing["items"] or ())
            if not self._is_over():
                self._follow(listing["metadata"]["resourceVersion"])
                self.stopped.wait(0 if self._is_over() else PAUSE)
        return self._group.members

    def _follow(self, version: str) -> None:
        seconds = max(1, min(WATCH_SECONDS, int(self._deadline - time.monotonic())))
        for event in self._session.watch(self._group.path, {**self._group.query, "resourceVersion": version}, seconds):
            if event["type"] not in ("ADDED", "MODIFIED"):
                return  # deleted, or the watch is at its end: list anew
            self._note(event["object"])
            if self._is_over():
                return

    def _note_listing(self, items: Iterable[Mapping[str, Any]]) -> None:
        for each in self._pending.values():
            each.seen = None
        for item in items:
            self._note(item)

    def _note(self, item: Mapping[str, Any]) -> None:
        place = (item["metadata"].get("namespace") or "", item["metadata"]["name"])
        each = self._pending.get(place)
        if each is None:
            return
        each.seen = item
        if each.is_ready():
            del self._pending[place]
        elif each.has_failed():
            self.stopped.set()

    def _is_over(self) -> bool:
        return not self._pending or self.stopped.is_set() or time.monotonic() >= self._deadline


def _run(followers: Sequence[_Follower], deadline: float) -> Iterable[Union[List[Awaited], Exception]]:
    """The results of the followers as they come. They run as daemons: who is in a watch need not be waited for."""
    results: queue.Queue[Union[List[Awaited], Exception]] = queue.Queue()

    def follow(follower: _Follower) -> None:
        try:
            results.put(follower.run())
        except Exception as error:  # noqa: BLE001 - the thread that waits raises it
            results.put(error)

    for follower in followers:
        threading.Thread(target=follow, args=(follower,), daemon=True).start()
    try:
        for _follower in followers:
            remaining = max(deadline - time.monotonic(), 0) + 1
            yield results.get(timeout=remaining)
    except queue.Empty:
        return
    finally:
        for follower in followers:
            follower.stopped.set()


def _groups(awaited: Sequence[Awaited]) -> List[_Group]:
    namespaces: Dict[Resource, Set[str]] = {}
    for each in awaited:
        namespaces.setdefault(each.resource, set()).add(each.key.namespace)
    groups: Dict[Tuple[str, str], _Group] = {}
    for each in awaited:
        everywhere = bool(each.selector) or len(namespaces[each.resource]) > MANY_NAMESPACES
        path = each.resource.path(None if everywhere else each.key.namespace)
        query: Dict[str, Union[str, int]] = {"labelSelector": each.selector} if each.selector else {}
        groups.setdefault((path, each.selector), _Group(path, query, [])).members.append(each)
    for group in groups.values():
        names = {each.key.name for each in group.members}
        if len(names) == 1:
            group.query["fieldSelector"] = f"metadata.name={names.pop()}"
    return list(groups.values())


def _reasons(session: Session, awaited: Sequence[Awaited]) -> str:
    lines = [f"{each.key}: {explain.why_not_ready(session, each.seen)}" for each in awaited[: explain.OBJECTS]]
    rest = [str(each.key) for each in awaited[explain.OBJECTS :]]
    return shorten(lines + rest)


def _holds(expression: str, value: Mapping[str, Any]) -> bool:
    """Whether the result of an expression is true as JMESPath sees it (0 is true).

    A function of a field that is still to come gets null, which most do not take: that is not true yet.
    """
    if not expression:
        return False
    try:
        result = jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathTypeError:
        return False
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidArgument(f"wait_for: {expression!r} cannot be worked out: {error}") from error
    return result is not None and result is not False and result not in ("", [], {})


def _check_expression(expression: str) -> None:
    libraries.require("jmespath")
    try:
        jmespath.search(expression, {})
    except jmespath.exceptions.JMESPathTypeError:
        return
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidArgument(f"wait_for: {expression!r} is not JMESPath: {error}") from error
