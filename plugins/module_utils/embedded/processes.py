# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that outlive the module: started in a session of their own, known again by pid and start time (Linux).

Every process carries the state folder and its component in its environment, so that one whose record was lost (the
module was killed between the start and the writing of the record, or somebody removed the state folder) is found too.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    PRIVATE_FILE,
    make_private_folder,
    read_optional,
    remove_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout

STATE_VARIABLE = "SERVICEMESH_EMBEDDED_CLUSTER"
COMPONENT_VARIABLE = "SERVICEMESH_EMBEDDED_COMPONENT"
TERM_SECONDS = 10.0
KILL_SECONDS = 10.0
POLL_SECONDS = 0.05
TAIL_LINES = 15
TAIL_BYTES = 64 * 1024
# How programs in Go say why they end: a panic, or a log line of the level panic or fatal (zap's and klog's form).
LAST_WORDS = re.compile(r'panic: |fatal error: |.*"level":"(panic|fatal)"|F\d{4} ')


@dataclass(frozen=True)
class Process:
    """One process, so identified that a recycled pid is never taken for it.

    start_time: clock ticks since boot (field 22 of /proc/PID/stat). boot: the kernel's id of this boot.
    digest: of everything that the process was started with; empty when it is not known.
    command: what it was started with; empty in the records of earlier versions.
    """

    pid: int
    start_time: int
    boot: str
    digest: str
    command: Sequence[str] = ()


class Processes:
    """The processes of one state folder."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._boot = _boot_id()
        self._children: Dict[int, subprocess.Popen[bytes]] = {}

    def start(self, component: str, command: Sequence[str], digest: str) -> Process:
        """Start `command` detached, its output in the component's log; raise EmbeddedError when it cannot be run."""
        make_private_folder(self._layout.logs)
        make_private_folder(self._layout.run)
        log = self._layout.log(component)
        if log.exists():
            log.replace(self._layout.previous_log(component))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._layout.root,
                env=self._environment(component),
                start_new_session=True,
                preexec_fn=_only_for_owner,
            )
        except OSError as error:
            raise EmbeddedError(f"{component} cannot be started: {command[0]}: {error.strerror}") from None
        finally:
            os.close(output)
        self._children[child.pid] = child
        process = Process(child.pid, _start_time(child.pid) or 0, self._boot, digest, list(command))
        write_private(self._layout.process_record(component), json.dumps(asdict(process)).encode())
        return process

    def restart(self, component: str) -> None:
        """Start `component`, which has ended, as its record tells; nothing when there is no record."""
        before = self.recorded(component)
        if before and before.command:
            self.start(component, before.command, before.digest)

    def recorded(self, component: str) -> Optional[Process]:
        """The process last started for `component`, alive or not; None when there is no (readable) record."""
        content = read_optional(self._layout.process_record(component))
        try:
            return Process(**json.loads(content)) if content else None
        except (ValueError, TypeError):
            return None

    def running(self, component: str) -> Optional[Process]:
        """The process of `component` when it is alive."""
        process = self.recorded(component)
        return process if process and self.is_alive(process) else None

    def is_alive(self, process: Process) -> bool:
        """Whether this very process runs. A dead one that nobody has waited for (a zombie) does not."""
        child = self._children.get(process.pid)
        if child is not None:
            child.poll()
        return process.boot == self._boot and _start_time(process.pid) == process.start_time

    def strays(self) -> Dict[int, str]:
        """Living processes of this state folder without a record: pid -> component.

        What a recorded process has started (it is in its session) is no stray as long as that one lives.
        """
        known = {process.pid for process in map(self.running, _names_in(self._layout.run)) if process}
        found: Dict[int, str] = {}
        for pid in _pids():
            environment = _environment_of(pid)
            mine = environment.get(STATE_VARIABLE) == str(self._layout.root) and COMPONENT_VARIABLE in environment
            if mine and not known.intersection((pid, _session(pid))) and _start_time(pid):
                found[pid] = environment[COMPONENT_VARIABLE]
        return found

    def stop(self, components: Iterable[str], term_seconds: float = TERM_SECONDS) -> None:
        """SIGTERM to all, SIGKILL to those that are still there after `term_seconds`; then forget them."""
        names = list(components)
        self._end([process for process in map(self.running, names) if process], term_seconds)
        for name in names:
            remove_optional(self._layout.process_record(name))

    def stop_stray(self, pid: int) -> None:
        """End a process that `strays` found."""
        start_time = _start_time(pid)
        if start_time:
            self._end([Process(pid, start_time, self._boot, "")], TERM_SECONDS)

    def how_it_ended(self, process: Process) -> str:
        """Exit state in words; the state is known only of processes that this very run started."""
        child = self._children.get(process.pid)
        code = child.poll() if child is not None else None
        if code is None:
            return "is not running any more"
        return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"

    def last_lines(self, component: str) -> str:
        """The end of the component's log; what follows the reason of a crash (a stack) is left out when it is long."""
        try:
            with self._layout.log(component).open("rb") as handle:
                handle.seek(max(0, os.fstat(handle.fileno()).st_size - TAIL_BYTES))
                lines = handle.read().decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return ""
        first = max(0, len(lines) - TAIL_LINES)
        reasons = [number for number, line in enumerate(lines) if LAST_WORDS.match(line)]
        if reasons:
            first = min(first, reasons[0])
        return "\n".join(lines[first : first + TAIL_LINES])

    def _end(self, processes: List[Process], term_seconds: float) -> None:
        for process in processes:
            self._signal(process, signal.SIGTERM)
        left = self._wait(processes, term_seconds)
        for process in left:
            self._signal(process, signal.SIGKILL)
        left = self._wait(left, KILL_SECONDS)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise EmbeddedError(f"process {pids} did not end within {KILL_SECONDS:.0f} s of SIGKILL")

    def _signal(self, process: Process, number: signal.Signals) -> None:
        if not self.is_alive(process):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)

    def _wait(self, processes: List[Process], seconds: float) -> List[Process]:
        """Those that are still alive after at most `seconds`."""
        deadline = time.monotonic() + seconds
        left = [process for process in processes if self.is_alive(process)]
        while left and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            left = [process for process in left if self.is_alive(process)]
        return left

    def _environment(self, component: str) -> Dict[str, str]:
        """Nothing of the user's environment (proxies, KUBECONFIG, KWOK_...), so that every start is the same."""
        return {
            "PATH": os.defpath,
            "HOME": str(self._layout.root),
            STATE_VARIABLE: str(self._layout.root),
            COMPONENT_VARIABLE: component,
        }


def _only_for_owner() -> None:
    os.umask(0o077)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_time(pid: int) -> Optional[int]:
    """Start of the living process `pid` in clock ticks since boot; None when there is none, or a zombie."""
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name of the program stands in parentheses and may hold anything; the state follows it.
    fields = content.rpartition(b")")[2].split()
    state, threads, start_time = fields[0], int(fields[17]), int(fields[19])
    # While other threads of a killed process still run, it looks like a zombie and holds its ports.
    return None if state in (b"Z", b"X") and threads <= 1 else start_time


def _session(pid: int) -> int:
    """The process that leads the session of `pid`; 0 when that is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def _pids() -> List[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment_of(pid: int) -> Dict[str, str]:
    """The environment of a process; empty when it is gone or somebody else's."""
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in os.fsdecode(content).split("\0"))
    return {name: value for name, _equals, value in pairs}


def _names_in(folder: Path) -> List[str]:
    """The components that have a record."""
    return [record.stem for record in folder.glob("*.json")]
