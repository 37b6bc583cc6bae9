# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the benchmark works with."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, FrozenSet, Iterator, List

from ansible_collections.servicemesh.platform.tests.benchmarks.cluster import ControlPlane, control_plane
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import Result
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Programs

CHANGED = 10
"""How many objects the small changes are about."""


@dataclass(frozen=True)
class Selection:
    """What is to be measured."""

    only: FrozenSet[str]
    sizes: FrozenSet[int]
    tools: FrozenSet[str]
    foreign: int
    environments: int
    splits: int
    mesh: str
    """The kubeconfig of a mesh that stands; empty for one that is made."""


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark. folder: of this run; state: where control planes and clients keep their files."""

    folder: Path
    state: Path
    binary: Path
    programs: Programs

    @contextlib.contextmanager
    def cluster(self, name: str) -> Iterator[ControlPlane]:
        """A control plane with nothing in it."""
        with control_plane(self.binary, self.scratch(name)) as cluster:
            cluster.settle()
            yield cluster

    def scratch(self, name: str) -> Path:
        """A fresh folder."""
        folder = self.state / name
        number = 1
        while folder.exists():
            number += 1
            folder = self.state / f"{name}.{number}"
        folder.mkdir(parents=True)
        return folder

    def log(self, name: str) -> Path:
        """Where the output of a measured command goes."""
        return self.folder / "logs" / f"{name}.log"


@dataclass(frozen=True)
class Part:
    """A part of the benchmark that gives a result of its own. seconds: what it takes on two idle cores, about."""

    name: str
    seconds: float
    run: Callable[[Bench], Result]


class Announcer:
    """Says on stderr what is being measured and how long it will go on."""

    def __init__(self, parts: List[Part]) -> None:
        self._parts = parts
        self._begun = time.monotonic()

    def say(self, index: int) -> None:
        """Part `index` begins."""
        part = self._parts[index]
        ahead = sum(each.seconds for each in self._parts[index:]) * self._pace(index)
        print(
            f"[{index + 1}/{len(self._parts)}] {part.name}: about {part.seconds * self._pace(index):.0f} s; "
            f"{_minutes(ahead)} to go in all",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        """All is done."""
        print(f"done after {_minutes(time.monotonic() - self._begun)}", file=sys.stderr, flush=True)

    def _pace(self, index: int) -> float:
        """How much slower than foreseen it goes."""
        foreseen = sum(each.seconds for each in self._parts[:index])
        return max((time.monotonic() - self._begun) / foreseen, 0.2) if foreseen > 30 else 1.0


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
