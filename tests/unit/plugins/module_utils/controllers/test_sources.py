# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources at a tag of a real Git repository, and the files of Python packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.controllers.sources import (
    SourceError,
    export,
    package_files,
    tagged,
    write_version,
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the tag v1, and something else checked out."""
    root = tmp_path / "repository"
    (root / "cmd").mkdir(parents=True)
    (root / "cmd" / "main.go").write_text("one")
    (root / "go.mod").write_text("module x")
    git(root, "init", "-q")
    commit(root, "v1")
    (root / "cmd" / "main.go").write_text("two")
    return root


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True, text=True).stdout


def commit(root: Path, tag: str) -> None:
    git(root, "add", ".")
    git(root, "commit", "-qm", tag)
    git(root, "tag", "-a", "-m", tag, tag)


def test_a_tag_whatever_is_checked_out(repository: Path, tmp_path: Path) -> None:
    chosen = tagged(str(repository), "v1")
    assert chosen.commit == git(repository, "rev-parse", "HEAD").strip()
    place = Path(export(chosen, str(tmp_path / "cache")))
    assert (place / "cmd" / "main.go").read_text() == "one"
    assert not (place / ".git").exists()
    assert export(chosen, str(tmp_path / "cache")) == str(place)


def test_a_folder_in_a_repository(repository: Path, tmp_path: Path) -> None:
    chosen = tagged(str(repository / "cmd"), "v1")
    place = Path(export(chosen, str(tmp_path / "cache")))
    assert [path.name for path in place.iterdir()] == ["main.go"]
    assert (place.parent / "go.mod").exists()


def test_a_tag_that_moves_is_another_export(repository: Path, tmp_path: Path) -> None:
    first = export(tagged(str(repository), "v1"), str(tmp_path / "cache"))
    commit(repository, "v2")
    git(repository, "tag", "-f", "v1", "v2^{}")
    second = export(tagged(str(repository), "v1"), str(tmp_path / "cache"))
    assert first != second
    assert (Path(second) / "cmd" / "main.go").read_text() == "two"


def test_tags_that_are_not_there(repository: Path) -> None:
    with pytest.raises(SourceError, match=r"has no tag v9\.\nThe newest there are v1\."):
        tagged(str(repository), "v9")
    with pytest.raises(SourceError, match="no name of a tag"):
        tagged(str(repository), "--exec=x")


def test_folders_that_are_no_repository(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder"):
        tagged(str(tmp_path / "none"), "v1")
    with pytest.raises(SourceError, match="not a git repository"):
        tagged(str(tmp_path), "v1")


def test_files_of_a_package(tmp_path: Path) -> None:
    package = tmp_path / "reporter"
    for name in ("__main__.py", "sub/part.py", "sub/__pycache__/part.cpython-311.pyc", ".hidden/x", "old.pyc", ".env"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("")
    found = package_files(str(package), "reporter")
    assert [each["dest"] for each in found] == ["/app/reporter/__main__.py", "/app/reporter/sub/part.py"]
    (package / "__main__.py").unlink()
    with pytest.raises(SourceError, match="python -m reporter"):
        package_files(str(package), "reporter")


def test_the_version_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "reporter.d" / "_version.py"
    write_version(str(path), "1.0")
    written = path.stat().st_mtime_ns
    write_version(str(path), "1.0")
    assert path.stat().st_mtime_ns == written
    write_version(str(path), "2.0")
    assert path.read_text() == '__version__ = "2.0"\n'
