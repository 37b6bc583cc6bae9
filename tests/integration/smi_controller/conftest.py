# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that serves all versions of SMI and the Gateway API, with one controller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi.go_modules import gateway_api
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, Stage, staged


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The CRDs, and the way to a controller that is still to be started."""
    with staged(cluster, tmp_path_factory.mktemp("controller"), [gateway_api()]) as made:
        yield made


@pytest.fixture(scope="module")
def controller(stage: Stage) -> Iterator[Controller]:
    """A controller that translates for the Gateway API and validates."""
    started = stage.controller().start()
    stage.cluster.apply(stage.webhook())
    yield started
    started.end()


@pytest.fixture
def namespace(stage: Stage, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for one test."""
    name = Path(request.node.name.replace("_", "-").partition("[")[0]).name[:50].rstrip("-")
    yield stage.namespace(name)
    stage.cluster.kubectl("delete", "namespace", name, "--wait=false")
