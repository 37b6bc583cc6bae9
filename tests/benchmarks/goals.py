# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The goals, and whether the figures meet them (pure). All ratios are of medians, within one benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional

from ansible_collections.servicemesh.platform.tests.benchmarks.controller_tables import cpu_ratio, ratio, translations
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import (
    ALONE,
    BEFORE_CROWD,
    CHANGE,
    CONTROLLER,
    CREATE,
    CROWD,
    ENVIRONMENTS,
    NOOP,
    PROCESS,
    SITE,
    SMI,
    Book,
    Key,
)

SIZE = 3000
"""The number of objects for which the goals are told."""
OURS = {"ours-src": "src", "ours-inline": "definitions"}
FLOOR_FACTOR = 1.4
CREATE_KUBECTL, CREATE_CORE = 8, 3
NOOP_KUBECTL, NOOP_CORE = 25, 10
NOOP_SECONDS = 3
CHANGE_FACTOR = 1.2
BYTES_FACTOR = 1.01
"""Resource versions have a digit more in a fuller cluster, and encryption rounds up."""
CROWD_FACTOR = 1.2
SMI_SECONDS = 5
SITE_SECONDS, SITE_SECONDS_PER_COMPONENT = 2, 1


@dataclass(frozen=True)
class Goal:
    """One goal. met: None when nothing is promised, only told."""

    figure: str
    wanted: str
    measured: str
    met: Optional[bool]


def goals(book: Book) -> List[Goal]:
    """All goals for which there are figures."""
    empty = book.middle(Key(ALONE, PROCESS, "empty", 0))
    found: List[Goal] = []
    for tool, given in OURS.items():
        found += _create(book, tool, given)
        found += _noop(book, tool, given, empty)
        found += _change(book, tool, given)
    found += _growth(book, empty)
    found += _crowd(book)
    found += _site(book)
    found += _environments(book)
    found += _smi(book)
    found += _controller(book)
    return found


def _at_most(figure: str, limit: float, ratio: float, other: str) -> Goal:
    return Goal(figure, f"≤ {limit:g} times {other}", f"{ratio:.2f} times", ratio <= limit)


def _faster(figure: str, times: float, ratio: float, other: str) -> Goal:
    return Goal(figure, f"≥ {times:g} times faster than {other}", f"{ratio:.1f} times", ratio >= times)


def _core(book: Book, operation: str) -> Optional[float]:
    """kubernetes.core at its best: the faster of its two ways to apply in one task."""
    times = [book.middle(Key(ALONE, operation, tool, SIZE)) for tool in ("k8s-server-side", "k8s-client-side")]
    return min((time for time in times if time), default=None)


def _create(book: Book, tool: str, given: str) -> Iterator[Goal]:
    figure, ours = f"create {SIZE:,} ({given})", book.middle(Key(ALONE, CREATE, tool, SIZE))
    floor, kubectl = (book.middle(Key(ALONE, CREATE, other, SIZE)) for other in ("floor-patches", "kubectl"))
    core = _core(book, CREATE)
    if ours and floor:
        yield _at_most(figure, FLOOR_FACTOR, ours / floor, "the floor")
    if ours and kubectl:
        yield _faster(figure, CREATE_KUBECTL, kubectl / ours, "kubectl")
    if ours and core:
        yield _faster(figure, CREATE_CORE, core / ours, "kubernetes.core")


def _noop(book: Book, tool: str, given: str, empty: Optional[float]) -> Iterator[Goal]:
    figure, ours = f"no-op {SIZE:,} ({given})", book.middle(Key(ALONE, NOOP, tool, SIZE))
    kubectl, core = book.middle(Key(ALONE, NOOP, "kubectl", SIZE)), _core(book, NOOP)
    if ours and empty:
        above = ours - empty
        yield Goal(figure, f"≤ {NOOP_SECONDS} s above an empty playbook", f"{above:.2f} s", above <= NOOP_SECONDS)
    if ours and kubectl:
        yield _faster(figure, NOOP_KUBECTL, kubectl / ours, "kubectl")
    if ours and core:
        yield _faster(figure, NOOP_CORE, core / ours, "kubernetes.core")


