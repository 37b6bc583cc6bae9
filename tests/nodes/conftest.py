# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment with real nodes, made by the playbook: one for the whole session."""

from __future__ import annotations

import os
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built_kube
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, probe_image
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

COMPONENTS = ["toolchain", "cluster"]


@pytest.fixture(scope="session")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playbooks]:
    """The demo's inventory with real nodes, brought up, and torn down in the end."""
    if os.geteuid() != 0:
        pytest.fail("real nodes want root: run 'make test-nodes' as root")
    made = Playbooks(tmp_path_factory.mktemp("nodes"))
    made.write(cluster_embedded_nodes="kubelet", cluster_embedded_durable=False, site_components=COMPONENTS)
    with made.standing():
        yield made


@pytest.fixture(scope="session")
def nodes(playbooks: Playbooks) -> Environment:
    """The running environment."""
    state = playbooks.state
    return Environment(Cluster(state / "kubeconfig", state, built_kube()), probe_image(state))
