# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace and kinds for the trials of the engine, and how many examples there shall be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness import kinds
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Body, Server
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.trial import SETS, Trial

NAMESPACE = "exactness"

Try = Callable[..., Trial]


@pytest.fixture(scope="session")
def server(cluster: Any) -> Server:
    return Server(cluster.kubeconfig)


@pytest.fixture(scope="session")
def place(server: Server) -> Iterator[str]:
    """A namespace where our kinds are served."""
    for name in (NAMESPACE, SETS):
        server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    kinds.install(server, kinds.EXACT, kinds.LOOSE)
    yield NAMESPACE
    kinds.uninstall(server, kinds.EXACT, kinds.LOOSE)
    for name in (NAMESPACE, SETS):
        server.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def attempt(server: Server, connection: dict[str, Any], place: str) -> Iterator[Try]:
    """Begins a trial: applies the definitions until they are settled. They get the namespace unless they have one."""
    trials: list[Trial] = []

    def begin(*definitions: Body, **options: Any) -> Trial:
        trials.append(Trial(server, connection, [in_namespace(each, place) for each in definitions], **options))
        return trials[-1]

    yield begin
    for trial in trials:
        trial.remove()


def in_namespace(body: Body, namespace: str) -> Body:
    metadata = body["metadata"]
    if body["kind"] in ("ClusterRole", "CustomResourceDefinition", "Namespace"):
        return body
    return {**body, "metadata": {"namespace": namespace, **metadata}}
