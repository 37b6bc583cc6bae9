# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP proxy that counts: what a client reads from the API server and sends to it, TLS included."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Iterator, List

CHUNK = 64 * 1024


@dataclass
class Counter:
    """Bytes so far. port: where the proxy listens on 127.0.0.1."""

    port: int
    read: int = 0
    sent: int = 0
    connections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, read: int = 0, sent: int = 0, connections: int = 0) -> None:
        """Count on."""
        with self._lock:
            self.read += read
            self.sent += sent
            self.connections += connections


@contextlib.contextmanager
def counting_proxy(target_port: int) -> Iterator[Counter]:
    """A proxy to a port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        counter = Counter(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, target_port, counter), daemon=True).start()
        try:
            yield counter
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target_port: int, counter: Counter) -> None:
    with contextlib.suppress(OSError):  # the listener is closed when the benchmark is through
        while True:
            client, _address = listener.accept()
            server = socket.create_connection(("127.0.0.1", target_port))
            counter.add(connections=1)
            open_ends: List[socket.socket] = [client, server]
            threading.Thread(target=_pump, args=(client, server, counter, False, open_ends), daemon=True).start()
            threading.Thread(target=_pump, args=(server, client, counter, True, open_ends), daemon=True).start()


def _pump(
    source: socket.socket, sink: socket.socket, counter: Counter, reads: bool, open_ends: List[socket.socket]
) -> None:
    with contextlib.suppress(OSError):
        while True:
            chunk = source.recv(CHUNK)
            if not chunk:
                break
            counter.add(read=len(chunk)) if reads else counter.add(sent=len(chunk))
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    open_ends.remove(source)
    if not open_ends:
        source.close()
        sink.close()
