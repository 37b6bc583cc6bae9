# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights as Kubernetes quantities (``500m``, ``1``, ``1.5``, ``2k``), exactly.

Source: the grammar of ``k8s.io/apimachinery/pkg/api/resource.Quantity``. TrafficSplit v1alpha1 has such weights, all
later versions whole numbers.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, List, Sequence

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:(?P<binary>[KMGTPE]i)|[eE](?P<exponent>[+-]?\d{1,3})|(?P<decimal>[numkMGTPE]?))",
    re.ASCII,
)
_MILLI = 1000


def parse(value: Any) -> Fraction:
    """The exact value of a quantity, written as text or as a number. Raises ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is no quantity; write a number like 1 or 1.5, or thousandths like 500m")
    if isinstance(value, int):
        return Fraction(value)
    found = _QUANTITY.fullmatch(str(value))
    if found is None:
        raise ValueError(f"{value!r} is no quantity; write a number like 1 or 1.5, or thousandths like 500m")
    number = Fraction(found["number"])
    if found["binary"]:
        return number * Fraction(2 ** _BINARY[found["binary"]])
    exponent = int(found["exponent"]) if found["exponent"] else _DECIMAL[found["decimal"] or ""]
    return Fraction(number * Fraction(10) ** exponent)


def scale(values: Sequence[Fraction]) -> int:
    """By what to multiply the values to have them whole: 1, 1000 (thousandths), or their least common denominator."""
    for each in (1, _MILLI):
        if all((value * each).denominator == 1 for value in values):
            return each
    result = 1
    for value in values:
        result *= (value * result).denominator
    return result


def whole(values: Sequence[Fraction]) -> List[int]:
    """Whole numbers in exactly the ratios of the values: these times their ``scale``."""
    factor = scale(values)
    return [int(value * factor) for value in values]
