# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting writes (pure). Times are seconds of one clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Mapping, Sequence


@dataclass(frozen=True)
class Tally:
    """acknowledged, failed: numbers of writes. lost: the acknowledged ones that could not be read back.

    longest_gap: seconds without an acknowledgement. slowest: seconds that one write took at most.
    """

    acknowledged: int = 0
    failed: int = 0
    lost: Sequence[str] = ()
    longest_gap: float = 0.0
    slowest: float = 0.0
    first_error: str = ""


@dataclass(frozen=True)
class Attempt:
    """One write: its key, when it began and ended, and the error that it ended with."""

    key: str
    began: float
    ended: float
    error: str = ""


def tally(attempts: Sequence[Attempt], present: Collection[str], began: float, ended: float) -> Tally:
    """What became of the attempts. present: the keys that were read back. began, ended: of the time to look at."""
    acknowledged = [one for one in attempts if not one.error]
    failed = [one for one in attempts if one.error]
    return Tally(
        len(acknowledged),
        len(failed),
        [one.key for one in acknowledged if one.key not in present],
        longest_gap([one.ended for one in acknowledged], began, ended),
        max((one.ended - one.began for one in acknowledged), default=0.0),
        failed[0].error if failed else "",
    )


def longest_gap(moments: Sequence[float], began: float, ended: float) -> float:
    """The longest time without a moment, between ``began`` and ``ended``."""
    inside = [moment for moment in moments if began <= moment <= ended]
    marks = [began, *inside, ended]
    return max((later - earlier for earlier, later in zip(marks, marks[1:])), default=0.0)


def as_dict(counted: Tally) -> Mapping[str, object]:
    """For the result of a module; times in seconds."""
    return {
        "acknowledged": counted.acknowledged,
        "failed": counted.failed,
        "lost": len(counted.lost),
        "longest_gap_seconds": round(counted.longest_gap, 2),
        "slowest_seconds": round(counted.slowest, 2),
    }
