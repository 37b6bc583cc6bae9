# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are loaded into the nodes instead of being pulled."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    File,
    Layout,
    Platform,
    Recipe,
    write_archive,
)
from ansible_collections.servicemesh.platform.plugins.modules.embedded_image import run
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment

IMAGE = "local.test/loaded:1"
NODES = ["node-demo-a-1", "node-demo-b-1", "node-demo-c-1"]


def archive(folder: Path, name: str, content: str) -> Path:
    file = folder / "content"
    file.write_text(content)
    layout = Layout(folder / content)
    layout.close({name: layout.add(Recipe([File(file, "content", 0o755)], Platform("amd64"), entrypoint=["/content"]))})
    write_archive(layout.root, folder / f"{content}.tar")
    return folder / f"{content}.tar"


def test_every_node_has_the_image_once(nodes: Environment, tmp_path: Path) -> None:
    options = {"state_dir": str(nodes.cluster.state_dir), "archive": str(archive(tmp_path, IMAGE, "one"))}
    assert run(options, True, False)["nodes"] == NODES
    first = run(options, False, False)
    assert (first["changed"], first["nodes"], list(first["images"])) == (True, NODES, [IMAGE])
    assert run(options, False, False)["changed"] is False
    other = {**options, "archive": str(archive(tmp_path, IMAGE, "other"))}
    assert run(other, False, False)["nodes"] == NODES  # the same name, another digest
    listed = nodes.get("node", "demo-b-1")["status"]["images"]
    assert listed  # the kubelet tells its images too, some time later


def test_what_cannot_be_loaded_is_told(nodes: Environment, tmp_path: Path) -> None:
    state = str(nodes.cluster.state_dir)
    (tmp_path / "text").write_text("no archive")
    assert "is no OCI archive" in run({"state_dir": state, "archive": str(tmp_path / "text")}, False, False)["msg"]
    nameless = archive(tmp_path, "", "nameless")
    assert "an image without a name" in run({"state_dir": state, "archive": str(nameless)}, False, False)["msg"]
    elsewhere = run({"state_dir": str(tmp_path), "archive": str(archive(tmp_path, IMAGE, "one"))}, False, False)
    assert "no real node runs" in elsewhere["msg"]
