# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real control plane for the tests: one for each test session (and worker)."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    ensure_absent,
    ensure_started,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built_kube

NAME = "integration"
ZONES = ("zone-a", "zone-b", "zone-c")
NODES_PER_ZONE = 2
REGION = "region-1"
START_TIMEOUT = 120


def node(name: str, zone: str) -> dict[str, object]:
    """A node that kwok plays."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": zone,
                "topology.kubernetes.io/region": REGION,
            },
        },
    }


@pytest.fixture(scope="session")
def kube_binary() -> Path:
    """The multi-call binary: from the environment, else the newest that the `cluster` role has built."""
    return built_kube()


@pytest.fixture(scope="session")
def cluster(kube_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The control plane of this session; it is gone when the session ends."""
    state_dir = tmp_path_factory.mktemp("control-plane") / NAME
    settings = Settings(NAME, kube_binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)
    try:
        outcome = ensure_started(settings, state_dir, START_TIMEOUT)
        started = Cluster(Path(outcome.kubeconfig), state_dir, kube_binary)
        names = {f"{zone}-{number}": zone for zone in ZONES for number in range(1, NODES_PER_ZONE + 1)}
        started.apply(*(node(name, zone) for name, zone in names.items()))
        started.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "node", *names)
        yield started
    finally:
        ensure_absent(NAME, state_dir, START_TIMEOUT)
