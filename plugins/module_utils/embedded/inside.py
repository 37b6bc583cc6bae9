# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting inside of a network namespace that this machine has no route to (setns(2); wants root)."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
import socket
from pathlib import Path

CLONE_NEWNET = 0x40000000


def connect(namespace: Path, address: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection from within `namespace`, a file that holds one. Raises OSError.

    A socket belongs to the namespace that its thread was in when it was made, so a thread of its own goes there and
    ends, and the others stay where they are.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as there:
        return there.submit(_connect, namespace, address, port, timeout).result()


def _connect(namespace: Path, address: str, port: int, timeout: float) -> socket.socket:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))
    finally:
        os.close(descriptor)
    return socket.create_connection((address, port), timeout)
