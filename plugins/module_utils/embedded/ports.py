# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback ports: chosen once, remembered, and held until the component that wants them listens.

A reservation binds the port without listening on it. The binding is exclusive when it is made, so two runs never choose
the same port, and is then opened for reuse (SO_REUSEADDR), so the component can listen while the reservation is held:
there is no moment in which somebody else could take the port.
"""

from __future__ import annotations

import random
import socket
from types import TracebackType
from typing import Dict, Iterable, List, Mapping, Optional, Set, Type

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError

LOOPBACK = "127.0.0.1"
# Below the ports that Linux hands out for outgoing connections (32768 and up) and below Kubernetes' node ports (30000).
CHOICE = range(20000, 30000)
ATTEMPTS = 500


class Reservation:
    """Ports by purpose; those of `free` purposes are held until `release` (or the end of the `with` block)."""

    def __init__(self, remembered: Mapping[str, int], purposes: Iterable[str], free: Set[str]) -> None:
        """Keep the remembered ports; choose where nothing is remembered or somebody else took it.

        remembered: purpose -> port of earlier runs. purposes: all that need a port. free: those purposes whose
        component does not run, so that whoever listens on the remembered port is somebody else.
        """
        self.ports: Dict[str, int] = {}
        self.replaced: Dict[str, int] = {}
        self._held: List[socket.socket] = []
        for purpose in purposes:
            known = remembered.get(purpose)
            if known and (purpose not in free or self._hold(known, shared=True)):
                self.ports[purpose] = known
                continue
            if known:
                self.replaced[purpose] = known
            self.ports[purpose] = self._choose(set(remembered.values()) | set(self.ports.values()))

    def release(self) -> None:
        """Let go of the ports."""
        for held in self._held:
            held.close()
        self._held = []

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.release()

    def _choose(self, taken: Set[int]) -> int:
        for port in random.sample(CHOICE, ATTEMPTS):
            if port not in taken and self._hold(port, shared=False):
                return port
        raise EmbeddedError(f"no free port found on {LOOPBACK} between {CHOICE[0]} and {CHOICE[-1]}")

    def _hold(self, port: int, shared: bool) -> bool:
        """Bind `port`. shared: connections of our own last run may still be in TIME_WAIT; only a listener counts."""
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shared))
            held.bind((LOOPBACK, port))
        except OSError:
            held.close()
            return False
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.append(held)
        return True
