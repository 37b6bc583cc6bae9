# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose folder it is, the lock, the memory and the removal."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(Layout(tmp_path / "state"), "demo")


def claim(folder: StateFolder) -> None:
    with folder.locked(Deadline(1)):
        folder.claim()


def test_a_claimed_folder_is_ours_and_private(folder: StateFolder) -> None:
    assert not folder.exists()
    claim(folder)
    assert folder.exists()
    assert folder.layout.root.stat().st_mode & 0o777 == 0o700
    claim(folder)


def test_an_empty_folder_can_be_claimed(folder: StateFolder) -> None:
    folder.layout.root.mkdir()
    assert not folder.exists()
    claim(folder)


def test_a_cluster_of_another_name_is_refused(folder: StateFolder) -> None:
    claim(folder)
    with pytest.raises(EmbeddedError, match="belongs to the embedded cluster 'demo', not to 'other'"):
        StateFolder(folder.layout, "other").exists()


def test_a_file_is_no_folder(folder: StateFolder) -> None:
    folder.layout.root.write_text("")
    with pytest.raises(EmbeddedError, match="is not a folder"):
        folder.exists()


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_broken_marker_is_nobodys_permission(folder: StateFolder, content: str) -> None:
    claim(folder)
    folder.layout.marker.write_text(content)
    with pytest.raises(EmbeddedError, match="cannot be read"):
        folder.exists()


def test_removal_takes_everything_but_nothing_behind_links(folder: StateFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep me")
    claim(folder)
    (folder.layout.root / "link").symlink_to(outside)
    (folder.layout.root / "pki" / "etcd").mkdir(parents=True)
    with folder.locked(Deadline(1)):
        folder.remove()
    assert not folder.layout.root.exists()
    assert (outside / "precious").exists()


def test_what_is_remembered_is_recalled(folder: StateFolder) -> None:
    claim(folder)
    assert folder.recall() == Memory()
    memory = Memory("10.96.0.0/16", "10.244.0.0/16", {"etcd": 20001}, {"path": "/kube", "size": 1}, "v1.36.3")
    folder.remember(memory)
    assert folder.recall() == memory


@pytest.mark.parametrize("content", ["", "[]", '{"unknown": 1}'])
def test_a_broken_memory_says_what_to_do(folder: StateFolder, content: str) -> None:
    claim(folder)
    folder.layout.memory.write_text(content)
    with pytest.raises(EmbeddedError, match=r"cluster\.json cannot be read .*state=absent"):
        folder.recall()


def test_a_second_run_waits_and_then_gives_up(folder: StateFolder) -> None:
    busy = pytest.raises(EmbeddedError, match=r"another run \(process \d+\) is at work in .* within 1 s")
    with folder.locked(Deadline(1)), busy:
        claim_within(folder, 1)
    claim(folder)


def test_a_waiting_run_makes_a_removed_folder_again(folder: StateFolder) -> None:
    claim(folder)
    waiting = threading.Thread(target=claim_within, args=(folder, 5))
    with folder.locked(Deadline(1)):
        waiting.start()
        time.sleep(0.3)
        folder.remove()
    waiting.join()
    assert folder.exists()


def claim_within(folder: StateFolder, seconds: float) -> None:
    with folder.locked(Deadline(seconds)):
        folder.claim()
