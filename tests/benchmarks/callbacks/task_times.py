# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible callback that writes down when each task began: the time up to the next one is its own.

So everything is counted: templating, loading the role, starting the module and what it does.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: writes the time of each task
description: Writes a list of tasks with role and seconds as JSON into the file that BENCHMARK_TASK_TIMES names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible comes without types
    """Meant for playbooks with one host; with several, tasks overlap."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._begun: List[Dict[str, Any]] = []

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins."""
        role = task._role.get_name(include_role_fqcn=False) if task._role else ""
        self._begun.append({"role": role, "task": task.get_name().rpartition(" : ")[2], "at": time.monotonic()})

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The playbook is through."""
        ends = [each["at"] for each in self._begun[1:]] + [time.monotonic()]
        tasks = [
            {"role": each["role"], "task": each["task"], "seconds": end - each["at"]}
            for each, end in zip(self._begun, ends)
        ]
        with open(os.environ["BENCHMARK_TASK_TIMES"], "w", encoding="utf-8") as stream:
            json.dump(tasks, stream)
