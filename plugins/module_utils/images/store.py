# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading images that stand on disk: an OCI layout in a folder or in an archive, or an archive of `docker save`."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Iterable, Iterator, Protocol, cast

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import CHUNK, hexadecimal

CONTENTS = "index.json"
DOCKER_CONTENTS = "manifest.json"
_LAYOUT_FILES = {"oci-layout", CONTENTS, "blobs"}


class Store(Protocol):
    """Files by name, wherever they are."""

    path: Path

    def open(self, name: str) -> BinaryIO:
        """A file. Raises KeyError when there is none of this name, OSError when it cannot be read."""

    def close(self) -> None:
        """Give back what was opened."""


class Folder:
    """The files of a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str) -> BinaryIO:
        """See Store."""
        try:
            return (self.path / name).open("rb")
        except FileNotFoundError as error:
            raise KeyError(name) from error

    def close(self) -> None:
        """See Store."""


class Archive:
    """The files of a tar archive, compressed or not."""

    def __init__(self, path: Path) -> None:
        """Raises ImageError when it is no tar archive."""
        self.path = path
        try:
            self._archive = tarfile.open(path)  # noqa: SIM115 - given back by close()
            self._members = {member.name.lstrip("./"): member for member in self._archive.getmembers()}
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise ImageError(f"{path} is no tar archive: {error}.", "Name an archive of an image.") from error

    def open(self, name: str) -> BinaryIO:
        """See Store."""
        content = self._archive.extractfile(self._members[name])  # follows the links of older archives
        if content is None:
            raise KeyError(name)
        return cast(BinaryIO, content)

    def close(self) -> None:
        """See Store."""
        self._archive.close()


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """What stands at a path. Raises ImageError when it is neither folder nor archive."""
    if not path.exists():
        raise ImageError(f"{path} is not there.", "Name a folder with an OCI layout, or an archive of an image.")
    store: Store = Folder(path) if path.is_dir() else Archive(path)
    try:
        yield store
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ImageError(f"{path} is broken: {error}.", "Make or copy it anew.") from error
    finally:
        store.close()


def read(store: Store, name: str) -> bytes:
    """A small file. Raises ImageError when it is not there."""
    try:
        with store.open(name) as stream:
            return stream.read()
    except KeyError as error:
        raise ImageError(f"{store.path} lacks {name}.", "It is not a whole image: make or copy it anew.") from error


def read_json(store: Store, name: str) -> Any:
    """A small document. Raises ImageError when it is not there, or is none."""
    try:
        return json.loads(read(store, name))
    except ValueError as error:
        raise ImageError(f"{name} of {store.path} is no JSON: {error}.", "Make or copy the image anew.") from error


def has(store: Store, name: str) -> bool:
    """Whether there is a file of this name."""
    try:
        store.open(name).close()
    except KeyError:
        return False
    return True


def blob_name(digest: str) -> str:
    """Where a layout has a blob."""
    return f"blobs/sha256/{hexadecimal(digest)}"


def holds(path: Path, contents: bytes, digests: Iterable[str]) -> bool:
    """Whether a layout or archive has just this table of contents, and every blob of it unharmed."""
    try:
        with opened(path) as store:
            whole = read(store, CONTENTS) == contents
            return whole and all(digest_in(store, blob_name(digest)) == digest for digest in digests)
    except (ImageError, KeyError):
        return False


def replaceable(path: Path, is_archive: bool) -> None:
    """Raise ImageError when something stands at a path that is no image of this form, and so not ours to replace."""
    if not path.exists():
        return
    if is_archive:
        if path.is_dir():
            raise ImageError(f"{path} is a folder.", "Name a file, or set format to layout.")
        if path.stat().st_size and not tarfile.is_tarfile(path):
            raise ImageError(f"{path} is no tar archive, and so not ours to replace.", "Name another file.")
        return
    if not path.is_dir():
        raise ImageError(f"{path} is a file.", "Name a folder, or set format to archive.")
    names = {entry.name for entry in path.iterdir()}
    if names and ("oci-layout" not in names or names - _LAYOUT_FILES):
        strange = sorted(names - _LAYOUT_FILES)
        found = f"it holds {strange[0]}" if strange else "it has no file oci-layout"
        raise ImageError(f"{path} is no OCI layout: {found}.", "Name an empty or a new folder.")


def digest_in(store: Store, name: str) -> str:
    """The digest of a file. Raises KeyError when there is none of this name."""
    total = hashlib.sha256()
    with store.open(name) as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            total.update(chunk)
    return f"sha256:{total.hexdigest()}"
