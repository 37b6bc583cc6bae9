# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run supervised beside an embedded cluster: real processes, real ports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import ensure_absent, ensure_stopped
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Processes
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import StateFolder
from ansible_collections.servicemesh.platform.plugins.modules.embedded_process import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

CLUSTER = "beside"
# Serves the folder that it runs in, and shows what it was started with.
SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port:http}"]
READY = "http://127.0.0.1:{port:http}/lock"
PATIENCE = 20


class Environment:
    """A state folder as embedded_cluster leaves it, and the processes in it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.layout = Layout(folder)
        state = StateFolder(self.layout, CLUSTER)
        with state.locked(Deadline(1)):
            state.claim()

    def have(self, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
        arguments = {
            "name": "server",
            "cluster": CLUSTER,
            "state_dir": str(self.root),
            "command": SERVER,
            "ready_url": READY,
            "timeout": PATIENCE,
            **changes,
        }
        return call(INTERFACE, {key: value for key, value in arguments.items() if value is not None}, check_mode, True)

    def living(self) -> dict[int, list[str]]:
        """The living processes of the folder: pid -> command line."""
        mark = f"SERVICEMESH_EMBEDDED_CLUSTER={self.root}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    command = (entry / "cmdline").read_bytes().decode().split("\0")
                    if command != [""]:  # else a zombie
                        found[int(entry.name)] = command
            except OSError:
                continue
        return found

    def program(self) -> int:
        """The process of the server itself."""
        return next((pid for pid, command in self.living().items() if "http.server" in command), 0)

    def log(self) -> str:
        return self.layout.log("process-server").read_text(encoding="utf-8")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    one = Environment(tmp_path / "one")
    yield one
    ensure_absent(CLUSTER, one.root, PATIENCE)


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Environment]:
    one = Environment(tmp_path / "two")
    yield one
    ensure_absent(CLUSTER, one.root, PATIENCE)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/lock", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def eventually(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)


def test_it_starts_and_a_second_run_finds_it(environment: Environment) -> None:
    first = environment.have()
    assert (first["changed"], first["ready"], first["actions"]) == (True, True, ["start server (not running)"])
    assert answers(first["ports"]["http"])
    assert len(environment.living()) == 2
    second = environment.have()
    assert not second["changed"]
    assert (second["pid"], second["ports"], second["ready"]) == (first["pid"], first["ports"], True)


def test_it_listens_where_the_control_plane_does(environment: Environment) -> None:
    """Without real nodes that is the loopback address; tests/nodes has one with a network of its own."""
    command = [word.replace("127.0.0.1", "{address}") for word in SERVER]
    first = environment.have(network="cluster", command=command, ready_url=READY.replace("127.0.0.1", "{address}"))
    assert (first["address"], first["ready"]) == ("127.0.0.1", True)
    assert answers(first["ports"]["http"])
    # The network is the same, so nothing has to be started anew.
    assert not environment.have()["changed"]


def test_check_mode_starts_and_stops_nothing(environment: Environment) -> None:
    foreseen = environment.have(check_mode=True)
    assert (foreseen["changed"], foreseen["ready"], foreseen["pid"]) == (True, False, 0)
    assert foreseen["ports"]["http"] > 0
    assert environment.living() == {}
    assert not environment.layout.supervised.exists()
    started = environment.have()
    assert not environment.have(check_mode=True)["changed"]
    assert environment.have(check_mode=True, environment={"A": "1"})["actions"] == [
        "restart server (changed since its start: environment)"
    ]
    assert environment.have(check_mode=True, state="absent")["changed"]
    assert environment.have()["pid"] == started["pid"]


def test_check_mode_before_there_is_a_cluster(tmp_path: Path) -> None:
    arguments = {"name": "server", "cluster": CLUSTER, "state_dir": str(tmp_path / "none"), "command": SERVER}
    assert call(INTERFACE, arguments, True, False)["changed"]
    assert not (tmp_path / "none").exists()
    refused = call(INTERFACE, arguments, False, False)
    assert refused["failed"]
    assert "has no embedded cluster; start it first" in refused["msg"]


def test_a_killed_program_comes_back(environment: Environment) -> None:
    first = environment.have()
    killed = environment.program()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: environment.program() not in (0, killed) and answers(first["ports"]["http"]))
    assert "supervisor: it was ended by SIGKILL after" in environment.log()
    assert environment.have()["pid"] == first["pid"]


def test_pauses_between_starts_become_longer(environment: Environment) -> None:
    failed = environment.have(command=[sys.executable, "-c", "raise SystemExit(3)"], ready_url=None, timeout=4)
    assert failed["failed"]
    assert "server is not ready after 4 s" in failed["msg"]
    for pause in ("0.5", "1.0", "2.0"):
        assert re.search(rf"it ended with exit code 3 after 0\.. s; starting it again in {pause} s", environment.log())
    assert environment.have(state="absent")["changed"]
    assert environment.living() == {}


def test_what_it_was_started_with_changes(environment: Environment, tmp_path: Path) -> None:
    watched = tmp_path / "code"
    (watched / "__pycache__").mkdir(parents=True)
    (watched / "one.py").write_text("1", encoding="utf-8")
    options: dict[str, Any] = {"watch_files": [str(watched)], "triggers": {"certificate": "a"}}
    first = environment.have(**options)
    (watched / "__pycache__" / "one.pyc").write_text("compiled", encoding="utf-8")
    assert not environment.have(**options)["changed"]
    (watched / "one.py").write_text("2", encoding="utf-8")
    assert environment.have(**options)["actions"] == ["restart server (changed since its start: watched files)"]
    options["triggers"] = {"certificate": "b"}
    assert environment.have(**options)["actions"] == ["restart server (changed since its start: triggers)"]
    options["command"] = [*SERVER, "--directory", str(environment.root)]
    changed = environment.have(**options)
    assert changed["actions"] == ["restart server (changed since its start: command)"]
    assert changed["diff"]["before"]["command"] == first["diff"]["after"]["command"]
    assert changed["diff"]["after"]["command"][-1] == str(environment.root)
    assert changed["ports"] == first["ports"]
    assert len(environment.living()) == 2
    assert not environment.have(**options)["changed"]


def test_values_of_the_environment_are_not_told(environment: Environment) -> None:
    result = environment.have(environment={"TOKEN": "correct-horse", "WHERE": "{port:http}"})
    child = Path(f"/proc/{environment.program()}/environ").read_bytes().split(b"\0")
    assert b"TOKEN=correct-horse" in child
    assert f"WHERE={result['ports']['http']}".encode() in child
    assert "correct-horse" not in json.dumps(result)
    assert not any("correct-horse" in word for command in environment.living().values() for word in command)
    private = [path for path in environment.layout.supervised.iterdir() if b"correct-horse" in path.read_bytes()]
    assert [path.stat().st_mode & 0o077 for path in private] == [0]
    environment.have(state="absent")
    assert not any(b"correct-horse" in path.read_bytes() for path in environment.root.rglob("*") if path.is_file())


def test_absent_ends_it_and_keeps_the_port(environment: Environment) -> None:
    first = environment.have()
    assert environment.have(state="absent")["actions"] == ["stop server"]
    assert environment.living() == {}
    assert not environment.have(state="absent")["changed"]
    assert environment.have()["ports"] == first["ports"]


def test_a_program_that_does_not_listen_to_sigterm_is_ended_too(environment: Environment) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    )
    environment.have(command=[sys.executable, "-c", deaf], ready_url=None)
    eventually(lambda: "deaf" in environment.log())
    environment.have(state="absent")
    assert environment.living() == {}


def test_a_killed_supervisor_takes_the_program_along(environment: Environment) -> None:
    first = environment.have()
    os.kill(first["pid"], signal.SIGKILL)
    os.waitpid(first["pid"], 0)
    eventually(lambda: environment.living() == {})
    assert environment.have()["actions"] == ["start server (not running)"]


def test_the_program_is_no_stray(environment: Environment) -> None:
    first = environment.have()
    processes = Processes(environment.layout)
    assert processes.strays() == {}
    environment.layout.process_record("process-server").unlink()
    assert set(processes.strays().values()) == {"process-server"}
    again = environment.have()
    assert again["pid"] != first["pid"]
    assert len(environment.living()) == 2


def test_stopping_the_cluster_stops_it(environment: Environment) -> None:
    first = environment.have()
    stopped = ensure_stopped(CLUSTER, environment.root, PATIENCE)
    assert "stop process-server" in stopped.actions
    assert environment.living() == {}
    again = environment.have()
    assert again["actions"] == ["start server (not running)"]
    assert again["ports"] == first["ports"]
    assert "stop process-server" in ensure_absent(CLUSTER, environment.root, PATIENCE).actions
    assert environment.living() == {}
    assert not environment.root.exists()


def test_two_environments_side_by_side(environment: Environment, second: Environment) -> None:
    ports = [one.have()["ports"]["http"] for one in (environment, second)]
    assert len(set(ports)) == 2
    ensure_absent(CLUSTER, environment.root, PATIENCE)
    assert [answers(port) for port in ports] == [False, True]
    assert len(second.living()) == 2


def test_a_program_that_is_not_ready_any_more_is_restarted(environment: Environment) -> None:
    environment.have()
    os.kill(environment.program(), signal.SIGSTOP)
    (action,) = environment.have()["actions"]
    assert action.startswith("restart server (no answer from http://127.0.0.1:")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Server"}, "name: 'Server' is not usable"),
        ({"cluster": "Demo"}, "cluster: name: 'Demo' is not usable"),
        ({"cluster": "other"}, "belongs to the embedded cluster 'beside', not to 'other'"),
        ({"command": []}, "command: it is empty"),
        ({"command": ["nowhere"]}, "command: 'nowhere' cannot be run"),
        ({"command": ["/bin/true", "{port:A b}"]}, "command: {port:A b} names no port"),
        ({"ready_url": "localhost:80"}, "ready_url: 'localhost:80' is not usable"),
        ({"state_dir": "state"}, "state_dir: 'state' is not an absolute path"),
        ({"watch_files": ["/nowhere"]}, "watch_files: /nowhere is not there"),
        ({"environment": {"A B": "1"}}, "environment: 'A B' is no name of a variable"),
        ({"environment": {"SERVICEMESH_EMBEDDED_CLUSTER": "x"}}, "marks processes of the cluster"),
    ],
)
def test_what_cannot_be(environment: Environment, changes: dict[str, Any], message: str) -> None:
    refused = environment.have(**changes)
    assert refused["failed"]
    assert message in refused["msg"]
    assert environment.living() == {}


def test_as_ansible_runs_it_elsewhere(environment: Environment, tmp_path: Path) -> None:
    """As a module that is packed and sent: its files are gone when it has ended, and the supervisor stays."""
    playbook = tmp_path / "playbook.yml"
    task = {
        "servicemesh.platform.embedded_process": {
            "name": "server",
            "cluster": CLUSTER,
            "state_dir": str(environment.root),
            "command": SERVER,
            "ready_url": READY,
        },
        "environment": {"ELSEWHERE": "yes"},  # keeps it from running in the process of the task
    }
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    for changed in ("changed=1", "changed=0"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert changed in done.stdout
    killed = environment.program()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: environment.program() not in (0, killed))
