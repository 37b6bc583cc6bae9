# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark finds out: figures, each one or more runs of one thing, and how they are kept (pure)."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Measurement

# Operations
PROCESS = "process"
"""A playbook that does nothing for Kubernetes."""
CREATE = "create"
SECOND = "second run"
"""The first run after the one that has created: it may still have something to find out about the server."""
NOOP = "no-op"
CHANGE = "change 10"
SMI = "smi"
"""SMI objects are checked and translated, without a cluster."""
PRUNE = "prune 10"
MESH = "mesh"
CONTROLLER = "controller"
"""With this the names of the parts about the SMI controller begin; what they find out is in their details."""

# Places
ALONE = ""
"""A cluster with nothing else in it."""
BEFORE_CROWD = "before foreign objects came"
CROWD = "among foreign objects"
ENVIRONMENTS = "environments"
"""Many environments on one cluster; the size is how many of them a run is about."""
SITE = "site"


class Key(NamedTuple):
    """What a figure is about. place: the kind of cluster. size: the number of objects."""

    place: str
    operation: str
    tool: str
    size: int


@dataclass(frozen=True)
class Figure:
    """The runs of one thing. sampled: when it was done with so many objects only, instead of `key.size`."""

    key: Key
    runs: Tuple[Measurement, ...]
    sampled: int = 0


@dataclass(frozen=True)
class Result:
    """What one part of the benchmark found out. details: what is no run of a command. failure: why it broke off."""

    part: str
    figures: List[Figure] = field(default_factory=list)
    details: Dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    def as_json(self) -> Dict[str, Any]:
        """As plain data."""
        figures = [
            {**each.key._asdict(), "sampled": each.sampled, "runs": list(map(asdict, each.runs))}
            for each in self.figures
        ]
        return {"part": self.part, "figures": figures, "details": self.details, "failure": self.failure}


def from_json(data: Dict[str, Any]) -> Result:
    """A result as `as_json` gave it."""
    figures = [
        Figure(
            Key(each["place"], each["operation"], each["tool"], each["size"]),
            tuple(Measurement(**run) for run in each["runs"]),
            each["sampled"],
        )
        for each in data["figures"]
    ]
    return Result(data["part"], figures, data["details"], data["failure"])


class Spread(NamedTuple):
    """Least, middle and largest of several runs, and how many they were."""

    least: float
    middle: float
    most: float
    runs: int


@dataclass(frozen=True)
class Book:
    """All figures of one benchmark; runs of the same thing in different parts are put together."""

    results: List[Result]

    @property
    def figures(self) -> Dict[Key, Figure]:
        """The figures by what they are about."""
        found: Dict[Key, Figure] = {}
        for figure in (each for result in self.results for each in result.figures):
            known = found.get(figure.key)
            found[figure.key] = Figure(figure.key, (known.runs if known else ()) + figure.runs, figure.sampled)
        return found

    @property
    def details(self) -> Dict[str, Any]:
        """What else the parts found out, by the part's name."""
        return {result.part: result.details for result in self.results if result.details}

    def spread(self, key: Key, value: Callable[[Measurement], float] = lambda run: run.wall) -> Optional[Spread]:
        """A value over the runs of a figure, seconds of wall time by default; None when it was not measured.

        What was sampled is extrapolated: what one object cost above an empty playbook, times the objects.
        """
        figure = self.figures.get(key)
        if not figure or not figure.runs:
            return None
        values = [value(run) for run in figure.runs]
        if figure.sampled:
            empty = self.middle(Key(ALONE, PROCESS, "empty", 0), value) or 0.0
            values = [empty + (each - empty) * key.size / figure.sampled for each in values]
        return Spread(min(values), statistics.median(values), max(values), len(values))

    def middle(self, key: Key, value: Callable[[Measurement], float] = lambda run: run.wall) -> Optional[float]:
        """The median of a value, seconds of wall time by default."""
        spread = self.spread(key, value)
        return spread.middle if spread else None

    def sizes(self, operation: str, place: str = ALONE) -> List[int]:
        """The sizes for which an operation was measured."""
        return sorted({key.size for key in self.figures if key.operation == operation and key.place == place})

    def tools(self, operation: str, size: int, place: str = ALONE) -> List[str]:
        """The tools with which an operation was measured."""
        return unique(key.tool for key in self.figures if key[:2] == (place, operation) and key.size == size)


def latency(seconds: Sequence[float]) -> Dict[str, float]:
    """The 50th and the 99th percentile (nearest rank) of what single calls took, and how many they were."""
    ordered = sorted(seconds)
    p50, p99 = (ordered[max(math.ceil(share * len(ordered)) - 1, 0)] for share in (0.5, 0.99))
    return {"p50": p50, "p99": p99, "calls": len(ordered)}


def unique(names: Iterable[str]) -> List[str]:
    """The names, each once, in their order."""
    return list(dict.fromkeys(names))
