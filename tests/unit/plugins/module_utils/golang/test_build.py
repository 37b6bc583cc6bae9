# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build's digest covers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import (
    Program,
    _estimate,
    digest,
    folder_digest,
    plan,
    source_folders,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import BuildError
from hypothesis import given
from hypothesis import strategies as st

PROGRAM = Program("hello", "/src")
TARGET = {"GOVERSION": "go1.26.8", "GOHOSTOS": "linux"}


def tree(root: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return str(root)


@pytest.mark.parametrize(
    "other",
    [
        digest(replace(PROGRAM, ldflags="-s"), TARGET, ["a"]),
        digest(replace(PROGRAM, package="./cmd"), TARGET, ["a"]),
        digest(replace(PROGRAM, output="world"), TARGET, ["a"]),
        digest(replace(PROGRAM, packages=("./cmd", "./other")), TARGET, ["a"]),
        digest(replace(PROGRAM, tags=("seccomp",)), TARGET, ["a"]),
        digest(replace(PROGRAM, cgo=True), TARGET, ["a"]),
        digest(PROGRAM, {**TARGET, "GOVERSION": "go1.26.9"}, ["a"]),
        digest(PROGRAM, TARGET, ["b"]),
        digest(PROGRAM, TARGET, ["a", "b"]),
    ],
)
def test_everything_that_goes_into_a_program_changes_its_digest(other: str) -> None:
    assert other != digest(PROGRAM, TARGET, ["a"])


def test_the_place_of_the_sources_does_not_matter() -> None:
    assert digest(replace(PROGRAM, source="/elsewhere"), TARGET, []) == digest(PROGRAM, TARGET, [])


def test_programs_are_called_what_go_calls_them() -> None:
    packages = ("./cmd/one", "example.com/x/v2/cmd/two", "example.com/three/v3", "example.com/v1")
    assert replace(PROGRAM, packages=packages).files == ("one", "two", "three", "v1")


NAMES = st.text("abc", min_size=1, max_size=3).map(lambda name: f"f{name}.go")
TREES = st.dictionaries(NAMES | NAMES.map(lambda name: f"lib/{name}"), st.text("xy\n", max_size=4), max_size=4)


@given(TREES, TREES)
def test_two_folders_have_one_digest_when_their_files_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, str], other: dict[str, str]
) -> None:
    first = folder_digest(tree(tmp_path_factory.mktemp("one"), one))
    second = folder_digest(tree(tmp_path_factory.mktemp("other"), other))
    assert (first == second) == (one == other)


def test_folders_that_replace_modules_count_as_sources(tmp_path: Path) -> None:
    go_mod = """module x
replace a => ../beside
replace (
    b v1.2.3 => ./inside // not twice
    c => c.example/c v1.0.0
)
"""
    source = tree(tmp_path / "src", {"go.mod": go_mod})
    assert source_folders(source) == [source, str(tmp_path / "beside")]


def test_a_folder_without_go_mod_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"holds no go\.mod"):
        plan(Program("hello", str(tmp_path)), "go", Cache(str(tmp_path)))


@pytest.mark.parametrize(
    ("seconds", "share", "told"),
    [
        (5, 0.5, ""),
        (60, 0.5, ", about 1 min left"),
        (120, 0.25, ", about 6 min left"),
        (300, 0.99, ", about 1 min left"),
    ],
)
def test_what_is_left_of_a_build_is_estimated(seconds: float, share: float, told: str) -> None:
    assert _estimate(seconds, share) == told


def test_two_programs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="two of them give a file of the same name"):
        plan(Program("both", str(tmp_path), packages=("./a/x", "./b/x")), "go", Cache(str(tmp_path)))


@pytest.mark.parametrize("program", [Program("../x", "/src"), Program("", "/src"), Program("x", "/src", output="a/b")])
def test_a_name_that_is_no_file_name_is_refused(program: Program, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be a file name"):
        plan(program, "go", Cache(str(tmp_path)))
