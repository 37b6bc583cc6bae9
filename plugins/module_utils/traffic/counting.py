# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting what became of requests, for programs and for people (pure)."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import Outcome, Traffic
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.statistics import percentile

PERCENTILES = (50, 90, 99)
_HEAD = ("from zone", "backend", "in zone", "status", "requests", "share", "p50 ms", "p90 ms", "p99 ms")
_NUMBERS = 4
"""From this column on there are numbers."""


@dataclass(frozen=True, order=True)
class Group:
    """What requests have in common. Empty: not known."""

    client_zone: str
    backend: str
    backend_zone: str
    status: str
    reason: str


@dataclass(frozen=True)
class Count:
    """How many requests belong to a group, and their times in milliseconds by percentile."""

    group: Group
    requests: int
    latency: Mapping[int, float]

    def as_dict(self) -> Dict[str, Any]:
        """For the result of a module."""
        latency = {f"p{percent}_ms": round(value, 2) for percent, value in self.latency.items()}
        return {**vars(self.group), "requests": self.requests, **latency}


def count(traffic: Traffic) -> List[Count]:
    """The groups of all requests that were sent, by name."""
    groups: Dict[Group, List[float]] = {}
    for one in traffic.outcomes:
        groups.setdefault(_group(one), []).append(one.milliseconds)
    return [
        Count(group, len(times), {percent: percentile(times, percent) for percent in PERCENTILES})
        for group, times in sorted(groups.items())
    ]


def peers(outcomes: Sequence[Outcome]) -> Dict[str, int]:
    """How many answers tell each SPIFFE ID of who asked."""
    found: Dict[str, int] = {}
    for one in outcomes:
        if one.peer:
            found[one.peer] = found.get(one.peer, 0) + 1
    return dict(sorted(found.items()))


def table(counts: Sequence[Count]) -> List[str]:
    """The counts as lines. The share is that of all requests from the same zone."""
    totals: Dict[str, int] = {}
    for one in counts:
        totals[one.group.client_zone] = totals.get(one.group.client_zone, 0) + one.requests
    rows = [_HEAD, *(_row(one, totals[one.group.client_zone]) for one in counts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(_cells(row, widths)).rstrip() for row in rows]


def _group(one: Outcome) -> Group:
    return Group(one.client_zone, one.place.backend, one.place.zone, one.status, one.reason)


def _row(one: Count, total: int) -> Tuple[str, ...]:
    zone, backend, backend_zone, status, reason = astuple(one.group)
    told = f"{status}: {reason}" if reason else status
    times = [f"{one.latency[percent]:.1f}" for percent in PERCENTILES]
    return (zone, backend or "-", backend_zone or "-", told, str(one.requests), f"{one.requests / total:.1%}", *times)


def _cells(row: Sequence[str], widths: Sequence[int]) -> List[str]:
    pairs = list(zip(row, widths))
    texts = [text.ljust(width) for text, width in pairs[:_NUMBERS]]
    return texts + [text.rjust(width) for text, width in pairs[_NUMBERS:]]
