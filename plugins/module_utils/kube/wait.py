# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until objects are ready: lists and watches, one deadline, and an end as soon as one has failed for good."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.claims import CLAIM, claim_condition
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import (
    CONDITIONS,
    CUSTOM,
    Condition,
    Failure,
    check_expression,
    condition_of,
    holds,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ConnectionFailed,
    InvalidArgument,
    KubeError,
    WaitFailed,
    WaitTimeout,
    shorten,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.explain import OBJECTS, Explainer
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.following import Follower, Place, follow_all
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import Lookout, Workload
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

LASTING_SECONDS = 30.0
"""How long what may pass by itself is put up with. The kubelet tries to pull an image three times in it."""
EXPLANATION_SECONDS = 10.0
"""How long after the deadline it is asked why."""
TICK = 1.0
"""Seconds between two looks at the clock."""
MANY_NAMESPACES = 8
"""From so many namespaces on, one watch of a kind over all of them replaces one per namespace."""
WATCHES = 32
"""Watches at a time; only who may not list cluster-wide needs more, and then some begin when others are through."""

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
        """The condition to wait for: what is given, and for the rest what is usual for the kind.

        A failure that is given is the only one; pods are not looked at then.
        Raises InvalidArgument when there is no condition or it is not JMESPath.
        """
        usual = condition_of(group, self.kind)
        if not usual and not self.success:
            raise InvalidArgument(f"wait_for: {self.kind} has no condition of its own; give success (JMESPath).")
        for expression in filter(None, (self.success, self.failure)):
            check_expression(expression)
        condition = usual or Condition(self.success)
        if self.success:
            condition = condition._replace(success=self.success)
        if self.failure:
            condition = condition._replace(failure=Failure(self.failure), pods=Failure())
        return condition


@dataclass(eq=False)
class Awaited:
    """An object that shall become ready."""

    resource: Resource
    key: ObjectKey
    condition: Optional[Condition] = None
    """None for the one that is usual for the kind."""
    selector: str = ""
    """A label selector that the object matches, if there is one: it keeps what is read small."""
    seen: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    """The object as it was last seen. Who gives it, and it is ready, spares the reading."""
    blocked_since: Optional[float] = None
    """Since when (time.monotonic) something lasts that may pass."""

    @property
    def wanted(self) -> Condition:
        """The condition to wait for."""
        return self.condition or CONDITIONS[self.key.group, self.key.kind]

    def is_ready(self) -> bool:
        """Whether the success condition holds. What is being deleted is not ready."""
        if self.seen is None or self.seen["metadata"].get("deletionTimestamp"):
            return False
        return holds(self.wanted.success, self.seen)

    def has_failed(self) -> bool:
        """Whether it is lost for good."""
        return self.seen is not None and holds(self.wanted.failure.final, self.seen)

    def is_blocked(self) -> bool:
        """Whether it gets no further, which may pass."""
        return self.seen is not None and holds(self.wanted.failure.lasting, self.seen)


def wait_ready(session: Session, awaited: Sequence[Awaited], timeout: float) -> None:
    """Wait until all are ready; ``timeout`` in seconds.

    Raises WaitTimeout with what is not ready and why, or WaitFailed as soon as something has failed for good.
    An API server that does not answer for a while is waited for; other errors are those of ``Session.request``.
    """
    if not awaited:
        return
    libraries.require("jmespath")
    pending = [each for each in awaited if not each.is_ready()]
    if pending:
        _Wait(session, pending, timeout).run()


class _News(NamedTuple):
    """What has become of an object: ready, or failed."""

    awaited: Awaited
    is_ready: bool


class _Wait:
    """One waiting. The followers and the lookout are threads that send news; all decisions are made in ``run``."""

    def __init__(self, session: Session, awaited: Sequence[Awaited], timeout: float) -> None:
        self._session = session
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._number = len(awaited)
        self._pending: Set[Awaited] = set(awaited)
        self._order = list(awaited)
        self._news: queue.SimpleQueue[Union[_News, Exception]] = queue.SimpleQueue()
        self._followers: List[Follower] = []

    def run(self) -> None:
        self._recognise_unused_claims()
        for followers in map_parallel(self._begin, _groups(self._order), self._session.concurrency):
            self._followers.extend(followers)
        lookout = Lookout(self._session, self._workloads, self._report_workload, LASTING_SECONDS)
        try:
            self._hear(0)
            if not self._pending:
                return
            follow_all([each for each in self._followers if not each.is_over()], WATCHES, self._news.put)
            if self._workloads():
                threading.Thread(target=self._look_out, args=(lookout,), daemon=True).start()
            while self._pending:
                if time.monotonic() >= self._deadline:
                    raise self._timed_out()
                self._hear(min(TICK, max(self._deadline - time.monotonic(), 0)))
        finally:
            lookout.stop()
            for follower in self._followers:
                follower.stop()

    def _recognise_unused_claims(self) -> None:
        claims = [each for each in self._order if each.key[:2] == CLAIM and each.wanted == CONDITIONS[CLAIM]]
        if claims:
            condition = claim_condition(self._session)
            for each in claims:
                each.condition = condition

    def _begin(self, group: _Group) -> List[Follower]:
        """List what a group is about. Who may not list everywhere lists in each namespace."""
        follower = self._follower(group)
        try:
            follower.begin()
        except ApiError as error:
            parts = group.by_namespace() if error.status == 403 else []
            if not parts:
                raise
            return [begun for part in parts for begun in self._begin(part)]
        return [follower]

    def _follower(self, group: _Group) -> Follower:
        members: Dict[Place, List[Awaited]] = {}
        for each in group.members:
            members.setdefault((each.key.namespace, each.key.name), []).append(each)

        def note(place: Place, body: Optional[Mapping[str, Any]]) -> bool:
            members[place] = [each for each in members[place] if not self._note(each, body)]
            return bool(members[place])

        return Follower(self._session, group.path, group.query(), set(members), note, self._deadline)

    def _note(self, each: Awaited, body: Optional[Mapping[str, Any]]) -> bool:
        """Called by the followers with an object as it is now; returns whether it is ready."""
        each.seen = body
        if each.is_ready():
            self._news.put(_News(each, is_ready=True))
            return True
        if each.has_failed():
            self._news.put(_News(each, is_ready=False))
        elif not each.is_blocked():
            each.blocked_since = None
        elif each.blocked_since is None:
            each.blocked_since = time.monotonic()
        return False

    def _hear(self, seconds: float) -> None:
        """Take in what is new, for which it waits so long. Raises WaitFailed, and what a follower met."""
        failed: List[Awaited] = []
        try:
            news = self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
            while True:
                if isinstance(news, Exception):
                    raise news
                if news.is_ready:
                    self._pending.discard(news.awaited)
                else:
                    failed.append(news.awaited)
                news = self._news.get_nowait()
        except queue.Empty:
            pass
        limit = time.monotonic() - LASTING_SECONDS
        failed += [each for each in self._pending if each.blocked_since is not None and each.blocked_since <= limit]
        lost = self._pending.intersection(failed)
        if lost:
            raise WaitFailed(f"Will not become ready{self._why(lost)}")

    def _timed_out(self) -> WaitTimeout:
        count = f"{len(self._pending)} of {self._number}"
        return WaitTimeout(f"Not ready after {self._timeout:.0f} seconds ({count}){self._why(self._pending)}")

    def _why(self, lost: Set[Awaited]) -> str:
        """The end of a message. An explanation takes requests; it must not take longer than it is worth."""
        answer: queue.SimpleQueue[Union[str, Exception]] = queue.SimpleQueue()

        def work() -> None:
            try:
                if self._is_answered():
                    answer.put(self._reasons(lost, Explainer(self._session)))
            except Exception as error:  # noqa: BLE001 - raised below
                answer.put(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            reasons = answer.get(timeout=EXPLANATION_SECONDS)
        except queue.Empty:
            last_seen = self._reasons(lost, Explainer(None))
            return f", and the API server does not answer. As last seen:\n{last_seen}"
        if isinstance(reasons, Exception):
            raise reasons
        return f":\n{reasons}"

    def _is_answered(self) -> bool:
        try:
            self._session.get_json("/version")
        except ConnectionFailed:
            return False
        except KubeError:
            pass
        return True

    def _reasons(self, lost: Set[Awaited], explainer: Explainer) -> str:
        """Why, in the order in which they were given."""
        lame = [each for each in self._order if each in lost]
        lines = [f"{each.key}: {explainer.why_not_ready(each.seen)}{_hint(each)}" for each in lame[:OBJECTS]]
        return shorten(lines + [str(each.key) for each in lame[OBJECTS:]])

    def _workloads(self) -> List[Workload]:
        """What the lookout looks below. Called in its thread: the set may change meanwhile."""
        pending = [(each, each.seen) for each in self._pending.copy()]
        return [Workload(each.key, seen, each.wanted.pods) for each, seen in pending if seen and any(each.wanted.pods)]

    def _report_workload(self, key: ObjectKey) -> None:
        for each in self._pending.copy():
            if each.key == key and any(each.wanted.pods) and not each.is_ready():
                self._news.put(_News(each, is_ready=False))

    def _look_out(self, lookout: Lookout) -> None:
        try:
            lookout.run()
        except Exception as error:  # noqa: BLE001 - the thread that waits raises it
            self._news.put(error)


class _Group(NamedTuple):
    """Awaited objects that one list and watch covers; ``namespace`` is empty for all of them."""

    resource: Resource
    namespace: str
    selector: str
    members: List[Awaited]

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace)

    def query(self) -> Dict[str, str]:
        names = {each.key.name for each in self.members}
        labels = {"labelSelector": self.selector} if self.selector else {}
        return {**labels, "fieldSelector": f"metadata.name={names.pop()}"} if len(names) == 1 else labels

    def by_namespace(self) -> List[_Group]:
        """The group in parts of one namespace each; nothing when it is of one, or of none, already."""
        if self.namespace or not self.resource.namespaced:
            return []
        parts: Dict[str, List[Awaited]] = {}
        for each in self.members:
            parts.setdefault(each.key.namespace, []).append(each)
        return [self._replace(namespace=namespace, members=members) for namespace, members in parts.items()]


def _groups(awaited: Iterable[Awaited]) -> List[_Group]:
    """A list with a selector brings only what is ours; without one it pays only when there are many namespaces."""
    members: Dict[Tuple[Resource, str], List[Awaited]] = {}
    for each in awaited:
        members.setdefault((each.resource, each.selector), []).append(each)
    groups: List[_Group] = []
    for (resource, selector), among in members.items():
        group = _Group(resource, "", selector, among)
        parts = group.by_namespace()
        few = len(parts) == 1 or (not selector and len(parts) <= MANY_NAMESPACES)
        groups.extend(parts if parts and few else [group])
    return groups


def _hint(each: Awaited) -> str:
    """For a kind of which nothing is known but what is the custom."""
    if each.wanted is not CUSTOM or each.seen is None or holds("status.conditions[?type=='Ready']", each.seen):
        return ""
    return "; it has no condition Ready, which is what wait_for waits for unless it is given success"
