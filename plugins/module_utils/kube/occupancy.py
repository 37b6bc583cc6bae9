# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would go down with a namespace or a CustomResourceDefinition, and is not ours to delete."""

from __future__ import annotations

from typing import AbstractSet, Any, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applies_label
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.targets import CRD, NAMESPACE

_PASSING_KINDS = {"Event", "Lease", "Endpoints"}
"""Kept by the cluster itself, about other objects."""

_METRICS = "metrics.k8s.io"

_IN_EVERY_NAMESPACE = {
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ConfigMap", "istio-ca-crl"),
}
"""What Kubernetes and Istio put into every namespace."""


def holds_others(key: ObjectKey) -> bool:
    """Whether deleting such an object deletes further ones with it."""
    return key[:2] in (CRD, NAMESPACE)


def foreign_content(
    session: Session,
    discovery: Discovery,
    key: ObjectKey,
    ours: Sequence[str],
    leaving: AbstractSet[ObjectKey] = frozenset(),
) -> List[str]:
    """What stands in a namespace (or is of a CustomResourceDefinition's kinds) and belongs to none of our sets.

    ``ours`` are the ids of our sets, ``leaving`` what is removed in the same run. Objects that have an owner go
    with it and are not counted, nor what the cluster puts into every namespace.
    """
    if key[:2] == NAMESPACE:
        resources = [each for each in discovery.all_preferred() if each.namespaced and _is_content(each)]
        paths = [(each, each.path(key.name)) for each in resources]
    else:
        plural, _dot, group = key.name.partition(".")
        resources = [each for each in discovery.all_preferred() if (each.plural, each.group) == (plural, group)]
        paths = [(each, each.path()) for each in resources]
    found = map_parallel(lambda pair: list(_foreign(session, pair[0], pair[1], ours)), paths, session.concurrency)
    return [str(each) for keys in found for each in keys if each not in leaving]


def _is_member(metadata: Mapping[str, Any], ours: Sequence[str]) -> bool:
    return (metadata.get("labels") or {}).get(PART_OF) in ours and applies_label(metadata, PART_OF)


def _is_content(resource: Resource) -> bool:
    is_stored = {"list", "delete"} <= set(resource.verbs) and resource.group != _METRICS
    return is_stored and resource.kind not in _PASSING_KINDS


def _foreign(session: Session, resource: Resource, path: str, ours: Sequence[str]) -> Iterator[ObjectKey]:
    try:
        for item in session.list_metadata(path):
            metadata: Mapping[str, Any] = item["metadata"]
            is_usual = metadata.get("ownerReferences") or (resource.kind, metadata["name"]) in _IN_EVERY_NAMESPACE
            if not is_usual and not _is_member(metadata, ours):
                namespace = metadata.get("namespace") or ""
                yield ObjectKey(resource.group, resource.kind, namespace, metadata["name"])
    except ApiError as error:
        if error.status not in (404, 405):
            raise
