# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the nodes stand in the zones that the inventory gives them.

The labels are the well-known ones, https://kubernetes.io/docs/reference/labels-annotations-taints/.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    NODE,
    REGION_LABEL,
    ZONE_LABEL,
    Check,
    KubeObject,
    Objects,
    is_true,
    labels_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed

WHY = "Spread over zones counts nodes by this label; a node without it takes no part and its loss is not planned for."


def zones(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about zones, nodes and their readiness.

    ``zones`` are the names of the zones that must have a ready node, ``nodes`` the nodes that the inventory names
    (``name`` and ``zone``), ``region`` the region that all of them are in (empty: not checked).
    """
    nodes = {node["metadata"]["name"]: node for node in objects[NODE]}
    for expected in parameters["nodes"]:
        yield from _expected(expected, nodes)
    for node in nodes.values():
        yield from _labelled(node, parameters["region"])
    for zone in parameters["zones"]:
        yield from _populated(zone, list(nodes.values()))


def _expected(expected: Mapping[str, Any], nodes: Mapping[str, KubeObject]) -> Iterator[Finding]:
    name, zone = expected["name"], expected["zone"]
    subject = f"Node {name}"
    if name not in nodes:
        yield Finding(
            "node-missing",
            Severity.ERROR,
            subject,
            "the inventory names this node, the cluster does not have it",
            "Capacity and zones are planned with it.",
            "Let the node join, or take the host out of the inventory.",
        )
        return
    actual = labels_of(nodes[name]).get(ZONE_LABEL)
    if actual and actual != zone:
        yield Finding(
            "node-zone-differs",
            Severity.ERROR,
            subject,
            f"its label {ZONE_LABEL} is {actual}, the inventory says {zone}",
            WHY,
            f"Correct zone of the host in the inventory, or: kubectl label node {name} --overwrite {ZONE_LABEL}={zone}",
        )


def _labelled(node: KubeObject, region: str) -> Iterator[Finding]:
    name = node["metadata"]["name"]
    subject = f"Node {name}"
    if not labels_of(node).get(ZONE_LABEL):
        yield Finding(
            "node-without-zone",
            Severity.ERROR,
            subject,
            f"it has no label {ZONE_LABEL}",
            WHY,
            f"kubectl label node {name} {ZONE_LABEL}=<zone>",
        )
    actual = labels_of(node).get(REGION_LABEL)
    if region and actual != region:
        yield Finding(
            "node-region-differs",
            Severity.WARNING,
            subject,
            f"its label {REGION_LABEL} is {actual or 'missing'}, expected {region}",
            "Load balancing by locality and volumes go by the region.",
            f"kubectl label node {name} --overwrite {REGION_LABEL}={region}",
        )


def _populated(zone: str, nodes: List[KubeObject]) -> Iterator[Finding]:
    subject = f"Zone {zone}"
    inside = [node for node in nodes if labels_of(node).get(ZONE_LABEL) == zone]
    ready = [node for node in inside if is_true(node, "Ready")]
    if ready and len(ready) == len(inside):
        yield passed("zone-ready", subject, f"{len(ready)} ready nodes")
        return
    yield Finding(
        "zone-ready",
        Severity.WARNING if ready else Severity.ERROR,
        subject,
        f"{len(ready)} of {len(inside)} nodes are ready",
        "Workloads that are spread over zones need a ready node in each.",
        "Look at the nodes' conditions: kubectl describe node -l " + f"{ZONE_LABEL}={zone}",
    )


CHECK = Check("zones", (NODE,), ("nodes", "region", "zones"), zones)
