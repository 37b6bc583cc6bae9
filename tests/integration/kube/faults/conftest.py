# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that are made for real: see ``proxy``, ``webhook`` and ``breakable``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import set_id

from .proxy import Proxy, Upstream
from .webhook import Webhook

SETS = "kube-test-faults"
"""The namespace of the parents of all sets of these tests."""


@pytest.fixture
def proxy(cluster: Any, tmp_path: Path) -> Iterator[Proxy]:
    """A proxy to the API server that does harm as soon as it is given a plan."""
    server = Proxy(Upstream(cluster.kubeconfig, tmp_path))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def applyset(namespace: str) -> dict[str, str]:
    """A set of this test's own, named like its namespace."""
    return {"name": namespace, "namespace": SETS, "kind": "ConfigMap"}


@pytest.fixture
def members(cluster: Any, live: Any, applyset: dict[str, str]) -> Callable[[], dict[str, str]]:
    """What carries the label of the set, as kubectl sees it: the resourceVersion by kind and name."""

    def look(kinds: str = "configmaps,secrets,serviceaccounts") -> dict[str, str]:
        selector = f"applyset.kubernetes.io/part-of={set_id(applyset['name'], applyset['namespace'])}"
        found = live.get(kinds, "--all-namespaces", "-l", selector)["items"]
        return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in found}

    return look


@pytest.fixture
def webhook(cluster: Any, namespace: str, tmp_path: Path) -> Iterator[Webhook]:
    """A webhook that the API server asks about every ConfigMap in the namespace; it allows all until told otherwise."""
    server = Webhook(tmp_path)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    name = f"{namespace}.example.com"
    cluster.apply(server.configuration(name, namespace))
    try:
        _await_asked(cluster, namespace, server)
        yield server
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", name)
        server.over.set()
        server.shutdown()
        server.server_close()


def _await_asked(cluster: Any, namespace: str, server: Webhook) -> None:
    """The API server learns of a configuration a moment after it was written."""
    deadline = time.monotonic() + 20
    while not server.asked:
        assert time.monotonic() < deadline
        cluster.kubectl("create", "configmap", "asked", "-n", namespace, "--dry-run=server")
    server.asked.clear()
