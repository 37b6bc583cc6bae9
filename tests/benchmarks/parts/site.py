# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`site` on the demo environment when there is nothing to do, and which role takes how long."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Dict, List

import yaml
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import NOOP, SITE, Figure, Key, Result
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command, measure
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import environment, program

ROOT = Path(__file__).resolve().parents[3]
RUNS = 3
BETWEEN = "Ansible: before the first task and after the last"
PLAYBOOK = "the playbook itself"


def parts(selection: Selection) -> List[Part]:
    """One part, with an environment of its own beside the user's."""
    return [Part("site", 110, _run)] if "site" in selection.only else []


def _run(bench: Bench) -> Result:
    folder = bench.scratch("site")
    times = folder / "tasks.json"
    site = _playbook("site", folder, times)
    runs, roles, tasks = [], [], []
    try:
        for preparation in ("create", "second"):
            measure(site, bench.log(f"site-{preparation}"))
        for number in range(RUNS):
            runs.append(measure(site, bench.log(f"site-{number}")))
            tasks.append(json.loads(times.read_text(encoding="utf-8")))
            roles.append(_by_role(tasks[-1], runs[-1].wall))
    finally:
        measure(_playbook("teardown", folder, times), bench.log("site-teardown"))
    known = yaml.safe_load((ROOT / "playbooks" / "vars" / "site.yml").read_text(encoding="utf-8"))
    details = {
        "components": len(known["__known_components"]),
        "roles": {role: median(each[role] for each in roles) for role in roles[0]},
        "slowest": _slowest(tasks),
    }
    return Result("site", [Figure(Key(SITE, NOOP, "site", 0), tuple(runs))], details)


def _playbook(name: str, folder: Path, times: Path) -> Command:
    """A playbook on the demo's inventory, with its state in `folder`, so that the user's own demo is left alone."""
    own = {"cluster_state_dir": str(folder / "environment"), "report_dir": str(folder / "reports")}
    arguments = [program("ansible-playbook"), "-i", str(ROOT / "inventories" / "demo")]
    arguments += [f"servicemesh.platform.{name}", "-e", json.dumps(own)]
    command = Command(arguments, folder, environment(folder))
    callback = {
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "benchmarks" / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_times",
        "BENCHMARK_TASK_TIMES": str(times),
    }
    return replace(command, environment={**command.environment, **callback})


def _by_role(tasks: List[Dict[str, Any]], wall: float) -> Dict[str, float]:
    """Seconds for each role, and for what is in none; together the whole run."""
    roles: Dict[str, float] = defaultdict(float)
    for task in tasks:
        roles[task["role"] or PLAYBOOK] += task["seconds"]
    return {**roles, BETWEEN: wall - sum(roles.values())}


def _slowest(runs: List[List[Dict[str, Any]]], number: int = 10) -> List[Dict[str, Any]]:
    """The tasks that take longest, by the median over the runs."""
    found = [
        {"role": each[0]["role"], "task": each[0]["task"], "seconds": median(task["seconds"] for task in each)}
        for each in zip(*runs)
    ]
    return sorted(found, key=lambda task: -task["seconds"])[:number]
