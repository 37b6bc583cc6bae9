# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for tenants."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.variables import tenancy
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

EMPTY = Inventory("demo", {}, {})


def tenant(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespaces": [name],
        "adopted_namespaces": [],
        "quota": {"cpu": "4"},
        "container_defaults": {"requests": {"cpu": "50m"}, "limits": None},
        **changes,
    }


def told(*tenants: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in tenancy.problems({"tenancy_tenants": list(tenants)}, EMPTY)]


def test_good_tenants() -> None:
    assert told(tenant("payments"), tenant("risk", namespaces=[], adopted_namespaces=["legacy"])) == []


def test_the_same_namespace_twice() -> None:
    (own,) = told(tenant("payments", namespaces=["shared", "shared"]))
    assert "tenancy_tenants[payments].namespaces is 'shared'" in own
    (other,) = told(tenant("payments", namespaces=["shared"]), tenant("risk", adopted_namespaces=["shared"]))
    assert "tenant payments has this namespace already" in other


def test_the_same_tenant_twice() -> None:
    assert any(
        "tenancy_tenants[].name is 'a': listed more than once" in line for line in told(tenant("a"), tenant("a"))
    )


def test_amounts() -> None:
    assert told(tenant("a", quota={"cpu": "4 cores"})) == [
        "tenancy_tenants[a].quota.cpu is '4 cores': write a Kubernetes quantity such as 4, 500m, 1.5, 512Mi or 8Gi"
    ]
    (problem,) = told(tenant("a", container_defaults={"requests": {}, "limits": {"memory": "lots"}}))
    assert "tenancy_tenants[a].container_defaults.limits.memory is 'lots'" in problem


def test_namespaces_of_the_system_are_not_for_tenants() -> None:
    (problem,) = told(tenant("a", adopted_namespaces=["kube-system"]))
    assert "kube-system" in problem


def test_a_tenant_without_namespace() -> None:
    (problem,) = told(tenant("a", namespaces=[]))
    assert "name at least one namespace" in problem
