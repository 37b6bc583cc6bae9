# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a node needs before it can reach a registry: made on this machine and loaded at the node's start."""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Dict, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import SANDBOX_IMAGE
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    File,
    Layout,
    Platform,
    Recipe,
    write_archive,
)

COREDNS_IMAGE = "registry.embedded/coredns:1"
METRICS_SERVER_IMAGE = "registry.embedded/metrics-server:1"
# Image -> program and user.
IMAGES: Dict[str, Tuple[str, str]] = {
    SANDBOX_IMAGE: ("pause", "65535:65535"),
    COREDNS_IMAGE: ("coredns", "65532:65532"),
    METRICS_SERVER_IMAGE: ("metrics-server", "65532:65532"),
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def archive_of(state: Path, programs: Path) -> Path:
    """Where the archive of the images of these programs stands. programs: a folder whose name tells its content."""
    return state / "images" / f"{hashlib.sha256(str(programs).encode()).hexdigest()[:16]}.tar"


def ensure(state: Path, programs: Path) -> None:
    """Write the archive unless it is there, and remove that of other programs."""
    archive = archive_of(state, programs)
    if archive.exists():
        return
    shutil.rmtree(archive.parent, ignore_errors=True)
    archive.parent.mkdir(mode=0o700)
    machine = Platform(ARCHITECTURES.get(platform.machine(), platform.machine()))
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        layout = Layout(Path(folder))
        images = {}
        for name, (program, user) in IMAGES.items():
            files = [File(programs / program, program, 0o755)]
            images[name] = layout.add(Recipe(files, machine, entrypoint=[f"/{program}"], user=user))
        layout.close(images)
        write_archive(layout.root, archive)
