# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of one call: definitions in, a cluster that is so (or a plan, in check mode), and what changed."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import AbstractSet, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import lease
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.apply import (
    ApplyOptions,
    apply_targets,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import (
    ApplySet,
    Record,
    fragment_of,
    our_sets,
    scope_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import (
    CREATED,
    UNCHANGED,
    Change,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import CONDITIONS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import (
    Definition,
    Origin,
    check_unique,
    load_definitions,
    load_fragments,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import diff_unverified
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApplySetRefused,
    InvalidArgument,
    KubeError,
    Locked,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import IgnoredField
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.look import Look
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey, group_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.removal import (
    Removable,
    RemovalOptions,
    remove,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.targets import (
    Target,
    find_existing,
    find_targets,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import Awaited, WaitFor, wait_ready

# As namespaces are named; names of parents may have dots.
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Request:
    """What is asked for; the fields are the options of ``k8s_apply``. Timeouts are in seconds."""

    connection: Mapping[str, Any]
    definitions: Any = None
    src: Sequence[str] = ()
    fragments: Any = None
    applyset: Optional[Mapping[str, str]] = None
    prune: bool = True
    absent: bool = False
    field_manager: str = "servicemesh.platform"
    force_conflicts: bool = False
    ignored: Sequence[IgnoredField] = ()
    remove_with_content: Sequence[str] = ()
    lock_timeout: int = 300
    wait: bool = False
    wait_timeout: int = 300
    wait_for: Sequence[WaitFor] = ()
    offline: bool = False
    dry_run: bool = False
    diff: bool = False


@dataclass
class Outcome:
    """What came of it. ``applyset_changed`` is whether the parent object of the set was written or removed."""

    changes: List[Change] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    applyset_changed: bool = False

    @property
    def changed(self) -> bool:
        return self.applyset_changed or any(change.action != UNCHANGED for change in self.changes)


def converge(request: Request) -> Outcome:
    """Do what is asked for. Raises KubeError; what is wrong with the definitions is told before anything is sent."""
    definitions = _load(request)
    if request.offline:
        return _offline(request, definitions)
    with open_session(request.connection) as session:
        return _converge(request, definitions, session)


def converge_in(session: Session, request: Request) -> Outcome:
    """As ``converge``, in a session that is open already."""
    return _converge(request, _load(request), session)


def _load(request: Request) -> List[Definition]:
    """The definitions and fragments that the request is about, checked as far as that goes without a server."""
    definitions = load_definitions(request.definitions, request.src)
    _check(request, definitions)
    everything = [*definitions, *load_fragments(request.fragments)]
    check_unique(everything)
    _check_labels(everything)
    _check_waits(request, everything)
    return everything


def _converge(request: Request, definitions: Sequence[Definition], session: Session) -> Outcome:
    run = _Converge(request, session)
    try:
        if request.absent:
            run.remove(definitions)
        else:
            run.apply(definitions)
    except KubeError as error:
        error.done = [*run.outcome.changes, *error.done]
        error.warnings = session.warnings
        raise
    run.outcome.warnings = session.warnings
    return run.outcome


def _check(request: Request, definitions: Sequence[Definition]) -> None:
    if request.offline and not request.dry_run:
        raise InvalidArgument("offline: true is for check mode only; without a cluster nothing can be applied.")
    if request.absent and request.applyset and definitions:
        raise InvalidArgument(
            "state: absent removes either the given definitions or a whole applyset; give only one of them."
        )
    if request.wait_for and not request.wait:
        raise InvalidArgument("wait_for says what to wait for, but wait is false; set wait: true.")
    for ignored in request.ignored:
        if ignored.path in ("", "apiVersion", "kind", "metadata", "metadata.name", "metadata.namespace"):
            raise InvalidArgument(
                f"ignore_fields: the path {ignored.path!r} is what makes it that object; it must be sent."
            )
    if request.applyset:
        _check_set(request.applyset, is_emptied=not (request.absent or definitions or request.fragments))


def _check_set(applyset: Mapping[str, str], is_emptied: bool) -> None:
    for option in ("name", "namespace"):
        if not _NAME.fullmatch(applyset[option]):
            raise InvalidArgument(
                f"applyset.{option} is {applyset[option]!r}; write a name of a-z, 0-9 and -, such as shop."
            )
    if is_emptied:
        raise _emptied(applyset["name"])


def _emptied(name: str) -> ApplySetRefused:
    return ApplySetRefused(
        f"Nothing is defined, so the ApplySet {name} would be emptied. If that is what you want, say state: absent; if "
        "not, look why definitions and src are empty."
    )


def _check_labels(definitions: Sequence[Definition]) -> None:
    """What has the label can be pruned, so it comes from the option alone; a fragment is of an object of others."""
    for definition in definitions:
        if PART_OF in (definition.body["metadata"].get("labels") or {}):
            raise InvalidArgument(f"{definition}: the label {PART_OF} is set through the option applyset; take it out.")


def _check_waits(request: Request, definitions: Sequence[Definition]) -> None:
    for wish in request.wait_for:
        is_elsewhere = wish.api_version and wish.name
        groups = [group_of(wish.api_version)] if is_elsewhere else _groups_of(wish, definitions)
        for group in groups:
            wish.condition(group)


def _identity(definition: Definition) -> Dict[str, Any]:
    """The object without any field that could be owned."""
    metadata = definition.body["metadata"]
    return {
        "apiVersion": definition.api_version,
        "kind": definition.kind,
        "metadata": {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)},
    }


def _given_up(applyset: ApplySet, applied: AbstractSet[ObjectKey]) -> List[Definition]:
    """The fragments that earlier runs on the set have applied and this one has not."""
    origin = Origin(str(applyset))
    remembered = [Definition(each.body, origin, is_fragment=True) for each in sorted(applyset.record.fragments)]
    return [definition for definition in remembered if definition.key not in applied]


def _groups_of(wish: WaitFor, definitions: Sequence[Definition]) -> List[str]:
    """The API groups of the definitions that a wish concerns."""
    groups = {each.key.group for each in definitions if wish.concerns(each.api_version, each.key)}
    if not groups:
        raise InvalidArgument(
            f"wait_for: no definition is a {wish.kind} {wish.name}".rstrip()
            + "; to wait for an object that is not applied here give its apiVersion and name."
        )
    return sorted(groups)


def _offline(request: Request, definitions: Sequence[Definition]) -> Outcome:
    """The plan for a cluster that is not there yet: everything is new, and nothing verified."""
    if request.absent:
        return Outcome()
    changes = []
    for definition in definitions:
        diff = diff_unverified(definition.body, str(definition.key)) if request.diff else None
        changes.append(Change(definition.api_version, definition.key, CREATED, verified=False, diff=diff))
    return Outcome(changes)


class _Converge:
    """One call against one cluster."""

    def __init__(self, request: Request, session: Session) -> None:
        self._request = request
        self._session = session
        self._discovery = Discovery(session)
        self._deadline = time.monotonic() + request.wait_timeout
        self._set = self._open_set()
        self._check: Callable[[], None] = lambda: None
        self.outcome = Outcome()

    def apply(self, definitions: Sequence[Definition]) -> None:
        """Apply, then prune, then wait once; the set's parent covers members of before and after all the while."""
        request = self._request
        found = find_targets(self._discovery, definitions, request.dry_run)
        self._session.warnings.extend(found.warnings)
        if self._set:
            with self._alone(self._set):
                self._apply_set(self._set, found.targets)
        else:
            self.outcome.changes = apply_targets(self._session, self._discovery, found.targets, self._apply_options)
        self._deadline = time.monotonic() + request.wait_timeout
        if request.wait and not request.dry_run:
            wait_ready(self._session, self._awaited(definitions), max(self._deadline - time.monotonic(), 1))

    def remove(self, definitions: Sequence[Definition]) -> None:
        """Give up the fragments; remove the objects that are defined, or all members of the set and then its parent."""
        fragments = [definition for definition in definitions if definition.is_fragment]
        self._release(fragments)
        if not self._set:
            self._remove(self._existing([each for each in definitions if not each.is_fragment], "delete"))
        elif self._set.exists:
            with self._alone(self._set):
                self._release(_given_up(self._set, {each.key for each in fragments}))
                self._remove_set(self._set)

    def _apply_set(self, applyset: ApplySet, targets: Sequence[Target]) -> None:
        members = [target.key for target in targets if not target.definition.is_fragment]
        if not members and self._request.prune and applyset.scope.kinds:
            raise _emptied(applyset.name)
        desired = scope_of(members, applyset.namespace)
        fragments = frozenset(fragment_of(target.definition) for target in targets if target.definition.is_fragment)
        applyset.widen(desired, fragments)
        look = Look(self._session, self._discovery, applyset, targets, self._apply_options)
        try:
            self.outcome.changes = apply_targets(
                self._session, self._discovery, targets, self._apply_options, look.standing
            )
            applied = {target.key for target in targets}
            given_up = _given_up(applyset, applied)
            has_others = look.found_others or applyset.scope != desired
            if not self._request.prune and (has_others or given_up):
                return  # the circumstances of the others are not those of this run
            kept = self._remove(self._members_except(applyset, applied)) if has_others else []
            self._release(given_up)
            needed = desired | scope_of(kept, applyset.namespace)
            applyset.remember(Record(needed, fragments, look.proofs.now, look.proofs.settled))
        finally:
            self.outcome.applyset_changed = applyset.action != UNCHANGED

    def _remove_set(self, applyset: ApplySet) -> None:
        kept = self._remove(self._members_except(applyset, set()))
        if kept:
            applyset.remember(Record(scope_of(kept, applyset.namespace)))
        else:
            applyset.remove_parent(self._removal_deadline)
        self.outcome.applyset_changed = applyset.action != UNCHANGED

    @contextmanager
    def _alone(self, applyset: ApplySet) -> Iterator[None]:
        """Keep other runs off the set. What was read of it before another run was done is read again."""
        if self._request.dry_run:
            yield
            return
        if not applyset.exists:
            applyset.make_namespace()
        patience = self._request.lock_timeout
        try:
            with lease.held(self._session, applyset.namespace, applyset.lease_name, patience) as hold:
                self._check = hold.check
                applyset.read()
                yield
        except Locked as error:
            raise Locked(f"{applyset}: {error}") from error

    def _release(self, fragments: Sequence[Definition]) -> None:
        """Give up the fields that are ours of objects of others; what is gone needs nothing."""
        existing = {each.key for each in self._existing(fragments, "patch") if each.metadata}
        bare = [replace(each, body=_identity(each)) for each in fragments if each.key in existing]
        targets = find_targets(self._discovery, bare, self._request.dry_run).targets
        self.outcome.changes += apply_targets(self._session, self._discovery, targets, self._apply_options)

    @property
    def _apply_options(self) -> ApplyOptions:
        request = self._request
        return ApplyOptions(
            request.field_manager,
            request.force_conflicts,
            request.dry_run,
            self._set.id if self._set else "",
            request.ignored,
            request.diff,
            self._check,
        )

    def _open_set(self) -> Optional[ApplySet]:
        wanted = self._request.applyset
        if not wanted:
            return None
        return ApplySet(
            self._session,
            self._discovery,
            wanted["name"],
            wanted["namespace"],
            wanted["kind"],
            self._request.dry_run,
        )

    def _members_except(self, applyset: ApplySet, wanted: AbstractSet[ObjectKey]) -> List[Removable]:
        members = [member for member in applyset.members() if member.key not in wanted]
        return [Removable(member.resource, member.key, member.metadata) for member in members]

    def _existing(self, definitions: Sequence[Definition], verb: str) -> List[Removable]:
        """The objects of the definitions, as they are; with no metadata where there is none."""
        found = find_existing(self._discovery, definitions, verb)
        self._session.warnings.extend(found.warnings)
        return map_parallel(self._removable, found.targets, self._session.concurrency)

    def _removable(self, target: Target) -> Removable:
        live = self._session.get_or_none(target.path)
        return Removable(target.resource, target.key, live["metadata"] if live else None, str(target.definition.origin))

    def _remove(self, objects: Sequence[Removable]) -> List[ObjectKey]:
        """Remove the objects; returns the keys of what was kept because others have objects in it."""
        if not objects:
            return []
        request = self._request
        options = RemovalOptions(
            request.dry_run,
            request.diff,
            request.remove_with_content,
            our_sets(self._session, self._set.namespace) if self._set else (),
            self._removal_deadline,
            self._check,
        )
        removed = remove(self._session, self._discovery, objects, options)
        self.outcome.changes.extend(removed.changes)
        return removed.kept

    @property
    def _removal_deadline(self) -> Optional[float]:
        return self._deadline if self._request.wait else None

    def _awaited(self, definitions: Sequence[Definition]) -> List[Awaited]:
        """What to wait for: what is usual for the kinds applied, and what the user wishes instead or beside."""
        awaited: Dict[Tuple[ObjectKey, WaitFor], Awaited] = {}
        usual = WaitFor("")
        for definition in definitions:
            selector = f"{PART_OF}={self._set.id}" if self._set and not definition.is_fragment else ""
            resource = self._discovery.resource(definition.api_version, definition.kind)
            wishes = [wish for wish in self._request.wait_for if wish.concerns(definition.api_version, definition.key)]
            for wish in wishes:
                condition = wish.condition(definition.key.group)
                awaited[definition.key, wish] = Awaited(resource, definition.key, condition, selector)
            if not wishes and definition.key[:2] in CONDITIONS:
                awaited[definition.key, usual] = Awaited(resource, definition.key, selector=selector)
        met = {wish for _key, wish in awaited}
        others = [self._awaited_elsewhere(wish) for wish in self._request.wait_for if wish not in met]
        return [*awaited.values(), *others]

    def _awaited_elsewhere(self, wish: WaitFor) -> Awaited:
        """A wished-for object that is not applied here."""
        resource = self._discovery.resource(wish.api_version, wish.kind)
        if resource.namespaced and not wish.namespace:
            raise InvalidArgument(f"wait_for: {wish.kind} {wish.name} lives in a namespace: give it.")
        key = ObjectKey(resource.group, wish.kind, wish.namespace, wish.name)
        return Awaited(resource, key, wish.condition(resource.group))
