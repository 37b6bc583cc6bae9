# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments with real nodes that are killed, cut off, filled up and removed, beside one that goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import key_of
from ansible_collections.servicemesh.platform.tests.support.breakable_nodes import BreakableNodes
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually

CYCLES = 3
SLOW = pytest.mark.slow


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[BreakableNodes]:
    """Real nodes in two zones that are still to be started; nothing of them is left afterwards."""
    one = BreakableNodes.at(tmp_path / "state")
    before = one.footprint()
    try:
        yield one
    finally:
        one.remove()
        assert one.footprint() == before


def test_cycles_leave_nothing(fresh: BreakableNodes) -> None:
    before = fresh.footprint()
    for _cycle in range(CYCLES):
        fresh.start()
        assert fresh.footprint() != before
        fresh.remove()
        assert fresh.footprint() == before
        assert not fresh.state_dir.exists()


@pytest.mark.slow
def test_a_second_environment_is_apart_from_the_first(fresh: BreakableNodes, nodes: Environment) -> None:
    fresh.start()
    assert [node["metadata"]["name"] for node in fresh.get("nodes")["items"]] == ["one", "two"]
    assert len(nodes.get("nodes")["items"]) == 3
    # Both use the same networks of pods and zones; nobody on this machine has a route to either.
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    assert "10.244." not in routes
    assert "198.19." not in routes


def test_only_the_node_that_was_killed_is_started_again(fresh: BreakableNodes) -> None:
    fresh.start()
    pids = fresh.pids()
    os.kill(pids["node-one"], signal.SIGKILL)
    eventually(10, lambda: "node-one" not in fresh.pids(), "the node is gone with all that ran in it")
    outcome = fresh.start()
    assert outcome.actions == ["start node-one (not running)"]
    after = fresh.pids()
    assert after.pop("node-one") != pids.pop("node-one")
    assert after == pids
    assert not fresh.start().changed


@pytest.mark.parametrize("seconds", [pytest.param(0.5, marks=SLOW), 4.0, pytest.param(6.0, marks=SLOW), 8.0])
def test_a_run_that_was_killed_is_run_again(fresh: BreakableNodes, seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-c", fresh.script()], stdout=subprocess.DEVNULL) as run:
        time.sleep(seconds)
        run.kill()
    assert fresh.start().running
    assert not fresh.start().changed


def test_a_node_killed_while_it_starts_is_named_and_the_next_run_mends_it(fresh: BreakableNodes) -> None:
    with subprocess.Popen([sys.executable, "-c", fresh.script()], stderr=subprocess.PIPE, text=True) as run:
        eventually(60, lambda: "node-two" in fresh.pids(), "the node is started")
        os.kill(fresh.pids()["node-two"], signal.SIGKILL)
        _output, complaint = run.communicate()
    if run.returncode:
        assert "node-two" in complaint
    assert fresh.start().running
    assert not fresh.start().changed


@pytest.mark.slow
def test_a_network_half_gone_is_made_anew(fresh: BreakableNodes) -> None:
    fresh.start()
    key = key_of(fresh.state_dir)
    subprocess.run(["ip", "netns", "delete", f"servicemesh-{key}-2"], check=True)
    outcome = fresh.start()
    assert "connect node two" in outcome.actions
    assert not fresh.start().changed


@pytest.mark.slow
def test_what_a_dead_environment_left_is_in_nobody_s_way(fresh: BreakableNodes) -> None:
    """Its folder is gone, its namespaces, its interface and its cgroup are not."""
    key = key_of(fresh.state_dir)
    subprocess.run(["ip", "netns", "add", f"servicemesh-{key}"], check=True)
    subprocess.run(["ip", "link", "add", f"sm-{key}", "type", "bridge"], check=True)
    fresh.start()
    assert not fresh.start().changed


def test_absent_finds_what_runs_when_the_folder_was_removed_by_hand(fresh: BreakableNodes) -> None:
    before = fresh.footprint()
    fresh.start()
    # The nodes write on, so one sweep may not be enough.
    eventually(20, lambda: subprocess.run(["rm", "-rf", str(fresh.state_dir)], check=False).returncode == 0, "removed")
    assert fresh.remove().changed
    assert fresh.footprint() == before


def test_the_machine_s_own_settings_stay(fresh: BreakableNodes) -> None:
    """The kubelet and kube-proxy would like to change some."""

    def settings() -> dict[str, str]:
        names = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward")
        names += ("net/netfilter/nf_conntrack_max", "vm/panic_on_oom", "kernel/keys/root_maxkeys")
        paths = [Path("/proc/sys", name) for name in names]
        return {str(path): path.read_text() for path in paths if path.exists()}

    before = settings()
    fresh.start()
    assert settings() == before


def test_a_full_disk_is_told_and_gone_when_there_is_room(fresh: BreakableNodes) -> None:
    """The image store of one node is a file system of 40 MB; an image of 100 MB does not fit."""
    lib = fresh.state_dir / "nodes" / "one" / "lib"
    lib.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(lib)], check=True)
    try:
        fresh.claim()
        fresh.start()
        image = fresh.push_large(100 * 2**20)
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "large", "namespace": "default"},
            "spec": {
                "nodeName": "one",
                "hostNetwork": True,
                "automountServiceAccountToken": False,
                "containers": [{"name": "large", "image": image}],
            },
        }
        fresh.cluster().apply(pod)

        def told() -> bool:
            return "no space left on device" in fresh.cluster().kubectl("describe", "pod", "large")

        eventually(60, told, "the event of the pod names the full disk")
        subprocess.run(["mount", "-o", "remount,size=400m", str(lib)], check=True)
        eventually(90, lambda: "Successfully pulled" in fresh.cluster().kubectl("describe", "pod", "large"), "it fits")
    finally:
        fresh.stop()
        subprocess.run(["umount", str(lib)], check=True)
