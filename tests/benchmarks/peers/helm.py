# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""helm upgrade --install of the objects as a chart."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ansible_collections.servicemesh.platform.tests.benchmarks import workload
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job, environment

RELEASE = "benchmark"


@dataclass(frozen=True)
class Helm:
    """A chart whose only template is the finished manifest, so that helm has nothing to render."""

    name: str = "helm"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        chart = job.folder / "chart"
        (chart / "templates").mkdir(parents=True)
        about = {"apiVersion": "v2", "name": RELEASE, "version": "0.1.0"}
        (chart / "Chart.yaml").write_text(json.dumps(about), encoding="utf-8")
        (chart / "templates" / "objects.yaml").write_text(workload.manifest(job.tenants), encoding="utf-8")
        arguments = [str(job.programs.helm), "--kubeconfig", str(job.cluster.kubeconfig)]
        arguments += ["upgrade", "--install", RELEASE, str(chart)]
        return Command(arguments, job.folder, environment(job.cluster.scratch))
