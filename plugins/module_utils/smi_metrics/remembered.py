# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are remembered for a few seconds, and asked for once however many want them at the same time."""

from __future__ import annotations

import asyncio
import time
from typing import Awaitable, Callable, Dict, Generic, Hashable, Tuple, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """``seconds`` an answer counts from when it was asked for; at most ``largest`` of them are kept."""

    def __init__(self, seconds: float, largest: int = 4096) -> None:
        self._seconds = seconds
        self._largest = largest
        self._answers: Dict[Hashable, Tuple[float, asyncio.Task[Value]]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Value]]) -> Value:
        """The answer, asked for when it is not known any more. What fails is not remembered, and raised."""
        known = self._answers.get(key)
        if known is None or known[0] < time.monotonic():
            known = (time.monotonic() + self._seconds, asyncio.ensure_future(_awaited(ask)))
            self._keep(key, known)
        try:
            # Who goes away takes the answer from nobody else.
            return await asyncio.shield(known[1])
        except Exception:
            if self._answers.get(key) is known:
                del self._answers[key]
            raise

    def _keep(self, key: Hashable, answer: Tuple[float, asyncio.Task[Value]]) -> None:
        self._answers.pop(key, None)
        self._answers[key] = answer
        if len(self._answers) > self._largest:
            now = time.monotonic()
            self._answers = {each: kept for each, kept in self._answers.items() if kept[0] >= now}
        while len(self._answers) > self._largest:
            del self._answers[next(iter(self._answers))]


async def _awaited(ask: Callable[[], Awaitable[Value]]) -> Value:
    return await ask()
