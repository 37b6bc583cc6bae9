# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a cluster of real nodes is made of: built on this machine from the programs of the environment.

What every pod or volume needs is loaded into the nodes at their start, before they can reach a registry. The rest goes
into the registry of the environment, and only the nodes that run it take it from there.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    make_private_folder,
    read_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import SANDBOX_IMAGE, VOLUMES_IMAGE
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME, Registry
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Programs
from ansible_collections.servicemesh.platform.plugins.module_utils.images.crane import Access, Crane
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    Document,
    File,
    Layout,
    Platform,
    Recipe,
    write_archive,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import Reference

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NOBODY = "65532:65532"


@dataclass(frozen=True)
class SystemImage:
    """An image of one program. names: what the program is called in it; the first one is run. user: UID:GID."""

    program: str
    names: Sequence[str]
    user: str = NOBODY

    def add_to(self, layout: Layout, programs: Programs) -> Document:
        """Write it into a layout; its descriptor."""
        source = programs.storage if self.program == programs.storage.name else programs.nodes / self.program
        files = [File(source, name, 0o755) for name in self.names]
        machine = Platform(ARCHITECTURES.get(platform.machine(), platform.machine()))
        return layout.add(Recipe(files, machine, entrypoint=[f"/{self.names[0]}"], user=self.user))


LOADED: Mapping[str, SystemImage] = {
    SANDBOX_IMAGE: SystemImage("pause", ["pause"]),
    # It makes folders of the node, which belong to root.
    VOLUMES_IMAGE: SystemImage("volumes", ["setup", "teardown"], "0:0"),
}
PUBLISHED: Mapping[str, SystemImage] = {
    "coredns": SystemImage("coredns", ["coredns"]),
    "local-path-provisioner": SystemImage("local-path-provisioner", ["local-path-provisioner"]),
    "metrics-server": SystemImage("metrics-server", ["metrics-server"]),
}


def archive_of(state: Path, programs: Programs) -> Path:
    """Where the archive of the images to load stands: named for what is in it."""
    return _folder(state) / f"{_content(programs, LOADED)}.tar"


def ensure_archive(state: Path, programs: Programs) -> None:
    """Write the archive unless it is there, and remove that of other programs."""
    archive = archive_of(state, programs)
    if archive.exists():
        return
    shutil.rmtree(archive.parent, ignore_errors=True)
    make_private_folder(archive.parent)
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        layout = Layout(Path(folder))
        layout.close({name: image.add_to(layout, programs) for name, image in LOADED.items()})
        write_archive(layout.root, archive)


def published(state: Path) -> Dict[str, str]:
    """The images in the registry as pods name them, by digest; empty before the first time."""
    content = read_optional(_record(state))
    images: Dict[str, str] = json.loads(content)["images"] if content else {}
    return images


def is_published(state: Path, registry: Registry, programs: Programs) -> bool:
    """Whether the images of these programs were put into the registry, and it still has its data."""
    content = read_optional(_record(state))
    known = json.loads(content)["content"] if content else ""
    return bool(known == _content(programs, PUBLISHED) and registry.data.exists())


def publish(state: Path, registry: Registry, programs: Programs) -> None:
    """Put the images into the registry. Raises ImageError when it does not take them."""
    access = Access(
        program=str(programs.nodes / "crane"),
        docker_config=str(registry.docker_config),
        ca_path=str(registry.authority),
    )
    images = {}
    with Crane(access) as crane:
        for name, image in PUBLISHED.items():
            images[name] = f"{NAME}/{name}@{_push(crane, registry, name, image, programs)}"
    record = {"content": _content(programs, PUBLISHED), "images": images}
    write_private(_record(state), json.dumps(record, indent=1).encode())


def _push(crane: Crane, registry: Registry, name: str, image: SystemImage, programs: Programs) -> str:
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        descriptor = image.add_to(layout, programs)
        layout.close({"": descriptor})
        crane.push(layout.root, Reference(registry.endpoint, name, _content(programs, PUBLISHED), ""))
    return str(descriptor["digest"])


def _folder(state: Path) -> Path:
    return state / "images"


def _record(state: Path) -> Path:
    return state / "published-images.json"


def _content(programs: Programs, images: Mapping[str, SystemImage]) -> str:
    """Folders of programs tell their content by their names."""
    text = f"{programs.nodes} {programs.storage} {sorted(images.items())}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
