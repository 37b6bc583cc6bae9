# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Showing what a module says while it runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress, read_progress
from ansible_collections.servicemesh.platform.plugins.plugin_utils import progress


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that looks a hundred times as often."""
    for name in ("FIRST_LINE", "CHANGED_LINE", "SAME_LINE", "_LOOK"):
        monkeypatch.setattr(progress, name, getattr(progress, name) / 100)


def test_the_newest_line_is_what_is_read(tmp_path: Path) -> None:
    path = str(tmp_path / "line")
    assert read_progress(path) == ""
    writer = Progress(path)
    writer.say("one")
    writer.say("two")
    assert read_progress(path) == "two"
    assert [file.name for file in tmp_path.iterdir()] == ["line"]


def test_a_file_that_cannot_be_written_does_not_stop_the_work(tmp_path: Path) -> None:
    Progress(str(tmp_path / "gone" / "line")).say("one")
    Progress(None).say("one")


@pytest.mark.usefixtures("quick")
def test_each_new_line_is_shown_with_the_time(tmp_path: Path) -> None:
    path = str(tmp_path / "line")
    writer = Progress(path)
    shown: list[str] = []
    seen = threading.Event()

    def show(line: str) -> None:
        shown.append(line)
        seen.set()

    with progress.Watch(path, show):
        for text in ("building x: 1 of 2", "building x: 2 of 2"):
            seen.clear()
            writer.say(text)
            assert seen.wait(5)
    assert shown[0] == "building x: 1 of 2, 0 s"
    assert shown[-1] == "building x: 2 of 2, 0 s"


def test_what_is_done_soon_shows_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "line")
    shown: list[str] = []
    with progress.Watch(path, shown.append):
        Progress(path).say("building x")
    assert shown == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (190, "3 min 10 s"), (3900, "1 h 5 min")],
)
def test_times_are_for_people(seconds: float, text: str) -> None:
    assert progress.elapsed(seconds) == text
