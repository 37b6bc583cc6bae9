# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``network_policies``."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import dns_label
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with what comes from the variables of other roles, or from such of their own."""
    for number, tenant in enumerate(variables["network_policies_tenants"] or []):
        path = f"network_policies_tenants[{number}]"
        yield from dns_label(f"{path}.name", tenant.get("name"))
        for key in ("namespaces", "adopted_namespaces"):
            yield from _namespaces(f"{path}.{key}", tenant.get(key, []))
    sidecars = "network_policies_sidecar_namespaces"
    yield from _namespaces(sidecars, variables[sidecars] or [])
    yield from dns_label("network_policies_istiod.namespace", variables["network_policies_istiod"]["namespace"])


def _namespaces(path: str, namespaces: Any) -> Iterator[Problem]:
    if not isinstance(namespaces, list):
        yield Problem(path, namespaces, "write a list of names")
        return
    for namespace in namespaces:
        yield from dns_label(path, namespace)
