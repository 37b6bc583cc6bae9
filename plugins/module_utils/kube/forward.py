# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests to a port of a pod, over the API server: also to what listens on the loopback device of the pod only.

This is the WebSocket protocol of port forwarding: each port has a channel for its data and one for what went wrong, and
both begin with the number of the port. No program is started in the pod for it.
"""

from __future__ import annotations

import http.client
import io
import json
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Optional, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.streams import open_socket, refusal

with suppress(ImportError):  # it comes with the package kubernetes, without which there is no session
    import websocket

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_TOLD = 300


class Port(NamedTuple):
    """A port of a pod."""

    namespace: str
    pod: str
    number: int

    def __str__(self) -> str:
        return f"port {self.number} of pod {self.namespace}/{self.pod}"


class ForwardFailed(KubeError):
    """A port of a pod cannot be asked. ``is_forbidden``: who runs this may not."""

    def __init__(self, port: Port, reason: str, is_forbidden: bool = False) -> None:
        super().__init__(f"{port} {reason}")
        self.reason = f"port {port.number} {reason}"
        """The same without the name of the pod."""
        self.is_forbidden = is_forbidden


class Answer(NamedTuple):
    """An answer with status 200. ``date``: the time there, as far as it was told."""

    body: bytes
    date: datetime

    def json(self) -> Any:
        """The answer decoded. Raises ValueError."""
        return json.loads(self.body)


class Forward:
    """A connection to a port, for requests one after the other. ``seconds``: how long to wait for each byte."""

    def __init__(self, connection: Connection, port: Port, seconds: float) -> None:
        """Raises ForwardFailed."""
        self._port = port
        self._socket = _open(connection, port)
        self._socket.settimeout(seconds)
        self._http = http.client.HTTPConnection("localhost", port.number)
        self._http.sock = _Tunnel(self._socket, port)

    def get(self, path: str) -> Answer:
        """Ask for a path. Raises ForwardFailed for everything but an answer with status 200."""
        try:
            self._http.request("GET", path)
            response = self._http.getresponse()
            body = response.read()
        except (http.client.HTTPException, websocket.WebSocketException, OSError) as error:
            raise ForwardFailed(self._port, f"gave no answer to {path}: {error or type(error).__name__}") from error
        if response.status != 200:
            said = body.decode(errors="replace").strip().partition("\n")[0][:_TOLD]
            raise ForwardFailed(self._port, f"answers {path} with HTTP {response.status}: {said}")
        return Answer(body, _date(response.getheader("Date")))

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, *_reason: object) -> None:
        # Not close(), which waits for the other side to say good-bye.
        self._socket.shutdown()


def _open(connection: Connection, port: Port) -> Any:
    path = f"/api/v1/namespaces/{port.namespace}/pods/{port.pod}/portforward"
    try:
        return open_socket(connection, path, [("ports", str(port.number))], [_PROTOCOL])
    except websocket.WebSocketBadStatusException as error:
        is_forbidden = error.status_code in (401, 403)
        mend = " Allow get and create on pods/portforward in this namespace to who runs this." if is_forbidden else ""
        told = refusal(error)[:_TOLD].rstrip(".")
        reason = f"cannot be reached over the API server (HTTP {error.status_code}): {told}.{mend}"
        raise ForwardFailed(port, reason, is_forbidden) from error
    except (websocket.WebSocketException, OSError) as error:
        raise ForwardFailed(port, f"cannot be reached over the API server: {error}") from error


def _date(header: Optional[str]) -> datetime:
    try:
        return parsedate_to_datetime(header or "").replace(tzinfo=timezone.utc)
    except (TypeError, ValueError):
        return datetime.now(timezone.utc)


class _Tunnel:
    """What http.client needs of a socket."""

    def __init__(self, socket: Any, port: Port) -> None:
        self._socket = socket
        self._reader = _Reader(socket, port)

    def sendall(self, data: Union[bytes, bytearray]) -> None:
        self._socket.send_binary(bytes([_DATA]) + bytes(data))

    def makefile(self, _mode: str) -> io.BufferedReader:
        # Who closes the file of an answer must not close the reader, which the next answer needs.
        return io.BufferedReader(_Borrowed(self._reader))

    def close(self) -> None:
        """The socket is closed by who opened it."""


class _Borrowed(io.RawIOBase):
    """The reader, for as long as one answer takes."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._reader.readinto(buffer)


class _Reader:
    """The bytes of the data channel. Raises OSError for what the other channel says."""

    def __init__(self, socket: Any, port: Port) -> None:
        self._socket = socket
        self._port = port
        self._rest = b""
        self._begun = {_DATA: False, _ERROR: False}

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            code, message = self._socket.recv_data()
            if code == websocket.ABNF.OPCODE_CLOSE:
                return 0
            if message:
                self._take(message[0], message[1:])
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def _take(self, channel: int, data: bytes) -> None:
        if not self._begun.get(channel, True):
            self._begun[channel] = True  # the number of the port
        elif channel == _ERROR:
            raise OSError(data.decode(errors="replace").strip()[:_TOLD])
        elif channel == _DATA:
            self._rest += data
