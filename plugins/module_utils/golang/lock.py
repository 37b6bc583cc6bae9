# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock between processes that ends with the last process that holds it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import Callable, Iterator

_ATTEMPTS = 20
_PAUSE = 0.05  # seconds


@contextmanager
def exclusive(path: str, on_wait: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock file `path`; when another process has it, call `on_wait` with its process id and wait.

    Gives the file descriptor. A child that inherits it (`pass_fds`) keeps the lock when this process is killed, so
    that nobody starts over while the child is still writing.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(_holder(descriptor))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """The process id that the holder writes, which it does a moment after it has the lock."""
    for _attempt in range(_ATTEMPTS):
        text = os.pread(descriptor, 20, 0).decode("ascii", "replace")
        if text:
            return text
        time.sleep(_PAUSE)
    return "unknown"
