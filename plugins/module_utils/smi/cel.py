# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of CEL about values of which nothing is known: a field may be missing, and what stands there may be anything.

Written in what Kubernetes 1.30 has: no indices in macros, no flattening, no binding of names within an expression
(``variables`` of a policy take its place).
"""

from __future__ import annotations

from typing import Sequence

_LONGEST = 60


def field(owner: str, name: str) -> str:
    """A field of a mapping; null where it is missing."""
    return f"{owner}.?{name}.orValue(null)"


def quoted(text: str) -> str:
    """Text as CEL writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def is_a(value: str, kind: str) -> str:
    """Whether a value is of a type of CEL: string, int, double, list, map."""
    return f"type({value}) == {kind}"


def text(value: str) -> str:
    """The value when it is text, else nothing."""
    return f"(type({value}) == string ? {value} : '')"


def one_of(value: str, allowed: Sequence[str]) -> str:
    """Whether a value is one of these texts."""
    return f"{value} in [{', '.join(quoted(each) for each in allowed)}]"


def empty(value: str) -> str:
    """Whether a value is null, false, 0, or has nothing in it. Stands in parentheses where more follows."""
    return f"{value} in [dyn(null), dyn(false), dyn(0), dyn(''), dyn([]), dyn({{}})]"


def fits(value: str, expression: str) -> str:
    """Whether a text matches an RE2 expression, which says itself where it is anchored."""
    return f"{value}.matches({quoted(expression)})"


def compiles(value: str) -> str:
    """True for an RE2 expression; for anything else an error of evaluation, which nothing in CEL can catch."""
    return f"(''.matches({value}) ? true : true)"


def shown(value: str) -> str:
    """A value for people: on one line, and not too long."""
    line = f"'%s'.format([{value}]).replace('\\n', ' ')"
    return f"({line}.size() > {_LONGEST} ? {line}.substring(0, {_LONGEST - 3}) + '...' : {line})"


def index(things: str, thing: str) -> str:
    """Where in a list a thing stands first, as people write it: ``[2]``."""
    return f"'[' + string({things}.indexOf({thing})) + ']'"
