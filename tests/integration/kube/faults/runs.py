# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the engine as processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

from .one_run import BEGIN

LEASE = 2.0
"""Seconds after which a lease of a run that was killed may be taken over."""


class Run:
    """One run, which has begun when this is made. Leaving the ``with`` block ends it."""

    def __init__(self, lease: float = LEASE, **request: Any) -> None:
        command = [sys.executable, str(Path(__file__).with_name("one_run.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin
        assert self.process.stdout
        json.dump({**request, "lease": lease}, self.process.stdin)
        self.process.stdin.close()
        assert self.process.stdout.readline().strip() == BEGIN

    def result(self, timeout: float = 60) -> dict[str, Any]:
        """What came of it: ``counts`` by action, or ``error`` and ``message``."""
        assert self.process.stdout
        self.process.wait(timeout)
        told: dict[str, Any] = json.loads(self.process.stdout.read())
        return told

    def kill(self) -> bool:
        """End it as a crash does; whether it was still at work."""
        was_at_work = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        return was_at_work

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.kill()
        if self.process.stdout:
            self.process.stdout.close()
