# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether counts fit shares: values that are published, and what must hold for any count."""

from __future__ import annotations

import functools
import math
import random

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.statistics import (
    binomial_p,
    holm,
    percentile,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SHARES = st.floats(0.01, 0.99)
P_VALUES = st.lists(st.floats(0, 1), max_size=8)


@pytest.mark.parametrize(
    ("hits", "requests", "share", "known"),
    [
        (51, 235, 1 / 6, 0.0437),  # sixes of a die, the example of Wikipedia's page on the binomial test
        (682, 925, 0.75, 0.3825),  # Mendel's peas, as in the manual of R's binom.test (Conover 1971, p. 97)
        (0, 10, 0.5, 2 / 1024),
        (5, 10, 0.5, 1.0),
    ],
)
def test_published_values(hits: int, requests: int, share: float, known: float) -> None:
    assert binomial_p(hits, requests, share) == pytest.approx(known, abs=0.00005)


def test_no_share_and_the_whole_leave_nothing_to_chance() -> None:
    assert binomial_p(0, 50, 0.0) == binomial_p(50, 50, 1.0) == 1.0
    assert binomial_p(1, 50, 0.0) == binomial_p(49, 50, 1.0) == 0.0


@given(st.data(), st.integers(1, 60), SHARES)
def test_it_is_the_sum_over_what_is_no_more_likely(data: st.DataObject, requests: int, share: float) -> None:
    hits = data.draw(st.integers(0, requests))
    chances = [math.comb(requests, n) * share**n * (1 - share) ** (requests - n) for n in range(requests + 1)]
    expected = sum(chance for chance in chances if chance <= chances[hits] * (1 + 1e-7))
    assert binomial_p(hits, requests, share) == pytest.approx(expected, rel=1e-6)


@given(st.data(), st.integers(1, 400), SHARES)
def test_both_sides_of_one_split_agree(data: st.DataObject, requests: int, share: float) -> None:
    hits = data.draw(st.integers(0, requests))
    mirrored = binomial_p(requests - hits, requests, 1 - share)
    assert binomial_p(hits, requests, share) == pytest.approx(mirrored, rel=1e-4)


@settings(max_examples=20)
@given(st.integers(2, 120), SHARES, st.sampled_from([0.05, 0.01, 0.001]))
def test_a_right_split_is_seldom_called_wrong(requests: int, share: float, level: float) -> None:
    wrong = [
        math.comb(requests, hits) * share**hits * (1 - share) ** (requests - hits)
        for hits in range(requests + 1)
        if binomial_p(hits, requests, share) < level
    ]
    assert sum(wrong) <= level


def test_many_requests_are_no_trouble() -> None:
    assert binomial_p(80_000, 100_000, 0.8) == pytest.approx(1.0)
    assert binomial_p(79_000, 100_000, 0.8) < 1e-12


@pytest.mark.parametrize(("share", "at_least", "at_most"), [(0.8, 0.0, 0.005), (0.75, 0.2, 0.3), (0.7, 0.96, 1.0)])
def test_what_a_probe_of_three_times_200_requests_sees(share: float, at_least: float, at_most: float) -> None:
    chance, probes = random.Random(1), 1000
    p_value = functools.lru_cache(maxsize=None)(lambda hits, requests: binomial_p(hits, requests, 0.8))
    seen = 0
    for _probe in range(probes):
        zones = [sum(chance.random() < share for _request in range(200)) for _zone in range(3)]
        seen += min(holm([*(p_value(hits, 200) for hits in zones), p_value(sum(zones), 600)])) < 0.001
    assert at_least <= seen / probes <= at_most


def test_holm_by_a_published_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(P_VALUES)
def test_corrected_values_are_higher_and_keep_their_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected))
    pairs = sorted(zip(p_values, corrected))
    assert [after for _before, after in pairs] == sorted(corrected)


@given(P_VALUES, st.randoms())
def test_the_order_of_the_tests_does_not_count(p_values: list[float], chance: random.Random) -> None:
    places = list(range(len(p_values)))
    chance.shuffle(places)
    corrected = holm(p_values)
    assert holm([p_values[place] for place in places]) == [corrected[place] for place in places]


def test_percentiles_by_the_nearest_rank() -> None:
    assert [percentile([15, 20, 35, 40, 50], percent) for percent in (5, 30, 40, 50, 100)] == [15, 20, 20, 35, 50]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_first_value_that_covers_so_many(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert len([value for value in values if value <= found]) * 100 >= percent * len(values)
    assert len([value for value in values if value < found]) * 100 < percent * len(values)


def test_what_is_no_count_is_refused() -> None:
    for arguments in ((3, 2, 0.5), (-1, 2, 0.5), (1, 2, 1.5)):
        with pytest.raises(ValueError, match="no binomial count"):
            binomial_p(*arguments)
    with pytest.raises(ValueError, match="no such percentile"):
        percentile([], 50)
