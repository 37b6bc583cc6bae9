# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a node needs before it can reach a registry: made on this machine and loaded at the node's start."""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import SANDBOX_IMAGE
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Programs
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    File,
    Layout,
    Platform,
    Recipe,
    write_archive,
)


@dataclass(frozen=True)
class SystemImage:
    """An image of one program. names: what the program is called in it; the first one is run. user: UID:GID."""

    program: str
    names: Sequence[str]
    user: str = "65532:65532"

    def source(self, programs: Programs) -> Path:
        """The file of the program."""
        return programs.storage if self.program == programs.storage.name else programs.nodes / self.program


IMAGES: Dict[str, SystemImage] = {
    SANDBOX_IMAGE: SystemImage("pause", ["pause"], "65535:65535"),
    "registry.embedded/coredns:1": SystemImage("coredns", ["coredns"]),
    "registry.embedded/local-path-provisioner:1": SystemImage("local-path-provisioner", ["local-path-provisioner"]),
    "registry.embedded/metrics-server:1": SystemImage("metrics-server", ["metrics-server"]),
    # It makes folders of the node, which belong to root.
    "registry.embedded/volumes:1": SystemImage("volumes", ["setup", "teardown"], "0:0"),
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def archive_of(state: Path, programs: Programs) -> Path:
    """Where the archive of the images stands: named for what is in it, because folders of programs tell theirs."""
    content = f"{programs.nodes} {programs.storage} {sorted(IMAGES.items())}"
    return state / "images" / f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.tar"


def ensure(state: Path, programs: Programs) -> None:
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
        for name, image in IMAGES.items():
            files = [File(image.source(programs), called, 0o755) for called in image.names]
            recipe = Recipe(files, machine, entrypoint=[f"/{image.names[0]}"], user=image.user)
            images[name] = layout.add(recipe)
        layout.close(images)
        write_archive(layout.root, archive)
