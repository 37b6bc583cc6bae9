# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants of the role network_policies come from elsewhere, untyped."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.network_policies import problems


def told(**variables: Any) -> list[str]:
    defaults = {
        "network_policies_tenants": None,
        "network_policies_sidecar_namespaces": None,
        "network_policies_istiod": {"namespace": "istio-system"},
    }
    return [str(problem) for problem in problems({**defaults, **variables}, Inventory("demo", {}, {}))]


@pytest.mark.parametrize(
    ("tenant", "message"),
    [
        ({"name": "x", "namespaces": ["a"], "quota": {}}, None),
        ({"name": "x", "adopted_namespaces": ["a"]}, None),
        ({"namespaces": ["a"]}, "network_policies_tenants[0].name is None"),
        ({"name": "x", "namespaces": "a,b"}, "network_policies_tenants[0].namespaces is 'a,b': write a list"),
        ({"name": "x", "namespaces": ["A"]}, "network_policies_tenants[0].namespaces is 'A'"),
    ],
)
def test_problems_name_variable_value_and_mend(tenant: dict[str, Any], message: str | None) -> None:
    found = told(network_policies_tenants=[tenant])
    assert (message is None) == (not found)
    assert message is None or message in found[0]


def test_no_tenants_are_no_problem() -> None:
    assert not told()


def test_where_the_mesh_is_has_to_be_a_name() -> None:
    assert (
        "network_policies_sidecar_namespaces is 'a,b': write a list"
        in told(network_policies_sidecar_namespaces="a,b")[0]
    )
    assert "network_policies_istiod.namespace is 'A'" in told(network_policies_istiod={"namespace": "A"})[0]
