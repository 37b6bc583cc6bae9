# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting writes."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.tally import Attempt, longest_gap, tally


def test_what_was_acknowledged_and_is_not_there_is_lost() -> None:
    attempts = [Attempt("a", 0, 0.1), Attempt("b", 1, 1.5), Attempt("c", 2, 2.1, "refused"), Attempt("d", 3, 3.1, "x")]
    counted = tally(attempts, {"a", "c"}, 0, 4)
    assert (counted.acknowledged, counted.failed, counted.lost) == (2, 2, ["b"])
    assert (counted.slowest, counted.first_error) == (0.5, "refused")
    assert counted.longest_gap == 2.5


@pytest.mark.parametrize(
    ("moments", "gap"),
    [
        ([], 10.0),
        ([5.0], 5.0),
        ([-1.0, 1.0, 2.0, 9.0], 7.0),  # what was before does not count
        ([1.0, 12.0], 9.0),  # neither does what comes after
        ([0.0, 10.0], 10.0),
    ],
)
def test_the_longest_time_without_an_acknowledgement(moments: list[float], gap: float) -> None:
    assert longest_gap(moments, 0.0, 10.0) == gap
