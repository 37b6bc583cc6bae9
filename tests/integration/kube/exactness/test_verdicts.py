# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts of the engine for generated objects and edits are those of the server.

SERVICEMESH_EXACTNESS_BATCH says how many objects are tried at a time; with 1, hypothesis makes a failing one smaller.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from ansible_collections.servicemesh.platform.tests.integration.kube.exactness import strategies
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.batches import (
    objects_to_try,
    profile,
    shown,
    summary,
    try_batch,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Server
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.strategies import Case
from hypothesis import given, settings

BATCH = int(os.environ.get("SERVICEMESH_EXACTNESS_BATCH", "60"))


def test_verdicts_are_those_of_the_server(server: Server, connection: dict[str, Any], place: str) -> None:
    tally: Counter[str] = Counter()
    complaints: list[str] = []
    waiting: list[Case] = []

    def try_waiting() -> None:
        batch = waiting[:]
        waiting.clear()
        complaints.extend(try_batch(server, connection, place, batch, tally))
        if BATCH == 1:
            assert not complaints, complaints.pop()

    @settings(profile(objects_to_try(), shrinks=BATCH == 1))
    @given(strategies.cases())
    def verdict_is_right(case: Case) -> None:
        waiting.append(case)
        if len(waiting) >= BATCH:
            try_waiting()

    try:
        verdict_is_right()
        if waiting:
            try_waiting()
    finally:
        print(shown(tally))
    assert not complaints, summary(complaints)
    # Else it would be about nothing.
    assert tally["verdict unchanged"] > tally["objects"] / 5
    assert tally["verdict configured"] > tally["objects"] / 20
    assert tally["verdict failed"] < tally["objects"] / 3
    assert tally["unchanged, proved"] > tally["verdict unchanged"] / 3
