# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules and the role in real plays: what a user sees."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache

from .conftest import GO_MOD, MAIN, ModuleProxy

BUILD = """
- hosts: all
  gather_facts: false
  tasks:
    - servicemesh.platform.go_build:
        name: hello
        source: "{source}"
        go: "{go}"
        cache_dir: "{cache}"
      register: built
"""
COLD = 'package main\n\nimport "net/http"\n\nfunc main() { println(http.MethodGet) }\n'


class Plays:
    """Runs plays with the hosts demo and prod."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        hosts = "".join(
            f"{name} ansible_connection=local ansible_python_interpreter={sys.executable}\n"
            for name in ("demo", "prod")
        )
        (folder / "hosts").write_text(hosts, encoding="utf-8")

    def command(self, play: str, *arguments: str) -> list[str]:
        (self.folder / "play.yml").write_text(play, encoding="utf-8")
        ansible = str(Path(sys.executable).with_name("ansible-playbook"))
        return [ansible, "-i", str(self.folder / "hosts"), str(self.folder / "play.yml"), *arguments]

    def run(self, play: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(play, *arguments),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def results(self, play: str, *arguments: str, **environment: str) -> dict[str, Any]:
        """The result of the last task of each host."""
        ran = self.run(play, *arguments, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", **environment)
        hosts: dict[str, Any] = json.loads(ran.stdout)["plays"][-1]["tasks"][-1]["hosts"]
        return hosts


@pytest.fixture
def plays(tmp_path: Path) -> Plays:
    return Plays(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "go.mod").write_text(GO_MOD, encoding="utf-8")
    (folder / "main.go").write_text(f"// {tmp_path}\n{MAIN}", encoding="utf-8")
    return folder


def test_a_build_in_a_play(plays: Plays, source: Path, go: str, cache: Cache) -> None:
    play = BUILD.format(source=source, go=go, cache=cache.root)
    planned = plays.results(play, "--check", "--limit", "demo")["demo"]
    assert planned["changed"]
    assert not Path(planned["path"]).exists()
    first = plays.results(play, "--limit", "demo")["demo"]
    assert first["changed"]
    assert first["path"] == planned["path"]
    assert os.access(first["path"], os.X_OK)
    for arguments in ([], ["--check"]):
        again = plays.results(play, "--limit", "demo", *arguments)["demo"]
        assert not again["changed"]
        assert (again["path"], again["digest"]) == (first["path"], first["digest"])


def test_check_mode_without_go_says_that_there_will_be_a_change(plays: Plays, source: Path, cache: Cache) -> None:
    planned = plays.results(BUILD.format(source=source, go="/no/go", cache=cache.root), "--check", "--limit", "demo")
    assert planned["demo"]["changed"]
    assert planned["demo"]["path"] is None


def test_an_error_is_told_as_it_is(plays: Plays, source: Path, go: str, cache: Cache) -> None:
    (source / "main.go").write_text("package main\n\nfunc main() { missing() }\n", encoding="utf-8")
    ran = plays.run(BUILD.format(source=source, go=go, cache=cache.root), "--limit", "demo")
    assert ran.returncode == 2
    assert "./main.go:3:15: undefined: missing" in ran.stdout


@pytest.mark.slow
def test_progress_of_two_environments_that_need_the_same(plays: Plays, source: Path, go: str, tmp_path: Path) -> None:
    (source / "main.go").write_text(COLD, encoding="utf-8")
    ran = plays.run(BUILD.format(source=source, go=go, cache=tmp_path / "cold"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = re.findall(r"^\[(demo|prod)\] (.*), \d+ s$", ran.stderr, re.MULTILINE)
    counted = [host for host, line in lines if re.fullmatch(r"building hello: \d+ of \d+ packages(, linking)?", line)]
    waited = [host for host, line in lines if line.startswith("waiting for hello: process ")]
    assert counted
    assert waited
    assert set(counted).isdisjoint(waited)
    assert sorted(re.findall(r"^(changed|ok): \[", ran.stdout, re.MULTILINE)) == ["changed", "ok"]
    again = plays.run(BUILD.format(source=source, go=go, cache=tmp_path / "cold"))
    assert "hello" not in again.stderr


@pytest.mark.slow
def test_an_interrupted_play_stops_the_build(plays: Plays, source: Path, go: str, tmp_path: Path) -> None:
    """Ctrl-C in the terminal: no compiler goes on in the background, and the next run builds."""
    (source / "main.go").write_text(COLD, encoding="utf-8")
    play = BUILD.format(source=source, go=go, cache=tmp_path / "cold")
    with subprocess.Popen(
        plays.command(play, "--limit", "demo"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # A job in the background of a shell ignores the interrupt, and all that it starts with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as ansible:
        wait_for(lambda: running(tmp_path / "cold"))
        os.killpg(ansible.pid, signal.SIGINT)
        ansible.wait(30)
    wait_for(lambda: not running(tmp_path / "cold"), 15)
    assert plays.results(play, "--limit", "demo")["demo"]["changed"]


def test_a_module_in_a_play(plays: Plays, pinned: Path, proxy: ModuleProxy, go: str, tmp_path: Path) -> None:
    play = f"""
- hosts: demo
  gather_facts: false
  tasks:
    - servicemesh.platform.go_module:
        source: "{pinned}"
        module: {proxy.module}
        go: "{go}"
        cache_dir: "{tmp_path}/fresh"
"""
    planned = plays.results(play, "--check")["demo"]
    assert (planned["changed"], planned["dir"], planned["version"]) == (True, None, "v1.0.0")
    first = plays.results(play)["demo"]
    assert first["changed"]
    assert Path(first["dir"], "config/crd/a.yaml").exists()
    assert not plays.results(play)["demo"]["changed"]


ROLE = """
- hosts: demo
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: servicemesh.platform.toolchain
        tasks_from: "{{ item }}"
        rolespec_validate: false
      loop: [validate, main, verify, absent]
    - ansible.builtin.debug:
        var: __toolchain_go
"""


def test_the_role_gives_the_path_of_go(plays: Plays, cache: Cache) -> None:
    result = plays.results(ROLE, "-e", f"toolchain_cache_dir={cache.root}", "-e", "toolchain_go_minimum=''")["demo"]
    assert Path(result["__toolchain_go"]).name == "go"
    assert os.access(result["__toolchain_go"], os.X_OK)


def test_the_role_says_when_no_go_will_do(plays: Plays, cache: Cache) -> None:
    ran = plays.run(ROLE, "-e", "toolchain_go_minimum=1.99", "-e", f"toolchain_cache_dir={cache.root}")
    assert ran.returncode == 2
    assert "No go on PATH is 1.99 or newer" in ran.stdout


def running(cache: Path) -> bool:
    """Whether a process works for a cache: its folder stands in the environment of each go and compiler."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"GOCACHE={cache}".encode() in (process / "environ").read_bytes():
                return True
        except OSError:
            continue
    return False


def wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
