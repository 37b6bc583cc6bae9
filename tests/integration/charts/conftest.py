# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Helm repository and a real registry with charts, both made by Helm."""

from __future__ import annotations

import base64
import os
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.modules.helm_chart import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.integration.images.conftest import (
    PASSWORD,
    USER,
    Authority,
    Registry,
)
from ansible_collections.servicemesh.platform.tests.support.cluster import built
from ansible_collections.servicemesh.platform.tests.support.helm import Helm

VERSIONS = ("1.2.3", "1.3.0")


class Repository:
    """A Helm repository on 127.0.0.1. asked: path and Authorization of each request. fails: how many answer 503."""

    def __init__(self, folder: Path, password: str = "", authority: Authority | None = None) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.fails = 0
        self.password = password
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.host = f"127.0.0.1:{self._server.server_port}"
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, authority.issue(folder.parent)))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if authority else 'http'}://{self.host}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, repository: Repository, *arguments: Any) -> None:
        self._repository = repository
        super().__init__(*arguments, directory=str(repository.folder))

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        self._repository.asked.append((self.path, given))
        if self._repository.fails:
            self._repository.fails -= 1
            self.send_error(503)
        elif self._repository.password and given != _basic(USER, self._repository.password):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing: `asked` has it."""


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "own-ca")


@pytest.fixture
def new_repository(helm: Helm, tmp_path: Path) -> Iterator[Callable[..., Repository]]:
    """Makes repositories with the chart `web`."""
    made: list[Repository] = []

    def make(**options: Any) -> Repository:
        folder = tmp_path / f"repository-{len(made)}" / "files"
        folder.mkdir(parents=True)
        for version in VERSIONS:
            helm.chart(folder, "web", version, {"config.yaml": _CONFIG})
        helm.run("repo", "index", str(folder))
        made.append(Repository(folder, **options))
        return made[-1]

    yield make
    for repository in made:
        repository.stop()


@pytest.fixture
def repository(new_repository: Callable[..., Repository]) -> Repository:
    return new_repository()


@pytest.fixture
def registry(authority: Authority, tmp_path: Path) -> Iterator[Registry]:
    """A registry with TLS and a password."""
    started = Registry(built("nodes-*/registry"), tmp_path / "registry", authority)
    started.start()
    yield started
    started.stop(signal.SIGKILL)


@pytest.fixture
def pushed(registry: Registry, helm: Helm, authority: Authority, tmp_path: Path) -> str:
    """A chart in the registry, by the digest that Helm tells."""
    archive = helm.chart(tmp_path, "web", VERSIONS[0], {"config.yaml": _CONFIG})
    trust = ("--ca-file", str(authority.path))
    helm.run("registry", "login", registry.host, "-u", USER, "--password-stdin", *trust, stdin=PASSWORD)
    told = helm.run("push", str(archive), f"oci://{registry.host}/charts", *trust)
    (digest,) = [line.split()[1] for line in told.splitlines() if line.startswith("Digest:")]
    return f"{registry.host}/charts/web@{digest}"


@pytest.fixture
def crane(authority: Authority, tmp_path: Path) -> Callable[..., str]:
    """Runs crane as somebody who has logged in."""

    def run(*arguments: str) -> str:
        environment = {**os.environ, "SSL_CERT_FILE": str(authority.path), "DOCKER_CONFIG": str(tmp_path / "docker")}
        command = [str(built("nodes-*/crane")), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def chart(authority: Authority, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs the module; options of the test come over those that always hold."""

    def run(source: dict[str, Any], *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        fixed = {
            "crane": str(built("nodes-*/crane")),
            "cache_dir": str(tmp_path / "cache"),
            "ca_path": str(authority.path),
            "retries": 0,
        }
        given = {key: value for key, value in {**fixed, **options}.items() if value is not None}
        return call(INTERFACE, {"source": source, **given}, check_mode, False)

    return run


_CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {version: "{{ .Chart.Version }}"}
"""
