# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A very small HTTPS client for loopback: JSON over a client certificate, standard library only."""

from __future__ import annotations

import http.client
import json
import ssl
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Optional, Tuple, Type

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import inside
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import LOOPBACK


class Client:
    """One kept connection to `port` of `address`.

    Errors are OSError (also those of TLS) or http.client.HTTPException.
    """

    def __init__(
        self,
        port: int,
        authority: Path,
        certificate: Path,
        key: Path,
        timeout: float = 5.0,
        address: str = LOOPBACK,
        namespace: Optional[Path] = None,
    ) -> None:
        """authority, certificate, key: PEM files. timeout: seconds for connecting and for each answer.

        namespace: the network namespace to connect from, when it is another one.
        """
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority)
        context.load_cert_chain(certificate, key)
        self._connection = http.client.HTTPSConnection(address, port, timeout=timeout, context=context)
        self._inside = partial(_connect, self._connection, context, namespace, timeout) if namespace else None

    def request(
        self, method: str, path: str, body: Optional[Dict[str, Any]] = None, content_type: str = "application/json"
    ) -> Tuple[int, bytes]:
        """Send and give (status, content)."""
        payload = json.dumps(body).encode() if body is not None else None
        headers = {"Accept": "application/json"}
        if payload is not None:
            headers["Content-Type"] = content_type
        if self._inside and self._connection.sock is None:
            self._inside()
        self._connection.request(method, path, body=payload, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _connect(connection: http.client.HTTPSConnection, context: ssl.SSLContext, namespace: Path, timeout: float) -> None:
    plain = inside.connect(namespace, connection.host, connection.port, timeout)
    connection.sock = context.wrap_socket(plain, server_hostname=connection.host)
