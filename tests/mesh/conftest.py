# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's environment with its mesh, on real nodes: one for the whole session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built_kube
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually, probe_image
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

# Cold, the programs of Istio take seven minutes to build.
PATIENCE = 1500
SHOP, OUTSIDE = "payment-gateway", "outside"
COMPONENTS = ["toolchain", "cluster", "crds", "tenancy", "mesh", "smi_controller", "controllers", "autoscaling"]
"""All but network_policies: it is the mesh that is to let in and to keep out."""


@pytest.fixture(scope="session")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playbooks]:
    """The demo's inventory, brought up, and torn down in the end."""
    if os.geteuid() != 0:
        pytest.fail("real nodes want root: run 'make test-mesh' as root")
    made = Playbooks(tmp_path_factory.mktemp("mesh"), patience=PATIENCE)
    # What tests add to the namespaces of the demo says nothing of its rights.
    tenants = [{**each, "pod_security": "baseline"} for each in made.variables()["tenancy_tenants"]]
    own: dict[str, Any] = {"tenancy_tenants": tenants, "site_components": COMPONENTS}
    made.write(cluster_embedded_nodes="kubelet", cluster_embedded_durable=False, **own)
    with made.standing():
        yield made


@pytest.fixture(scope="session")
def mesh(playbooks: Playbooks) -> Environment:
    """The running environment, with somebody who asks inside of the mesh, and somebody outside."""
    state = playbooks.state
    environment = Environment(Cluster(state / "kubeconfig", state, built_kube()), probe_image(state))
    environment.running(OUTSIDE, environment.pod("asker", OUTSIDE, "wait"))
    environment.cluster.apply(environment.pod("asker", SHOP, "wait"))
    environment.cluster.kubectl("-n", SHOP, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    eventually(60, lambda: len(environment.get("-n", SHOP, "endpoints", "backend-v2")["subsets"]) > 0, "it is reached")
    return environment
