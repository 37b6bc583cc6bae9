# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether counts fit expected shares, and percentiles (pure).

The exact binomial test asks of one backend: how likely is it, when its share is right, to see a count that is no more
likely than this one? Unlike the chi-squared test it needs no large counts. Several such questions at once would find
something by chance sooner or later; Holm's correction keeps the chance for all of them together below the level.
"""

from __future__ import annotations

import math
from typing import List, Sequence

_SAME = 1e-7
"""Likelihoods that differ by less (relatively) are the same: those of mirrored counts differ by rounding only."""


def binomial_p(hits: int, requests: int, share: float) -> float:
    """The p-value of the exact binomial test on two sides, by likelihood. share: from 0 to 1."""
    if not 0 <= hits <= requests or not 0 <= share <= 1:
        raise ValueError(f"{hits} of {requests} with a share of {share}: no binomial count")
    if share in (0.0, 1.0):
        return 1.0 if hits == requests * share else 0.0
    limit = _log_likelihood(hits, requests, share) + _SAME
    likelihoods = (_log_likelihood(count, requests, share) for count in range(requests + 1))
    return min(1.0, math.fsum(math.exp(each) for each in likelihoods if each <= limit))


def _log_likelihood(hits: int, requests: int, share: float) -> float:
    choices = math.lgamma(requests + 1) - math.lgamma(hits + 1) - math.lgamma(requests - hits + 1)
    return choices + hits * math.log(share) + (requests - hits) * math.log1p(-share)


def holm(p_values: Sequence[float]) -> List[float]:
    """The p-values, in their order, corrected for there being several (Holm's step-down method)."""
    corrected = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        floor = max(floor, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = floor
    return corrected


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent of them do not exceed (nearest rank)."""
    if not values or not 0 <= percent <= 100:
        raise ValueError(f"{percent} percent of {len(values)} values: there is no such percentile")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
