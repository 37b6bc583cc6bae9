# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing private files so that a cut-off run never leaves half a file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Optional

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def make_private_folder(path: Path) -> None:
    """Make `path` (and what is missing above it) with mode 0700."""
    # Not with `parents=True`: that leaves the folders above to the umask.
    for folder in reversed((path, *path.parents)):
        if not folder.is_dir():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    path.chmod(PRIVATE_FOLDER)


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to `path` with mode 0600, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(handle.fileno(), PRIVATE_FILE)
        handle.write(content)
    temporary.replace(path)


def read_optional(path: Path) -> Optional[bytes]:
    """The content of `path`, or None when there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def is_private(path: Path) -> bool:
    """Whether nobody but its owner can read or write `path`."""
    return path.stat().st_mode & 0o077 == 0


def remove_optional(path: Path) -> None:
    """Remove the file `path` when it is there."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
