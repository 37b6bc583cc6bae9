# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving an ApplySet from one tool to another: the parent says whose it is, the members say whose their fields are.

The members go first and the parent last, its annotation of the tooling in the very last request. Up to then the former
tool is the one that may run; the new one refuses, so it never meets members that are still of others (it would not
remove fields that it drops, and silently so). A hand-over that is cut off is run again and goes on where it was. What
the former tool wrote in the meantime, in a run that had begun before, is looked for once more after the parent.

https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/3659-kubectl-apply-prune#tooling-interoperability
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, Sequence, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import handover_fields as fields
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import lease
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import TOOL, is_generated
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import Diff
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ApplySetRefused,
    InvalidArgument,
    KubeError,
    Locked,
    UnknownKind,
    shorten,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.handover_parent import (
    KUBECTL,
    METADATA_ONLY,
    Parent,
    patch_metadata,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session

TOOLS = (TOOL, KUBECTL)
"""The tools that a set can be handed over to."""

ATTEMPTS = 10
"""How often a write is tried that others come before (409)."""
_PAUSE = 0.05
ROUNDS = 3
"""How often the members are looked through after the parent was handed over."""


@dataclass(frozen=True)
class Handover:
    """What is asked for; the fields are the options of ``applyset_handover``. ``lock_timeout`` is in seconds.

    Where they are empty, ``managers`` are those that ``former`` uses, and ``field_manager`` is the one of ``to``.
    """

    connection: Mapping[str, Any]
    applyset: Mapping[str, str]
    former: str
    to: str
    managers: Sequence[str] = ()
    field_manager: str = ""
    client_side: bool = False
    lock_timeout: int = 300
    dry_run: bool = False
    diff: bool = False


@dataclass
class Outcome:
    """What came of it: the tooling of the parent, and how many members there are of each sort."""

    tooling_before: str
    tooling: str
    moved: int = 0
    unchanged: int = 0
    left_alone: int = 0
    diffs: List[Diff] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.moved) or self.tooling != self.tooling_before


def hand_over(request: Handover) -> Outcome:
    """Give the set to the other tool, or tell what that would do (in a dry run). Raises KubeError."""
    request = _completed(request)
    with open_session(request.connection) as session:
        try:
            outcome = _Run(session, request).hand_over()
        except KubeError as error:
            error.warnings = session.warnings
            raise
        outcome.warnings = session.warnings
        return outcome


def _completed(request: Handover) -> Handover:
    """The request with its defaults; raises InvalidArgument when it contradicts itself."""
    if request.former == request.to:
        raise InvalidArgument(f"from and to are both {request.to}: there is nothing to hand over.")
    if request.client_side and request.to != KUBECTL:
        raise InvalidArgument("client_side is for to: kubectl only; this collection applies on the server's side.")
    if request.to == KUBECTL and request.field_manager.startswith(TOOL):
        raise InvalidArgument(
            f"field_manager is the name that kubectl gets the fields under, but {request.field_manager} is one of this "
            "collection: name that in managers."
        )
    usual = {TOOL: [TOOL], KUBECTL: list(fields.KUBECTL_MANAGERS)}
    managers = list(request.managers) or usual.get(request.former, [])
    if not managers:
        raise InvalidArgument(f"managers: name the field managers under which {request.former} applies the members.")
    kubectl_manager = fields.KUBECTL_CLIENT_SIDE if request.client_side else fields.KUBECTL_SERVER_SIDE
    manager = request.field_manager or (kubectl_manager if request.to == KUBECTL else TOOL)
    if manager in managers:
        raise InvalidArgument(
            f"The field manager {manager} is named as the one of {request.former} (managers) and as the one of "
            f"{request.to} (field_manager); only one of them can use it."
        )
    return replace(request, managers=managers, field_manager=manager)


@dataclass(frozen=True)
class _Member:
    """An object with the label of the set, by its metadata."""

    resource: Resource
    metadata: Mapping[str, Any]

    @property
    def key(self) -> ObjectKey:
        namespace = self.metadata.get("namespace") or ""
        return ObjectKey(self.resource.group, self.resource.kind, namespace, self.metadata["name"])

    @property
    def path(self) -> str:
        return self.resource.path(self.key.namespace, self.key.name)


@dataclass
class _Found:
    """The objects with the label of the set, by what is to be done with them."""

    movable: List[_Member] = field(default_factory=list)
    unchanged: int = 0
    not_applied: List[ObjectKey] = field(default_factory=list)
    of_others: Dict[str, List[ObjectKey]] = field(default_factory=dict)
    """By field manager."""
    elsewhere: List[ObjectKey] = field(default_factory=list)
    """Those that are members and in another namespace than the parent."""


