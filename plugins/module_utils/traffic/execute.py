# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program in a container, over the API server.

This is the WebSocket protocol of the API server: the first byte of a message is its channel.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from threading import Event
from typing import Any, Dict, NamedTuple, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.streams import open_socket, refusal
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import TrafficError

with suppress(ImportError):  # it comes with the package kubernetes, without which there is no session
    import websocket

_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_LOOK = 0.5
"""Seconds after which a silent connection is left for a look at the clock and at whether to stop."""
_TOLD = 500


class Container(NamedTuple):
    """Where the program runs."""

    namespace: str
    pod: str
    name: str

    def __str__(self) -> str:
        return f"container {self.name} of pod {self.namespace}/{self.pod}"


def run_program(
    connection: Connection, container: Container, command: Sequence[str], seconds: float, stop: Event
) -> str:
    """What the program writes to its standard output. Stops waiting (not the program) after ``seconds``, or when told.

    Raises TrafficError when it cannot be run, fails, or does not end in time.
    """
    socket = _connect(connection, container, command)
    try:
        return _output(socket, container, time.monotonic() + seconds, stop)
    except (websocket.WebSocketException, OSError) as error:
        raise TrafficError(f"{container}: the connection broke off while the program ran ({error})") from error
    finally:
        socket.close()


def _connect(connection: Connection, container: Container, command: Sequence[str]) -> Any:
    query = [("container", container.name), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in command]
    path = f"/api/v1/namespaces/{container.namespace}/pods/{container.pod}/exec"
    try:
        return open_socket(connection, path, query, _PROTOCOLS)
    except websocket.WebSocketBadStatusException as error:
        raise _refused(container, error) from error
    except (websocket.WebSocketException, OSError) as error:
        raise TrafficError(f"{container}: nothing can be run there, for the API server ended it: {error}") from error


def _refused(container: Container, error: Any) -> TrafficError:
    mend = {
        401: " Are the credentials still valid?",
        403: " Allow get and create on pods/exec in this namespace to who runs this.",
        404: " It may have been removed meanwhile.",
    }.get(error.status_code, "")
    return TrafficError(
        f"{container}: running a program there was refused (HTTP {error.status_code}): {refusal(error)[:_TOLD]}.{mend}"
    )


def _output(socket: Any, container: Container, deadline: float, stop: Event) -> str:
    socket.settimeout(_LOOK)
    texts: Dict[int, bytes] = {_STDOUT: b"", _STDERR: b"", _STATUS: b""}
    while not texts[_STATUS]:
        if stop.is_set():
            raise TrafficError(f"{container}: told to stop")
        if time.monotonic() > deadline:
            raise TrafficError(f"{container}: the program did not end in time. Give a longer timeout")
        try:
            code, message = socket.recv_data()
        except websocket.WebSocketTimeoutException:
            continue
        if code == websocket.ABNF.OPCODE_CLOSE:
            break
        if message and message[0] in texts:
            texts[message[0]] += message[1:]
    _check(container, texts)
    return texts[_STDOUT].decode(errors="replace")


def _check(container: Container, texts: Dict[int, bytes]) -> None:
    """Raise TrafficError unless the API server says that the program has ended well."""
    try:
        status = json.loads(texts[_STATUS])
    except ValueError:
        raise TrafficError(f"{container}: the connection ended before the program did") from None
    if status.get("status") == "Success":
        return
    said = texts[_STDERR].decode(errors="replace").strip() or str(status.get("message"))
    raise TrafficError(
        f"{container}: the program failed: {said[:_TOLD]}. The container must hold the program traffic-probe of this "
        "collection"
    )
