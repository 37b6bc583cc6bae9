# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone dies under steady load: sidecars are injected, changes arrive and requests are answered all the same."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.servicemesh.platform.tests.mesh.conftest import SHOP
from ansible_collections.servicemesh.platform.tests.mesh.steady import Client
from ansible_collections.servicemesh.platform.tests.mesh.test_istio import URL, carried_out
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

LOST, KEPT = "c", "a"
ZONE = "topology.kubernetes.io/zone"
EVERY = 20
"""Milliseconds between two requests of the client."""
LOST_REQUESTS = 50
"""Those of a second: what was on its way to pods of the zone when it died."""


def is_ready(mesh: Environment, zone: str) -> bool:
    (node,) = mesh.get("nodes", "-l", f"{ZONE}={zone}")["items"]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])


def test_a_zone_dies(playbooks: Playbooks, mesh: Environment, record_property: pytest.RecordProperty) -> None:
    client = Client(mesh, SHOP).start(URL, EVERY, nodeSelector={ZONE: KEPT})
    assert client.counts()[1] == 0
    command = playbooks.command("servicemesh.platform.zone_drill", zone_drill_zone=LOST, zone_drill_hold_seconds=60)
    with subprocess.Popen(command, cwd=playbooks.folder, stdout=subprocess.PIPE, text=True) as drill:
        eventually(90, lambda: not is_ready(mesh, LOST), "the zone is lost")
        carried_out(mesh, 50, 50, patience=90)
        mesh.cluster.apply(mesh.pod("newcomer", SHOP, "serve", nodeSelector={ZONE: KEPT}))
        mesh.cluster.kubectl("-n", SHOP, "wait", "--for=condition=Ready", "pod", "newcomer", "--timeout=60s")
        newcomer = mesh.get("-n", SHOP, "pod", "newcomer")
        assert "revision" in json.loads(newcomer["metadata"]["annotations"]["sidecar.istio.io/status"])
        assert not is_ready(mesh, LOST)
        good_then, _bad = client.counts()
        output = drill.communicate(timeout=300)[0]
    assert drill.returncode == 0, output
    good, bad = client.counts()
    assert good > good_then
    record_property("requests", good + bad)
    record_property("failed", bad)
    print(f"{good + bad} requests, {bad} of them failed")
    # Until the node is given up, requests are meant for its pods too. The proxy takes others, for it cannot reach them.
    assert bad <= LOST_REQUESTS, client.log()[-3000:]
    settled = client.counts()[1]
    eventually(10, lambda: client.counts()[0] > good + 100, "it asks on")
    assert client.counts()[1] == settled
    client.end()
    mesh.cluster.kubectl("-n", SHOP, "delete", "pod", "newcomer")
    mesh.cluster.kubectl("-n", SHOP, "delete", "trafficsplit", "backend")
