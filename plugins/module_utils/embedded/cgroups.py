# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and removing the cgroups that real nodes leave behind (cgroups(7), versions 1 and 2)."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import List

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError

ROOT = Path("/sys/fs/cgroup")
EMPTY_SECONDS = 10.0
POLL_SECONDS = 0.05


def find(name: str, root: Path = ROOT) -> List[Path]:
    """The folders of the cgroup `name`: one for the unified hierarchy, one for each of version 1."""
    places = [root, *sorted(path for path in root.glob("*") if path.is_dir() and not path.is_symlink())]
    return [place / name for place in places if (place / name).is_dir()]


def remove(name: str) -> None:
    """Remove the cgroup `name` and those below it. Raises EmbeddedError when processes stay in it."""
    deadline = time.monotonic() + EMPTY_SECONDS
    while True:
        for folder in find(name):
            _remove_tree(folder)
        left = find(name)
        if not left:
            return
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{left[0]} cannot be removed: processes are still in it (see its file cgroup.procs)")
        time.sleep(POLL_SECONDS)


def _remove_tree(folder: Path) -> None:
    for parent, _folders, _files in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(parent)