def _change(book: Book, tool: str, given: str) -> Iterator[Goal]:
    change, noop = (book.middle(Key(ALONE, operation, tool, SIZE)) for operation in (CHANGE, NOOP))
    if change and noop:
        yield _at_most(f"change 10 of {SIZE:,} ({given})", CHANGE_FACTOR, change / noop, "the no-op")


def _growth(book: Book, empty: Optional[float]) -> Iterator[Goal]:
    """Time above an empty playbook: for ten times the objects at most ten times as long."""
    for operation in (CREATE, NOOP):
        keys = [Key(ALONE, operation, "ours-src", size) for size in book.sizes(operation)]
        known = [(key, book.middle(key), book.middle(key, lambda run: run.peak_mib)) for key in keys]
        measured = [(key.size, time, memory) for key, time, memory in known if time and memory]
        for (small, before, _memory), (large, after, _more) in zip(measured, measured[1:]):
            if empty:
                growth, wanted = (after - empty) / (before - empty), large / small
                figure = f"growth of {operation} from {small:,} to {large:,}"
                yield Goal(figure, f"≤ {wanted:g} times", f"{growth:.1f} times", growth <= wanted)
        if measured:
            memories = ", ".join(f"{memory:.0f} MiB at {size:,}" for size, _time, memory in measured)
            yield Goal(f"memory of {operation}, largest process", "told, bounded", memories, None)


def _crowd(book: Book) -> Iterator[Goal]:
    details = book.details.get("foreign")
    if not details:
        return
    figure = f"no-op {details['size']:,} among {details['foreign']:,} foreign objects"
    read, crowded = (details[name]["ours-src"] for name in ("read", "read_in_crowd"))
    same = crowded <= BYTES_FACTOR * read
    yield Goal(f"{figure}: bytes read", "as without them", f"{crowded:,} and {read:,} without", same)
    tools = ("ours-src", "floor-lists")
    ours, lists = (book.middle(Key(CROWD, NOOP, tool, details["size"])) for tool in tools)
    ours_before, lists_before = (book.middle(Key(BEFORE_CROWD, NOOP, tool, details["size"])) for tool in tools)
    if ours and lists and ours_before and lists_before:
        yield _at_most(f"{figure}: whole process", CROWD_FACTOR, ours / lists, "the bare LISTs there")
        added = f"{ours - ours_before:+.2f} s; to the bare LISTs {lists - lists_before:+.2f} s"
        yield Goal(f"{figure}: what they add", "told", added, None)


def _site(book: Book) -> Iterator[Goal]:
    details, time = book.details.get("site"), book.middle(Key(SITE, NOOP, "site", 0))
    if details and time:
        limit = SITE_SECONDS + SITE_SECONDS_PER_COMPONENT * details["components"]
        figure = f"`site` no-op, {details['components']} components"
        yield Goal(figure, f"≤ {limit} s", f"{time:.1f} s", time <= limit)


def _environments(book: Book) -> Iterator[Goal]:
    details = book.details.get("environments")
    if not details:
        return
    number = details["environments"]
    alone, together = (book.middle(Key(ENVIRONMENTS, NOOP, "ours-src", size)) for size in (1, number))
    if alone and together:
        each = together / number
        figure = f"{number} environments, no-op, --forks {details['forks']}: for each"
        yield Goal(figure, "less than one alone", f"{each:.2f} s; alone {alone:.2f} s", each < alone)


def _smi(book: Book) -> Iterator[Goal]:
    for size in book.sizes(SMI):
        for tool in book.tools(SMI, size):
            time = book.middle(Key(ALONE, SMI, tool, size))
            if time:
                yield Goal(f"{tool}, {size:,} objects", f"≤ {SMI_SECONDS} s", f"{time:.1f} s", time <= SMI_SECONDS)


def _controller(book: Book) -> Iterator[Goal]:
    for details in translations(book):
        figure = (
            f"SMI controller, {details['splits']:,} splits and their HTTPRoutes, namespaces: {details['namespaces']}"
        )
        measured = f"{cpu_ratio(details):.2f} times the CPU, {ratio(details):.2f} times the time"
        yield Goal(figure, "told, to both by a bare script", measured, None)
    restarts = book.details.get(f"{CONTROLLER}, restarts")
    if restarts:
        figure = f"SMI controller, killed {restarts['kills']} times: HTTPRoutes that differ"
        yield Goal(figure, "0", f"{restarts['differences']}", restarts["differences"] == 0)
