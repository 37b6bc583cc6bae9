# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many environments in one run, compared with one of them alone.

Twenty API servers are too many for a small machine. These are stand-ins: inventory hosts with an ApplySet and
namespaces of their own, all on one cluster.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.tests.benchmarks import workload
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.cluster import ControlPlane, difference
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import ENVIRONMENTS, NOOP, Figure, Key, Result
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import (
    Command,
    Measurement,
    MeasurementFailed,
    measure,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.playbook import Hosts, playbook

OBJECTS = 300
"""In each environment."""
FORKS = 10
RUNS = 3
TASK = {
    "name": "Apply",
    "servicemesh.platform.k8s_apply": {
        "kubeconfig": "{{ kubeconfig }}",
        "src": ["{{ objects }}"],
        "applyset": {"name": "{{ inventory_hostname }}"},
    },
}


def parts(selection: Selection) -> List[Part]:
    """One part: the environments stay on their cluster."""
    number = selection.environments
    return [Part("environments", 30 + number * 6, partial(_run, number))] if "environments" in selection.only else []


def _run(number: int, bench: Bench) -> Result:
    with bench.cluster("environments") as cluster:
        folder = bench.scratch("environments-playbook")
        hosts = _hosts(folder, cluster, number)
        whole = _playbook(folder, cluster, hosts)
        alone = _playbook(folder, cluster, hosts, "--limit", next(iter(hosts)))
        for preparation in ("create", "second"):
            measure(whole, bench.log(f"environments-{preparation}"))
        before = cluster.look()
        runs: Dict[int, List[Measurement]] = {1: [], number: []}
        for turn in range(RUNS):
            for size, command in ((1, alone), (number, whole)):
                cluster.settle()
                runs[size].append(measure(command, bench.log(f"environments-{size}-{turn}"), cluster.cpu))
        changed = difference(before, cluster.look())
    if changed or len(before) != number * OBJECTS:
        raise MeasurementFailed(f"{len(before)} objects in all environments, of which {changed} changed")
    figures = [Figure(Key(ENVIRONMENTS, NOOP, "ours-src", size), tuple(each)) for size, each in runs.items()]
    return Result("environments", figures, {"objects": OBJECTS, "forks": FORKS, "environments": number})


def _hosts(folder: Path, cluster: ControlPlane, number: int) -> Hosts:
    hosts: Hosts = {}
    for index in range(1, number + 1):
        name = f"environment-{index:02d}"
        source = folder / f"{name}.yaml"
        source.write_text(workload.manifest(workload.tenants(OBJECTS, prefix=name)), encoding="utf-8")
        variables: Dict[str, Any] = {"objects": str(source), "kubeconfig": str(cluster.kubeconfig)}
        hosts[name] = variables
    return hosts


def _playbook(folder: Path, cluster: ControlPlane, hosts: Hosts, *arguments: str) -> Command:
    return playbook(folder, cluster.scratch, [TASK], {}, hosts, ["--forks", str(FORKS), *arguments])
