# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants: create, run again, change ten objects, let ten objects go. Every tool on control planes of its own."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, Dict, List, Sequence, Tuple

from ansible_collections.servicemesh.platform.tests.benchmarks import workload
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import CHANGED, Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.cluster import ControlPlane, Seen, difference
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import (
    ALONE,
    CHANGE,
    CREATE,
    NOOP,
    PRUNE,
    SECOND,
    Figure,
    Key,
    Result,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Measurement, MeasurementFailed, measure
from ansible_collections.servicemesh.platform.tests.benchmarks.peers import floor, helm, kubectl, kubernetes_core, ours
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job, Tool

TOOLS: Tuple[Tool, ...] = (
    floor.Patches(),
    floor.Lists(),
    ours.FromFile(),
    ours.Inline(),
    kubectl.Kubectl(),
    kubernetes_core.ServerSide(),
    kubernetes_core.ClientSide(),
    kubernetes_core.Loop(),
    helm.Helm(),
)
BY_NAME: Dict[str, Tool] = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True)
class Plan:
    """How often each operation is measured with a tool. guests: whose no-op is measured in turn with this tool's."""

    create: int = 1
    second: int = 0
    noop: int = 1
    change: int = 0
    prune: int = 0
    guests: Tuple[str, ...] = ()


OURS = Plan(create=3, second=1, noop=3, change=2, prune=1)
PLANS: Dict[int, Dict[str, Plan]] = {
    300: {
        "floor-patches": Plan(create=3, noop=2),
        "ours-src": replace(OURS, guests=("floor-lists",)),
        "ours-inline": replace(OURS, create=2),
        "kubectl": Plan(noop=2, change=1),
        "k8s-server-side": Plan(change=1),
        "k8s-client-side": Plan(change=1),
        "k8s-loop": Plan(),
        "helm": Plan(change=1),
    },
    3000: {
        "floor-patches": Plan(create=3, noop=1),
        "ours-src": replace(OURS, guests=("floor-lists",)),
        "ours-inline": replace(OURS, create=2),
        "kubectl": Plan(create=2, noop=2, change=1),
        "k8s-server-side": Plan(),
        "k8s-client-side": Plan(),
        "helm": Plan(),
    },
    30000: {
        "floor-patches": Plan(noop=0),
        "ours-src": Plan(second=1, noop=2, change=1, guests=("floor-lists", "ours-inline")),
    },
}
"""The peers up to 3,000; beyond, and for more loops, there is nothing left to be learnt."""

SECONDS_PER_OBJECT: Dict[str, Tuple[float, float]] = {
    "floor-patches": (0.003, 0.0013),
    "floor-lists": (0.0, 0.0001),
    "ours-src": (0.004, 0.0005),
    "ours-inline": (0.004, 0.0005),
    "kubectl": (0.005, 0.0036),
    "k8s-server-side": (0.013, 0.011),
    "k8s-client-side": (0.012, 0.009),
    "k8s-loop": (0.6, 0.6),
    "helm": (0.007, 0.013),
}
"""To create, and to find unchanged: only for the word how long it will go on."""
CLUSTER_SECONDS = 8
PROCESS_SECONDS = 2


def parts(selection: Selection) -> List[Part]:
    """For each size the tools in turn, and again in turn for further measurements of the creation."""
    found: List[Part] = []
    for size in sorted(PLANS):
        plans = {name: _chosen(plan, selection) for name, plan in PLANS[size].items() if name in selection.tools}
        for turn in range(max((plan.create for plan in plans.values()), default=0)):
            found += [
                _part(size, name, plan if turn == 0 else Plan(create=1, noop=0), turn, selection)
                for name, plan in plans.items()
                if size in selection.sizes and turn < plan.create
            ]
    return found


def _chosen(plan: Plan, selection: Selection) -> Plan:
    """The plan without what was not asked for."""
    only = selection.only
    if not only & {"create", "noop", "change", "prune"}:
        return Plan(create=0, noop=0)
    return Plan(
        create=plan.create if "create" in only else 1,
        second=plan.second if "noop" in only else 0,
        noop=plan.noop if "noop" in only else 0,
        change=plan.change if "change" in only else 0,
        prune=plan.prune if "prune" in only else 0,
        guests=tuple(name for name in plan.guests if name in selection.tools),
    )


