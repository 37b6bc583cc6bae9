# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring a command as a whole process: what the operating system counts, from the start of it to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Sequence

METER = Path(__file__).parent / "meter.py"
TIMEOUT = 1800
"""Seconds after which a command is given up."""


class MeasurementFailed(Exception):
    """A command did not do what it was to do, so its times mean nothing."""


@dataclass(frozen=True)
class Command:
    """A command line, the folder in which it runs, and its whole environment."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Measurement:
    """One run of a command.

    wall: seconds. cpu: user and system seconds of the process and of all processes that it has waited for.
    peak_mib: resident memory of the largest single one of them. server_cpu: user and system seconds that the control
    plane used meanwhile, also for what its controllers did on their own. read: bytes that came from the API server,
    TLS included; 0 when they were not counted.
    """

    wall: float
    cpu: float
    peak_mib: float
    server_cpu: float = 0.0
    read: int = 0


def measure(command: Command, log: Path, server_cpu: Callable[[], float] = lambda: 0.0) -> Measurement:
    """Run the command to its end. Its output goes into `log`. Raises MeasurementFailed when it fails or hangs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    result = log.with_suffix(".meter.json")
    arguments = [sys.executable, "-I", str(METER), str(result), *command.arguments]
    before = server_cpu()
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise MeasurementFailed(f"not finished after {TIMEOUT} s: {_told(command, log)}") from None
        finally:
            _end(process)
    if code:
        raise MeasurementFailed(f"exit code {code}: {_told(command, log)}")
    took = json.loads(result.read_text(encoding="utf-8"))
    return Measurement(
        wall=took["wall"],
        cpu=took["user"] + took["system"],
        peak_mib=took["peak_kib"] / 1024,
        server_cpu=server_cpu() - before,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind when the harness is interrupted or the time is over."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _told(command: Command, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([" ".join(command.arguments), *(line[:300] for line in lines[-15:])])
