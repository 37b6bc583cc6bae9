# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the pins of go.mod and go.sum."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import ModuleError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import (
    Pin,
    module_folder,
    pinned_sum,
    read_pin,
    required_version,
)

GO_MOD = """module x // require a.b/comment v9.0.0

go 1.26.0

require a.b/one v1.0.0
require (
    a.b/two v2.0.0 // indirect
    "a.b/three" v3.0.0
)
replace (
    a.b/four => a.b/other v4.0.0
)
exclude a.b/five v5.0.0
"""


@pytest.mark.parametrize(
    ("module", "version"),
    [
        ("a.b/one", "v1.0.0"),
        ("a.b/two", "v2.0.0"),
        ("a.b/three", "v3.0.0"),
        ("a.b/four", ""),
        ("a.b/five", ""),
        ("a.b/comment", ""),
        ("a.b/on", ""),
    ],
)
def test_the_required_version(module: str, version: str) -> None:
    assert required_version(GO_MOD, module) == version


def test_the_checksum_of_the_files_is_not_that_of_go_mod() -> None:
    go_sum = "a.b/one v1.0.0/go.mod h1:mod=\na.b/one v1.0.0 h1:files=\na.b/one v1.0.1 h1:other=\n"
    assert pinned_sum(go_sum, "a.b/one", "v1.0.0") == "h1:files="
    assert pinned_sum("a.b/one v1.0.0/go.mod h1:mod=\n", "a.b/one", "v1.0.0") == ""


def test_what_is_not_pinned_says_where_and_what_to_do(tmp_path: Path) -> None:
    source = str(tmp_path)
    with pytest.raises(ModuleError, match=r"go\.mod: No such file"):
        read_pin(source, "a.b/one")
    (tmp_path / "go.mod").write_text(GO_MOD, encoding="utf-8")
    with pytest.raises(ModuleError, match=r"go\.sum: No such file"):
        read_pin(source, "a.b/one")
    (tmp_path / "go.sum").write_text("", encoding="utf-8")
    with pytest.raises(ModuleError, match=r"go\.sum has no checksum for a\.b/one v1\.0\.0"):
        read_pin(source, "a.b/one")
    with pytest.raises(ModuleError, match=r"go\.mod does not require a\.b/six"):
        read_pin(source, "a.b/six")


def test_capital_letters_are_escaped_as_go_does() -> None:
    pin = Pin("/src", "github.com/Azure/Go", "v1.0.0", "h1:")
    assert module_folder(pin, Cache("/c")) == "/c/go/mod/github.com/!azure/!go@v1.0.0"
