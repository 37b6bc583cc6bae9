# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is put on top of, from a registry, an OCI layout, or an archive.

Only what tells the digest of the new image is read at first: manifest and configuration. Layers are had when they are
needed, so an image that is where it should be costs no download.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Protocol, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    LAYER,
    Base,
    Document,
    Platform,
    digest_of,
    hexadecimal,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import DIGEST
from ansible_collections.servicemesh.platform.plugins.module_utils.images.store import (
    CONTENTS,
    DOCKER_CONTENTS,
    Store,
    blob_name,
    digest_in,
    has,
    read,
    read_json,
)

_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_GZIP = b"\x1f\x8b"
_DEPTH = 4
"""How many indexes may stand in one another."""


class Origin(Protocol):
    """Where documents and layers come from."""

    name: str

    def top(self) -> Document:
        """The manifest or index, with the key `digest` for its own digest, which is empty when it has none."""

    def blob(self, descriptor: Document) -> bytes:
        """A document. Raises ImageError when it is not there."""

    def copy(self, descriptor: Document, target: Path) -> None:
        """Write a layer to a file. Raises ImageError when it is not there."""


class StoreOrigin:
    """An OCI layout. digest: which of its images; empty for the only one."""

    def __init__(self, store: Store, digest: str = "") -> None:
        self.name = str(store.path)
        self._store = store
        self._digest = digest

    def top(self) -> Document:
        """See Origin."""
        entries: List[Document] = read_json(self._store, CONTENTS).get("manifests") or []
        if self._digest:
            return self._document({"digest": self._digest})
        if len(entries) == 1:
            return self._document(entries[0])
        if entries and all("platform" in entry for entry in entries):
            return {"manifests": entries, "digest": ""}
        found = ", ".join(entry["digest"] for entry in entries) or "none"
        raise ImageError(
            f"{self.name} holds {len(entries)} images: {found}.", f"Name one of them: {self.name}@sha256:..."
        )

    def blob(self, descriptor: Document) -> bytes:
        """See Origin."""
        return read(self._store, blob_name(descriptor["digest"]))

    def copy(self, descriptor: Document, target: Path) -> None:
        """See Origin."""
        copy_file(self._store, blob_name(descriptor["digest"]), target)

    def _document(self, descriptor: Document) -> Document:
        return {**checked_document(self, descriptor), "digest": descriptor["digest"]}


class DockerOrigin:
    """An archive as `docker save` writes it: layers by file name, no digest of a manifest."""

    def __init__(self, store: Store) -> None:
        self.name = str(store.path)
        self._store = store
        self._names: Dict[str, str] = {}

    def top(self) -> Document:
        """See Origin."""
        images = read_json(self._store, DOCKER_CONTENTS)
        if len(images) != 1:
            raise ImageError(f"{self.name} holds {len(images)} images.", "Save one image into each archive.")
        return {
            "config": self._described(images[0]["Config"], ""),
            "layers": [self._described(name, self._media_type(name)) for name in images[0]["Layers"]],
            "digest": "",
        }

    def blob(self, descriptor: Document) -> bytes:
        """See Origin."""
        return read(self._store, self._names[descriptor["digest"]])

    def copy(self, descriptor: Document, target: Path) -> None:
        """See Origin."""
        copy_file(self._store, self._names[descriptor["digest"]], target)

    def _described(self, name: str, media_type: str) -> Document:
        try:
            digest = digest_in(self._store, name)
            with self._store.open(name) as stream:
                size = stream.seek(0, 2)
        except KeyError as error:
            raise ImageError(f"{self.name} lacks {name}.", "Save the image anew.") from error
        self._names[digest] = name
        return {"mediaType": media_type, "digest": digest, "size": size}

    def _media_type(self, name: str) -> str:
        if not has(self._store, name):
            return LAYER  # `_described` tells that it is not there
        with self._store.open(name) as stream:
            return LAYER + "+gzip" if stream.read(2) == _GZIP else LAYER


def origin_of(store: Store, digest: str = "") -> Origin:
    """The images in a folder or archive. Raises ImageError when there are none."""
    if has(store, CONTENTS):
        return StoreOrigin(store, digest)
    if has(store, DOCKER_CONTENTS):
        return DockerOrigin(store)
    raise ImageError(
        f"{store.path} is no image: it has neither {CONTENTS} nor {DOCKER_CONTENTS}.",
        "Name an OCI layout, or an archive as `docker save`, `podman save` or `crane pull` write it.",
    )


