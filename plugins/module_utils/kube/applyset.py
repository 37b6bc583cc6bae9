# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ApplySets as KEP-3659 defines them: which objects belong together, told by labels, so that what left can be removed.

https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/3659-kubectl-apply-prune

The parent object says which kinds and namespaces may hold members. It is widened before the first member
is written and narrowed after the last one is gone, so a run that is cut off never loses track of any.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.apply import (
    ApplyOptions,
    server_side_apply,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import (
    CONFIGURED,
    CREATED,
    DELETED,
    UNCHANGED,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import Definition
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ApplySetRefused,
    UnknownKind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applies_label
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey, key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.occupancy import foreign_content
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import DIGEST_BYTES
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.removal import (
    Removable,
    RemovalOptions,
    await_gone,
    remove,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

TOOL = "servicemesh.platform"
TOOLING = TOOL + "/v1"
FIELD_MANAGER = TOOL + "-applyset"
"""The field manager of parents, so that no component ever meets a conflict over one."""

ID = "applyset.kubernetes.io/id"
TOOLING_ANNOTATION = "applyset.kubernetes.io/tooling"
KINDS_ANNOTATION = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES_ANNOTATION = "applyset.kubernetes.io/additional-namespaces"
FRAGMENTS_ANNOTATION = TOOL + "/fragments"
"""The objects of others that have fields of ours, as a JSON list of [apiVersion, kind, namespace, name]."""
CIRCUMSTANCES_ANNOTATION = TOOL + "/circumstances"
"""Under which circumstances (``circumstances.read``) the last complete run has looked at every member."""
SETTLED = "settled"
"""Key of the parent's content that holds the digests of ``proof.Proofs.settled``."""
MANAGED_BY = "app.kubernetes.io/managed-by"

DEFAULT_NAMESPACE = "servicemesh-platform"
NAMESPACE_TIMEOUT = 60
"""Seconds for an earlier namespace of parents to be gone."""

PARENTS = {kind: Resource("v1", kind, kind.lower() + "s", namespaced=True) for kind in ("ConfigMap", "Secret")}
"""The kinds that can be a parent."""
_CONTENT = {"ConfigMap": "binaryData", "Secret": "data"}
"""The field of each that holds bytes."""
NAMESPACES = Resource("v1", "Namespace", "namespaces", namespaced=False)

APPLYSET_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": DEFAULT_NAMESPACE},
    "kind": {"type": "str", "default": "ConfigMap", "choices": sorted(PARENTS)},
}


def set_id(name: str, namespace: str = DEFAULT_NAMESPACE, kind: str = "ConfigMap") -> str:
    """The id of a set, made from its parent's identity; members carry it in the label PART_OF."""
    digest = hashlib.sha256(f"{name}.{namespace}.{kind}.".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


class GroupKind(NamedTuple):
    """A kind without its version, written ``Deployment.apps`` or ``ConfigMap``."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


@dataclass(frozen=True)
class Scope:
    """Where members may be: the kinds and, beside the parent's own, the namespaces."""

    kinds: FrozenSet[GroupKind] = frozenset()
    namespaces: FrozenSet[str] = frozenset()

    def __or__(self, other: Scope) -> Scope:
        return Scope(self.kinds | other.kinds, self.namespaces | other.namespaces)


def scope_of(keys: Iterable[ObjectKey], parent_namespace: str) -> Scope:
    """The scope that just covers these objects."""
    listed = list(keys)
    namespaces = frozenset(key.namespace for key in listed) - {"", parent_namespace}
    return Scope(frozenset(GroupKind(key.group, key.kind) for key in listed), namespaces)


class Fragment(NamedTuple):
    """An object of others that some fields of are ours."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def body(self) -> Dict[str, Any]:
        """The object without any field that could be owned."""
        metadata = {"name": self.name, **({"namespace": self.namespace} if self.namespace else {})}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata}


def fragment_of(definition: Definition) -> Fragment:
    """What is remembered of a fragment."""
    return Fragment(definition.api_version, definition.kind, definition.namespace, definition.name)


@dataclass(frozen=True)
class Record:
    """What the parent remembers: where members may be, what else has fields of ours, and what proves them unchanged."""

    scope: Scope = Scope()
    fragments: FrozenSet[Fragment] = frozenset()
    circumstances: Mapping[str, str] = field(default_factory=dict)
    settled: FrozenSet[bytes] = frozenset()


@dataclass(frozen=True)
class Member:
    """An object that carries the label of the set; ``body`` holds at least its metadata."""

    resource: Resource
    key: ObjectKey
    body: Dict[str, Any]

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.body["metadata"]
        return metadata


class ApplySet:
    """One set in one cluster. With ``dry_run`` nothing is written."""

    def __init__(
        self,
        session: Session,
        discovery: Discovery,
        name: str,
        namespace: str = DEFAULT_NAMESPACE,
        kind: str = "ConfigMap",
        dry_run: bool = False,
    ) -> None:
        """Read the parent. Raises ApplySetRefused when it is another tool's, or was tampered with."""
        self.name, self.namespace, self.kind = name, namespace, kind
        self.id = set_id(name, namespace, kind)
        self.action = UNCHANGED
        """What has happened to the parent so far (see ``changes``), what it remembers for itself left aside."""
        self._session = session
        self._discovery = discovery
        self._dry_run = dry_run
        self._path = PARENTS[kind].path(namespace, name)
        self.read()

    def __str__(self) -> str:
        return f"ApplySet {self.name} ({self.kind} {self.namespace}/{self.name})"

    @property
    def scope(self) -> Scope:
        return self.record.scope

    @property
    def lease_name(self) -> str:
        """The name of the Lease that stands for being at work on the set, beside the parent."""
        return f"applyset-{self.name}"

    def read(self) -> None:
        """Read the parent, as it is now. Raises as the constructor does."""
        parent = self._session.get_or_none(self._path)
        self._uid = parent["metadata"]["uid"] if parent else ""
        self.exists = parent is not None
        self.record = self._read_record(parent) if parent else Record()

    def make_namespace(self) -> None:
        """Make the namespace of the parent where it is missing."""
        path = NAMESPACES.path(name=self.namespace)
        live = self._session.get_or_none(path)
        if live and live["metadata"].get("deletionTimestamp"):
            leaving = Removable(NAMESPACES, key_of(live), live["metadata"])
            await_gone(self._session, [leaving], time.monotonic() + NAMESPACE_TIMEOUT)
            live = None
        if live is None:
            metadata = {"name": self.namespace, "labels": {MANAGED_BY: TOOL}}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
            server_side_apply(self._session, path, body, ApplyOptions(FIELD_MANAGER))

    def widen(self, desired: Scope, fragments: FrozenSet[Fragment]) -> None:
        """Cover what is desired beside what stands; makes the parent where it is missing."""
        wider = replace(self.record, scope=self.scope | desired, fragments=self.record.fragments | fragments)
        if not self.exists or wider != self.record:
            self._write(wider)

    def remember(self, record: Record) -> None:
        """Write down what is known at the end of a run."""
        if record != self.record:
            self._write(record)

    def each_of(self, resource: Resource) -> Iterator[Member]:
        """The members of a kind as they are, page by page.

        What only carries the label along (see ``members``) is not among them.
        """
        return self._members_of(resource, self._session.list_objects)

    def members(self) -> List[Member]:
        """All objects that carry the set's label within its scope, by their metadata; those on their way out too.

        The label must have been applied to the object itself. Controllers copy labels to what they make, and so does
        who copies an object; neither is ours to delete, and the second is worth a warning.

        Raises ApplySetRefused when that cannot be told, for an API service of a kind of the scope does not answer.
        """
        if not self.exists:
            return []
        try:
            resources = [self._discovery.preferred(*kind) for kind in sorted(self.scope.kinds)]
        except UnknownKind as error:
            raise ApplySetRefused(f"The members of {self} cannot be found: {error}") from error
        # A kind that is no longer served has no objects either.
        listings = map_parallel(self._listed, [each for each in resources if each], self._session.concurrency)
        return [member for listing in listings for member in listing]

    def remove_parent(self, deadline: Optional[float] = None) -> None:
        """Delete the parent, and its namespace when that was made for parents and holds nothing any more.

        ``deadline`` (of time.monotonic) until which to wait for the namespace to be gone; None does not wait.
        """
        if not self.exists:
            return
        if not self._dry_run:
            self._delete()
            self._remove_namespace(deadline)
        self.action = DELETED
        self.exists, self.record = False, Record()

    def _delete(self) -> None:
        try:
            self._session.request("DELETE", self._path, body={"preconditions": {"uid": self._uid}})
        except ApiError as error:
            if error.status != 404:  # it may have gone with its namespace, as a member of the set
                raise

    def _listed(self, resource: Resource) -> List[Member]:
        return list(self._members_of(resource, self._session.list_metadata))

    def _members_of(self, resource: Resource, listing: Callable[[str, str], Iterator[Any]]) -> Iterator[Member]:
        namespaces = {"", self.namespace, *self.scope.namespaces}
        for item in listing(resource.path(), f"{PART_OF}={self.id}"):
            metadata = item["metadata"]
            namespace = metadata.get("namespace") or ""
            if namespace not in namespaces or is_generated(metadata):
                continue
            key = ObjectKey(resource.group, resource.kind, namespace, metadata["name"])
            if applies_label(metadata, PART_OF):
                yield Member(resource, key, {**item, "apiVersion": resource.api_version, "kind": resource.kind})
            elif not metadata.get("deletionTimestamp"):
                self._warn_of_copy(key)

    def _warn_of_copy(self, key: ObjectKey) -> None:
        warning = (
            f"{key} is left alone: its label {PART_OF} says that it belongs to {self}, but was not applied to "
            "it (is it a copy?). Take the label off it, or remove it by hand."
        )
        if warning not in self._session.warnings:
            self._session.warnings.append(warning)

    def _read_record(self, parent: Mapping[str, Any]) -> Record:
        annotations = parent["metadata"].get("annotations") or {}
        return Record(
            self._read_scope(parent),
            _read_fragments(annotations.get(FRAGMENTS_ANNOTATION, "")),
            _read_circumstances(annotations.get(CIRCUMSTANCES_ANNOTATION, "")),
            _read_settled((parent.get(_CONTENT[self.kind]) or {}).get(SETTLED, "")),
        )

    def _read_scope(self, parent: Mapping[str, Any]) -> Scope:
        metadata = parent["metadata"]
        annotations: Mapping[str, str] = metadata.get("annotations") or {}
        self._check_tooling(annotations.get(TOOLING_ANNOTATION))
        found_id = (metadata.get("labels") or {}).get(ID)
        if found_id != self.id:
            raise ApplySetRefused(
                f"{self} was tampered with: its label {ID} is {found_id}, but must be {self.id}. Set the label right "
                "(then members are found again), or delete the object when it has no members."
            )
        if KINDS_ANNOTATION not in annotations:
            raise ApplySetRefused(
                f"{self} was tampered with: it has no annotation {KINDS_ANNOTATION}, so its members cannot be found. "
                "Set it to the kinds of the members (Deployment.apps,Service), comma-separated."
            )
        kinds = frozenset(_group_kind(text) for text in annotations[KINDS_ANNOTATION].split(",") if text)
        namespaces = annotations.get(NAMESPACES_ANNOTATION, "")
        return Scope(kinds, frozenset(filter(None, namespaces.split(","))))

    def _check_tooling(self, tooling: Optional[str]) -> None:
        if tooling is None:
            raise ApplySetRefused(
                f"{self.kind} {self.namespace}/{self.name} exists and is not the parent of an ApplySet "
                f"(it has no annotation {TOOLING_ANNOTATION}). Choose another name for the set."
            )
        tool = tooling.rpartition("/")[0] or tooling
        if tool != TOOL:
            raise ApplySetRefused(
                f"{self} is run by other tooling: {tooling}. Change it with that tool, choose another name, or take it "
                f"over with the module applyset_handover (from: {tool}, to: {TOOL})."
            )

    def _remove_namespace(self, deadline: Optional[float]) -> None:
        key = ObjectKey("", "Namespace", "", self.namespace)
        live = self._session.get_or_none(NAMESPACES.path(name=self.namespace))
        is_ours = live and (live["metadata"].get("labels") or {}).get(MANAGED_BY) == TOOL
        if is_ours and not foreign_content(self._session, self._discovery, key, ()):
            removable = Removable(NAMESPACES, key, live["metadata"])
            remove(self._session, self._discovery, [removable], RemovalOptions(deadline=deadline))

    def _write(self, record: Record) -> None:
        if not self._dry_run:
            body = self._parent(record)
            written = server_side_apply(
                self._session, self._path, body, ApplyOptions(FIELD_MANAGER, force_conflicts=True)
            )
            self._uid = written["metadata"]["uid"]
        if self.action == UNCHANGED and not self.exists:
            self.action = CREATED
        elif self.action == UNCHANGED and record.scope != self.scope:
            self.action = CONFIGURED
        self.exists = self.exists or not self._dry_run
        self.record = record

    def _parent(self, record: Record) -> Dict[str, Any]:
        annotations = {
            TOOLING_ANNOTATION: TOOLING,
            KINDS_ANNOTATION: ",".join(sorted(map(str, record.scope.kinds))),
            NAMESPACES_ANNOTATION: ",".join(sorted(record.scope.namespaces)),
        }
        if record.fragments:
            annotations[FRAGMENTS_ANNOTATION] = json.dumps(sorted(record.fragments))
        if record.circumstances:
            annotations[CIRCUMSTANCES_ANNOTATION] = json.dumps(record.circumstances, sort_keys=True)
        body: Dict[str, Any] = {
            "apiVersion": "v1",
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {ID: self.id, MANAGED_BY: TOOL},
                "annotations": annotations,
            },
        }
        if record.settled:
            body[_CONTENT[self.kind]] = {SETTLED: base64.b64encode(b"".join(sorted(record.settled))).decode()}
        return body


def our_sets(session: Session, namespace: str) -> List[str]:
    """The ids of all sets of this tooling whose parents are in a namespace."""
    found = []
    for resource in PARENTS.values():
        for item in session.list_metadata(resource.path(namespace), ID):
            tooling = (item["metadata"].get("annotations") or {}).get(TOOLING_ANNOTATION, "")
            if tooling.rpartition("/")[0] == TOOL:
                found.append(item["metadata"]["labels"][ID])
    return found


def is_generated(metadata: Mapping[str, Any]) -> bool:
    """Whether a controller made the object: it has an owner, or is the Endpoints of a Service."""
    has_controller = any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())
    return has_controller or "endpoints.kubernetes.io/last-change-trigger-time" in (metadata.get("annotations") or {})


def _group_kind(text: str) -> GroupKind:
    kind, _dot, group = text.partition(".")
    return GroupKind(group, kind)


def _read_fragments(text: str) -> FrozenSet[Fragment]:
    """The fragments in an annotation; none, and so nothing to give back, where it is not as we write it."""
    try:
        return frozenset(Fragment(*map(str, entry)) for entry in json.loads(text or "[]"))
    except (ValueError, TypeError):
        return frozenset()


def _read_circumstances(text: str) -> Dict[str, str]:
    """The circumstances in an annotation; none, and so no proof of anything, where it is not as we write it."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def _read_settled(text: str) -> FrozenSet[bytes]:
    try:
        content = base64.b64decode(text)
    except binascii.Error:
        return frozenset()
    return frozenset(content[start : start + DIGEST_BYTES] for start in range(0, len(content), DIGEST_BYTES))
