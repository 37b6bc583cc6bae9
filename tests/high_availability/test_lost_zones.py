# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane of three: every zone is lost in turn while somebody writes, and no acknowledged write is lost."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import zones
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.components import IN_ZONES, member
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import NodeSettings
from ansible_collections.servicemesh.platform.tests.support.breakable_nodes import NAME, TIMEOUT, BreakableNodes
from ansible_collections.servicemesh.platform.tests.support.nodes import eventually

ZONES = ("a", "b", "c")
WRITES = "/api/v1/namespaces/default/configmaps"
# Seconds. A request waits as long for an answer at most, and etcd chooses a new leader within two.
WRITE_SECONDS = 3.0
# Generous, for a loaded machine of two cores; what is usual is told in docs/embedded-ha.md.
LONGEST_GAP = 20.0


@dataclass
class Writer:
    """Writes ConfigMaps, one after the other, and remembers what was acknowledged and when."""

    environment: BreakableNodes
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: int = 0

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

    def longest_gap(self) -> float:
        """Seconds between two acknowledgements."""
        times = list(self.acknowledged.values())
        return max(after - before for before, after in zip(times, times[1:]))

    def _run(self) -> None:
        number = 0
        while not self._end.is_set():
            try:
                with client(self.environment) as connection:
                    while not self._end.is_set():
                        number += 1
                        self._write(connection, f"write-{number}")
            except (OSError, http.client.HTTPException):
                self.refused += 1
                time.sleep(0.05)

    def _write(self, connection: Client, name: str) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"name": name}}
        status, _content = connection.request("POST", WRITES, body)
        if status == 201:
            self.acknowledged[name] = time.monotonic()
        else:
            self.refused += 1
        time.sleep(0.02)


def client(environment: BreakableNodes) -> Client:
    """The administrator, through the proxy."""
    layout = Layout(environment.state_dir)
    address, port = server(environment)
    return Client(
        port, layout.certificate("ca"), layout.certificate("admin"), layout.key("admin"), WRITE_SECONDS, address
    )


def server(environment: BreakableNodes) -> tuple[str, int]:
    lines = (environment.state_dir / "kubeconfig").read_text().splitlines()
    text = next(line for line in lines if "server:" in line).split("https://")[1].strip("\"' ,")
    address, _colon, port = text.partition(":")
    return address, int(port)


def stored(environment: BreakableNodes) -> set[str]:
    """The ConfigMaps as etcd has them, read by quorum."""
    with client(environment) as connection:
        status, content = connection.request("GET", WRITES)
    assert status == 200
    return {item["data"].get("name", "") for item in json.loads(content)["items"]}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BreakableNodes]:
    """Three zones with a node and a control plane each, running; nothing of them is left afterwards."""
    plain = BreakableNodes.at(tmp_path_factory.mktemp("ha") / "state")
    nodes = [NodeSettings(f"node-{zone}", zone, {}) for zone in ZONES]
    one = BreakableNodes(replace(plain.settings, nodes=nodes, high_availability=True), plain.state_dir)
    before = one.footprint()
    try:
        one.start()
        yield one
    finally:
        one.remove()
        assert one.footprint() == before
        assert not one.state_dir.exists()


def test_every_zone_has_a_control_plane(environment: BreakableNodes) -> None:
    wanted = {member(kind, zone) for kind in IN_ZONES for zone in ZONES} | {"haproxy", "registry"}
    nodes = {f"node-node-{zone}" for zone in ZONES}
    assert set(environment.pids()) == wanted | nodes
    assert len(environment.get("nodes")["items"]) == len(ZONES)
    assert environment.start().actions == []


@pytest.mark.parametrize("zone", ZONES)
def test_a_lost_zone_loses_no_write(
    environment: BreakableNodes, zone: str, record_property: pytest.RecordProperty
) -> None:
    with Writer(environment) as writer:
        time.sleep(2)
        with zones.opened(NAME, environment.state_dir, TIMEOUT) as opened:
            lost = opened.lose(zone)
        moment = time.monotonic()
        assert not [name for name in environment.pids() if name.endswith(f"-{zone}")]
        eventually(LONGEST_GAP, lambda: list(writer.acknowledged.values())[-1] > moment, "a write is acknowledged")
        time.sleep(4)
        writes_without = sum(1 for when in writer.acknowledged.values() if when > moment)
        # Mended while it is written, once as a verb and once by the module.
        if zone == ZONES[0]:
            with zones.opened(NAME, environment.state_dir, TIMEOUT) as opened:
                actions = list(opened.heal(zone, TIMEOUT).actions)
        else:
            actions = list(environment.start().actions)
    assert f"kill {', '.join(member(kind, zone) for kind in IN_ZONES)}" in lost.actions
    assert [action for action in actions if action.startswith(f"start etcd-{zone} ")]
    assert writes_without > 10
    missing = set(writer.acknowledged) - stored(environment)
    assert missing == set(), f"{len(missing)} of {len(writer.acknowledged)} acknowledged writes are gone"
    gap = writer.longest_gap()
    record_property("longest_gap_seconds", round(gap, 2))
    print(f"zone {zone}: {len(writer.acknowledged)} writes acknowledged, {writer.refused} not; longest gap {gap:.2f} s")
    assert gap < LONGEST_GAP
    environment.cluster().kubectl("delete", "configmaps", "--namespace=default", "--all", "--wait=false")
    environment.start()
    assert environment.start().actions == []


def test_it_cannot_be_changed_later(environment: BreakableNodes) -> None:
    single = BreakableNodes(replace(environment.settings, high_availability=False), environment.state_dir)
    with pytest.raises(EmbeddedError, match="high_availability: this cluster was made with true"):
        single.start()


def test_it_keeps_its_data_when_it_is_stopped(environment: BreakableNodes) -> None:
    environment.cluster().kubectl("create", "configmap", "kept", "--namespace=default")
    assert "stop etcd-b" in environment.stop().actions
    assert environment.pids() == {}
    assert environment.stop().actions == []
    environment.start()
    assert environment.get("configmap", "kept", "--namespace=default")["metadata"]["name"] == "kept"
