# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our scanner of RE2 syntax against Go's regexp, which has the syntax of RE2."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.re2 import problem

PROGRAM = Path(__file__).parent / "regexp" / "main.go"
PARTS = [
    *"abz019 /.^$*+?|()[]{}-,:=!<>P\\&~#_é",
    *("(?:", "(?i)", "(?i:", "(?s-m:", "(?P<a>", "(?<b>", "(?=", "(?!", "(?<=", "(?>", "(?#", "(?x)", "(?U)"),
    *("{2}", "{2,}", "{2,3}", "{3,2}", "{1001}", "{,2}", "{x}", "*?", "+?", "??", "*+", "**", "{2}{3}"),
    *(r"\d", r"\D", r"\w", r"\s", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\C", r"\1", r"\0", r"\07", r"\123", r"\8"),
    *(
        r"\x41",
        r"\x{1F600}",
        r"\x{110000}",
        r"\xg",
        r"\pL",
        r"\p{Greek}",
        r"\P{^Greek}",
        r"\p{Nope}",
        r"\pX",
        r"\Q",
        r"\E",
    ),
    *(r"\a", r"\f", r"\n", r"\t", r"\v", r"\e", r"\_", r"\-", r"\.", r"\/", r"\k<a>", r"\u0041", r"\é", r"\G", r"\R"),
    *("[a-z]", "[z-a]", "[^", "[]", "[^]", "[[:alpha:]]", "[[:^digit:]]", "[[:nope:]]", "[\\d-z]", "[a-\\d]", "[a-"),
]
# Not among the parts: {1000}. Repetitions of repetitions that come to more than 1000 are refused by Go, and by us not.
DIFFERENT = {
    r"\C": "RE2 takes it (one byte), Go does not",
    r"\p{Nope}": "names of scripts grow with Unicode, so we do not judge them",
}


def go_takes(patterns: list[str]) -> list[bool]:
    go = shutil.which("go")
    assert go, "Go's regexp is what the scanner is held against: install Go"
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": ""}
    done = subprocess.run(
        [go, "run", str(PROGRAM)],
        input=json.dumps(patterns),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    taken: list[bool] = json.loads(done.stdout)
    return taken


@pytest.mark.parametrize("seed", range(3))
def test_it_takes_what_go_takes(seed: int) -> None:
    dice = random.Random(seed)
    patterns = [*PARTS, "a{1000}", *("".join(dice.choices(PARTS, k=dice.randint(1, 6))) for _number in range(20_000))]
    patterns = [each for each in patterns if not any(part in each for part in DIFFERENT)]
    wrong = [
        f"{pattern!r}: Go {'takes' if taken else 'refuses'} it, we say {problem(pattern)!r}"
        for pattern, taken in zip(patterns, go_takes(patterns), strict=True)
        if taken is bool(problem(pattern))
    ]
    assert wrong == [], f"{len(wrong)} of {len(patterns)}:\n" + "\n".join(wrong[:40])
