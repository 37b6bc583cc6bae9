# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that sends, against a server whose answers all differ."""

from __future__ import annotations

import itertools
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import Order, Place, read
from ansible_collections.servicemesh.platform.tests.support.cluster import built

SOURCE = Path(__file__).parents[3] / "playbooks" / "files" / "traffic-probe"
PEER = "spiffe://cluster.local/ns/shop/sa/asker"
NUMBERS = itertools.count()


class Different(BaseHTTPRequestHandler):
    """Tells a name of a pod and a certificate, as a program does that shows the headers of each request."""

    def do_GET(self) -> None:
        number = next(NUMBERS)
        answer = f'{{"request": "{number:08x}", "pod": "backend-v{number % 2}-abc-x", "xfcc": "By=x;URI={PEER}"}}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_about: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Different)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def program() -> str:
    made = plan(Program("traffic-probe", str(SOURCE), ldflags="-s -w"), "go", Cache(str(built("nodes-*").parents[1])))
    build(made, Progress(None))
    return str(made.path)


def test_all_answers_count_however_many_differ(program: str, port: int) -> None:
    order = Order("http", "127.0.0.1", port, "/", "GET", {}, 1200, 0, 5, origins=["backend-v0", "backend-v1"])
    command = [program, "send", order.as_json(60)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=90).stdout
    places = {f"backend-v{number}-abc-x": Place("", f"v{number}", "") for number in (0, 1)}
    outcomes = read(text, "a", places).outcomes
    assert [one.status for one in outcomes] == ["200"] * 1200
    assert [sum(one.place.backend == name for one in outcomes) for name in ("v0", "v1")] == [600, 600]
    assert {one.peer for one in outcomes} == {PEER}
    assert len(text) < 1200 * 80
