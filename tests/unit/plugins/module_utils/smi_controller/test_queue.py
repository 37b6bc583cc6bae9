# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import time

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.queue import FIRST_PAUSE, WorkQueue


def test_a_key_waits_once() -> None:
    queue = WorkQueue()
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert len(queue) == 2
    assert [queue.get(), queue.get()] == ["a", "b"]


def test_what_is_added_during_the_work_on_it_comes_again_afterwards() -> None:
    queue = WorkQueue()
    queue.add("a")
    assert queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.get() == "b"
    queue.done("a")
    assert queue.get() == "a"


def test_a_failure_comes_again_later_each_time() -> None:
    queue = WorkQueue()
    queue.add("a")
    pauses = []
    for _turn in range(3):
        begin = time.monotonic()
        assert queue.get() == "a"
        pauses.append(time.monotonic() - begin)
        queue.done("a", failed=True)
    assert pauses[1] >= FIRST_PAUSE
    assert pauses[2] >= 2 * FIRST_PAUSE


def test_success_forgets_the_failures() -> None:
    queue = WorkQueue()
    queue.add("a")
    for failed in (True, True, False):
        assert queue.get() == "a"
        queue.done("a", failed)
    queue.add("a")
    assert queue.get() == "a"
    queue.done("a", failed=True)
    begin = time.monotonic()
    assert queue.get() == "a"
    assert time.monotonic() - begin < 3 * FIRST_PAUSE


def test_closing_lets_everybody_go() -> None:
    queue = WorkQueue()
    found: list[str | None] = []
    waiting = [threading.Thread(target=lambda: found.append(queue.get())) for _each in range(3)]
    for each in waiting:
        each.start()
    queue.close()
    for each in waiting:
        each.join(5)
    assert found == [None, None, None]
