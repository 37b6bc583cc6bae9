# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading images from an archive into real nodes, past any registry."""

from __future__ import annotations

import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fleet import (
    COMPONENT_PREFIX,
    folder_of,
    recorded,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import CONTAINERD_SOCKET
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Processes
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import NAME_ANNOTATION

LOAD_SECONDS = 600


@dataclass(frozen=True)
class LoadPlan:
    """images: name -> digest, of the archive. missing: the nodes that lack one of them, or have another by its name."""

    images: Mapping[str, str]
    missing: Sequence[str]


def plan(state_dir: Path, archive: Path) -> LoadPlan:
    """What the running nodes lack of the archive. Raises EmbeddedError when there is no node, or no image in it."""
    layout = Layout(state_dir.resolve())
    images = _images(archive)
    missing = []
    for node in _running(layout):
        present = _present(layout, node)
        if any(present.get(name) != digest for name, digest in images.items()):
            missing.append(node)
    return LoadPlan(images, missing)


def load(state_dir: Path, archive: Path, nodes: Sequence[str]) -> None:
    """Load the archive into these nodes. Raises EmbeddedError when containerd does not take it."""
    layout = Layout(state_dir.resolve())
    for node in nodes:
        with archive.open("rb") as stream:
            _ctr(layout, node, ["images", "import", "-"], stream)


def _images(archive: Path) -> Dict[str, str]:
    try:
        with tarfile.open(archive) as stream:
            index = stream.extractfile("index.json")
            entries = json.load(index)["manifests"] if index else []
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise EmbeddedError(
            f"archive: {archive} is no OCI archive ({error}); write one with oci_image and format=archive"
        ) from None
    images = {entry.get("annotations", {}).get(NAME_ANNOTATION): entry["digest"] for entry in entries}
    if not images or None in images:
        raise EmbeddedError(f"archive: {archive} has an image without a name; give oci_image a name")
    return images


def _running(layout: Layout) -> List[str]:
    processes = Processes(layout)
    running = [component for component in recorded(layout) if processes.running(component)]
    if not running:
        raise EmbeddedError(f"state_dir: no real node runs in {layout.root}; start the cluster with real nodes first")
    return running


def _present(layout: Layout, node: str) -> Dict[str, str]:
    """The images of a node: name -> digest, the first and the third column of what ctr lists."""
    lines = _ctr(layout, node, ["images", "list"]).splitlines()[1:]
    return {columns[0]: columns[2] for columns in map(str.split, lines) if len(columns) > 2}


def _ctr(layout: Layout, node: str, arguments: Sequence[str], stream: Any = subprocess.DEVNULL) -> str:
    """Ask the containerd of a node, through the root file system of its first process."""
    process = Processes(layout).running(node)
    children = _children(process.pid) if process else []
    if not children:
        raise EmbeddedError(f"{node} does not run any more; run site")
    name = node[len(COMPONENT_PREFIX) :]
    socket = f"/proc/{children[0]}/root{CONTAINERD_SOCKET}"
    command = [_program(layout, node), f"--address={socket}", "--namespace=k8s.io", *arguments]
    done = subprocess.run(command, stdin=stream, capture_output=True, text=True, check=False, timeout=LOAD_SECONDS)
    if done.returncode:
        raise EmbeddedError(f"node {name}: ctr {' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def _children(pid: int) -> List[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def _program(layout: Layout, node: str) -> str:
    """The ctr that belongs to the node's containerd, as its specification names it."""
    spec = json.loads(folder_of(layout, node).spec.read_text(encoding="utf-8"))
    containerd = next(service["command"][0] for service in spec["services"] if service["name"] == "containerd")
    return str(Path(containerd).with_name("ctr"))
