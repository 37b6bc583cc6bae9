# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing private files so that a cut-off run never leaves half a file."""

from __future__ import annotations

import os
from typing import Optional

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def make_private_folder(path: str) -> None:
    """Make `path` (and what is missing above it) with mode 0700."""
    os.makedirs(path, mode=PRIVATE_FOLDER, exist_ok=True)
    os.chmod(path, PRIVATE_FOLDER)


def write_private(path: str, content: bytes) -> None:
    """Write `content` to `path` with mode 0600, whole or not at all."""
    temporary = path + ".new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(handle.fileno(), PRIVATE_FILE)
        handle.write(content)
    os.replace(temporary, path)


def read_optional(path: str) -> Optional[bytes]:
    """The content of `path`, or None when there is no such file."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def is_private(path: str) -> bool:
    """Whether nobody but its owner can read or write `path`."""
    return os.stat(path).st_mode & 0o077 == 0


def remove_optional(path: str) -> None:
    """Remove the file `path` when it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
