# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing OCI images: layers, configuration, manifest, index (OCI image-spec 1.1).

The same content gives the same digest, everywhere and at any time: layers depend on content alone (`layer.py`) and
are not compressed, so no version of a compressor shows; documents have one form; nothing tells when it was made. A
registry or a node stores some more bytes for it, and is spared the work.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.layer import File, add_file, write_layer

__all__ = ["File", "Layout", "Platform", "Recipe", "write_archive"]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
# By which containerd names what it imports; the other one is that of the specification.
NAME_ANNOTATION = "io.containerd.image.name"
REFERENCE_ANNOTATION = "org.opencontainers.image.ref.name"
# Labels that the specification defines: what they tell of a base is not true of what is put on top of it.
IMAGE_LABELS = "org.opencontainers.image."
BASE_DIGEST_LABEL = IMAGE_LABELS + "base.digest"
NON_ROOT = "65532:65532"
CHUNK = 1 << 20

Document = Dict[str, Any]


@dataclass(frozen=True)
class Platform:
    """For which machine an image is, in Go's words (GOOS, GOARCH). variant: of an ARM processor, such as v7."""

    architecture: str
    os: str = "linux"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def document(self) -> Document:
        """As configurations and indexes have it."""
        known = {"architecture": self.architecture, "os": self.os, "variant": self.variant}
        return {key: value for key, value in known.items() if value}

    def fits(self, other: Mapping[str, Any]) -> bool:
        """Whether an image that is for `other` runs here. Without a variant any is good."""
        same = other.get("os") == self.os and other.get("architecture") == self.architecture
        return same and (not self.variant or (other.get("variant") or self.variant) == self.variant)


@dataclass(frozen=True)
class Recipe:
    """What an image holds and how it runs.

    user: UID, or UID:GID. environment: KEY=value. ports: such as 8080/tcp. What is empty comes from the base.
    """

    files: Sequence[File]
    platform: Platform
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = NON_ROOT
    working_dir: str = ""
    environment: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[str] = ()


@dataclass(frozen=True)
class Base:
    """What an image is put on top of: its configuration, the descriptors of its layers, the digest of its manifest."""

    config: Document
    layers: Sequence[Document]
    digest: str = ""


class Layout:
    """An OCI image layout in a folder, in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.blobs.mkdir(parents=True, exist_ok=True)
        (root / "oci-layout").write_bytes(LAYOUT)

    def add(self, recipe: Recipe, base: Optional[Base] = None) -> Document:
        """Write an image; its descriptor. The layers of the base are named, and for the caller to put into `blobs`.

        Raises ImageError for a base or files that do not fit, OSError when a file cannot be read.
        """
        layers = list(base.layers) if base else []
        diffs = list(base.config["rootfs"]["diff_ids"]) if base else []
        if recipe.files:
            layer = self._layer(recipe.files, base is not None)
            layers.append(layer)
            diffs.append(layer["digest"])
        config = self._document(_config(recipe, diffs, base), CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        descriptor = self._document(manifest, MANIFEST)
        descriptor["platform"] = recipe.platform.document()
        return descriptor

    def bundle(self, images: Sequence[Document]) -> Document:
        """Write an index over the images of several platforms; its descriptor."""
        return self._document({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(images)}, INDEX)

    def close(self, images: Mapping[str, Document]) -> None:
        """Write the table of contents: the images by their names."""
        entries = []
        for name, descriptor in sorted(images.items()):
            plain = {key: value for key, value in descriptor.items() if key != "platform"}
            annotations = {NAME_ANNOTATION: name, REFERENCE_ANNOTATION: _tag(name)} if name else {}
            entries.append({**plain, "annotations": annotations} if annotations else plain)
        (self.root / "index.json").write_bytes(encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))

    def parts(self, descriptor: Document) -> Iterator[Document]:
        """The descriptors of all that an image or an index consists of, itself first."""
        yield descriptor
        if descriptor["mediaType"] not in (INDEX, MANIFEST):
            return
        document = json.loads((self.blobs / hexadecimal(descriptor["digest"])).read_bytes())
        for part in (*document.get("manifests", ()), *document.get("layers", ())):
            yield from self.parts(part)
        if "config" in document:
            yield document["config"]

    def _document(self, content: Document, media_type: str) -> Document:
        text = encode(content)
        digest = hashlib.sha256(text).hexdigest()
        (self.blobs / digest).write_bytes(text)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}

    def _layer(self, files: Sequence[File], on_base: bool) -> Document:
        unfinished = self.blobs / ".layer"
        with unfinished.open("wb") as stream:
            write_layer(files, stream, on_base)
        digest = digest_of(unfinished)
        size = unfinished.stat().st_size
        unfinished.replace(self.blobs / hexadecimal(digest))
        return {"mediaType": LAYER, "digest": digest, "size": size}


def encode(content: Document) -> bytes:
    """A document in the one form that gives the one digest."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def digest_of(path: Path) -> str:
    """The digest of a file, without holding it in memory."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def hexadecimal(digest: str) -> str:
    """A digest without its algorithm: the name of the blob's file."""
    return digest.partition(":")[2]


