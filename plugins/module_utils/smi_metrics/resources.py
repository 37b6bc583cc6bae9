# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What traffic metrics are told of: the resources of metrics.smi-spec.io, and references to objects of them.

Source: smi-spec, traffic-metrics v1alpha1, and ``AvailableKinds`` of smi-sdk-go. The kinds here are spelt as Kubernetes
spells them (``StatefulSet``); the SDK has ``Statefulset`` and ``Daemonset``, which no API server knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import METRICS, api_group

GROUP = api_group(METRICS.group)
VERSION = METRICS.versions[-1]
API_VERSION = f"{GROUP}/{VERSION}"
KIND, LIST_KIND = METRICS.kinds
EDGES = "edges"
"""The subresource: metrics for each of those that an object exchanges traffic with."""


@dataclass(frozen=True)
class Resource:
    """One resource. ``kind`` and ``api_version`` are those of the objects that the metrics are about."""

    plural: str
    kind: str
    api_version: str
    namespaced: bool = True

    @property
    def singular(self) -> str:
        """The name for one object on the command line: ``pod``."""
        return self.kind.lower()


PODS = Resource("pods", "Pod", "v1")
DEPLOYMENTS = Resource("deployments", "Deployment", "apps/v1")
STATEFUL_SETS = Resource("statefulsets", "StatefulSet", "apps/v1")
DAEMON_SETS = Resource("daemonsets", "DaemonSet", "apps/v1")
NAMESPACES = Resource("namespaces", "Namespace", "v1", namespaced=False)

RESOURCES: Tuple[Resource, ...] = (PODS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, NAMESPACES)
BY_PLURAL: Dict[str, Resource] = {resource.plural: resource for resource in RESOURCES}


@dataclass(frozen=True, order=True)
class Reference:
    """An object, or with an empty name all of a namespace, or with an empty namespace all of the cluster."""

    plural: str
    namespace: str = ""
    name: str = ""

    @property
    def resource(self) -> Resource:
        return BY_PLURAL[self.plural]

    def as_dict(self) -> Dict[str, str]:
        """An ObjectReference of core v1, without what is empty."""
        fields = {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version,
            "namespace": self.namespace if self.resource.namespaced else "",
            "name": self.name,
        }
        return {field: value for field, value in fields.items() if value}

    def __str__(self) -> str:
        place = f" of the namespace {self.namespace}" if self.namespace and self.resource.namespaced else ""
        return f'{self.resource.kind} "{self.name}"{place}'
