# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server is upgraded between two runs: new defaults, new fields, the same objects."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    ensure_absent,
    ensure_started,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness import kinds, strategies
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.batches import named, profile
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Body, Server
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.trial import SETS, Trial
from hypothesis import given, settings

NAME = "upgraded"
START_TIMEOUT = 180
OBJECTS = 150
NAMESPACE = "exactness"


def generated() -> list[Body]:
    """Definitions of all kinds, the same each time."""
    found: list[Body] = []

    @settings(profile(OBJECTS, always_the_same=True))
    @given(strategies.cases())
    def collect(case: strategies.Case) -> None:
        found.append(named(case.first, f"{case.first['kind'].lower()}-{len(found)}", NAMESPACE))

    collect()
    return found


def test_an_upgrade_between_two_runs(other_binary: Path, kube_binary: Path, tmp_path: Path) -> None:
    state = tmp_path / NAME

    def start(binary: Path) -> Path:
        chosen = Settings(NAME, binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)
        return Path(ensure_started(chosen, state, START_TIMEOUT).kubeconfig)

    try:
        server = Server(start(other_binary))
        for name in (NAMESPACE, SETS):
            server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        kinds.install(server, kinds.EXACT, kinds.LOOSE)
        trial = Trial(server, {"kubeconfig": str(state / "kubeconfig")}, generated())
        before = trial.judge()
        assert sum(trial.proved(before)) > OBJECTS / 3
        trial.server = Server(start(kube_binary))
        after = trial.judge()
        assert not any(trial.proved(after)), "nothing is known of what the new server does"
        again = trial.judge()
        assert sum(trial.proved(again)) > OBJECTS / 3
    finally:
        ensure_absent(NAME, state, START_TIMEOUT)
