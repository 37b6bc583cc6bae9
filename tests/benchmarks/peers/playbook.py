# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as the benchmarks run them: one play, no facts, on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import environment, program

HERE = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}

Hosts = Dict[str, Dict[str, Any]]


def playbook(
    folder: Path,
    scratch: Path,
    tasks: List[Dict[str, Any]],
    variables: Dict[str, Any],
    hosts: Hosts,
    arguments: Sequence[str] = (),
) -> Command:
    """Write the playbook, its variables and the inventory (hosts with variables of their own); give the command.

    They are written as JSON, but for the tasks, which makes them YAML that is quick to read.
    """
    play: Dict[str, Any] = {"hosts": "all", "gather_facts": False, "strategy": "host_pinned", "tasks": tasks}
    if variables:
        _write(folder / "variables.json", variables)
        play["vars_files"] = ["variables.json"]
    _write(folder / "playbook.yml", [play])
    _write(folder / "inventory.json", {"all": {"hosts": hosts, "vars": HERE}})
    command = [program("ansible-playbook"), "-i", "inventory.json", "playbook.yml", *arguments]
    return Command(command, folder, environment(scratch))


def one_host(**variables: Any) -> Hosts:
    """The inventory of a playbook for one environment."""
    return {"benchmark": variables}


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
