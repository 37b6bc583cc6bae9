# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be looked at: each thing once, never by two at a time, again after a while when it failed."""

from __future__ import annotations

import heapq
import threading
import time
from typing import Dict, List, Optional, Set, Tuple

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 60.0
"""Seconds before something that failed is looked at again: doubled with every failure."""


class WorkQueue:
    """Keys to work on. Adding one that waits already changes nothing; one that is being worked on comes again after."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: Dict[str, None] = {}
        self._working: Set[str] = set()
        self._again: Set[str] = set()
        self._later: List[Tuple[float, str]] = []
        self._failures: Dict[str, int] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    def add(self, key: str) -> None:
        """Have it worked on as soon as somebody is free."""
        with self._changed:
            self._add(key)

    def get(self) -> Optional[str]:
        """The next key, which ``done`` has to be called for; None when the queue was closed."""
        with self._changed:
            while not self._closed:
                self._bring_due()
                if self._waiting:
                    key = next(iter(self._waiting))
                    del self._waiting[key]
                    self._working.add(key)
                    return key
                self._changed.wait(self._later[0][0] - time.monotonic() if self._later else None)
            return None

    def done(self, key: str, failed: bool = False) -> None:
        """The work on a key is over. After a failure it comes again by itself, later each time."""
        with self._changed:
            self._working.discard(key)
            failures = self._failures[key] = self._failures.get(key, 0) + 1 if failed else 0
            if failed:
                pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 32), LONGEST_PAUSE)
                heapq.heappush(self._later, (time.monotonic() + pause, key))
            else:
                del self._failures[key]
            if key in self._again:
                self._again.discard(key)
                self._add(key)
            self._changed.notify()

    def close(self) -> None:
        """Give out nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, key: str) -> None:
        if key in self._working:
            self._again.add(key)
        else:
            self._waiting[key] = None
            self._changed.notify()

    def _bring_due(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._add(heapq.heappop(self._later)[1])
