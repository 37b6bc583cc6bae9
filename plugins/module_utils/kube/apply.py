# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply of many objects: in waves, several at a time, each told apart from what stood before."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import wait
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import (
    CONFIGURED,
    CREATED,
    UNCHANGED,
    Change,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import Definition
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import (
    diff_applied,
    diff_unverified,
    same_content,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ApplyFailed,
    ApplySetRefused,
    InvalidArgument,
    KubeError,
    NotAttempted,
    WaitFailed,
    WaitTimeout,
    WebhookFailed,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import (
    IgnoredField,
    without_ignored,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applied_by
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import Proofs
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.removal import Removable, await_gone
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.targets import (
    CRD,
    NAMESPACE,
    Target,
    defined_resources,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.waves import in_waves

_OF_ONE_OBJECT = (ApiError, ApplySetRefused, InvalidArgument, NotAttempted, WaitTimeout)
"""Errors that do not keep the other objects from being applied."""

CRD_TIMEOUT = 60
"""Seconds for new CustomResourceDefinitions to be established and served."""
GONE_TIMEOUT = 60
"""Seconds for objects to be gone that are on their way out when they shall be applied; for all of them together."""
WEBHOOK_FAILURES = 16
"""Objects of a kind in a row for which a webhook fails before the others are not tried: each may take half a minute."""


@dataclass(frozen=True)
class ApplyOptions:
    """How to apply.

    ``dry_run`` asks the server what would happen. ``part_of`` is the id of the ApplySet whose members the
    objects become (``applyset.set_id``). ``diff`` asks for the difference of every changed object. ``check`` is called
    before every write and raises KubeError when nothing may be written any more.
    """

    field_manager: str
    force_conflicts: bool = False
    dry_run: bool = False
    part_of: str = ""
    ignored: Sequence[IgnoredField] = ()
    diff: bool = False
    check: Callable[[], None] = lambda: None

    def desired(self, definition: Definition) -> Dict[str, Any]:
        """What is sent of a definition: all but the ignored fields, with the label of the set."""
        body = without_ignored(definition.body, definition.key, self.ignored)
        part_of = self.part_of_set(definition)
        if not part_of:
            return body
        metadata = body["metadata"]
        labels = {**(metadata.get("labels") or {}), PART_OF: part_of}
        return {**body, "metadata": {**metadata, "labels": labels}}

    def part_of_set(self, definition: Definition) -> str:
        """The set that the object becomes a member of; a fragment leaves that to the owner of the object."""
        return "" if definition.is_fragment else self.part_of


@dataclass
class Standing:
    """What is known of the objects before they are applied.

    ``unchanged`` need not be sent, ``before`` are the others as they are; what is in neither may exist all the same.
    ``proofs`` is where to remember that the server changed nothing; None without a set.
    """

    unchanged: Set[ObjectKey] = field(default_factory=set)
    before: Dict[ObjectKey, Dict[str, Any]] = field(default_factory=dict)
    proofs: Optional[Proofs] = None


def apply_targets(
    session: Session,
    discovery: Discovery,
    targets: Sequence[Target],
    options: ApplyOptions,
    standing: Optional[Standing] = None,
) -> List[Change]:
    """Make the objects as they are defined; with ``options.dry_run`` tell what that would change.

    An object that fails does not stop the others, but what would stand in a namespace, or be of a kind,
    that failed is not tried. Raises ApplyFailed with everything that went wrong, or at once what ends all work
    (no connection, no valid credentials any more); both tell what was done.
    """
    run = _Run(session, discovery, options, standing or Standing())
    try:
        for wave in in_waves(targets, lambda target: target.key):
            run.apply_wave(wave)
    except KubeError as error:
        if run.failures:
            raise ApplyFailed([*run.failures, str(error)], run.changes) from error
        error.done = run.changes
        raise
    session.warnings.extend(run.warnings())
    if run.failures:
        raise ApplyFailed(run.failures, run.changes)
    return run.changes


def server_side_apply(session: Session, path: str, body: Mapping[str, Any], options: ApplyOptions) -> Any:
    """One apply patch; returns the object as it is afterwards, or would be in a dry run."""
    query: Dict[str, Union[str, int]] = {"fieldManager": options.field_manager, "fieldValidation": "Strict"}
    if options.force_conflicts:
        query["force"] = "true"
    if options.dry_run:
        query["dryRun"] = "All"
    return session.request("PATCH", path, query, body, content_type="application/apply-patch+yaml")


class _Run:
    """One run through the waves, and what later waves must know of earlier ones."""

    def __init__(self, session: Session, discovery: Discovery, options: ApplyOptions, standing: Standing) -> None:
        self._session = session
        self._discovery = discovery
        self._options = options
        self._standing = standing
        self._gone_deadline = time.monotonic() + GONE_TIMEOUT
        self._new_namespaces: Set[str] = set()
        self._failed: Set[str] = set()
        self._unseen: List[str] = []
        self._broken: Optional[KubeError] = None
        self._webhook_failures: Counter[Tuple[str, str]] = Counter()
        self.changes: List[Change] = []
        self.failures: List[str] = []

    def apply_wave(self, wave: Sequence[Target]) -> None:
        sent = [target for target in wave if target.key not in self._standing.unchanged]
        results = dict(zip(map(id, sent), map_parallel(self._attempt, sent, self._session.concurrency)))
        for target in wave:
            result = results.get(id(target), Change(target.definition.api_version, target.key, UNCHANGED))
            if isinstance(result, _OF_ONE_OBJECT):
                self._note_failure(target, str(result))
            elif isinstance(result, Change):
                self._note_change(target, result)
        if self._broken:
            raise self._broken
        definitions = [target for target in wave if target.key[:2] == CRD and not target.definition.is_fragment]
        if not self._options.dry_run and (sent or not self._all_served(definitions)):
            self._await_kinds([target for target in definitions if str(target.key) not in self._failed])

    def warnings(self) -> List[str]:
        """Why objects could only be checked here."""
        return [f"{number} objects were only checked here: {why}" for why, number in Counter(self._unseen).items()]

    def _attempt(self, target: Target) -> Union[Change, KubeError]:
        """Apply one object. An error that does not concern this object alone keeps the others from being tried."""
        if self._broken:
            return self._broken
        try:
            return self._apply(target)
        except _OF_ONE_OBJECT as error:
            return error
        except KubeError as error:
            self._broken = error
            return error

    def _apply(self, target: Target) -> Change:
        definition = target.definition
        missing = self._failed_prerequisite(target)
        if missing:
            raise NotAttempted(f"not applied, for {missing} failed")
        body = self._options.desired(definition)
        namespace_is_new = definition.namespace in self._new_namespaces
        if self._options.dry_run and (target.coming or namespace_is_new):
            return self._unverified(definition, body)
        before = None if namespace_is_new else self._before(target)
        if definition.is_fragment and before is None:
            return self._fragment_of_nothing(definition, body)
        if before and before["metadata"].get("deletionTimestamp"):
            if self._options.dry_run:
                return self._unverified(definition, body)
            self._await_gone(target, before)
            before = None
        _refuse_member_of_other_set(before, self._options.part_of_set(definition))
        self._options.check()
        try:
            after = self._send(target, body)
        except ApiError as error:
            if not (self._options.dry_run and _is_beyond_dry_run(error)):
                raise
            self._unseen.append(str(error))
            return self._unverified(definition, body)
        has_status = "status" in body or (before is not None and self._gave_status(before))
        return self._change(definition, before, after, has_status)

    def _send(self, target: Target, body: Mapping[str, Any]) -> Any:
        kind = (target.key.group, target.key.kind)
        if self._webhook_failures[kind] >= WEBHOOK_FAILURES:
            raise NotAttempted(f"not tried, for a webhook failed for {WEBHOOK_FAILURES} of the kind before it")
        try:
            after = server_side_apply(self._session, target.path, body, self._options)
        except WebhookFailed:
            self._webhook_failures[kind] += 1
            raise
        self._webhook_failures[kind] = 0
        return after

    def _before(self, target: Target) -> Optional[Dict[str, Any]]:
        """The object as it is; None when it does not exist."""
        known = self._standing.before.get(target.key)
        return known or self._session.get_or_none(target.path)

    def _await_gone(self, target: Target, before: Mapping[str, Any]) -> None:
        """Wait for an object to be gone that is on its way out, for what is applied to it would go with it."""
        leaving = Removable(target.resource, target.key, before["metadata"])
        try:
            await_gone(self._session, [leaving], self._gone_deadline)
        except WaitTimeout as error:
            since = before["metadata"]["deletionTimestamp"]
            raise WaitTimeout(
                f"is being deleted since {since}, and was not gone in time. See what holds it, and run again: {error}"
            ) from error

    def _fragment_of_nothing(self, definition: Definition, body: Mapping[str, Any]) -> Change:
        if self._options.dry_run:
            self._unseen.append("objects that fragments belong to do not exist yet")
            return self._unverified(definition, body)
        raise NotAttempted(
            "does not exist. A fragment adds fields to an object that something else makes; have that made first"
        )

    def _gave_status(self, before: Mapping[str, Any]) -> bool:
        return "f:status" in applied_by(before, self._options.field_manager)

    def _change(self, definition: Definition, before: Any, after: Any, has_status: bool) -> Change:
        action = _action(before, after, self._options.dry_run, has_status)
        self._note_proof(definition, before, after)
        with_diff = self._options.diff and action != UNCHANGED
        diff = diff_applied(before, after, self._options.field_manager) if with_diff else None
        return Change(definition.api_version, definition.key, action, diff=diff)

    def _note_proof(self, definition: Definition, before: Any, after: Any) -> None:
        """Remember that the server changed nothing; a dry run cannot show that."""
        if self._standing.proofs and before and not self._options.dry_run:
            self._standing.proofs.note_unchanged(self._options.desired(definition), before, after)

    def _unverified(self, definition: Definition, body: Mapping[str, Any]) -> Change:
        diff = diff_unverified(body, str(definition.key)) if self._options.diff else None
        return Change(definition.api_version, definition.key, CREATED, verified=False, diff=diff)

    def _failed_prerequisite(self, target: Target) -> str:
        """The namespace or the CustomResourceDefinition that this object needs and that failed."""
        resource = target.resource
        needed = (
            f"Namespace {target.definition.namespace}",
            f"CustomResourceDefinition {resource.plural}.{resource.group}",
        )
        return next((name for name in needed if name in self._failed), "")

    def _note_failure(self, target: Target, message: str) -> None:
        self._failed.add(str(target.key))
        self.failures.append(f"{target.definition}: {message}")

    def _note_change(self, target: Target, change: Change) -> None:
        self.changes.append(change)
        if target.key[:2] == NAMESPACE and change.action == CREATED:
            self._new_namespaces.add(target.key.name)
        if target.key[:2] == CRD and change.action != UNCHANGED:
            self._doubt(target)

    def _doubt(self, definition: Target) -> None:
        """Take back what was proved of objects before their schema changed: the server may go by other defaults now."""
        kinds = {(each.group, each.kind) for each in defined_resources(definition.definition)}
        self._standing.unchanged = {key for key in self._standing.unchanged if key[:2] not in kinds}

    def _await_kinds(self, definitions: Sequence[Target]) -> None:
        """Wait until the kinds of CustomResourceDefinitions can be used, and learn their paths."""
        if not definitions:
            return
        deadline = time.monotonic() + CRD_TIMEOUT
        awaited = [wait.Awaited(target.resource, target.key) for target in definitions]
        try:
            wait.wait_ready(self._session, awaited, CRD_TIMEOUT)
        except (WaitTimeout, WaitFailed) as error:
            self.failures.append(str(error))
            self._failed.update(str(target.key) for target in definitions)
            return
        self._discovery.refresh()
        while not self._all_served(definitions) and time.monotonic() < deadline:
            time.sleep(0.2)
            self._discovery.refresh()

    def _all_served(self, definitions: Sequence[Target]) -> bool:
        resources = [each for target in definitions for each in defined_resources(target.definition)]
        return all(self._discovery.find(each.api_version, each.kind) for each in resources)


def _action(before: Optional[Mapping[str, Any]], after: Mapping[str, Any], dry_run: bool, has_status: bool) -> str:
    """What an apply did.

    An equal resourceVersion proves that nothing was written, but a dry run returns the old one in any case;
    a different one may come from a writer of the status or a mere change of ownership. The status counts only
    when it is part of the definition, or was (custom resources without the subresource take it from there).
    """
    if before is None:
        return CREATED
    same_version = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    if same_version and not dry_run:
        return UNCHANGED
    return UNCHANGED if same_content(before, after, has_status) else CONFIGURED


def _refuse_member_of_other_set(before: Optional[Mapping[str, Any]], part_of: str) -> None:
    labels = (before or {}).get("metadata", {}).get("labels") or {}
    other = labels.get(PART_OF)
    if part_of and other not in (None, part_of):
        raise ApplySetRefused(
            f"is a member of another ApplySet (its label {PART_OF} is {other}; the parent of that set has the same "
            "value in the label applyset.kubernetes.io/id). Take it out of that set first."
        )


def _is_beyond_dry_run(error: ApiError) -> bool:
    """Whether a dry run failed only because it is one: what makes the namespace has not really happened."""
    return error.status == 404 and error.kind == "namespaces"