def _part(size: int, name: str, plan: Plan, turn: int, selection: Selection) -> Part:
    create, again = (max(PROCESS_SECONDS, each * _taken(name, size)) for each in SECONDS_PER_OBJECT[name])
    guests = sum(PROCESS_SECONDS + size * SECONDS_PER_OBJECT[guest][1] for guest in plan.guests)
    rounds = plan.second + plan.noop + plan.change + plan.prune
    seconds = CLUSTER_SECONDS + create + rounds * (again + 1) + plan.noop * guests
    title = f"{size} {name}" + (f" again ({turn + 1})" if turn else "")
    return Part(title, seconds, partial(_run, title, size, name, plan, "create" in selection.only))


def _taken(name: str, size: int) -> int:
    return BY_NAME[name].sampled or size


def _run(title: str, size: int, name: str, plan: Plan, with_create: bool, bench: Bench) -> Result:
    with bench.cluster(title.replace(" ", "-")) as cluster:
        stage = Stage(bench, cluster, size, title)
        figures = stage.life(BY_NAME[name], plan)
    return Result(title, [each for each in figures if with_create or each.key.operation != CREATE])


class Stage:
    """One control plane on which a tool is measured through the life of its objects."""

    def __init__(self, bench: Bench, cluster: ControlPlane, size: int, title: str, place: str = ALONE) -> None:
        self._bench = bench
        self._cluster = cluster
        self._size = size
        self._title = title.replace(" ", "-")
        self._place = place
        self._count = 0
        self._now = workload.tenants(size)
        self._seen: Seen = {}

    def life(self, tool: Tool, plan: Plan) -> List[Figure]:
        """Create, run again, change, let go, as often as the plan says."""
        guests = [BY_NAME[name] for name in plan.guests]
        taken = tool.sampled or self._size
        figures = [self._figure(CREATE, tool, [self.run(tool, self._now, taken)])]
        figures.append(self._figure(SECOND, tool, [self.run(tool, self._now, 0) for _turn in range(plan.second)]))
        figures += self.again([tool, *guests], plan.noop)
        figures.append(self._figure(CHANGE, tool, self._steps(tool, plan.change, workload.with_changed_quotas)))
        figures.append(self._figure(PRUNE, tool, self._steps(tool, plan.prune, workload.with_missing_bindings)))
        return [figure for figure in figures if figure.runs]

    def moved_to(self, place: str) -> Stage:
        """The same stage, after the cluster has become another place."""
        moved = copy.copy(self)
        moved._place = place
        return moved

    def again(self, tools: Sequence[Tool], times: int) -> List[Figure]:
        """Runs that have nothing to do, of several tools in turn."""
        rounds = [[self.run(tool, self._now, 0) for tool in tools] for _turn in range(times)]
        return [self._figure(NOOP, tool, [each[index] for each in rounds]) for index, tool in enumerate(tools)]

    def run(self, tool: Tool, tenants: List[workload.Tenant], expected: int) -> Measurement:
        """One run. Raises MeasurementFailed when not exactly the expected number of objects is another afterwards."""
        self._count += 1
        name = f"{self._title}-{self._count}-{tool.name}"
        command = tool.command(Job(tenants, self._cluster, self._bench.scratch(name), self._bench.programs))
        self._cluster.settle()
        taken = measure(command, self._bench.log(name), self._cluster.cpu)
        before, self._seen = self._seen, self._cluster.look()
        changed = difference(before, self._seen)
        if changed != expected:
            raise MeasurementFailed(f"{name}: {changed} objects are not what they were before; expected {expected}")
        self._now = tenants
        return taken

    def _steps(
        self, tool: Tool, times: int, step: Callable[[List[workload.Tenant], int], List[workload.Tenant]]
    ) -> List[Measurement]:
        """Runs of which each takes the same step on from what was before."""
        return [self.run(tool, step(self._now, CHANGED), CHANGED) for _turn in range(times)]

    def _figure(self, operation: str, tool: Tool, runs: List[Measurement]) -> Figure:
        return Figure(Key(self._place, operation, tool.name, self._size), tuple(runs), tool.sampled)
