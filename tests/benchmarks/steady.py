# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who changes the weights of splits, one after the other, so many times a second."""

from __future__ import annotations

import threading
import time
from http.client import HTTPException
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.tests.benchmarks import splits
from ansible_collections.servicemesh.platform.tests.benchmarks.beside import Client
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import MeasurementFailed
from ansible_collections.servicemesh.platform.tests.benchmarks.splits import Split


class Changes:
    """Changes in a thread of their own. rate: a second, as far as the server keeps up. seconds: for how long."""

    def __init__(self, server: Mapping[str, Any], given: Sequence[Split], rate: float, seconds: float) -> None:
        self.sent = 0
        self._client = Client(server)
        self._given = given
        self._pause = 1 / rate
        self._seconds = seconds
        self._last: Dict[splits.Name, Split] = {(each.namespace, each.name): each for each in given}
        self._failure: List[Exception] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> List[Split]:
        """Wait for the end; the splits as they were left. Raises what went wrong."""
        self._thread.join()
        for failure in self._failure:
            raise failure
        return list(self._last.values())

    def _run(self) -> None:
        begin = time.monotonic()
        try:
            while time.monotonic() < begin + self._seconds:
                self._change()
                time.sleep(max(begin + self.sent * self._pause - time.monotonic(), 0))
        except (MeasurementFailed, OSError, HTTPException) as error:  # told by ``join``
            self._failure.append(error)

    def _change(self) -> None:
        split = splits.changed(self._given, self.sent)
        self._client.send(*splits.change(split))
        self._last[split.namespace, split.name] = split
        self.sent += 1
