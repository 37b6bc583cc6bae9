# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions matched with the resources of a cluster, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import Definition, check_unique
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    DefinitionError,
    Problem,
    UnknownKind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey

CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE = ("", "Namespace")


@dataclass
class Target:
    """A definition and where it goes. ``coming`` is true for a kind that the cluster does not serve yet."""

    definition: Definition
    resource: Resource
    coming: bool = False

    @property
    def key(self) -> ObjectKey:
        return self.definition.key

    @property
    def path(self) -> str:
        return self.resource.path(self.definition.namespace, self.definition.name)


@dataclass
class Targets:
    """All targets, and what is worth a warning."""

    targets: List[Target]
    warnings: List[str]


def find_targets(discovery: Discovery, definitions: Sequence[Definition], dry_run: bool) -> Targets:
    """Find the resource of every definition. Raises DefinitionError with all that have none.

    Kinds whose CustomResourceDefinition is among the definitions are known from there. In a dry run a kind
    of an API version that the cluster does not serve at all counts as still to come: what brings it may
    be part of the same run, and has not happened.
    """
    coming = _defined_kinds(definitions)
    found = Targets([], [])
    problems: List[Problem] = []
    absent: Dict[str, int] = {}
    for definition in definitions:
        try:
            found.targets.append(_target(discovery, definition, coming))
        except UnknownKind as error:
            if dry_run and "." in definition.key.group and not discovery.serves(definition.api_version):
                absent[definition.api_version] = absent.get(definition.api_version, 0) + 1
                found.targets.append(Target(definition, _guess(definition), coming=True))
            else:
                problems.append(Problem(str(definition.origin), f"{definition.key}: {error}"))
    problems.extend(_scope_problems(found, "patch"))
    if problems:
        raise DefinitionError(problems)
    for target in found.targets:
        if target.resource.has_status:
            target.definition.body.pop("status", None)
    for api_version, number in absent.items():
        found.warnings.append(f"The cluster does not serve {api_version} yet: {number} objects were only checked here.")
    check_unique(definitions)
    return found


def _target(discovery: Discovery, definition: Definition, coming: Dict[Tuple[str, str], Resource]) -> Target:
    kind = (definition.api_version, definition.kind)
    if kind in coming:
        served = discovery.find(*kind)
        return Target(definition, served or coming[kind], coming=served is None)
    return Target(definition, discovery.resource(*kind))


def _guess(definition: Definition) -> Resource:
    """A stand-in for a kind that nothing is known of but its name; nothing is ever sent to it."""
    return Resource(definition.api_version, definition.kind, "", namespaced=bool(definition.namespace))


def _defined_kinds(definitions: Iterable[Definition]) -> Dict[Tuple[str, str], Resource]:
    """The kinds that the CustomResourceDefinitions among the definitions define."""
    kinds: Dict[Tuple[str, str], Resource] = {}
    for definition in definitions:
        if definition.key[:2] == CRD and not definition.is_fragment:
            kinds.update(((each.api_version, each.kind), each) for each in defined_resources(definition))
    return kinds


def defined_resources(definition: Definition) -> List[Resource]:
    """What a CustomResourceDefinition makes the cluster serve; nothing when it is not one that a server would take."""
    try:
        spec = definition.body["spec"]
        names = spec["names"]
        return [
            Resource(
                f"{spec['group']}/{version['name']}",
                str(names["kind"]),
                str(names["plural"]),
                namespaced=spec["scope"] == "Namespaced",
                has_status="status" in (version.get("subresources") or {}),
            )
            for version in spec["versions"]
            if version["served"]
        ]
    except (KeyError, TypeError):
        return []


def find_existing(discovery: Discovery, definitions: Sequence[Definition], verb: str) -> Targets:
    """The targets among the definitions that may exist, for who removes (``verb`` delete) or gives up (patch).

    Of a kind that is not served there is nothing. Raises DefinitionError as ``find_targets`` does, and for a kind
    whose API service does not answer.
    """
    found = Targets([], [])
    problems: List[Problem] = []
    for definition in definitions:
        try:
            resource = discovery.existing(definition.api_version, definition.kind)
        except UnknownKind as error:
            problems.append(Problem(str(definition.origin), f"{definition.key}: {error}"))
            continue
        if resource:
            found.targets.append(Target(definition, resource))
    problems.extend(_scope_problems(found, verb))
    if problems:
        raise DefinitionError(problems)
    return found


def _scope_problems(found: Targets, verb: str) -> List[Problem]:
    """Namespaced objects need a namespace; from others it is taken away, as the server would do."""
    problems = []
    for target in found.targets:
        definition = target.definition
        if target.resource.namespaced and not definition.namespace:
            text = f"{definition.key} lives in a namespace: give metadata.namespace (nothing goes to default unasked)"
            problems.append(Problem(str(definition.origin), text))
        elif not target.resource.namespaced and definition.namespace:
            found.warnings.append(f"{definition}: metadata.namespace is left out, for this kind is cluster-wide.")
            del definition.body["metadata"]["namespace"]
        if not target.coming and verb not in target.resource.verbs:
            done = {"patch": "applied", "delete": "removed"}[verb]
            problems.append(Problem(str(definition.origin), f"{definition.key}: this kind cannot be {done}"))
    return problems
