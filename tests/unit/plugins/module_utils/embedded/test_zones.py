# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones, as far as no node is needed: tests/nodes has the rest."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registration import problem_of
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.zones import (
    NodeView,
    Slowness,
    ZoneView,
    opened,
    slowness_of,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=timezone.utc)
RUNNING, DEAD = NodeView("c-1", 4711), NodeView("c-2", 0)


@pytest.mark.parametrize(
    ("nodes", "is_cut", "slowness", "state"),
    [
        ([RUNNING], False, None, "healed"),
        ([RUNNING], True, None, "cut"),
        ([RUNNING], True, Slowness(10), "cut"),
        ([RUNNING], False, Slowness(10), "slow"),
        ([DEAD], True, None, "lost"),
        ([DEAD], False, None, "lost"),
        ([RUNNING, DEAD], True, None, "damaged"),
    ],
)
def test_states(nodes: list[NodeView], is_cut: bool, slowness: Slowness | None, state: str) -> None:
    assert ZoneView("c", is_cut, slowness, nodes).state == state


def test_a_description_tells_no_process() -> None:
    assert ZoneView("c", False, Slowness(20, 1), [RUNNING, DEAD]).described() == {
        "state": "damaged",
        "network": "20 ms of delay and 1 % of loss each way",
        "nodes": {"c-1": "running", "c-2": "not running"},
    }


@pytest.mark.parametrize(
    ("slowness", "told"),
    [
        (Slowness(-1), "delay_ms: -1 is not from 0 to 60000 milliseconds"),
        (Slowness(60001), "delay_ms: 60001 is not from 0"),
        (Slowness(float("nan")), "delay_ms: nan is not from 0"),
        (Slowness(1, 101), "loss_percent: 101 is not from 0 to 100 percent"),
        (Slowness(), "delay_ms, loss_percent: both are 0"),
    ],
)
def test_slowness_that_cannot_be_had(slowness: Slowness, told: str) -> None:
    with pytest.raises(EmbeddedError) as refused:
        slowness.check("delay_ms", "loss_percent")
    assert told in str(refused.value)


def test_slowness_that_can_be_had() -> None:
    for slowness in (Slowness(0.5), Slowness(0, 100), Slowness(60000, 0.1)):
        slowness.check("delay_ms", "loss_percent")


@pytest.mark.parametrize(
    ("options", "slowness"),
    [
        ({"limit": 1000, "delay": {"delay": 0.1, "jitter": 0}, "ecn": False, "gap": 0}, Slowness(100)),
        ({"limit": 1000, "loss-random": {"loss": 0.05, "correlation": 0}}, Slowness(0, 5)),
        ({"delay": {"delay": 0.0005}, "loss-random": {"loss": 0.001}}, Slowness(0.5, 0.1)),
        ({}, Slowness()),
    ],
)
def test_what_the_kernel_tells_of_slowness(options: dict[str, Any], slowness: Slowness) -> None:
    told = slowness_of(options)
    assert (told.delay, told.loss) == pytest.approx((slowness.delay, slowness.loss))


def node(status: str, reported: str = "2026-01-01T12:00:05Z", *taints: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "lastHeartbeatTime": reported, "message": "disk is full"}
    return {"spec": {"taints": [{"key": key} for key in taints]}, "status": {"conditions": [ready]}}


@pytest.mark.parametrize(
    ("body", "since", "problem"),
    [
        (None, None, "not registered"),
        ({"spec": {}}, None, "its kubelet has not reported yet"),
        (node("False"), None, "not ready: disk is full"),
        (node("True"), NOW, ""),
        (node("True", "2026-01-01T11:59:59Z"), None, ""),
        (node("True", "2026-01-01T11:59:59Z"), NOW, "its kubelet has not reported since"),
        (node("True", "2026-01-01T12:00:00Z"), NOW, "its kubelet has not reported since"),
        (node("True", ""), NOW, "its kubelet has not reported since"),
        (
            node("True", "2026-01-01T12:00:05Z", "node.kubernetes.io/unreachable"),
            NOW,
            "still has the taint node.kubernetes.io/unreachable",
        ),
        (node("True", "2026-01-01T12:00:05Z", "gpu"), NOW, ""),
    ],
)
def test_what_is_wrong_with_a_node(body: dict[str, Any] | None, since: datetime | None, problem: str) -> None:
    assert problem_of(body, since) == problem


def remembered(root: Path, memory: Memory) -> None:
    folder = StateFolder(Layout(root), "demo")
    with folder.locked(Deadline(1)):
        folder.claim()
        folder.remember(memory)


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        (None, "there is no embedded cluster in"),
        (Memory(), "the cluster was never started"),
        (Memory(ports={"etcd": 1}, pod_cidr="10.244.0.0/16"), "played by kwok, and a zone of them cannot be lost"),
        (
            Memory(ports={"etcd": 1}, pod_cidr="10.244.0.0/16", link="198.18.0.0/30", zones={"a": 1}),
            "the cluster is stopped",
        ),
    ],
)
def test_clusters_without_a_zone_to_lose(tmp_path: Path, memory: Memory | None, told: str) -> None:
    root = tmp_path.resolve() / "state"
    if memory:
        remembered(root, memory)
    with pytest.raises(EmbeddedError) as refused, opened("demo", root, 1):
        pass
    assert told in str(refused.value)


def test_the_folder_of_another_cluster(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "state"
    remembered(root, Memory())
    with pytest.raises(EmbeddedError) as refused, opened("other", root, 1):
        pass
    assert "belongs to the embedded cluster 'demo'" in str(refused.value)


def test_a_node_without_a_specification(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "state"
    remembered(root, Memory(ports={"etcd": 1}, pod_cidr="10.244.0.0/16", link="198.18.0.0/30", zones={"a": 1}))
    (root / "run").mkdir()
    (root / "run" / "node-a-1.json").write_text("{}")
    with pytest.raises(EmbeddedError) as refused, opened("demo", root, 1):
        pass
    assert str(root / "nodes" / "a-1" / "node.json") in str(refused.value)
