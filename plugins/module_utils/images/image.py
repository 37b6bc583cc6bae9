# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that is wanted: what it is made of, where it goes, and whether it is there already."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.images import store
from ansible_collections.servicemesh.platform.plugins.module_utils.images.base import (
    Origin,
    StoreOrigin,
    base_for,
    fetch_layers,
    labels_of,
    origin_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.crane import Crane, RegistryOrigin
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    Base,
    Document,
    Layout,
    Recipe,
    write_archive,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import DIGEST, Reference, parse

SCRATCH = "scratch"
_PATH_BEGINNINGS = ("/", "./", "../", "~")
_HIDDEN = ".oci-image-"


@dataclass(frozen=True)
class Place:
    """Where an image is written. is_archive: one file instead of a folder."""

    path: Path
    is_archive: bool


@dataclass(frozen=True)
class Wanted:
    """What is asked for. recipes: one for each platform. base: as the option of the module has it."""

    recipes: Sequence[Recipe]
    base: str = SCRATCH
    reference: Optional[Reference] = None
    push: bool = False
    place: Optional[Place] = None


@dataclass(frozen=True)
class Existing:
    """The image that is somewhere before anything is done."""

    digest: str
    labels: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What was done, or would be. size: bytes of the whole image. before: by place, None where there is nothing."""

    descriptor: Document
    images: Sequence[Document]
    size: int
    written: bool
    pushed: bool
    before: Dict[str, Optional[Existing]]
    labels: Dict[str, str]


class _Image:
    """An image of which everything is written but the layers of its base."""

    def __init__(self, layout: Layout, wanted: Wanted, origin: Optional[Origin]) -> None:
        self.layout = layout
        self._origin = origin
        self._bases: List[Base] = []
        self.images = [self._add(recipe) for recipe in wanted.recipes]
        single = len(self.images) == 1
        self.descriptor = self.images[0] if single else layout.bundle(self.images)
        layout.close({wanted.reference.exact if wanted.reference else "": self.descriptor})
        self.parts = {part["digest"]: part["size"] for part in layout.parts(self.descriptor)}

    def complete(self) -> None:
        """Have the layers of the base too."""
        for base in self._bases:
            if self._origin:
                fetch_layers(base, self._origin.copy, self.layout.blobs, self._origin.name)

    def _add(self, recipe: Recipe) -> Document:
        if self._origin is None:
            return self.layout.add(recipe)
        base = base_for(self._origin, recipe.platform)
        self._bases.append(base)
        return self.layout.add(recipe, base)


def ensure_present(
    wanted: Wanted, crane: Crane, check_mode: bool, look: bool, say: Callable[[str], None] = lambda _text: None
) -> Result:
    """Have an image where it is wanted; in check mode only tell. `look`: tell the labels of what was there before.

    Raises ImageError, OSError.
    """
    if wanted.place:
        store.replaceable(*_parts(wanted.place))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_HIDDEN, dir=_near(wanted, check_mode))))
        say("putting the image together")
        image = _Image(Layout(folder / "layout"), wanted, _origin(wanted.base, crane, stack))
        digest = image.descriptor["digest"]
        write = wanted.place is not None and not _stands(image, wanted.place)
        push = wanted.push and wanted.reference is not None and crane.digest(wanted.reference) != digest
        before = _before(wanted, crane) if look else {}
        labels = labels_of(StoreOrigin(store.Folder(image.layout.root)))
        if (write or push) and not check_mode:
            image.complete()
            _deliver(image, folder, wanted, crane, write, push, say)
        return Result(image.descriptor, image.images, sum(image.parts.values()), write, push, before, labels)


def ensure_absent(wanted: Wanted, crane: Crane, check_mode: bool) -> Dict[str, Optional[Existing]]:
    """Remove an image from where it is; what was there, by place. Raises ImageError, OSError."""
    before = _before(wanted, crane, labels=False)
    place, reference = wanted.place, wanted.reference
    if place:
        store.replaceable(*_parts(place))
    if check_mode:
        return before
    if place and before.get("path"):
        _remove(place)
    in_registry = before.get("registry")
    if in_registry and reference:
        crane.delete(reference, in_registry.digest)
    return before


def _parts(place: Place) -> Tuple[Path, bool]:
    return place.path, place.is_archive


def _near(wanted: Wanted, check_mode: bool) -> Optional[Path]:
    """The folder to work in: where the image goes, so that it gets there in one step; None for the temporary one."""
    if wanted.place is None or check_mode:
        return None
    parent = wanted.place.path.parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def _origin(base: str, crane: Crane, stack: ExitStack) -> Optional[Origin]:
    if base in ("", SCRATCH):
        return None
    if not base.startswith(_PATH_BEGINNINGS):
        return RegistryOrigin(crane, parse(base, "base"))
    path, at, digest = base.rpartition("@")
    if not at or not DIGEST.fullmatch(digest):
        path, digest = base, ""
    return origin_of(stack.enter_context(store.opened(Path(path).expanduser())), digest)


def _stands(image: _Image, place: Place) -> bool:
    if not place.path.exists():
        return False
    contents = (image.layout.root / store.CONTENTS).read_bytes()
    return store.holds(place.path, contents, image.parts)


def _deliver(
    image: _Image, folder: Path, wanted: Wanted, crane: Crane, write: bool, push: bool, say: Callable[[str], None]
) -> None:
    if push and wanted.reference:
        size = sum(image.parts.values()) / 1e6
        say(f"pushing {wanted.reference.exact} ({size:.0f} MB)")
        crane.push(image.layout.root, wanted.reference)
    if write and wanted.place:
        say(f"writing {wanted.place.path}")
        _write(image.layout.root, folder, wanted.place)


def _write(layout: Path, folder: Path, place: Place) -> None:
    if place.is_archive:
        finished = folder / "image.tar"
        write_archive(layout, finished)
        finished.replace(place.path)
        return
    if place.path.exists():
        place.path.rename(folder / "replaced")  # goes with the temporary folder
    layout.rename(place.path)


def _remove(place: Place) -> None:
    if place.is_archive:
        place.path.unlink()
        return
    with tempfile.TemporaryDirectory(prefix=_HIDDEN, dir=place.path.parent) as folder:
        os.rename(place.path, Path(folder, "removed"))


def _before(wanted: Wanted, crane: Crane, labels: bool = True) -> Dict[str, Optional[Existing]]:
    """What is at the places, by their names."""
    found: Dict[str, Optional[Existing]] = {}
    if wanted.place:
        found["path"] = _on_disk(wanted.place.path)
    if wanted.reference and wanted.push:
        digest = crane.digest(wanted.reference)
        origin = RegistryOrigin(crane, wanted.reference)
        found["registry"] = Existing(digest, _labels(origin) if labels else {}) if digest else None
    return found


def _on_disk(path: Path) -> Optional[Existing]:
    if not path.exists():
        return None
    try:
        with store.opened(path) as image:
            origin = origin_of(image)
            return Existing(origin.top()["digest"], _labels(origin))
    except (ImageError, KeyError, TypeError, AttributeError):
        return Existing("")  # something that is no image, or no whole one


def _labels(origin: Origin) -> Dict[str, str]:
    try:
        return labels_of(origin)
    except (ImageError, KeyError, TypeError, AttributeError, ValueError):
        return {}  # artefacts that are no images have none
