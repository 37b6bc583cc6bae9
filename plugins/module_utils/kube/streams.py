# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WebSockets of the API server: how to open one with the access of a connection.

The package kubernetes opens them too, but leaves out whom a connection impersonates and the context of TLS.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Dict, List, Sequence, Tuple
from urllib.parse import urlencode, urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import tls
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import Connection

with suppress(ImportError):  # it comes with the package kubernetes, without which there is no session
    import websocket

_CONNECT_TIMEOUT = 10.0


def open_socket(connection: Connection, path: str, query: Sequence[Tuple[str, str]], protocols: Sequence[str]) -> Any:
    """A WebSocket at this path. Raises what the package websocket does, and OSError."""
    scheme, _colon, rest = connection.host.partition("://")
    return websocket.create_connection(
        f"{'wss' if scheme == 'https' else 'ws'}://{rest}{path}?{urlencode(query)}",
        timeout=_CONNECT_TIMEOUT,
        subprotocols=list(protocols),
        header=_headers(connection),
        suppress_origin=True,
        redirect_limit=0,
        **_tls(connection),
        **_proxy(connection),
    )


def refusal(error: Any) -> str:
    """What the API server says against it (of a WebSocketBadStatusException)."""
    text = (error.resp_body or b"").decode(errors="replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text or str(error)


def _headers(connection: Connection) -> List[str]:
    headers = [f"Authorization: {connection.authorization}"] if connection.authorization else []
    if connection.impersonate_user:
        headers.append(f"Impersonate-User: {connection.impersonate_user}")
    return headers + [f"Impersonate-Group: {group}" for group in connection.impersonate_groups]


def _tls(connection: Connection) -> Dict[str, Any]:
    if not connection.host.startswith("https"):
        return {}
    options: Dict[str, Any] = {"context": tls.create_context(connection)}
    if connection.server_name:
        options["server_hostname"] = connection.server_name
    return {"sslopt": options}


def _proxy(connection: Connection) -> Dict[str, Any]:
    """Without a proxy of its own the connection has none: variables of the environment must not redirect it."""
    if not connection.proxy:
        return {"http_no_proxy": ["*"]}
    parts = urlsplit(connection.proxy)
    skipped = [name.strip() for name in connection.no_proxy.split(",") if name.strip()]
    return {"http_proxy_host": parts.hostname, "http_proxy_port": parts.port, "http_no_proxy": skipped or None}
