# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RE2 takes and what it does not."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules import re2


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "/api/.*", "(?i)a", "a(?i-s:b)", r"\pL\p{Greek}", r"\Qa*+(\E", "a{,2}+", "{id}", "x*?", "x??"),
        *("(?P<n>a)", "(?<n>a)", "[]a]", "[^/]+", r"[a\]b-]", "a|b|", r"\x{10FFFF}\x41", "[[:^alpha:]_]"),
        *(r"\/a\-b", r"\A\bx\z", "a{1000}"),
    ],
)
def test_taken(pattern: str) -> None:
    assert re2.problem(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("(?=a)", "lookahead"),
        ("(?!a)", "lookahead"),
        ("(?<=a)", "lookbehind"),
        ("(?<!a)", "lookbehind"),
        ("(?>a)", "atomic"),
        (r"(a)\1", "backreferences"),
        ("(?P=a)", "group"),
        ("a*+", "possessive"),
        ("a{2}+", "possessive"),
        ("a**", "doubled"),
        ("a{1001}", "repetition"),
        ("a{2,1}", "repetition"),
        ("*a", "nothing before"),
        ("(", "not closed"),
        (")", "closes nothing"),
        ("[a", "not closed"),
        ("[z-a]", "range"),
        ("[[:foo:]]", "class"),
        (r"\Z", r"\Z"),
        ("a\\", "at the end"),
    ],
)
def test_refused(pattern: str, word: str) -> None:
    assert word in re2.problem(pattern)
