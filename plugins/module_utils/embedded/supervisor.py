# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of its own: keeps one child running, and takes it along when it is told to end.

`supervised.py` writes this file beside the settings of the process, because a module that was sent to its host is gone
when it has ended. So it uses the standard library only, and is run with Python's option `-I`.

Usage: supervisor.py SETTINGS STATUS. SETTINGS: JSON with `command` and `environment`, for its owner only. STATUS: the
file where it tells of the child.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Callable, Dict, Optional, Sequence

FIRST_PAUSE = 0.5
"""Seconds until a child that has ended is started again; each further time twice as long."""
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A child that ran so long begins with the first pause again."""
GRACE_SECONDS = 8.0
"""From SIGTERM to SIGKILL. Less than the supervisor gets itself (`processes.TERM_SECONDS`)."""
MARKS = "SERVICEMESH_EMBEDDED_"
"""How the variables begin by which processes of a state folder are found (`processes.py`)."""
_PR_SET_PDEATHSIG = 1
_STOPPING = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
_AWAITED = _STOPPING | {signal.SIGCHLD}


def main(arguments: Sequence[str]) -> int:
    """Run until SIGTERM; the exit code."""
    settings, status = arguments
    with open(settings, encoding="utf-8") as stream:
        asked = json.load(stream)
    # Blocked signals wait until they are asked for, so that none is lost between two looks.
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    _Supervisor(asked["command"], asked["environment"], status).run()
    return 0


class _Supervisor:
    """One child after the other."""

    def __init__(self, command: Sequence[str], environment: Dict[str, str], status: str) -> None:
        self._command = command
        marks = {key: value for key, value in os.environ.items() if key.startswith(MARKS)}
        self._environment = {**os.environ, **environment, **marks}
        self._status = status
        self._ends = 0

    def run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            child = self._start()
            if child and _stopped_before(child):
                self._end(child)
                return
            ran = time.monotonic() - began
            pause = FIRST_PAUSE if ran >= STEADY_SECONDS else pause
            self._ends += 1
            self._tell(0)
            if child:
                _kill_group(child, signal.SIGKILL)  # what it has left behind holds its ports
                _say(f"{_how(child.returncode)} after {ran:.1f} s; starting it again in {pause:.1f} s")
            if _stopped_within(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _start(self) -> Optional[subprocess.Popen[bytes]]:
        try:
            child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                preexec_fn=_prepare(os.getpid()),
            )
        except OSError as error:
            _say(f"{self._command[0]} cannot be run: {error.strerror}")
            return None
        self._tell(child.pid)
        return child

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Give the child time to end well, then none."""
        _kill_group(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        _kill_group(child, signal.SIGKILL)
        child.wait()
        self._tell(0)
        _say(f"{_how(child.returncode)} when it was told to end")

    def _tell(self, pid: int) -> None:
        """Write how the child is: its process (0: none), when it began, how many have ended before."""
        content = json.dumps({"pid": pid, "began": time.monotonic(), "ends": self._ends})
        fresh = f"{self._status}.new"
        with open(fresh, "w", encoding="utf-8") as stream:
            stream.write(content)
        os.replace(fresh, self._status)


def _prepare(supervisor: int) -> Callable[[], None]:
    """What the child does before it becomes the program: a group of its own, and no life without its supervisor."""
    libc: Any = ctypes.CDLL(None)

    def prepare() -> None:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != supervisor:  # it went before the line above
            os._exit(1)

    return prepare


def _stopped_before(child: subprocess.Popen[bytes]) -> bool:
    """Wait until the child has ended; True when the supervisor is to end before."""
    while child.poll() is None:
        if signal.sigwait(_AWAITED) in _STOPPING:
            return True
    return False


def _stopped_within(seconds: float) -> bool:
    """Wait; True at once when the supervisor is to end."""
    return signal.sigtimedwait(_STOPPING, seconds) is not None


def _kill_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _how(code: int) -> str:
    return f"it ended with exit code {code}" if code >= 0 else f"it was ended by {signal.Signals(-code).name}"


def _say(text: str) -> None:
    """A line in the log, between those of the child."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{now} supervisor: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
