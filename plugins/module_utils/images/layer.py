# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the layers of an image: tar archives that depend on nothing but the content (OCI image-spec 1.1, layer.md).

Files are sorted, belong to root, and have no time but the beginning of 1970. Of the permissions that a file has only
those are kept that do not depend on somebody's umask. Extended attributes and hard links are not kept.
"""

from __future__ import annotations

import os
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError, MissingFile

# What distributions have as a link (bin -> usr/bin) or with permissions of its own (tmp: 1777, root: 0700). A layer
# that says that they are plain folders would replace the link, and with it all programs of the base.
OWNED_BY_BASE = frozenset(
    (
        *("bin", "dev", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "sys", "tmp"),
        *("usr/bin", "usr/lib", "usr/lib32", "usr/lib64", "usr/libx32", "usr/local/sbin", "usr/sbin"),
        *("var/lock", "var/mail", "var/run", "var/tmp"),
    )
)
_FOLDER_MODES = {"tmp": 0o1777, "var/tmp": 0o1777}
_FOLDER_MODE = 0o755
# How the specification marks what a layer removes.
_WHITEOUT = ".wh."


@dataclass(frozen=True)
class File:
    """A file of an image, or a folder with its content.

    source: where it is; a link is followed, links within a folder are kept. path: where it stands in the image.
    mode: the permissions of files; None for those that `source` has.
    """

    source: Path
    path: str
    mode: Optional[int] = None


def write_layer(files: Sequence[File], stream: BinaryIO, on_base: bool = False) -> None:
    """Write a layer with these files and the folders above them; of two with the same path the later one counts.

    `on_base`: whether it comes on top of an image that has its folders already. Raises ImageError for what a layer
    cannot hold, MissingFile for what is not there, OSError for what cannot be read.
    """
    known: Dict[str, File] = {}
    for file in files:
        known.update(_expanded(file))
    folders = _folders(known)
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in folders:
            if not (on_base and folder in OWNED_BY_BASE):
                archive.addfile(_entry(folder, tarfile.DIRTYPE, _FOLDER_MODES.get(folder, _FOLDER_MODE)))
        for path, file in sorted(known.items()):
            if path not in folders:
                add_file(archive, path, file)


def add_file(archive: tarfile.TarFile, path: str, file: File) -> None:
    """Write a file or a link."""
    if file.source.is_symlink():
        entry = _entry(path, tarfile.SYMTYPE, 0o777)
        entry.linkname = os.readlink(file.source)
        archive.addfile(entry)
        return
    status = file.source.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(
            f"{file.source} is neither a file nor a folder nor a link.",
            "Leave sockets, pipes and devices out of what goes into an image.",
        )
    mode = file.mode if file.mode is not None else (0o755 if status.st_mode & 0o100 else 0o644)
    entry = _entry(path, tarfile.REGTYPE, mode)
    entry.size = status.st_size
    with file.source.open("rb") as content:
        archive.addfile(entry, content)


def place(path: str) -> str:
    """A path in an image as layers have it: without the slash at the beginning."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ImageError(f"The path {path} in the image leads upwards.", "Write an absolute path without '..'.")
    for part in parts:
        if part.startswith(_WHITEOUT):
            raise ImageError(
                f"The path {path} would remove a file of the base: names with {_WHITEOUT} mean that in a layer.",
                "Give the file another name.",
            )
    return "/".join(parts)


def _expanded(file: File) -> Iterator[Tuple[str, File]]:
    """The file itself, or a folder and all that is in it."""
    source = file.source.resolve() if file.source.is_symlink() else file.source
    if not source.exists():
        raise MissingFile(f"{file.source}, which goes to {file.path or '/'} in the image, is not there.")
    if not source.is_dir():
        path = place(file.path)
        if not path:
            raise ImageError(f"{file.source} is a file, but its place in the image is /.", "Name a file as its place.")
        yield path, File(source, path, file.mode)
        return
    for found in (source, *_below(source)):
        path = place(f"{file.path}/{found.relative_to(source)}")
        if path:
            yield path, File(found, path, file.mode)


def _below(folder: Path) -> Iterator[Path]:
    """All that is in a folder. Other than with `rglob`, what may not be looked at is an error."""
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def _folders(known: Mapping[str, File]) -> List[str]:
    """All folders, upper ones first: the known ones and those above what is known."""
    own = {path for path, file in known.items() if file.source.is_dir() and not file.source.is_symlink()}
    found = set(own)
    for path, file in known.items():
        for parent in map(str, PurePosixPath(path).parents):
            if parent in known and parent not in own:
                raise ImageError(
                    f"{file.source} goes to /{path} in the image, but /{parent} is a file or a link there "
                    f"({known[parent].source}).",
                    "Give one of them another place.",
                )
            found.add(parent)
    return sorted(found - {"."})


def _entry(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.mtime = kind, mode, 0
    return entry
