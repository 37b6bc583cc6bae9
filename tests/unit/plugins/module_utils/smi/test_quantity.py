# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quantities as Kubernetes reads them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.quantity import parse, whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (80, 80),
        ("500m", Fraction(1, 2)),
        ("1000m", 1),
        ("1.5", Fraction(3, 2)),
        (1.5, Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("+1", 1),
        ("-1", -1),
        ("2k", 2000),
        ("1E", 10**18),
        ("1e3", 1000),
        ("1E-2", Fraction(1, 100)),
        ("100u", Fraction(1, 10**4)),
        ("3n", Fraction(3, 10**9)),
        ("1Ki", 1024),
        ("1.5Mi", 3 * 2**19),
    ],
)
def test_what_a_quantity_is(text: Any, value: Fraction) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("text", ["", "m", "1 m", "1mm", "1K", "0x10", "1e", "one", "1,5", None, True, [], {}])
def test_what_is_no_quantity(text: Any) -> None:
    with pytest.raises(ValueError, match="is no quantity; write a number"):
        parse(text)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["80", "20"], [80, 20]),
        (["1", "500m", "1000m", "1.5"], [1000, 500, 1000, 1500]),
        (["100u", "1e-2"], [1, 100]),
        (["0", "0"], [0, 0]),
        ([], []),
    ],
)
def test_whole_numbers_in_the_same_ratios(values: list[str], expected: list[int]) -> None:
    assert whole([parse(value) for value in values]) == expected
