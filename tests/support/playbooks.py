# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the collection's playbooks as a user does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

DEMO = Path(__file__).parents[2] / "inventories" / "demo"
VARIABLES = DEMO / "group_vars" / "environments.yml"
ABSENT = """
- hosts: environments
  gather_facts: false
  module_defaults:
    group/servicemesh.platform.k8s:
      kubeconfig: "{{ __cluster_connection.kubeconfig }}"
  tasks:
    - ansible.builtin.include_role: {name: servicemesh.platform.cluster, tasks_from: connect, rolespec_validate: false}
    - ansible.builtin.include_role:
        name: "servicemesh.platform.{{ component }}"
        tasks_from: absent
        rolespec_validate: false
"""
"""Removes one component; the playbook `teardown` removes an embedded cluster as a whole."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Run:
    """What a playbook run gave."""

    code: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """The numbers per host of the play recap."""
        lines = self.output.split("PLAY RECAP")[-1].splitlines()
        hosts = [re.match(r"(\S+)\s+: (.*)", line) for line in lines]
        return {
            host[1]: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", host[2])} for host in hosts if host
        }

    @property
    def text(self) -> str:
        """The output as one line, so that what Ansible wraps or escapes can be searched."""
        return " ".join(self.output.replace("\\n", " ").split())


@dataclass
class Playbooks:
    """The demo's inventory in a folder of its own, and the playbooks run on it."""

    folder: Path
    extra: dict[str, Any] = field(default_factory=dict)
    patience: int = 300
    """Seconds for a run."""

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @staticmethod
    def variables() -> dict[str, Any]:
        """Those of the demo's environment."""
        loaded: dict[str, Any] = yaml.safe_load(VARIABLES.read_text())
        return loaded

    def write(self, **changes: Any) -> None:
        """Write the inventory with some variables of the environments replaced."""
        (self.inventory / "group_vars").mkdir(parents=True, exist_ok=True)
        (self.inventory / "hosts.yml").write_text((DEMO / "hosts.yml").read_text())
        (self.inventory / "group_vars" / "environments.yml").write_text(VARIABLES.read_text())
        own = {
            "cluster_state_dir": str(self.state),
            "cluster_embedded_nodes": "kwok",
            "report_dir": str(self.folder / "reports"),
            **changes,
        }
        (self.inventory / "host_vars").mkdir(exist_ok=True)
        (self.inventory / "host_vars" / "demo.yml").write_text(json.dumps(own))

    def run(self, playbook: str, *arguments: str, **extra: Any) -> Run:
        """Run a playbook of the collection; ``extra`` are extra vars."""
        return self._run(f"servicemesh.platform.{playbook}", *arguments, **extra)

    @contextmanager
    def standing(self) -> Iterator[Playbooks]:
        """The environment, brought up, and torn down in the end."""
        try:
            run = self.run("site")
            assert run.code == 0, run.output
            yield self
        finally:
            self.run("teardown")

    def absent(self, component: str, **extra: Any) -> Run:
        """Remove one component; ``extra`` are extra vars."""
        playbook = self.folder / "absent.yml"
        playbook.write_text(ABSENT)
        return self._run(str(playbook), component=component, **extra)

    def command(self, playbook: str, *arguments: str, **extra: Any) -> list[str]:
        """How a playbook is run on this inventory."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), playbook]
        command += ["-i", str(self.inventory), *arguments]
        for name, value in extra.items():
            command += ["-e", json.dumps({name: value})]
        return command

    def _run(self, playbook: str, *arguments: str, **extra: Any) -> Run:
        command = self.command(playbook, *arguments, **extra)
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=self.patience
        )
        return Run(done.returncode, ANSI.sub("", done.stdout + done.stderr))
