# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trials of many generated objects at a time.

SERVICEMESH_EXACTNESS_OBJECTS says how many objects a test generates. By default few, and always the same.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.edits import Edit
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Body, Server, each
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.strategies import Case
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.trial import Trial
from hypothesis import HealthCheck, Phase, settings

VARIABLE = "SERVICEMESH_EXACTNESS_OBJECTS"
FEW = 240
SHOWN = 20
"""Complaints that are shown at most."""

_NUMBERS = itertools.count(1)
_BATCHES = itertools.count(1)


def objects_to_try() -> int:
    return int(os.environ.get(VARIABLE, FEW))


def profile(max_examples: int, shrinks: bool = False, always_the_same: bool = False) -> settings:
    """How hypothesis works here: a batch goes to the server as a whole, so that only one of one can be made smaller."""
    return settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        derandomize=always_the_same or VARIABLE not in os.environ,
        phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


def try_batch(
    server: Server,
    connection: dict[str, Any],
    namespace: str,
    batch: Sequence[Case],
    tally: Counter[str],
    before_edits: Callable[[], None] = lambda: None,
    before_second: Callable[[], None] = lambda: None,
) -> list[str]:
    """Let happen to each object what its case says, every other time with force; gives what was found wrong."""
    force = next(_BATCHES) % 2 == 0
    names = [f"{case.first['kind'].lower()}-{next(_NUMBERS)}" for case in batch]
    firsts = [named(case.first, name, namespace) for case, name in zip(batch, names)]
    trial = Trial(server, connection, firsts, tally)
    tried = [(batch[number], names[number]) for number in trial.made]
    trial.given = [f"{name} {'by force ' if force else ''}of {case}" for case, name in tried]
    seconds = [named(case.second, name, namespace) for case, name in tried]
    try:
        before_edits()
        for taken in each(
            lambda number: _edit(server, tried[number][0].between, trial.definitions[number]), range(len(tried))
        ):
            tally.update(taken)
        before_second()
        trial.judge(seconds, force, complain=False)
        for taken in each(lambda number: _edit(server, tried[number][0].later, seconds[number]), range(len(tried))):
            tally.update(taken)
        trial.judge(seconds, force, complain=False)
    finally:
        trial.remove()
    return trial.complaints


def shown(tally: Counter[str]) -> str:
    """The counts, a line each."""
    return "\n".join(f"{number:8} {what}" for what, number in sorted(tally.items()))


def summary(complaints: Sequence[str]) -> str:
    """The complaints as far as one can read them."""
    return "\n\n".join([f"{len(complaints)} complaints", *complaints[:SHOWN]])


def _edit(server: Server, edits: Sequence[Edit], ours: Body) -> list[str]:
    """Do the edits; tells of each whether the server took it."""
    done = [(type(edit).__name__, edit.do(server, ours)) for edit in edits]
    return [f"edit {name} {'taken' if taken else 'refused'}" for name, taken in done]


def named(body: Body, name: str, namespace: str) -> Body:
    """The definition with its identity."""
    identity = {"name": name} if body["kind"] == "ClusterRole" else {"name": name, "namespace": namespace}
    return {**body, "metadata": {**body["metadata"], **identity}}
