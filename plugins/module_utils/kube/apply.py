# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply of many objects: in waves, several at a time, each told apart from what stood before."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Union

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
    KubeError,
    NotAttempted,
    WaitFailed,
    WaitTimeout,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import (
    IgnoredField,
    without_ignored,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.targets import (
    CRD,
    NAMESPACE,
    Target,
    find_targets,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.waves import in_waves

CRD_TIMEOUT = 60
"""Seconds for new CustomResourceDefinitions to be established and served."""


@dataclass(frozen=True)
class ApplyOptions:
    """How to apply.

    ``dry_run`` asks the server what would happen. ``part_of`` is the id of the ApplySet whose members the
    objects become (``applyset.set_id``). ``diff`` asks for the difference of every changed object.
    """

    field_manager: str
    force_conflicts: bool = False
    dry_run: bool = False
    part_of: str = ""
    ignored: Sequence[IgnoredField] = ()
    diff: bool = False


def apply(
    session: Session, discovery: Discovery, definitions: Sequence[Definition], options: ApplyOptions
) -> List[Change]:
    """Make the objects as they are defined; with ``options.dry_run`` tell what that would change.

    Raises DefinitionError, before anything is sent, when a definition has no resource in this cluster; else
    as ``apply_targets``.
    """
    found = find_targets(discovery, definitions, options.dry_run)
    session.warnings.extend(found.warnings)
    return apply_targets(session, discovery, found.targets, options)


def apply_targets(
    session: Session, discovery: Discovery, targets: Sequence[Target], options: ApplyOptions
) -> List[Change]:
    """As ``apply``, for definitions whose resources are known.

    An object that fails does not stop the others, but what would stand in a namespace, or be of a kind,
    that failed is not tried. Raises ApplyFailed with everything that went wrong and what was done.
    """
    run = _Run(session, discovery, options)
    for wave in in_waves(targets, lambda target: target.key):
        run.apply_wave(wave)
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
    return session.request("PATCH", path, query, body, content_type="application/apply-patch+yaml").body


class _Run:
    """One run through the waves, and what later waves must know of earlier ones."""

    def __init__(self, session: Session, discovery: Discovery, options: ApplyOptions) -> None:
        self._session = session
        self._discovery = discovery
        self._options = options
        self._new_namespaces: Set[str] = set()
        self._failed: Set[str] = set()
        self._unseen: List[str] = []
        self.changes: List[Change] = []
        self.failures: List[str] = []

    def apply_wave(self, wave: Sequence[Target]) -> None:
        results = map_parallel(self._attempt, wave, self._session.concurrency)
        for target, result in zip(wave, results):
            if isinstance(result, KubeError):
                self._note_failure(target, str(result))
            else:
                self._note_change(target, result)
        definitions = [target for target in wave if target.key[:2] == CRD]
        if definitions and not self._options.dry_run:
            self._await_kinds([target for target in definitions if str(target.key) not in self._failed])

    def warnings(self) -> List[str]:
        """Why objects could only be checked here."""
        return [f"{number} objects were only checked here: {why}" for why, number in Counter(self._unseen).items()]

    def _attempt(self, target: Target) -> Union[Change, KubeError]:
        """Apply one object. Only what concerns this object alone is returned as an error."""
        try:
            return self._apply(target)
        except (ApiError, ApplySetRefused, NotAttempted) as error:
            return error

    def _apply(self, target: Target) -> Change:
        definition = target.definition
        missing = self._failed_prerequisite(target)
        if missing:
            raise NotAttempted(f"not applied, for {missing} failed")
        body = self._desired(definition)
        namespace_is_new = definition.namespace in self._new_namespaces
        if self._options.dry_run and (target.coming or namespace_is_new):
            return self._unverified(definition, body)
        before = None if namespace_is_new else self._session.get_or_none(target.path)
        if definition.is_fragment and before is None:
            return self._fragment_of_nothing(definition, body)
        _refuse_member_of_other_set(before, self._part_of(definition))
        try:
            after = server_side_apply(self._session, target.path, body, self._options)
        except ApiError as error:
            if not (self._options.dry_run and _is_beyond_dry_run(error)):
                raise
            self._unseen.append(str(error))
            return self._unverified(definition, body)
        return self._change(definition, before, after)

    def _desired(self, definition: Definition) -> Dict[str, Any]:
        """What is sent: the definition without ignored fields, with the label of its set."""
        body = without_ignored(definition.body, definition.key, self._options.ignored)
        part_of = self._part_of(definition)
        if not part_of:
            return body
        metadata = body["metadata"]
        labels = {**(metadata.get("labels") or {}), PART_OF: part_of}
        return {**body, "metadata": {**metadata, "labels": labels}}

    def _part_of(self, definition: Definition) -> str:
        """The set that the object becomes a member of; a fragment leaves that to the owner of the object."""
        return "" if definition.is_fragment else self._options.part_of

    def _fragment_of_nothing(self, definition: Definition, body: Mapping[str, Any]) -> Change:
        if self._options.dry_run:
            self._unseen.append("objects that fragments belong to do not exist yet")
            return self._unverified(definition, body)
        raise NotAttempted(
            "does not exist. A fragment adds fields to an object that something else makes; have that made first"
        )

    def _change(self, definition: Definition, before: Any, after: Any) -> Change:
        action = _action(before, after, self._options.dry_run)
        with_diff = self._options.diff and action != UNCHANGED
        diff = diff_applied(before, after, self._options.field_manager) if with_diff else None
        return Change(definition.api_version, definition.key, action, diff=diff)

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

    def _await_kinds(self, definitions: Sequence[Target]) -> None:
        """Wait until the kinds of CustomResourceDefinitions can be used, and learn their paths."""
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
        for target in definitions:
            spec = target.definition.body["spec"]
            for version in spec["versions"]:
                if version.get("served"):
                    api_version = f"{spec['group']}/{version['name']}"
                    if self._discovery.find(api_version, spec["names"]["kind"]) is None:
                        return False
        return True


def _action(before: Optional[Mapping[str, Any]], after: Mapping[str, Any], dry_run: bool) -> str:
    """What an apply did.

    An equal resourceVersion proves that nothing was written, but a dry run returns the old one in any case;
    a different one may come from a writer of the status or a mere change of ownership.
    """
    if before is None:
        return CREATED
    same_version = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    if same_version and not dry_run:
        return UNCHANGED
    return UNCHANGED if same_content(before, after) else CONFIGURED


def _refuse_member_of_other_set(before: Optional[Mapping[str, Any]], part_of: str) -> None:
    labels = (before or {}).get("metadata", {}).get("labels") or {}
    other = labels.get(PART_OF)
    if part_of and other not in (None, part_of):
        raise ApplySetRefused(
            f"is a member of another ApplySet (its label {PART_OF} is {other}; the parent of that set has the same "
            "value in the label applyset.kubernetes.io/id). Take it out of that set first."
        )


def _is_beyond_dry_run(error: ApiError) -> bool:
    """Whether a dry run failed only because it is one: an earlier step of the run has not really happened."""
    namespace_is_missing = error.status == 404 and error.kind == "namespaces"
    return namespace_is_missing or "does not support dry run" in str(error)
