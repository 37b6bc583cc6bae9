# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: a bare script that sends ready-made requests over eight plain keep-alive connections.

Nothing is read, checked, compared or decided here; a client that does its work with as many requests cannot be much
faster than this. Needs nothing but Python's own library.

Usage: python -I floor.py SERVER REQUESTS. SERVER (JSON): host, port, authority, certificate, key (PEM files).
REQUESTS (JSON): a list of waves, each a list of [method, path, body]; a wave begins when the one before it is answered.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

CONNECTIONS = 8
TYPES = {"PATCH": "application/apply-patch+yaml", "POST": "application/json"}

Request = Tuple[str, str, Optional[str]]


def send(server: Dict[str, Any], requests: Sequence[Request], keep: bool = False) -> List[bytes]:
    """Send the requests over all connections; give the answers, in no order, when `keep`. Any failure raises."""
    shared = iter(requests)
    answers: List[bytes] = []
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        kept = answers if keep else None
        for done in [threads.submit(_work, server, shared, kept) for _worker in range(min(CONNECTIONS, len(requests)))]:
            done.result()
    return answers


def _work(server: Dict[str, Any], requests: Iterator[Request], kept: Optional[List[bytes]]) -> None:
    context = ssl.create_default_context(cafile=server["authority"])
    context.load_cert_chain(server["certificate"], server["key"])
    connection = http.client.HTTPSConnection(server["host"], server["port"], context=context)
    for method, path, body in requests:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = TYPES[method]
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise OSError(f"{method} {path}: {answer.status} {content[:300]!r}")
        if kept is not None:
            kept.append(content)
    connection.close()


def main() -> None:
    """Send all waves."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        server = json.load(stream)
    with open(sys.argv[2], encoding="utf-8") as stream:
        waves = json.load(stream)
    for wave in waves:
        send(server, wave)


if __name__ == "__main__":
    main()
