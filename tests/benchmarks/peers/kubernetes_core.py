# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubernetes.core.k8s: in one task with `src`, client-side and server-side, and in a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict

from ansible_collections.servicemesh.platform.tests.benchmarks import workload
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.playbook import one_host, playbook


@dataclass(frozen=True)
class ClientSide:
    """`apply: true`: the last applied configuration in an annotation, merged by the client."""

    name: str = "k8s-client-side"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        return _one_task(job, {"apply": True})


@dataclass(frozen=True)
class ServerSide:
    """`server_side_apply`."""

    name: str = "k8s-server-side"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        return _one_task(job, {"apply": True, "server_side_apply": {"field_manager": "benchmark"}})


@dataclass(frozen=True)
class Loop:
    """One object for each item of a loop, as most playbooks have it."""

    name: str = "k8s-loop"
    sampled: int = 30

    def command(self, job: Job) -> Command:
        sample = job.tenants[: self.sampled // workload.OBJECTS_PER_TENANT]
        (job.folder / "objects.yaml").write_text(workload.manifest(sample), encoding="utf-8")
        task = _task(job, {"definition": "{{ item }}"})
        task["loop"] = "{{ lookup('ansible.builtin.file', 'objects.yaml') | from_yaml_all | select }}"
        task["loop_control"] = {"label": "{{ item.kind }}"}
        return playbook(job.folder, job.cluster.scratch, [task], {}, one_host())


def _one_task(job: Job, options: Dict[str, Any]) -> Command:
    source = job.folder / "objects.yaml"
    source.write_text(workload.manifest(job.tenants), encoding="utf-8")
    return playbook(job.folder, job.cluster.scratch, [_task(job, {"src": str(source), **options})], {}, one_host())


def _task(job: Job, options: Dict[str, Any]) -> Dict[str, Any]:
    return {"name": "Apply", "kubernetes.core.k8s": {"kubeconfig": str(job.cluster.kubeconfig), **options}}