def base_for(origin: Origin, platform: Platform) -> Base:
    """The image of an origin for a platform. Raises ImageError when it has none, or one that is broken."""
    try:
        document = _manifest(origin, platform)
        config = checked_document(origin, document["config"])
        layers = [_as_oci(origin, layer) for layer in document["layers"]]
        if len(config["rootfs"]["diff_ids"]) != len(layers):
            raise ImageError(f"{origin.name} is broken: its configuration and its manifest differ in their layers.")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ImageError(
            f"{origin.name} is no image as Docker or OCI define it: {error!r}.", "Name another base."
        ) from error
    return Base(config, layers, document["digest"])


def labels_of(origin: Origin) -> Dict[str, str]:
    """The labels of an image, of the first one of an index."""
    document = origin.top()
    for _level in range(_DEPTH):
        if "manifests" not in document:
            break
        document = checked_document(origin, document["manifests"][0])
    config = checked_document(origin, document["config"])
    return dict((config.get("config") or {}).get("Labels") or {})


def checked_document(origin: Origin, descriptor: Document) -> Document:
    """A document, when it is what its digest says."""
    text = origin.blob({**descriptor, "digest": _known_digest(origin, descriptor)})
    check(origin.name, descriptor["digest"], f"sha256:{hashlib.sha256(text).hexdigest()}")
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise ImageError(f"{descriptor['digest']} of {origin.name} is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ImageError(f"{descriptor['digest']} of {origin.name} is no JSON object.")
    return document


def fetch_layers(base: Base, copy: Callable[[Document, Path], None], blobs: Path, name: str) -> None:
    """Have the layers of a base in a folder of blobs. Raises ImageError when one is not what its digest says."""
    for layer in base.layers:
        target = blobs / hexadecimal(layer["digest"])
        if target.exists():
            continue
        unfinished = blobs / ".fetched"
        copy(layer, unfinished)
        check(name, layer["digest"], digest_of(unfinished))
        unfinished.replace(target)


def check(name: str, wanted: str, found: str) -> None:
    """Raise ImageError when content is not what its digest says."""
    if wanted != found:
        raise ImageError(
            f"{name} gives other content than its digest says: {found} instead of {wanted}.",
            "Do not use it; copy it anew from a source that you trust.",
        )


def copy_file(store: Store, name: str, target: Path) -> None:
    """Write a file of a store to disk."""
    try:
        with store.open(name) as source, target.open("wb") as stream:
            shutil.copyfileobj(source, stream)
    except KeyError as error:
        raise ImageError(f"{store.path} lacks {name}.", "It is not a whole image: make or copy it anew.") from error


def _manifest(origin: Origin, platform: Platform) -> Document:
    """The manifest for a platform, with the key `digest`."""
    document = origin.top()
    for _level in range(_DEPTH):
        if "manifests" not in document:
            return document
        chosen = _choice(origin.name, document["manifests"], platform)
        document = {**checked_document(origin, chosen), "digest": chosen["digest"]}
    raise ImageError(f"{origin.name} has indexes within indexes.", "Name the image itself, by its digest.")


def _choice(name: str, entries: Sequence[Document], platform: Platform) -> Document:
    for entry in entries:
        if platform.fits(entry.get("platform") or {}):
            return entry
    known = sorted({_platform(entry.get("platform") or {}) for entry in entries} - {"unknown/unknown"})
    raise ImageError(
        f"{name} has no image for {platform}, only for {', '.join(known) or 'no platform'}.",
        "Name a base that has one, or leave the platform out.",
    )


def _platform(known: Mapping[str, Any]) -> str:
    return "/".join(str(known[key]) for key in ("os", "architecture", "variant") if known.get(key)) or "unknown/unknown"


def _as_oci(origin: Origin, layer: Document) -> Document:
    media_type = str(layer["mediaType"])
    if "foreign" in media_type or "nondistributable" in media_type:
        raise ImageError(
            f"{origin.name} has a layer that may not be distributed ({layer['digest']}).", "Name another base."
        )
    if media_type.startswith(_DOCKER_LAYER):
        media_type = LAYER + media_type[len(_DOCKER_LAYER) :].replace(".", "+")
    return {"mediaType": media_type, "digest": _known_digest(origin, layer), "size": layer["size"]}


def _known_digest(origin: Origin, descriptor: Document) -> str:
    """The digest in a descriptor. It becomes a part of paths, so nothing else may come through."""
    digest = str(descriptor["digest"])
    if not DIGEST.fullmatch(digest):
        raise ImageError(f"{origin.name} names a part by {digest[:80]!r}, which is no SHA-256.", "Name another base.")
    return digest
