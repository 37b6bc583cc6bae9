# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, knowing again and ending processes: real ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import processes as module
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Processes

SLEEP = ["sleep", "1000"]
IGNORES_TERM = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(1000)",
]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path)
    yield layout
    leftover = Processes(layout)
    for pid in leftover.strays():
        leftover.stop_stray(pid)
    leftover.stop(["one", "two"], term_seconds=0)


@pytest.fixture
def processes(layout: Layout) -> Processes:
    return Processes(layout)


def test_a_process_is_detached_and_known_by_others(layout: Layout, processes: Processes) -> None:
    started = processes.start("one", SLEEP, "digest")
    assert os.getsid(started.pid) == started.pid
    assert Processes(layout).running("one") == started
    assert layout.process_record("one").stat().st_mode & 0o077 == 0


def test_nothing_of_the_environment_is_handed_on(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    pid = processes.start("one", SLEEP, "").pid
    names = [entry.partition(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if entry]
    assert sorted(names) == [
        b"HOME",
        b"PATH",
        b"SERVICEMESH_EMBEDDED_CLUSTER",
        b"SERVICEMESH_EMBEDDED_COMPONENT",
    ]


def test_stop_ends_and_forgets(layout: Layout, processes: Processes) -> None:
    processes.start("one", SLEEP, "")
    processes.stop(["one", "two"])
    assert processes.running("one") is None
    assert not layout.process_record("one").exists()


def test_stop_does_not_wait_for_ever(layout: Layout, processes: Processes) -> None:
    started = processes.start("one", IGNORES_TERM, "")
    wait_for_log(layout, "deaf")
    begin = time.monotonic()
    processes.stop(["one"], term_seconds=0.3)
    assert 0.3 <= time.monotonic() - begin < 3
    assert not processes.is_alive(started)
    assert processes.how_it_ended(started) == "was ended by SIGKILL"


def test_a_recycled_pid_is_neither_taken_nor_killed(layout: Layout, processes: Processes) -> None:
    stranger = subprocess.Popen(SLEEP)
    # The kernel tells start times in hundredths of a second.
    time.sleep(0.05)
    try:
        started = processes.start("one", SLEEP, "")
        record = json.loads(layout.process_record("one").read_text())
        os.kill(started.pid, signal.SIGKILL)
        layout.process_record("one").write_text(json.dumps({**record, "pid": stranger.pid}))
        assert processes.running("one") is None
        processes.stop(["one"])
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_of_another_boot_is_dead(layout: Layout, processes: Processes) -> None:
    processes.start("one", SLEEP, "")
    record = json.loads(layout.process_record("one").read_text())
    layout.process_record("one").write_text(json.dumps({**record, "boot": "another"}))
    assert Processes(layout).running("one") is None


def test_a_zombie_is_dead(layout: Layout, processes: Processes) -> None:
    started = processes.start("one", SLEEP, "")
    os.kill(started.pid, signal.SIGKILL)
    wait_until(lambda: Path(f"/proc/{started.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    # Somebody who is not its parent cannot wait for it.
    assert Processes(layout).running("one") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}'])
def test_a_broken_record_is_no_record(layout: Layout, processes: Processes, content: bytes) -> None:
    layout.run.mkdir()
    layout.process_record("one").write_bytes(content)
    assert processes.running("one") is None


def test_strays_are_found(layout: Layout, processes: Processes) -> None:
    lost = processes.start("one", SLEEP, "")
    processes.start("two", SLEEP, "")
    layout.process_record("one").unlink()
    assert processes.strays() == {lost.pid: "one"}
    processes.stop_stray(lost.pid)
    assert processes.strays() == {}


def test_the_exit_code_and_the_last_lines_are_told(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAIL_LINES", 2)
    started = processes.start("one", ["sh", "-c", "echo first; echo second; echo third >&2; exit 7"], "")
    wait_until(lambda: not processes.is_alive(started))
    assert processes.how_it_ended(started) == "ended with exit code 7"
    assert processes.last_lines("one") == "second\nthird"
    assert processes.last_lines("never") == ""


@pytest.mark.parametrize(
    "reason", ["panic: disk full", '{"level":"fatal","msg":"disk full"}', "F1123 10:00:00 disk full"]
)
def test_a_long_stack_does_not_hide_the_reason_of_a_crash(processes: Processes, reason: str) -> None:
    script = f"echo first; echo '{reason}'; for line in $(seq 100); do echo stack $line; done"
    started = processes.start("one", ["sh", "-c", script], "")
    wait_until(lambda: not processes.is_alive(started))
    lines = processes.last_lines("one").splitlines()
    assert lines[:2] == [reason, "stack 1"]
    assert len(lines) == module.TAIL_LINES


def test_the_log_before_is_kept_once(layout: Layout, processes: Processes) -> None:
    for word in ("first", "second", "third"):
        processes.start("one", ["echo", word], "")
        wait_for_log(layout, word)
    assert layout.log("one").read_text() == "third\n"
    assert layout.previous_log("one").read_text() == "second\n"


def test_what_cannot_be_run_is_told(processes: Processes) -> None:
    with pytest.raises(EmbeddedError, match="one cannot be started: /nowhere: No such file"):
        processes.start("one", ["/nowhere"], "")
    assert processes.recorded("one") is None


def wait_for_log(layout: Layout, word: str) -> None:
    wait_until(lambda: word in layout.log("one").read_text())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
