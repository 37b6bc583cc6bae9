# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for health over real TLS."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.health import Health, Probe, ask
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout

WANTED = pki.certificates("demo", "10.96.0.0/16")
UNREADY = b"[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\nreadyz check failed\n"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b"ok" if self.path == "/good" else UNREADY
        self.send_response(200 if self.path == "/good" else 500)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("health"))
    now = datetime.datetime.now(datetime.timezone.utc)
    pki.issue(layout, WANTED, pki.examine(layout, WANTED, now), now)
    return layout


@pytest.fixture(scope="module")
def port(layout: Layout) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=layout.certificate("ca"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(layout.certificate("apiserver"), layout.key("apiserver"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def probe(layout: Layout, port: int, path: str = "/good", authority: str = "ca", client: str = "health") -> Probe:
    certificate, key = pki.files_of(layout, client)
    return Probe(port, path, layout.certificate(authority), certificate, key)


def test_a_healthy_component(layout: Layout, port: int) -> None:
    assert ask(probe(layout, port)) == Health(True)


def test_the_failed_checks_are_told(layout: Layout, port: int) -> None:
    expected = f"127.0.0.1:{port}/bad answers 500: [-]etcd failed: reason withheld"
    assert ask(probe(layout, port, "/bad")) == Health(False, expected)


def test_a_server_of_another_authority_is_not_believed(layout: Layout, port: int) -> None:
    health = ask(probe(layout, port, authority="etcd/ca"))
    assert not health.healthy
    assert "certificate verify failed" in health.detail


def test_nobody_there(layout: Layout) -> None:
    health = ask(probe(layout, 1))
    assert not health.healthy
    assert health.detail.startswith("no answer from 127.0.0.1:1/good: ")


def test_a_folder_that_is_not_finished(tmp_path: Path, port: int) -> None:
    assert not ask(probe(Layout(Path(tmp_path)), port)).healthy
