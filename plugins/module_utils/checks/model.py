# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is: the objects it needs to see, and a pure function from them and its parameters to findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, List, Mapping, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding

KubeObject = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Kind:
    """A kind of object that a check looks at."""

    api_version: str
    kind: str


Objects = Mapping[Kind, List[KubeObject]]


@dataclass(frozen=True)
class Check:
    """One check by name: ``needs`` is read from the cluster before ``run`` is called with it."""

    name: str
    needs: Tuple[Kind, ...]
    parameters: Tuple[str, ...]
    run: Callable[[Objects, Mapping[str, Any]], Iterator[Finding]]


NODE = Kind("v1", "Node")
POD = Kind("v1", "Pod")
DEPLOYMENT = Kind("apps/v1", "Deployment")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
BUDGET = Kind("policy/v1", "PodDisruptionBudget")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
API_SERVICE = Kind("apiregistration.k8s.io/v1", "APIService")

ZONE_LABEL = "topology.kubernetes.io/zone"
REGION_LABEL = "topology.kubernetes.io/region"


def name_of(item: KubeObject) -> str:
    """``namespace/name``, or the name alone where there is no namespace."""
    metadata = item["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def labels_of(item: KubeObject) -> Mapping[str, str]:
    """The labels of an object; empty when it has none."""
    labels: Mapping[str, str] = item["metadata"].get("labels") or {}
    return labels


def condition(item: KubeObject, kind: str) -> Mapping[str, Any]:
    """The condition of this type in the object's status; empty when it has none."""
    found = [entry for entry in item.get("status", {}).get("conditions") or [] if entry.get("type") == kind]
    return found[0] if found else {}


def is_true(item: KubeObject, kind: str) -> bool:
    """Whether the condition of this type is ``True``."""
    return condition(item, kind).get("status") == "True"