def write_archive(layout: Path, archive: Path) -> None:
    """Write a layout as one file, as `ctr images import` and `podman load` take it."""
    unfinished = archive.with_name(archive.name + ".unfinished")
    try:
        with tarfile.open(unfinished, mode="w", format=tarfile.PAX_FORMAT) as stream:
            for path in sorted(path for path in layout.rglob("*") if path.is_file()):
                add_file(stream, str(path.relative_to(layout)), File(path, "", 0o644))
        unfinished.replace(archive)
    finally:
        if unfinished.exists():
            unfinished.unlink()


def _tag(name: str) -> str:
    """The tag of a name, or all of it when there is none."""
    tag = name.rpartition(":")[2]
    return name if "/" in tag else tag


def _config(recipe: Recipe, diffs: Sequence[str], base: Optional[Base]) -> Document:
    if base and not recipe.platform.fits(base.config):
        found = "/".join(str(base.config.get(key, "?")) for key in ("os", "architecture"))
        raise ImageError(
            f"The base is for {found}, the image for {recipe.platform}.",
            "Name a base for this platform, or one with an index of several platforms.",
        )
    inherited: Document = dict(base.config.get("config") or {}) if base else {}
    settings: Document = {
        "User": recipe.user or inherited.get("User"),
        "WorkingDir": recipe.working_dir or inherited.get("WorkingDir") or "/",
        "Env": _environment(inherited.get("Env") or [], recipe.environment),
        "Labels": _labels(inherited.get("Labels") or {}, recipe.labels, base),
        "ExposedPorts": {**(inherited.get("ExposedPorts") or {}), **{port: {} for port in recipe.ports}},
    }
    if recipe.entrypoint:
        settings["Entrypoint"] = list(recipe.entrypoint)
        inherited.pop("Cmd", None)  # it belongs to the entry point of the base
    if recipe.command:
        settings["Cmd"] = list(recipe.command)
    kept = {key: value for key, value in inherited.items() if key not in settings}
    variant = {"variant": base.config["variant"]} if base and base.config.get("variant") else {}
    return {
        **variant,
        **recipe.platform.document(),
        "config": {**kept, **{key: value for key, value in settings.items() if value}},
        "rootfs": {"type": "layers", "diff_ids": list(diffs)},
    }


def _labels(inherited: Mapping[str, str], own: Mapping[str, str], base: Optional[Base]) -> Dict[str, str]:
    kept = {key: value for key, value in inherited.items() if not key.startswith(IMAGE_LABELS)}
    origin = {BASE_DIGEST_LABEL: base.digest} if base and base.digest else {}
    return {**kept, **origin, **own}


def _environment(inherited: Sequence[str], own: Sequence[str]) -> List[str]:
    values = {entry.partition("=")[0]: entry for entry in [*inherited, *own]}
    return list(values.values())
