# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent of an ApplySet that goes from one tool to another: reading it whosever it is, and making it another's."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterator, Mapping, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import handover_fields as fields
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.apply import ApplyOptions, server_side_apply
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import (
    FIELD_MANAGER,
    ID,
    KINDS_ANNOTATION,
    MANAGED_BY,
    NAMESPACES_ANNOTATION,
    PARENTS,
    TOOL,
    TOOLING,
    TOOLING_ANNOTATION,
    GroupKind,
    Scope,
    set_id,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplySetRefused
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

KUBECTL = "kubectl"

RESOURCES_ANNOTATION = "applyset.kubernetes.io/contains-group-resources"
"""What kubectl before 1.29 wrote instead of KINDS_ANNOTATION: ``deployments.apps,services``."""

_SHOWN = (TOOLING_ANNOTATION, KINDS_ANNOTATION, NAMESPACES_ANNOTATION)
_MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Accept header that brings the metadata of one object only."""


class Parent:
    """The parent object, and what it says."""

    def __init__(self, session: Session, discovery: Discovery, applyset: Mapping[str, str]) -> None:
        self.name, self.namespace, self.kind = applyset["name"], applyset["namespace"], applyset["kind"]
        self.id = set_id(self.name, self.namespace, self.kind)
        self.tooling = ""
        """The tool that runs the set, with its version."""
        self.scope = Scope()
        self._session = session
        self._discovery = discovery
        self._path = PARENTS[self.kind].path(self.namespace, self.name)
        self._metadata: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return f"ApplySet {self.name} ({self.kind} {self.namespace}/{self.name})"

    @property
    def namespaces(self) -> FrozenSet[str]:
        """Where members can be; the empty name stands for the cluster-wide ones."""
        return self.scope.namespaces | {"", self.namespace}

    @property
    def lease_name(self) -> str:
        """As that of ``ApplySet``."""
        return f"applyset-{self.name}"

    @property
    def tool(self) -> str:
        """The name of the tool that runs the set."""
        return tool_of(self.tooling)

    def read(self) -> None:
        """Look at the parent, as it is now. Raises ApplySetRefused when it is not there, or broken."""
        parent = self._session.get_or_none(self._path)
        if parent is None:
            raise ApplySetRefused(
                f"There is no {self}. Look at name, namespace and kind: the parents of kubectl are Secrets unless "
                "it is told otherwise, and are in the namespace that it is given with -n."
            )
        metadata: Mapping[str, Any] = parent["metadata"]
        annotations: Mapping[str, str] = metadata.get("annotations") or {}
        if TOOLING_ANNOTATION not in annotations:
            raise ApplySetRefused(
                f"{self.kind} {self.namespace}/{self.name} exists and is not the parent of an ApplySet "
                f"(it has no annotation {TOOLING_ANNOTATION})."
            )
        found_id = (metadata.get("labels") or {}).get(ID)
        if found_id != self.id:
            raise ApplySetRefused(
                f"{self} was tampered with: its label {ID} is {found_id}, but must be {self.id}. Set the label right "
                "(then members are found again), or delete the object when it has no members."
            )
        self.scope = Scope(self._read_kinds(annotations), _names(annotations.get(NAMESPACES_ANNOTATION, "")))
        self.tooling = annotations[TOOLING_ANNOTATION]
        self._metadata = metadata

    def shown(self) -> str:
        """Whose it is, for a person to compare."""
        annotations: Mapping[str, str] = self._metadata["annotations"]
        lines = [f"{key}: {annotations.get(key, '')}" for key in _SHOWN]
        return "\n".join([*lines, fields.shown({"managedFields": self._metadata.get("managedFields")})])

    def give(self, former: str, new: str, dry_run: bool) -> None:
        """Make it the new tool's, as that would have made it itself.

        First its fields go to the new manager; what that does not apply then (data, labels) the server takes away.
        Raises ApiError with status 409 when somebody else wrote it since it was read.
        """
        manager = _manager_of_parents(new)
        entries = fields.moved_to_apply(self._metadata, self.kind, ID, [_manager_of_parents(former)], manager)
        moved = patch_metadata(self._session, self._path, self._metadata, {"managedFields": entries}, manager, dry_run)
        # A dry run has not written the first patch, and the version stays.
        body = self._body(new, self._metadata["resourceVersion"] if dry_run else moved["resourceVersion"])
        options = ApplyOptions(manager, force_conflicts=True, dry_run=dry_run)
        written = server_side_apply(self._session, self._path, body, options)["metadata"]
        self._metadata = {**written, "managedFields": moved.get("managedFields")}
        self.tooling = written["annotations"][TOOLING_ANNOTATION]

    def _body(self, tool: str, version: str) -> Dict[str, Any]:
        is_ours = tool == TOOL
        metadata = {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self._metadata["uid"],
            "resourceVersion": version,
            "labels": {ID: self.id, MANAGED_BY: TOOL} if is_ours else {ID: self.id},
            "annotations": {
                # kubectl writes its own version with its next run.
                TOOLING_ANNOTATION: TOOLING if is_ours else f"{tool}/{self._server_version()}",
                KINDS_ANNOTATION: ",".join(sorted(map(str, self._served_kinds()))),
                # There are no members elsewhere when it goes to kubectl.
                NAMESPACES_ANNOTATION: ",".join(sorted(self.scope.namespaces)) if is_ours else "",
            },
        }
        return {"apiVersion": "v1", "kind": self.kind, "metadata": metadata}

    def _served_kinds(self) -> Iterator[GroupKind]:
        """The kinds that members can be of. kubectl refuses a set with a kind that is gone."""
        for kind in self.scope.kinds:
            if self._discovery.preferred(*kind):
                yield kind

    def _server_version(self) -> str:
        return str(self._session.get_json("/version")["gitVersion"])

    def _read_kinds(self, annotations: Mapping[str, str]) -> FrozenSet[GroupKind]:
        if KINDS_ANNOTATION in annotations:
            pairs = (name.partition(".") for name in _names(annotations[KINDS_ANNOTATION]))
            return frozenset(GroupKind(group, kind) for kind, _dot, group in pairs)
        if RESOURCES_ANNOTATION not in annotations:
            raise ApplySetRefused(
                f"{self} was tampered with: it has no annotation {KINDS_ANNOTATION}, so its members cannot be found. "
                "Set it to the kinds of the members (Deployment.apps,Service), comma-separated."
            )
        wanted = _names(annotations[RESOURCES_ANNOTATION])
        served = {f"{each.plural}.{each.group}".rstrip("."): each for each in self._discovery.all_preferred()}
        missing = sorted(wanted - served.keys())
        if missing:
            raise ApplySetRefused(
                f"The members of {self} cannot be found: the cluster does not serve {', '.join(missing)} (annotation "
                f"{RESOURCES_ANNOTATION}). Take what has no members out of it."
            )
        return frozenset(GroupKind(served[name].group, served[name].kind) for name in wanted)


def tool_of(tooling: str) -> str:
    """The name of a tool without its version: ``kubectl`` of ``kubectl/v1.36.3``."""
    return tooling.rpartition("/")[0] or tooling


def patch_metadata(
    session: Session, path: str, metadata: Mapping[str, Any], change: Mapping[str, Any], manager: str, dry_run: bool
) -> Mapping[str, Any]:
    """Change the very object that the metadata was read from, as a field manager; returns its metadata afterwards.

    ``managedFields`` in the change replace those of the object. Raises ApiError with status 409 when the object has
    changed since it was read.
    """
    query: Dict[str, Union[str, int]] = {"fieldManager": manager}
    if dry_run:
        query["dryRun"] = "All"
    identity = {name: metadata[name] for name in ("uid", "resourceVersion")}
    body = {"metadata": {**identity, **change}}
    answer = session.request("PATCH", path, query, body, _MERGE_PATCH, METADATA_ONLY)
    return dict(answer["metadata"])


def _manager_of_parents(tool: str) -> str:
    """The field manager that a tool writes parents with, as kubectl makes it up."""
    return FIELD_MANAGER if tool == TOOL else f"{tool}-applyset"


def _names(text: str) -> FrozenSet[str]:
    return frozenset(filter(None, text.split(",")))
