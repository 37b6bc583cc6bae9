# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that the role knows by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import tool
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import (
    CATALOGUE,
    from_catalogue,
    from_text,
)

FILES = Path(__file__).parents[5] / "roles" / "toolchain" / "files"


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_is_pinned_and_says_its_version(name: str) -> None:
    options = from_catalogue({"name": name})
    wanted = tool(options, str(FILES))
    assert wanted.sum or Path(wanted.source, "go.sum").exists()
    assert wanted.version_arguments
    assert wanted.version_expected
    assert "{" not in wanted.ldflags + wanted.version_expected


def test_what_kubectl_says_is_what_its_go_mod_pins() -> None:
    wanted = tool(from_catalogue({"name": "kubectl"}), str(FILES))
    _v, minor, _patch = wanted.version.split(".")
    assert wanted.version_expected == wanted.version
    assert f"version.gitVersion={wanted.version} " in wanted.ldflags
    assert f"version.gitMinor={minor}" in wanted.ldflags


def test_another_version_has_another_sum() -> None:
    other = from_catalogue({"name": "helm", "version": "v4.2.0"})
    assert "sum" not in other
    assert other["ldflags"].endswith("version.version=v4.2.0")
    assert other["version_expected"] == "v4.2.0"
    same = from_catalogue({"name": "helm", "version": CATALOGUE["helm"]["version"], "tags": ["x"]})
    assert (same["sum"], same["tags"]) == (CATALOGUE["helm"]["sum"], ["x"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("helm", {"name": "helm"}),
        (" a.test/x/cmd/y@v1.0.0 ", {"name": "y", "package": "a.test/x/cmd/y", "version": "v1.0.0"}),
        ("a.test/x/v2@v2.0.0", {"name": "x", "package": "a.test/x/v2", "version": "v2.0.0"}),
        ("@v1.0.0", {"name": "", "package": "", "version": "v1.0.0"}),
    ],
)
def test_a_word_is_a_name_or_a_package(text: str, expected: dict[str, Any]) -> None:
    assert from_text(text) == expected
