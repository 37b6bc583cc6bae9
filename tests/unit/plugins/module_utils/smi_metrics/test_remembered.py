# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are remembered."""

from __future__ import annotations

import asyncio

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.remembered import Remembered


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    async def ask(self) -> int:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.fails:
            raise RuntimeError("not now")
        return self.asked


def test_one_question_for_all_who_want_the_answer() -> None:
    async def scene() -> list[int]:
        remembered: Remembered[int] = Remembered(10)
        return await asyncio.gather(*(remembered.get("key", source.ask) for _turn in range(20)))

    source = Source()
    assert asyncio.run(scene()) == [1] * 20


def test_an_answer_gets_old() -> None:
    async def scene() -> tuple[int, int, int]:
        remembered: Remembered[int] = Remembered(0.05)
        first, second = [await remembered.get("key", source.ask) for _turn in range(2)]
        await asyncio.sleep(0.06)
        return first, second, await remembered.get("key", source.ask)

    source = Source()
    assert asyncio.run(scene()) == (1, 1, 2)


def test_a_failure_is_not_remembered() -> None:
    async def scene() -> int:
        remembered: Remembered[int] = Remembered(10)
        source.fails = True
        with pytest.raises(RuntimeError, match="not now"):
            await remembered.get("key", source.ask)
        source.fails = False
        return await remembered.get("key", source.ask)

    source = Source()
    assert asyncio.run(scene()) == 2


def test_who_goes_away_takes_the_answer_from_nobody() -> None:
    async def scene() -> int:
        remembered: Remembered[int] = Remembered(10)
        first = asyncio.create_task(remembered.get("key", source.ask))
        await asyncio.sleep(0)
        second = asyncio.create_task(remembered.get("key", source.ask))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    source = Source()
    assert asyncio.run(scene()) == 1


def test_no_more_is_kept_than_fits() -> None:
    async def scene() -> int:
        remembered: Remembered[int] = Remembered(10, largest=3)
        for key in range(5):
            await remembered.get(key, source.ask)
        await remembered.get(4, source.ask)
        return await remembered.get(0, source.ask)

    source = Source()
    assert asyncio.run(scene()) == 6
