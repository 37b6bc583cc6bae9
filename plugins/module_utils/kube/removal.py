# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting objects: in waves from the last to the first, each only as long as it is the one we mean."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import explain
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import DELETED, UNCHANGED, Change
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import diff_removed
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ApplyFailed,
    KubeError,
    WaitTimeout,
    shorten,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.occupancy import (
    foreign_content,
    holds_others,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.waves import in_waves

FOREIGN_SHOWN = 5

_POLL_FIRST, _POLL_LAST = 0.1, 1.0


@dataclass(frozen=True)
class Removable:
    """An object to delete. ``metadata`` is what it has now, None where it does not exist."""

    resource: Resource
    key: ObjectKey
    metadata: Optional[Mapping[str, Any]]
    origin: str = ""

    @property
    def is_leaving(self) -> bool:
        """Whether it is on its way out already: there is nothing left to do but to wait."""
        return bool(self.metadata and self.metadata.get("deletionTimestamp"))


@dataclass(frozen=True)
class RemovalOptions:
    """How to delete.

    ``with_content`` names the namespaces and CustomResourceDefinitions (as ``Namespace/shop``) that go even
    though others have objects in them; ``our_sets`` are the ids of the ApplySets that are not "others".
    ``deadline`` (of time.monotonic) until which to wait for things to be gone; None does not wait. ``check`` is called
    before every deletion and raises KubeError when nothing may be deleted any more.
    """

    dry_run: bool = False
    diff: bool = False
    with_content: Sequence[str] = ()
    our_sets: Sequence[str] = ()
    deadline: Optional[float] = None
    check: Callable[[], None] = lambda: None


@dataclass
class Removed:
    """What was deleted, and what was kept because others have objects in it."""

    changes: List[Change] = field(default_factory=list)
    kept: List[ObjectKey] = field(default_factory=list)


def remove(session: Session, discovery: Discovery, objects: Sequence[Removable], options: RemovalOptions) -> Removed:
    """Delete the objects that exist.

    Later waves go first, and are gone (when there is a deadline) before earlier ones are deleted: custom
    resources before the workloads that look after their finalizers, those before their namespaces.
    Raises ApplyFailed with everything that could not be deleted, or WaitTimeout; both tell what was done.
    """
    run = _Removal(session, discovery, objects, options)
    try:
        for wave in reversed(in_waves(objects, lambda each: each.key)):
            run.remove_wave(wave)
    except KubeError as error:
        if run.failures:
            raise ApplyFailed([*run.failures, str(error)], run.result.changes) from error
        error.done = run.result.changes
        raise
    if run.failures:
        raise ApplyFailed(run.failures, run.result.changes)
    return run.result


class _Removal:
    def __init__(
        self, session: Session, discovery: Discovery, objects: Sequence[Removable], options: RemovalOptions
    ) -> None:
        self._session = session
        self._discovery = discovery
        self._leaving = {each.key for each in objects}
        self._options = options
        self._broken: Optional[KubeError] = None
        self.failures: List[str] = []
        self.result = Removed()

    def remove_wave(self, wave: Sequence[Removable]) -> None:
        results = map_parallel(self._attempt, wave, self._session.concurrency)
        leaving: List[Removable] = []
        for each, result in zip(wave, results):
            if isinstance(result, ApiError):
                where = f" ({each.origin})" if each.origin else ""
                self.failures.append(f"{each.key}{where}: {result}")
            elif result is None:
                self.result.kept.append(each.key)
            elif isinstance(result, Change):
                self.result.changes.append(result)
                if result.action == DELETED or each.is_leaving:
                    leaving.append(each)
        if self._broken:
            raise self._broken
        if self._options.deadline is not None and not self._options.dry_run:
            await_gone(self._session, leaving, self._options.deadline)

    def _attempt(self, each: Removable) -> Union[Change, KubeError, None]:
        """Delete one object; None when it must be kept. What concerns all objects ends the run."""
        if self._broken:
            return self._broken
        try:
            return self._delete(each)
        except ApiError as error:
            return error
        except KubeError as error:
            self._broken = error
            return error

    def _delete(self, each: Removable) -> Optional[Change]:
        change = Change(each.resource.api_version, each.key, UNCHANGED)
        if each.metadata is None or each.is_leaving:
            return change
        if self._must_be_kept(each.key):
            return None
        if not self._send_delete(each):
            return change
        live = {"apiVersion": each.resource.api_version, "kind": each.key.kind, "metadata": each.metadata}
        diff = diff_removed(live) if self._options.diff else None
        return Change(each.resource.api_version, each.key, DELETED, diff=diff)

    def _send_delete(self, each: Removable) -> bool:
        """Whether the object was there to be deleted."""
        body: Dict[str, Any] = {
            "preconditions": {"uid": (each.metadata or {})["uid"]},
            "propagationPolicy": _propagation(each.key),
        }
        if self._options.dry_run:
            body["dryRun"] = ["All"]
        path = each.resource.path(each.key.namespace, each.key.name)
        self._options.check()
        try:
            self._session.request("DELETE", path, body=body)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _must_be_kept(self, key: ObjectKey) -> bool:
        if not holds_others(key) or f"{key.kind}/{key.name}" in self._options.with_content:
            return False
        foreign = foreign_content(self._session, self._discovery, key, self._options.our_sets, self._leaving)
        if foreign:
            self._session.warnings.append(
                f"{key} is kept, for it holds objects of others ({shorten(foreign, FOREIGN_SHOWN)}). Remove them, or "
                f"name {key.kind}/{key.name} in remove_with_content."
            )
        return bool(foreign)


def await_gone(session: Session, objects: Sequence[Removable], deadline: float) -> None:
    """Wait until the objects (not others that have taken their names) are gone; raises WaitTimeout."""
    pending = list(objects)
    pause = _POLL_FIRST
    while pending:
        states = map_parallel(lambda each: _still_there(session, each), pending, session.concurrency)
        left = [(each, state) for each, state in zip(pending, states) if state is not None]
        if left and time.monotonic() + pause > deadline:
            raise WaitTimeout(f"Not gone in time ({len(left)}):\n{_what_holds(session, left)}")
        pending = [each for each, _state in left]
        if pending:
            time.sleep(pause)
            pause = min(pause * 2, _POLL_LAST)


def _still_there(session: Session, each: Removable) -> Optional[Mapping[str, Any]]:
    body: Optional[Mapping[str, Any]] = session.get_or_none(each.resource.path(each.key.namespace, each.key.name))
    is_same = body is not None and each.metadata is not None and body["metadata"]["uid"] == each.metadata["uid"]
    return body if is_same else None


def _what_holds(session: Session, left: Sequence[Tuple[Removable, Optional[Mapping[str, Any]]]]) -> str:
    lines = []
    for each, body in left:
        finalizers = ((body or {}).get("metadata") or {}).get("finalizers")
        held = f"finalizers {', '.join(finalizers)}; " if finalizers else ""
        lines.append(f"{each.key}: {held}{explain.why_not_ready(session, body)}")
    return shorten(lines, explain.OBJECTS)


def _propagation(key: ObjectKey) -> str:
    """Workloads are gone when their pods are; everything else needs no order."""
    return "Foreground" if key.group in ("apps", "batch") else "Background"
