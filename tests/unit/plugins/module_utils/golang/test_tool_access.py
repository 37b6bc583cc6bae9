# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules are reached, and what go's messages mean for a tool."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_access import (
    Effective,
    credentials,
    explained,
    failure,
    matches,
)

CACHE = Cache("/c")
ONLINE = Effective(
    "go", CACHE, {"GOPROXY": "https://me:geheim@proxy.test"}, False, True, "*.corp.test,example.com/private"
)
OFFLINE = ONLINE._replace(offline=True, sumdb=False)


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ("example.com", "example.com/a/b", True),
        ("example.com/a", "example.com/ab", False),
        ("*.corp.test", "git.corp.test/x", True),
        ("*.corp.test", "corp.test/x", False),
        ("example.com/*/b", "example.com/a/b/c", True),
        ("example.com/*/b", "example.com/b", False),
        ("a.test,,b.test/", "b.test/x", True),
        ("", "a.test", False),
    ],
)
def test_patterns_fit_as_go_does_it(patterns: str, path: str, expected: bool) -> None:
    assert matches(patterns, path) is expected


def test_what_the_checksum_database_is_asked_for() -> None:
    assert ONLINE.checks("example.com/public")
    assert not ONLINE.checks("example.com/private/x")
    assert not OFFLINE.checks("example.com/public")


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (
            "go: example.test/x@v1.0.0: verifying module: checksum mismatch\n\tdownloaded: h1:a\n\tdb: h1:b\n",
            "example.test/x@v1.0.0 is not what the checksum database has",
        ),
        (
            "go: example.test/x@v1.0.0: verifying go.mod: reading https://db.test/lookup/example.test/x@v1.0.0: 404",
            "The checksum database does not vouch for example.test/x@v1.0.0",
        ),
        ("go: example.test/x@v1.0.0: zip: not a valid zip file", "example.test/x@v1.0.0 came down broken"),
        ("zip: not a valid zip file", "A module came down broken"),
        (
            "main.go:3:8: example.test/x@v1.0.0: reading https://proxy.test/x: 404 Not Found",
            "does not have example.test/x@v1.0.0",
        ),
    ],
)
def test_messages_are_explained(output: str, problem: str) -> None:
    known = explained(output, ONLINE)
    assert known is not None
    assert problem in known.problem
    assert "geheim" not in known.mend


def test_a_missing_module_is_named_with_its_capital_letters() -> None:
    output = (
        "../mod/example.test/x@v1.0.0/main.go:7:2: example.test/Dep@v1.0.0: reading "
        "file:///c/go/mod/cache/download/example.test/!dep/@v/v1.0.0-!rc.zip: no such file or directory"
    )
    known = explained(output, OFFLINE)
    assert known is not None
    assert known.problem.startswith("example.test/Dep@v1.0.0-Rc is not in the module cache")
    assert "/c/go/mod/cache/download" in known.mend


def test_what_is_not_known_is_shown() -> None:
    error = failure("x cannot be built", "# x\n./main.go:3:5: undefined: y", ONLINE)
    assert str(error) == "x cannot be built:\n# x\n./main.go:3:5: undefined: y"


def test_credentials_are_found() -> None:
    assert credentials("https://me:geheim@a.test,https://b.test|https://token@c.test/x") == ("me:geheim", "token")
    assert credentials("https://b.test/@v/list") == ()
