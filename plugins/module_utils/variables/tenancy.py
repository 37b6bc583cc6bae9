# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``tenancy``."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import dns_label, quantity, unique
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

# Namespaces that every cluster has and no team can own.
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the tenants of one environment."""
    tenants = variables["tenancy_tenants"]
    yield from unique("tenancy_tenants[].name", [tenant["name"] for tenant in tenants])
    yield from _shared_namespaces(tenants)
    for tenant in tenants:
        yield from _tenant(f"tenancy_tenants[{tenant['name']}]", tenant)


def namespaces(tenant: Mapping[str, Any]) -> List[str]:
    """All namespaces of a tenant, its own ones and the adopted ones."""
    return [*tenant["namespaces"], *tenant["adopted_namespaces"]]


def _shared_namespaces(tenants: List[Mapping[str, Any]]) -> Iterator[Problem]:
    owner: Dict[str, str] = {}
    for tenant in tenants:
        for namespace in namespaces(tenant):
            if namespace in owner:
                yield Problem(
                    f"tenancy_tenants[{tenant['name']}].namespaces",
                    namespace,
                    f"tenant {owner[namespace]} has this namespace already; a namespace belongs to one tenant, once",
                )
            owner.setdefault(namespace, tenant["name"])


def _tenant(path: str, tenant: Mapping[str, Any]) -> Iterator[Problem]:
    yield from dns_label(f"{path}.name", tenant["name"])
    if not namespaces(tenant):
        yield Problem(f"{path}.namespaces", [], "name at least one namespace, here or in adopted_namespaces")
    for namespace in namespaces(tenant):
        yield from dns_label(f"{path}.namespaces", namespace)
        if namespace in SYSTEM_NAMESPACES:
            yield Problem(f"{path}.namespaces", namespace, "belongs to Kubernetes itself; a tenant needs its own")
    yield from _amounts(f"{path}.quota", tenant["quota"])
    for side in ("requests", "limits"):
        yield from _amounts(f"{path}.container_defaults.{side}", tenant["container_defaults"].get(side) or {})


def _amounts(path: str, amounts: Mapping[str, Any]) -> Iterator[Problem]:
    for resource, amount in amounts.items():
        yield from quantity(f"{path}.{resource}", amount)
