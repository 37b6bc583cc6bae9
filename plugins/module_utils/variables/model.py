# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules for a role's variables work on: the inventory they may look at and the problems they find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, List, Mapping


@dataclass(frozen=True)
class Problem:
    """One variable with a value that cannot be used, and what would be right."""

    variable: str
    value: Any
    expected: str

    def __str__(self) -> str:
        return f"{self.variable} is {self.value!r}: {self.expected}"


@dataclass(frozen=True)
class Inventory:
    """The part of the inventory that rules may look at: no facts, no network."""

    environment: str
    groups: Mapping[str, List[str]]
    hostvars: Mapping[str, Mapping[str, Any]]


Rules = Callable[[Mapping[str, Any], Inventory], Iterator[Problem]]
