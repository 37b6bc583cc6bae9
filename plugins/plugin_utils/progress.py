# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Showing how far a module is while it runs.

A module that takes long has an option `progress`, a file into which it writes the newest line of text
(`module_utils/progress.py`). An action plugin of the same name that shows this line is

    from ansible_collections.servicemesh.platform.plugins.plugin_utils.progress import ProgressAction

    class ActionModule(ProgressAction):
        interface = INTERFACE
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ansible import constants
from ansible.utils.display import Display
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import read_progress
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import InProcessAction

FIRST_LINE = 3.0
"""Seconds until something is shown: what is done sooner is not worth a line."""
CHANGED_LINE = 10.0
"""Seconds from one line to the next one that says something else."""
SAME_LINE = 30.0
"""Seconds until a line that has not changed is shown again, with the new time."""
_LOOK = 0.5


class Watch:
    """Reads a progress file in a thread and shows its line with the time that has gone by."""

    def __init__(self, path: str, show: Callable[[str], None]) -> None:
        self._path = path
        self._show = show
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        shown, due, repeat = "", began + FIRST_LINE, 0.0
        while not self._stopped.wait(_LOOK):
            now = time.monotonic()
            line = read_progress(self._path)
            if not line or now < due or (line == shown and now < repeat):
                continue
            self._show(f"{line}, {elapsed(now - began)}")
            shown, due, repeat = line, now + CHANGED_LINE, now + SAME_LINE


class ProgressAction(InProcessAction):
    """Runs the module of the same name and shows its progress as `[host] line, time`.

    Nothing is shown when the module does not write a line, or runs on another machine. The lines go to standard error,
    so that the output of callbacks such as `json` stays whole.
    """

    def answer(self, arguments: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the module returns; shows its progress until then."""
        host = task_vars.get("inventory_hostname", "localhost")
        folder = tempfile.mkdtemp(prefix="progress-", dir=constants.DEFAULT_LOCAL_TMP)
        path = str(Path(folder, "line"))
        try:
            with Watch(path, lambda line: Display().display(f"[{host}] {line}", stderr=True)):
                return super().answer({**arguments, "progress": path}, task_vars)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def elapsed(seconds: float) -> str:
    """A time for people: `45 s`, `3 min 10 s`, `1 h 5 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