class _Run:
    """One hand-over in one cluster."""

    def __init__(self, session: Session, request: Handover) -> None:
        self._session = session
        self._request = request
        self._discovery = Discovery(session)
        self._parent = Parent(session, self._discovery, request.applyset)
        own_names = fields.KUBECTL_MANAGERS if request.to == KUBECTL else ()
        self._new: FrozenSet[str] = frozenset({request.field_manager, *own_names})
        self._check: Callable[[], None] = lambda: None

    def hand_over(self) -> Outcome:
        self._parent.read()
        with self._alone():
            self._parent.read()
            return self._hand_over()

    def _hand_over(self) -> Outcome:
        parent, is_done = self._parent, self._parent.tool == self._request.to
        self._refuse_other_tool()
        found = self._look()
        if not is_done:
            self._refuse_unknown_managers(found)
            self._refuse_what_kubectl_cannot_do(found)
        self._warn_of_copies(found)
        outcome = Outcome(parent.tooling, parent.tooling)
        outcome.unchanged = found.unchanged + sum(map(len, found.of_others.values()))
        outcome.left_alone = len(found.not_applied)
        self._move_all(found.movable, outcome)
        if not is_done:
            self._give_parent(outcome)
            self._move_late(outcome)
        return outcome

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep our own runs off the set; kubectl knows no such thing."""
        if self._request.dry_run:
            yield
            return
        parent = self._parent
        try:
            with lease.held(self._session, parent.namespace, parent.lease_name, self._request.lock_timeout) as hold:
                self._check = hold.check
                yield
        except Locked as error:
            raise Locked(f"{parent}: {error}") from error

    # --- finding the members

    def _look(self) -> _Found:
        found = _Found()
        for resource in self._kinds():
            for item in self._session.list_metadata(resource.path(), f"{PART_OF}={self._parent.id}"):
                self._note(found, _Member(resource, item["metadata"]))
        return found

    def _kinds(self) -> List[Resource]:
        try:
            found = [self._discovery.preferred(*kind) for kind in sorted(self._parent.scope.kinds)]
        except UnknownKind as error:
            raise ApplySetRefused(f"The members of {self._parent} cannot be found: {error}") from error
        return [each for each in found if each]

    def _note(self, found: _Found, member: _Member) -> None:
        key, metadata = member.key, member.metadata
        if key.namespace not in self._parent.namespaces or metadata.get("deletionTimestamp"):
            return
        if is_generated(metadata):
            if self._request.to == KUBECTL:
                found.not_applied.append(key)
            return
        is_movable, appliers = self._is_movable(metadata), fields.appliers(metadata, key.kind, PART_OF)
        if not is_movable and not appliers:
            found.not_applied.append(key)
            return
        if key.namespace not in ("", self._parent.namespace):
            found.elsewhere.append(key)
        if is_movable:
            found.movable.append(member)
        elif self._new.intersection(appliers):
            found.unchanged += 1
        else:
            found.of_others.setdefault(appliers[0], []).append(key)

    def _is_movable(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a former manager owns the label. (Who owns other fields only did not apply the set.)"""
        return not set(self._request.managers).isdisjoint(fields.label_owners(metadata, PART_OF))

    def _refuse_other_tool(self) -> None:
        request, parent = self._request, self._parent
        if parent.tool not in (request.former, request.to):
            raise ApplySetRefused(
                f"{parent} is run by {parent.tooling}, not by {request.former}. Nothing was changed. If it is to leave "
                f"that tool, say from: {parent.tool}."
            )

    def _refuse_unknown_managers(self, found: _Found) -> None:
        if not found.of_others:
            return
        lines = [
            f"field manager {manager}: {shorten(list(map(str, keys)), 3)}".replace("\n", ", ")
            for manager, keys in sorted(found.of_others.items())
        ]
        raise ApplySetRefused(
            f"Members of {self._parent} were applied by others than {', '.join(self._request.managers)}:\n"
            f"{shorten(lines)}\nName all field managers of {self._request.former} in managers. Nothing was changed."
        )

    def _refuse_what_kubectl_cannot_do(self, found: _Found) -> None:
        """kubectl must be given the namespace of the parent with -n, and then refuses objects of other namespaces."""
        if self._request.to != KUBECTL or not found.elsewhere:
            return
        raise ApplySetRefused(
            f"kubectl cannot run {self._parent}: it applies objects of the parent's namespace and cluster-wide ones "
            f"only, and would delete the members in other namespaces:\n{shorten(list(map(str, found.elsewhere)))}\n"
            "Nothing was changed. Have a set for each namespace, with its parent there."
        )

    def _warn_of_copies(self, found: _Found) -> None:
        advice = "Take the label off it, or remove it by hand."
        if self._request.to == KUBECTL:
            advice = "kubectl goes by the label alone and would delete it in its next run: take the label off it."
        for key in found.not_applied:
            self._session.warnings.append(
                f"{key} is left alone: its label {PART_OF} says that it belongs to {self._parent}, but was not applied "
                f"to it (is it a copy?). {advice}"
            )

    # --- moving

    def _move_all(self, members: Sequence[_Member], outcome: Outcome) -> None:
        results = map_parallel(self._attempt, members, self._session.concurrency)
        failures = []
        for member, result in zip(members, results):
            if isinstance(result, KubeError):
                failures.append(f"{member.key}: {result}")
            elif result is not None:
                outcome.moved += 1
                if self._request.diff:
                    outcome.diffs.append(result)
        if failures:
            raise ApplySetRefused(
                f"{len(failures)} of {len(members)} members of {self._parent} could not be handed over; the set stays "
                f"with {self._parent.tool}. Mend this, and run it again before anything is changed in the set:\n"
                f"{shorten(failures)}"
            )

    def _attempt(self, member: _Member) -> Union[Diff, KubeError, None]:
        """Move one member; None when it is gone. The failure of one does not stop the others."""
        try:
            return self._move(member)
        except ApiError as error:
            return None if error.status == 404 else error
        except ApplySetRefused as error:
            return error

    def _move(self, member: _Member) -> Diff:
        move = self._to_update if self._request.client_side else self._to_apply
        before = fields.shown(member.metadata)
        after = before
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._check()
                after = move(member)
                break
            except ApiError as error:
                if error.status != 409 or attempt == ATTEMPTS:
                    raise
            time.sleep(_PAUSE * attempt)
            member = replace(
                member, metadata=self._session.request("GET", member.path, accept=METADATA_ONLY)["metadata"]
            )
            if not self._is_movable(member.metadata):
                # It was moved before, and the answer to that did not come through.
                after = fields.shown(member.metadata)
                break
        return _diff(str(member.key), before, after)

    def _to_apply(self, member: _Member) -> str:
        request, metadata = self._request, member.metadata
        entries = fields.moved_to_apply(metadata, member.key.kind, PART_OF, request.managers, request.field_manager)
        change: Dict[str, Any] = {"managedFields": entries}
        if request.former == KUBECTL and fields.LAST_APPLIED in (metadata.get("annotations") or {}):
            change["managedFields"] = fields.without_manager(entries, fields.KUBECTL_ANNOTATION_MANAGER)
            change["annotations"] = {fields.LAST_APPLIED: None}
        moved = patch_metadata(self._session, member.path, metadata, change, request.field_manager, request.dry_run)
        return fields.shown(moved)

    def _to_update(self, member: _Member) -> str:
        request, metadata = self._request, member.metadata
        entries = fields.moved_to_update(metadata, request.managers, request.field_manager)
        entry = entries[-1]
        # In the version of the entry, for the paths are of that version, and the annotation becomes part of the entry.
        resource = self._discovery.find(entry["apiVersion"], member.key.kind) or member.resource
        path = resource.path(member.key.namespace, member.key.name)
        body = self._session.get_json(path)
        annotation = {fields.LAST_APPLIED: fields.last_applied_of(body, entry["fieldsV1"])}
        annotations = {**(body["metadata"].get("annotations") or {}), **annotation}
        if fields.annotations_size(annotations) > fields.ANNOTATIONS_LIMIT:
            raise ApplySetRefused(
                "is too large for client-side apply, which keeps all of it in an annotation as well. Hand it over with "
                "client_side: false, and use kubectl apply --server-side."
            )
        change = {"managedFields": entries, "annotations": annotation}
        moved = patch_metadata(self._session, path, metadata, change, request.field_manager, request.dry_run)
        return fields.shown(moved)

    def _give_parent(self, outcome: Outcome) -> None:
        request, parent = self._request, self._parent
        before = parent.shown()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._check()
                parent.give(request.former, request.to, request.dry_run)
                break
            except ApiError as error:
                if error.status != 409 or attempt == ATTEMPTS:
                    raise
            time.sleep(_PAUSE * attempt)
            parent.read()
            self._refuse_other_tool()
        outcome.tooling = parent.tooling
        if request.diff:
            outcome.diffs.insert(0, _diff(str(parent), before, parent.shown()))

    def _move_late(self, outcome: Outcome) -> None:
        """Move what a run of the former tool has written that had begun before the parent was given."""
        for _round in range(0 if self._request.dry_run else ROUNDS):
            late = self._look().movable
            if not late:
                return
            self._move_all(late, outcome)


def _diff(title: str, before: str, after: str) -> Diff:
    return {"before_header": title, "after_header": title, "before": before, "after": after}
