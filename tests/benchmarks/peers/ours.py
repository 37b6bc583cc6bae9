# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""servicemesh.platform.k8s_apply: one task, one ApplySet."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any, Dict

from ansible_collections.servicemesh.platform.tests.benchmarks import workload
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.playbook import one_host, playbook

APPLYSET = "benchmark"


@dataclass(frozen=True)
class FromFile:
    """The objects in one file, named by `src`."""

    name: str = "ours-src"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        source = job.folder / "objects.yaml"
        source.write_text(workload.manifest(job.tenants), encoding="utf-8")
        return playbook(job.folder, job.cluster.scratch, [_task(job, src=str(source))], {}, one_host())


@dataclass(frozen=True)
class Inline:
    """The objects as `definitions`, which Ansible renders from a template and a list of tenants."""

    name: str = "ours-inline"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        shutil.copy(workload.TEMPLATE, job.folder)
        task = _task(job, definitions="{{ lookup('ansible.builtin.template', 'tenants.yaml.j2') }}")
        variables = {"tenants": workload.variables(job.tenants)}
        return playbook(job.folder, job.cluster.scratch, [task], variables, one_host())


def _task(job: Job, **options: Any) -> Dict[str, Any]:
    kubeconfig = str(job.cluster.kubeconfig)
    arguments = {"kubeconfig": kubeconfig, "applyset": {"name": APPLYSET}, **options}
    return {"name": "Apply", "servicemesh.platform.k8s_apply": arguments}
