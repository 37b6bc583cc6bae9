# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the cluster of an environment."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import cluster
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

GOOD = {
    "cluster_provider": "embedded",
    "cluster_id": "demo",
    "cluster_region": "local",
    "cluster_zones": ["a", "b"],
    "cluster_node_group": "demo_nodes",
    "cluster_kubeconfig": None,
    "cluster_context": None,
    "cluster_embedded_nodes": "auto",
    "cluster_embedded_ha": False,
    "cluster_embedded_service_cidr": "10.96.0.0/16",
    "cluster_embedded_pod_cidr": "10.244.0.0/16",
}
HOSTS: dict[str, dict[str, Any]] = {"n1": {"zone": "a"}, "n2": {"zone": "b", "node_labels": {"disk": "ssd"}}}


def inventory(hosts: dict[str, dict[str, Any]]) -> Inventory:
    return Inventory("demo", {"demo_nodes": list(hosts)}, hosts)


def told(variables: dict[str, Any], **hosts: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in cluster.problems(variables, inventory({**HOSTS, **hosts}))]


def test_a_good_environment_has_no_problem() -> None:
    assert told(GOOD) == []


def test_nodes_come_from_the_inventory() -> None:
    assert cluster.derived(GOOD, inventory(HOSTS))["nodes"] == [
        {"name": "n1", "zone": "a", "labels": {}},
        {"name": "n2", "zone": "b", "labels": {"disk": "ssd"}},
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cluster_id": "Demo 1"}, "cluster_id is 'Demo 1'"),
        ({"cluster_zones": ["a", "b", "a"]}, "cluster_zones is 'a': listed more than once"),
        (
            {"cluster_zones": ["a", "b", "c"]},
            "cluster_zones is 'c': no host of inventory group 'demo_nodes' is in this zone",
        ),
        ({"cluster_zones": []}, "name at least one zone"),
        ({"cluster_embedded_pod_cidr": "10.96.128.0/17"}, "overlaps cluster_embedded_service_cidr 10.96.0.0/16"),
        ({"cluster_embedded_pod_cidr": "10.244.0.0"}, "cluster_embedded_pod_cidr is '10.244.0.0': write a network of"),
        ({"cluster_embedded_service_cidr": "fd00::/108"}, "write an IPv4 network"),
        ({"cluster_embedded_pod_cidr": "10.244.0.0/33"}, "cluster_embedded_pod_cidr is '10.244.0.0/33'"),
        ({"cluster_embedded_ha": True}, "cluster_embedded_ha is True: it needs 3 zones and cluster_zones has 2"),
        ({"cluster_embedded_ha": True, "cluster_embedded_nodes": "kwok"}, "write cluster_embedded_nodes: kubelet"),
        ({"cluster_provider": "existing"}, "cluster_kubeconfig is None"),
        ({"cluster_provider": "existing", "cluster_kubeconfig": "k"}, "cluster_context is None"),
    ],
)
def test_problems_name_variable_value_and_mend(change: dict[str, Any], message: str | None) -> None:
    problems = told({**GOOD, **change})
    assert (message is None) == (not problems)
    assert message is None or any(message in problem for problem in problems)


def test_a_node_without_zone() -> None:
    assert told(GOOD, n3={}) == ["zone of host n3 is None: give the host a variable 'zone', one of cluster_zones: a, b"]


def test_a_node_in_an_unknown_zone() -> None:
    assert told(GOOD, n3={"zone": "z"}) == ["zone of host n3 is 'z': write one of cluster_zones (a, b) or add it there"]
