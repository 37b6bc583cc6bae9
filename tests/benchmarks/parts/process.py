# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible itself takes: a playbook without a task, and one whose only task does nothing."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import (
    ALONE,
    CONTROLLER,
    MESH,
    PROCESS,
    Figure,
    Key,
    Result,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import measure
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.playbook import one_host, playbook

RUNS = 5
TASKS: Dict[str, List[Dict[str, Any]]] = {"empty": [], "ping": [{"name": "Ping", "ansible.builtin.ping": {}}]}


def parts(selection: Selection) -> List[Part]:
    """Whenever a playbook is measured: the other figures are told above these."""
    return [Part("process", 12, _run)] if selection.only - {CONTROLLER, MESH} else []


def _run(bench: Bench) -> Result:
    figures = []
    for name, tasks in TASKS.items():
        folder = bench.scratch(f"process-{name}")
        command = playbook(folder, folder, tasks, {}, one_host())
        measure(command, bench.log(f"process-{name}-warm-up"))
        runs = tuple(measure(command, bench.log(f"process-{name}-{number}")) for number in range(RUNS))
        figures.append(Figure(Key(ALONE, PROCESS, name, 0), runs))
    return Result("process", figures)
