# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in zones."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import NODE, REGION_LABEL, ZONE_LABEL
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.zones import zones


def node(name: str, zone: str | None, ready: bool = True, region: str = "local") -> dict[str, Any]:
    labels = {REGION_LABEL: region, **({ZONE_LABEL: zone} if zone else {})}
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}


def found(nodes: list[dict[str, Any]], **changes: Any) -> dict[tuple[str, str], str]:
    parameters = {
        "nodes": [{"name": "n1", "zone": "a"}, {"name": "n2", "zone": "b"}],
        "zones": ["a", "b"],
        "region": "local",
    }
    return {(f.id, f.subject): f.severity.value for f in zones({NODE: nodes}, {**parameters, **changes})}


GOOD = [node("n1", "a"), node("n2", "b")]


def test_all_in_place() -> None:
    assert found(GOOD) == {("zone-ready", "Zone a"): "ok", ("zone-ready", "Zone b"): "ok"}


def test_a_node_in_another_zone_than_the_inventory_says() -> None:
    seen = found([GOOD[0], node("n2", "a")])
    assert seen[("node-zone-differs", "Node n2")] == "error"
    assert seen[("zone-ready", "Zone b")] == "error"


def test_a_node_without_zone() -> None:
    assert found([*GOOD, node("n3", None)])[("node-without-zone", "Node n3")] == "error"


def test_a_missing_node() -> None:
    assert found(GOOD[:1])[("node-missing", "Node n2")] == "error"


def test_a_zone_with_some_nodes_not_ready_is_a_warning_and_with_none_ready_an_error() -> None:
    assert found([*GOOD, node("n3", "b", ready=False)])[("zone-ready", "Zone b")] == "warning"
    assert found([GOOD[0], node("n2", "b", ready=False)])[("zone-ready", "Zone b")] == "error"


def test_another_region() -> None:
    nodes = [GOOD[0], node("n2", "b", region="eu")]
    assert found(nodes)[("node-region-differs", "Node n2")] == "warning"
    assert ("node-region-differs", "Node n2") not in found(nodes, region="")
