# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a machine can have: this one, by different users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder
from ansible_collections.servicemesh.platform.plugins.modules.embedded_host import run

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
WITHOUT_NET_ADMIN = ("setpriv", "--inh-caps=-net_admin", "--bounding-set=-net_admin")


def asked(state: Path, nodes: str) -> dict[str, Any]:
    return run({"nodes": nodes, "state_dir": str(state)}, False, False)


def asked_as_nobody(state: Path, nodes: str) -> dict[str, Any]:
    """In a process of its own, which gives its rights away."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setresuid(65534, 65534, 65534)
        os.write(writer, json.dumps(asked(state, nodes)).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@only_root
def test_without_root_kwok_is_taken_and_the_reason_told() -> None:
    found = asked_as_nobody(Path("/tmp/none"), "auto")
    assert (found["nodes"], found["packages"]) == ("kwok", [])
    assert found["reason"] == "real nodes cannot run on this machine, it lacks: root: the play runs as another user"


@only_root
def test_without_root_real_nodes_are_refused_and_kwok_offered() -> None:
    found = asked_as_nobody(Path("/tmp/none"), "kubelet")
    assert found["failed"]
    assert "it lacks: root: the play runs as another user" in found["msg"]
    assert "cluster_embedded_nodes: kwok" in found["msg"]


@only_root
def test_a_missing_capability_is_named(tmp_path: Path) -> None:
    program = (
        "import json; from ansible_collections.servicemesh.platform.plugins.modules.embedded_host import run; "
        f"print(json.dumps(run({{'nodes': 'auto', 'state_dir': {str(tmp_path)!r}}}, False, False)))"
    )
    command = [*WITHOUT_NET_ADMIN, sys.executable, "-c", program]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["nodes"] == "kwok"
    assert "the capability CAP_NET_ADMIN" in found["reason"]


@pytest.mark.parametrize(("link", "nodes"), [("198.18.0.0/30", "kubelet"), ("", "kwok")])
def test_what_a_cluster_was_made_with_stays(tmp_path: Path, link: str, nodes: str) -> None:
    StateFolder(Layout(tmp_path), "x").remember(Memory(ports={"etcd": 1}, link=link))
    found = asked(tmp_path, "auto")
    assert (found["nodes"], found["reason"]) == (nodes, "the cluster was made with them")


def test_kwok_wants_nothing(tmp_path: Path) -> None:
    assert asked(tmp_path, "kwok")["packages"] == []
