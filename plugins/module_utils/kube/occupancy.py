# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would go down with a namespace or a CustomResourceDefinition, and is not ours to delete."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
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
}
"""What Kubernetes and Istio put into every namespace."""


def holds_others(key: ObjectKey) -> bool:
    """Whether deleting such an object deletes further ones with it."""
    return key[:2] in (CRD, NAMESPACE)


def foreign_content(session: Session, discovery: Discovery, key: ObjectKey, ours: Sequence[str]) -> List[str]:
    """What stands in a namespace (or is of a CustomResourceDefinition's kinds) and belongs to none of our sets.

    ``ours`` are the ids of our sets. Objects that have an owner go with it and are not counted, nor what the
    cluster puts into every namespace.
    """
    if key[:2] == NAMESPACE:
        resources = [each for each in discovery.all_preferred() if each.namespaced and _is_content(each)]
        paths = [(each, each.path(key.name)) for each in resources]
    else:
        plural, _dot, group = key.name.partition(".")
        resources = [each for each in discovery.all_preferred() if (each.plural, each.group) == (plural, group)]
        paths = [(each, each.path()) for each in resources]
    # What has the label with another value, or has it not at all.
    selector = f"{PART_OF} notin ({','.join(ours)})" if ours else ""
    found = map_parallel(lambda pair: list(_foreign(session, pair[0], pair[1], selector)), paths, session.concurrency)
    return [name for names in found for name in names]


def _is_content(resource: Resource) -> bool:
    is_stored = {"list", "delete"} <= set(resource.verbs) and resource.group != _METRICS
    return is_stored and resource.kind not in _PASSING_KINDS


def _foreign(session: Session, resource: Resource, path: str, selector: str) -> Iterator[str]:
    try:
        for item in session.list_metadata(path, selector):
            metadata: Mapping[str, Any] = item["metadata"]
            if not metadata.get("ownerReferences") and (resource.kind, metadata["name"]) not in _IN_EVERY_NAMESPACE:
                namespace = metadata.get("namespace") or ""
                yield str(ObjectKey(resource.group, resource.kind, namespace, metadata["name"]))
    except ApiError as error:
        if error.status not in (404, 405):
            raise
