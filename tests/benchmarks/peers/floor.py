# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor as tools: the same PATCHes from a bare script, and the bare labelled LISTs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import List
from urllib.parse import quote

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import set_id
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF
from ansible_collections.servicemesh.platform.tests.benchmarks import floor, workload
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job, environment
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.ours import APPLYSET


@dataclass(frozen=True)
class Patches:
    """One server-side apply for each object: namespaces first, then the rest."""

    name: str = "floor-patches"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        items = workload.objects(job.tenants)
        for item in items:
            item["metadata"]["labels"][PART_OF] = set_id(APPLYSET)
        query = "?fieldManager=floor&force=true"
        waves: List[List[floor.Request]] = [[], []]
        for item in items:
            request = ("PATCH", workload.path_of(item) + query, json.dumps(item))
            waves[item["kind"] != "Namespace"].append(request)
        return _script(job, waves)


@dataclass(frozen=True)
class Lists:
    """One LIST for each kind, of the members of our set: the least that must be read to know that nothing changed."""

    name: str = "floor-lists"
    sampled: int = 0

    def command(self, job: Job) -> Command:
        selector = quote(f"{PART_OF}={set_id(APPLYSET)}")
        return _script(job, [[("GET", f"{path}?labelSelector={selector}", None) for path in workload.COLLECTIONS]])


def _script(job: Job, waves: List[List[floor.Request]]) -> Command:
    server, requests = job.folder / "server.json", job.folder / "requests.json"
    server.write_text(json.dumps(job.cluster.server), encoding="utf-8")
    requests.write_text(json.dumps(waves), encoding="utf-8")
    arguments = [sys.executable, "-I", floor.__file__, str(server), str(requests)]
    return Command(arguments, job.folder, environment(job.cluster.scratch))
