# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Prometheus is, and what becomes of answers that are none: real HTTP, with a server that says odd things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import prometheus
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.prometheus import (
    NotAnswered,
    Prometheus,
    Vector,
)

ANSWERS = {
    "error": (422, b'{"status":"error","errorType":"bad_data","error":"parse error"}'),
    "page": (200, b"<html>Log in, please</html>"),
    "moved": (302, b""),
    "odd": (200, b'{"status":"success","data":{"result":[{"metric":{}}]}}'),
    "good": (200, b'{"status":"success","data":{"result":[{"metric":{"pod":"a"},"value":[1.5,"NaN"]}]}}'),
}


class Odd(BaseHTTPRequestHandler):
    """Gives the answer that the path names, and keeps who asked."""

    seen: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append(self.headers.get("Authorization", ""))
        status, content = ANSWERS[self.path.split("/")[1]]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Odd.seen = []
    made = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def ask(url: str, **files: Path) -> Vector:
    """What a query gives."""

    async def asked() -> Vector:
        one = Prometheus(prometheus.parse(url, **files))
        try:
            return await one.query("up", 1.0)
        finally:
            await one.close()

    return asyncio.run(asked())


def test_a_url_may_hold_a_user_that_is_sent_and_not_shown(server: ThreadingHTTPServer) -> None:
    url = f"http://reader:p%40ss@127.0.0.1:{server.server_address[1]}"
    address = prometheus.parse(url)
    assert (address.user, address.password) == ("reader", "p@ss")
    assert "p@ss" not in repr(address)
    assert len(ask(f"{url}/good/")) == 1
    assert Odd.seen == ["Basic cmVhZGVyOnBAc3M="]


@pytest.mark.parametrize(
    ("user", "option", "seen"),
    [
        ("", "token_file", ["Bearer first", "Bearer second"]),
        ("reader@", "password_file", ["Basic cmVhZGVyOmZpcnN0", "Basic cmVhZGVyOnNlY29uZA=="]),
    ],
)
def test_files_of_secrets_are_read_for_each_query(
    server: ThreadingHTTPServer, tmp_path: Path, user: str, option: str, seen: list[str]
) -> None:
    file = tmp_path / "secret"
    url = f"http://{user}127.0.0.1:{server.server_address[1]}/good"
    for secret in ("first", "second"):
        file.write_text(f"{secret}\n", encoding="utf-8")
        ask(url, **{option: file})
    assert Odd.seen == seen
    file.unlink()
    with pytest.raises(NotAnswered, match="secret cannot be read: No such file"):
        ask(url, **{option: file})


@pytest.mark.parametrize("url", ["http://prometheus:9090", "http://reader:secret@prometheus:9090"])
def test_a_file_with_a_password_goes_with_a_user(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="goes with a URL that has a user and no password"):
        prometheus.parse(url, password_file=tmp_path)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("error", "bad_data: parse error"),
        ("page", "status 200 and nothing that Prometheus would say"),
        ("moved", "status 302 and nothing that Prometheus would say"),
        ("odd", "status 200 and nothing that Prometheus would say"),
    ],
)
def test_what_is_no_answer_is_told(server: ThreadingHTTPServer, kind: str, reason: str) -> None:
    port = server.server_address[1]
    with pytest.raises(NotAnswered) as caught:
        ask(f"http://reader:secret@127.0.0.1:{port}/{kind}")
    assert str(caught.value) == f"Prometheus at http://127.0.0.1:{port}/{kind} gives no metrics: {reason}"


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(prometheus, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NotAnswered, match="no answer within"):
        ask(f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize(
    "url", ["prometheus:9090", "ftp://x", "http://", "http://x:port", "http://u:secret@x:99999", "http://x/?a=b"]
)
def test_what_is_no_url_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="the URL of Prometheus") as caught:
        prometheus.parse(url)
    assert "secret" not in str(caught.value)


def test_addresses_of_ipv6_and_paths_stay() -> None:
    assert prometheus.parse("https://[fd00::1]:9090/prometheus/").url == "https://[fd00::1]:9090/prometheus"
