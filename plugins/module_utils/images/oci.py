# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing OCI images: layers, configuration, manifest, index (OCI image-spec 1.1).

The same content gives the same digest, everywhere and at any time: files are sorted, have no owner but root and no
time but the beginning of 1970, and layers are not compressed, so no version of a compressor shows. A registry or a
node stores some more bytes for it, and is spared the work.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
# By which containerd names what it imports; the other one is that of the specification.
NAME_ANNOTATION = "io.containerd.image.name"
REFERENCE_ANNOTATION = "org.opencontainers.image.ref.name"
CHUNK = 1 << 20

Document = Dict[str, Any]


@dataclass(frozen=True)
class File:
    """A file of an image. path: where it stands there. mode: its permissions; None for those that `source` has."""

    source: Path
    path: str
    mode: Optional[int] = None


@dataclass(frozen=True)
class Platform:
    """For which machine an image is, in Go's words (GOOS, GOARCH)."""

    architecture: str
    os: str = "linux"


@dataclass(frozen=True)
class Recipe:
    """What an image holds and how it runs. user: UID, or UID:GID. environment: KEY=value."""

    files: Sequence[File]
    platform: Platform
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = "65532:65532"
    working_dir: str = "/"
    environment: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[str] = ()


@dataclass(frozen=True)
class Base:
    """What an image is put on top of. blobs: the folder with its layers."""

    config: Document
    layers: Sequence[Document]
    blobs: Path


class Layout:
    """An OCI image layout in a folder, in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)
        (root / "oci-layout").write_bytes(LAYOUT)

    def add(self, recipe: Recipe, base: Optional[Base] = None) -> Document:
        """Write an image; its descriptor. Raises OSError when a file cannot be read."""
        layers, diffs = self._layers_of(base)
        if recipe.files:
            layer = self._layer(recipe.files)
            layers.append(layer)
            diffs.append(layer["digest"])
        config = self._document(_config(recipe, diffs, base), CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        descriptor = self._document(manifest, MANIFEST)
        descriptor["platform"] = {"architecture": recipe.platform.architecture, "os": recipe.platform.os}
        return descriptor

    def bundle(self, images: Sequence[Document]) -> Document:
        """Write an index over the images of several platforms; its descriptor."""
        return self._document({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(images)}, INDEX)

    def close(self, images: Mapping[str, Document]) -> None:
        """Write the table of contents: the images by their names."""
        entries = []
        for name, descriptor in sorted(images.items()):
            plain = {key: value for key, value in descriptor.items() if key != "platform"}
            annotations = {NAME_ANNOTATION: name, REFERENCE_ANNOTATION: name.rpartition(":")[2]} if name else {}
            entries.append({**plain, "annotations": annotations} if annotations else plain)
        (self.root / "index.json").write_bytes(encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))

    def _layers_of(self, base: Optional[Base]) -> Tuple[List[Document], List[str]]:
        if base is None:
            return [], []
        for layer in base.layers:
            name = layer["digest"].partition(":")[2]
            if not (self._blobs / name).exists():
                os.link(base.blobs / name, self._blobs / name)
        return list(base.layers), list(base.config["rootfs"]["diff_ids"])

    def _document(self, content: Document, media_type: str) -> Document:
        text = encode(content)
        digest = hashlib.sha256(text).hexdigest()
        (self._blobs / digest).write_bytes(text)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}

    def _layer(self, files: Sequence[File]) -> Document:
        unfinished = self._blobs / ".layer"
        with unfinished.open("wb") as stream:
            write_layer(files, stream)
        digest = _digest(unfinished)
        unfinished.replace(self._blobs / digest)
        return {"mediaType": LAYER, "digest": f"sha256:{digest}", "size": (self._blobs / digest).stat().st_size}


def encode(content: Document) -> bytes:
    """A document in the one form that gives the one digest."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def write_layer(files: Sequence[File], stream: BinaryIO) -> None:
    """Write a layer (a tar archive) with these files and the folders above them."""
    known: Dict[str, File] = {}
    for file in files:
        for one in _expanded(file):
            known[str(PurePosixPath("/") / one.path)[1:]] = one
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in _folders(known):
            archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
        for path, file in sorted(known.items()):
            _add(archive, path, file)


def write_archive(layout: Path, archive: Path) -> None:
    """Write a layout as one file, as `ctr images import` and `podman load` take it."""
    unfinished = archive.with_name(archive.name + ".unfinished")
    with tarfile.open(unfinished, mode="w", format=tarfile.PAX_FORMAT) as stream:
        for path in sorted(path for path in layout.rglob("*") if path.is_file()):
            _add(stream, str(path.relative_to(layout)), File(path, "", 0o644))
    unfinished.replace(archive)


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            total.update(chunk)
    return total.hexdigest()


def _expanded(file: File) -> Iterator[File]:
    """The file itself, or all files of a folder."""
    if not file.source.is_dir() or file.source.is_symlink():
        yield file
        return
    for path in sorted(file.source.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield File(path, f"{file.path}/{path.relative_to(file.source)}", file.mode)


def _folders(paths: Mapping[str, File]) -> List[str]:
    """All folders above these paths, upper ones first."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(found - {"."})


def _add(archive: tarfile.TarFile, path: str, file: File) -> None:
    if file.source.is_symlink():
        entry = _entry(path, tarfile.SYMTYPE, 0o777)
        entry.linkname = os.readlink(file.source)
        archive.addfile(entry)
        return
    status = file.source.stat()
    # Of the permissions only those count that do not depend on somebody's umask.
    mode = file.mode if file.mode is not None else (0o755 if status.st_mode & 0o100 else 0o644)
    entry = _entry(path, tarfile.REGTYPE, mode)
    entry.size = status.st_size
    with file.source.open("rb") as content:
        archive.addfile(entry, content)


def _entry(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.mtime = kind, mode, 0
    return entry


def _config(recipe: Recipe, diffs: Sequence[str], base: Optional[Base]) -> Document:
    inherited: Document = dict(base.config.get("config") or {}) if base else {}
    settings: Document = {
        "User": recipe.user,
        "WorkingDir": recipe.working_dir,
        "Env": _environment(inherited.get("Env") or [], recipe.environment),
        "Labels": {**(inherited.get("Labels") or {}), **recipe.labels},
    }
    if recipe.entrypoint:
        settings["Entrypoint"] = list(recipe.entrypoint)
        inherited.pop("Cmd", None)  # it belongs to the entry point of the base
    if recipe.command:
        settings["Cmd"] = list(recipe.command)
    if recipe.ports:
        settings["ExposedPorts"] = {port: {} for port in recipe.ports}
    return {
        "architecture": recipe.platform.architecture,
        "os": recipe.platform.os,
        "config": {**inherited, **{key: value for key, value in settings.items() if value}},
        "rootfs": {"type": "layers", "diff_ids": list(diffs)},
    }


def _environment(inherited: Sequence[str], own: Sequence[str]) -> List[str]:
    values = {entry.partition("=")[0]: entry for entry in [*inherited, *own]}
    return list(values.values())
