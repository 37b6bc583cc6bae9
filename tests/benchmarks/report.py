# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as Markdown (pure)."""

from __future__ import annotations

import itertools
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.servicemesh.platform.tests.benchmarks import controller_tables
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import (
    ALONE,
    BEFORE_CROWD,
    CHANGE,
    CREATE,
    CROWD,
    ENVIRONMENTS,
    MESH,
    NOOP,
    PROCESS,
    PRUNE,
    SECOND,
    SITE,
    SMI,
    Book,
    Key,
    Result,
    Spread,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.goals import Goal, goals
from ansible_collections.servicemesh.platform.tests.benchmarks.tables import table

TITLES = {
    "empty": "a playbook without a task",
    "ping": "a playbook with one `ping`",
    "floor-patches": "floor: the PATCHes",
    "floor-lists": "floor: the labelled LISTs",
    "ours-src": "**k8s_apply**, `src`",
    "ours-inline": "**k8s_apply**, `definitions`",
    "kubectl": "kubectl apply --server-side",
    "k8s-server-side": "kubernetes.core.k8s, server-side",
    "k8s-client-side": "kubernetes.core.k8s, client-side",
    "k8s-loop": "kubernetes.core.k8s in a loop",
    "helm": "helm upgrade --install",
    "site": "`site`",
    "smi-validate": "smi_validate",
    "smi-validate-gateway-api": "smi_validate, and translate to the Gateway API",
    "smi-validate-istio": "smi_validate, and translate to Istio",
}
OPERATIONS = (CREATE, SECOND, NOOP, CHANGE, PRUNE)
MEASURES = ["wall s", "least to most (runs)", "CPU s", "server CPU s", "memory MiB"]
GROWING = ("floor-patches", "ours-src", "ours-inline")
VERDICTS = {True: "yes", False: "**no**", None: ""}


def markdown(machine: Dict[str, str], results: List[Result]) -> str:
    """The whole report."""
    book = Book(results)
    blocks = [
        _machine(machine),
        _failures(results),
        _goals(goals(book)),
        _processes(book),
        *_operations(book),
        _growth(book),
        _crowd(book),
        _site(book),
        _environments(book),
        *_smi(book),
        *controller_tables.blocks(book),
        _mesh(book),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def as_json(machine: Dict[str, str], results: List[Result]) -> Dict[str, Any]:
    """Everything as plain data: each single run, and the goals."""
    found = [vars(goal) for goal in goals(Book(results))]
    return {"machine": machine, "goals": found, "parts": [result.as_json() for result in results]}


def _machine(machine: Dict[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in machine.items())


def _failures(results: List[Result]) -> str:
    failed = [f"- {result.part}: {result.failure.splitlines()[0]}" for result in results if result.failure]
    return "\n".join(["### Not measured", "", *failed]) if failed else ""


def _goals(found: List[Goal]) -> str:
    rows = [[goal.figure, goal.wanted, goal.measured, VERDICTS[goal.met]] for goal in found]
    return "### Goals\n\n" + table(["figure", "goal", "measured", "met"], rows) if rows else ""


def _processes(book: Book) -> str:
    rows = [[TITLES[tool], *_measures(book, Key(ALONE, PROCESS, tool, 0))] for tool in book.tools(PROCESS, 0)]
    return "### Ansible itself\n\n" + table(["", *MEASURES], rows) if rows else ""


def _operations(book: Book) -> Iterator[str]:
    """A table for each size and operation, each row with the ratio to `k8s_apply` with `src`."""
    for size in book.sizes(CREATE) or book.sizes(NOOP):
        for operation in OPERATIONS:
            tools = [tool for tool in TITLES if tool in book.tools(operation, size)]
            ours = book.middle(Key(ALONE, operation, "ours-src", size))
            rows = []
            for tool in tools:
                key = Key(ALONE, operation, tool, size)
                rows.append([_title(book, key), *_measures(book, key), _ratio(book.middle(key), ours)])
            if rows:
                head = ["", *MEASURES, "wall, k8s_apply `src` = 1"]
                yield f"### {size:,} objects: {operation}\n\n" + table(head, rows)


def _growth(book: Book) -> str:
    """What one object costs: for a playbook above an empty one, for the bare script as it is."""
    empty = book.middle(Key(ALONE, PROCESS, "empty", 0))
    sizes = sorted({size for operation in OPERATIONS for size in book.sizes(operation)})
    if empty is None or len(sizes) < 2:
        return ""
    rows = []
    for tool, operation in itertools.product(GROWING, OPERATIONS):
        base = 0.0 if tool.startswith("floor") else empty
        for size in sizes:
            key = Key(ALONE, operation, tool, size)
            wall, memory = book.middle(key), book.middle(key, lambda run: run.peak_mib)
            if wall and memory:
                each = 1000 * (wall - base) / size
                rows.append(
                    [f"{TITLES[tool]}, {operation}", f"{size:,}", f"{wall:.2f}", f"{each:.2f}", f"{memory:.0f}"]
                )
    head = ["", "objects", "wall s", "ms for each, above an empty playbook", "memory MiB"]
    return "### Growth\n\n" + table(head, rows)


def _crowd(book: Book) -> str:
    details = book.details.get("foreign")
    if not details:
        return ""
    rows = []
    for place, read in ((BEFORE_CROWD, details["read"]), (CROWD, details["read_in_crowd"])):
        for tool in book.tools(NOOP, details["size"], place):
            key = Key(place, NOOP, tool, details["size"])
            rows.append([f"{TITLES[tool]}, {place}", *_measures(book, key), f"{read[tool]:,}"])
    title = f"### No-op of {details['size']:,} objects, then among {details['foreign']:,} foreign ones"
    return f"{title}\n\n" + table(["", *MEASURES, "bytes read"], rows)


def _mesh(book: Book) -> str:
    found = book.details.get(MESH)
    if not found:
        return ""
    named = {"one": "until a proxy has it", "last": "until all have it", "look": "`mesh_sync`, all of them looked at"}
    rows = [[title, *_shares(found[key])] for key, title in named.items()]
    rows += [
        [f"until {'one has' if key == 'one' else 'all have'} it, of {number} simulated clients", *_shares(each[key])]
        for number, each in found.get("crowds", {}).items()
        for key in ("one", "last")
    ]
    told = (
        f"A TrafficSplit whose weights change {found['changes']} times, and {found['proxies']} real proxies; load of "
        f"the machine when it began: {found['load']:.1f}."
    )
    return f"### Mesh\n\n{told}\n\n" + table(["ms", "p50", "p99", "of"], rows)


def _shares(found: Dict[str, float]) -> List[str]:
    return [*(f"{1000 * found[share]:,.0f}" for share in ("p50", "p99")), f"{found['calls']:,}"]


def _site(book: Book) -> str:
    details = book.details.get("site")
    if not details:
        return ""
    key = Key(SITE, NOOP, "site", 0)
    rows = [[role, f"{seconds:.2f}"] for role, seconds in details["roles"].items()]
    slowest = [
        [f"{task['role'] or 'playbook'}: {task['task']}", f"{task['seconds']:.2f}"] for task in details["slowest"]
    ]
    whole = table(["", *MEASURES], [["`site`, no-op, demo environment", *_measures(book, key)]])
    roles = table(["role", "wall s"], rows)
    return "\n\n".join(["### `site`", whole, roles, "Its slowest tasks:", table(["task", "wall s"], slowest)])


def _environments(book: Book) -> str:
    details = book.details.get("environments")
    if not details:
        return ""
    rows = []
    for size in (1, details["environments"]):
        key = Key(ENVIRONMENTS, NOOP, "ours-src", size)
        wall = book.middle(key)
        each = f"{wall / size:.2f}" if wall else ""
        rows.append([f"{size}", *_measures(book, key), each])
    title = f"### Environments of {details['objects']} objects on one cluster, no-op, --forks {details['forks']}"
    return f"{title}\n\n" + table(["environments", *MEASURES, "wall s for each"], rows)


def _smi(book: Book) -> Iterator[str]:
    for size in book.sizes(SMI):
        rows = [[TITLES[tool], *_measures(book, Key(ALONE, SMI, tool, size))] for tool in book.tools(SMI, size)]
        yield f"### {size:,} SMI objects in one task\n\n" + table(["", *MEASURES], rows)


def _title(book: Book, key: Key) -> str:
    sampled = book.figures[key].sampled
    return f"{TITLES[key.tool]} ({sampled} measured, extrapolated)" if sampled else TITLES[key.tool]


def _measures(book: Book, key: Key) -> List[str]:
    wall = book.spread(key)
    if not wall:
        return [""] * len(MEASURES)
    values = [book.middle(key, value) for value in (_cpu, _server_cpu)]
    # What does not grow with the sample is told as it is.
    memory = max(run.peak_mib for run in book.figures[key].runs)
    return [f"{wall.middle:.2f}", _range(wall), *(f"{value or 0:.2f}" for value in values), f"{memory:.0f}"]


def _cpu(run: Any) -> float:
    return float(run.cpu)


def _server_cpu(run: Any) -> float:
    return float(run.server_cpu)


def _range(spread: Spread) -> str:
    return f"{spread.least:.2f} to {spread.most:.2f} ({spread.runs})" if spread.runs > 1 else "(1)"


def _ratio(value: Optional[float], one: Optional[float]) -> str:
    return f"{value / one:.2f}" if value and one else ""
