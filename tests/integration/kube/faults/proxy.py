# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between us and the API server and does harm: a proxy for requests, and a pipe for bytes.

The proxy speaks plain HTTP with us and is the cluster's administrator on its other side, so it sees requests
and can answer in the server's place. The pipe sees only the bytes of our own TLS connection with the server.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import itertools
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

import yaml

BEFORE, MIDWAY, AFTER = "before", "midway", "after"
"""When the proxy closes the connection: before the server got the request, in the middle of its answer, or with
the request done and none of the answer passed on."""


@dataclass(frozen=True)
class Fault:
    """What is done to a request: a connection that is cut, an answer that the server did not give, or a delay.

    ``until`` holds it back until the event.
    """

    cut: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0
    until: Optional[threading.Event] = None


@dataclass(frozen=True)
class Seen:
    """A request, and what was done to it."""

    number: int
    method: str
    path: str
    fault: Optional[Fault] = None


Plan = Callable[[Seen], Optional[Fault]]


def every(nth: int, fault: Fault, methods: tuple[str, ...] = ("GET", "PATCH", "DELETE")) -> Plan:
    """The fault for every nth request with one of the methods."""
    numbers = itertools.count(1)
    lock = threading.Lock()

    def plan(seen: Seen) -> Optional[Fault]:
        if seen.method not in methods:
            return None
        with lock:
            return fault if next(numbers) % nth == 0 else None

    return plan


def burst(start: int, length: int, fault: Fault, methods: tuple[str, ...] = ("GET", "PATCH", "DELETE")) -> Plan:
    """The fault for so many requests in a row, from the start-th on that has one of the methods."""
    numbers = itertools.count(1)
    lock = threading.Lock()

    def plan(seen: Seen) -> Optional[Fault]:
        if seen.method not in methods:
            return None
        with lock:
            return fault if start <= next(numbers) < start + length else None

    return plan


class Upstream:
    """The API server of a kubeconfig, and how its administrator reaches it."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self.address = urlsplit(cluster["server"])
        for name, data in (("crt", user["client-certificate-data"]), ("key", user["client-key-data"])):
            (folder / f"admin.{name}").write_bytes(base64.b64decode(data))
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._context.load_cert_chain(folder / "admin.crt", folder / "admin.key")

    def connect(self) -> http.client.HTTPSConnection:
        host, port = self.address.hostname or "", self.address.port
        return http.client.HTTPSConnection(host, port, context=self._context, timeout=60)


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on, except for what its plan says. Watches are not passed on."""

    daemon_threads = True

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.plan: Plan = lambda _seen: None
        self.seen: list[Seen] = []
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()

    @property
    def connection(self) -> dict[str, Any]:
        """Connection options that lead through here."""
        return {"host": f"http://127.0.0.1:{self.server_port}"}

    @property
    def faults(self) -> list[Seen]:
        """The requests that something was done to."""
        return [seen for seen in self.seen if seen.fault]

    def note(self, method: str, path: str) -> Seen:
        with self._guard:
            seen = Seen(next(self._numbers), method, path)
            seen = Seen(seen.number, method, path, self.plan(seen))
            self.seen.append(seen)
        return seen

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what this is for."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._upstream = self.server.upstream.connect()

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.note(self.command, self.path).fault or Fault()
        time.sleep(fault.delay)
        if fault.until:
            fault.until.wait(60)
        if fault.cut == BEFORE:
            self.close_connection = True
        elif fault.status:
            content = fault.body if isinstance(fault.body, bytes) else json.dumps(fault.body).encode()
            self._answer(fault.status, {"Content-Type": "application/json", **fault.headers}, content)
        else:
            self._pass_on(body, fault.cut)

    do_GET = do_PATCH = do_DELETE = do_POST = do_PUT = _handle  # noqa: N815 - the names that the base class looks for

    def _pass_on(self, body: bytes, cut: str) -> None:
        headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Content-Length")}
        self._upstream.request(self.command, self.path, body or None, headers)
        response = self._upstream.getresponse()
        content = response.read()
        if cut == AFTER:
            self.close_connection = True
            return
        kept = {name: value for name, value in response.getheaders() if name in ("Content-Type", "Warning")}
        self._answer(response.status, kept, content, len(content) // 2 if cut == MIDWAY else None)

    def _answer(self, status: int, headers: dict[str, str], content: bytes, shown: Optional[int] = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:shown])
        self.close_connection = self.close_connection or shown is not None

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


class Pipe:
    """Passes bytes on, and cuts a connection when as many have passed as ``lengths`` says for it."""

    def __init__(self, host: str, port: int, lengths: Iterator[int]) -> None:
        self._target = (host, port)
        self._lengths = lengths
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = False
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._closed = True
        # A mere close would leave the thread in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client, next(self._lengths)), daemon=True).start()

    def _pass_on(self, client: socket.socket, length: int) -> None:
        with client, socket.create_connection(self._target) as server:
            other = {client: server, server: client}
            while not self._closed:
                for one in select.select(list(other), [], [], 0.5)[0]:
                    data = one.recv(min(length, 65536))
                    if not data:
                        return
                    length -= len(data)
                    other[one].sendall(data)
                    if length <= 0:
                        self.cuts += 1
                        return
