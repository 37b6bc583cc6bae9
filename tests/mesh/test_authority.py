# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority of the mesh ends while it runs: what goes on, what does not, who says so, and the way back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.modules.mesh_sync import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.mesh.conftest import SHOP
from ansible_collections.servicemesh.platform.tests.mesh.test_istio import shares
from ansible_collections.servicemesh.platform.tests.support.authority import cacerts
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

SYSTEM, SHORT = "istio-system", "short"
LIFE = 120
"""Seconds. istiod is restarted in them, and pods are started."""
FROM_OUTSIDE = f"http://backend-v1.{SHOP}/hostname"


@pytest.fixture
def ending(playbooks: Playbooks, mesh: Environment) -> Iterator[float]:
    """An authority that ends soon, two proxies that it has signed, and when it ends, as time.monotonic counts."""
    root = mesh.get("-n", SYSTEM, "secret", "mesh-root")["data"]
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cacerts"}, "type": "Opaque"}
    ends = time.monotonic() + LIFE
    apply = ("-n", SYSTEM, "apply", "--server-side", "--force-conflicts", "--field-manager=servicemesh.platform/mesh")
    mesh.cluster.kubectl(*apply, "-f", "-", stdin=json.dumps({**body, "data": cacerts(root, LIFE)}))
    mesh.cluster.kubectl("-n", SYSTEM, "rollout", "restart", "deployment", "istiod")
    mesh.cluster.kubectl("-n", SYSTEM, "rollout", "status", "deployment", "istiod", f"--timeout={LIFE}s")
    labels = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": "privileged"}
    mesh.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHORT, "labels": labels}})
    start(mesh, "first", "second")
    yield ends
    mesh.remove(SHORT)
    playbooks.run("site", site_components="mesh", mesh_renew_authority=True)


def start(mesh: Environment, *names: str) -> None:
    """Pods that only ask, each with a sidecar, ready."""
    mesh.cluster.apply(*(mesh.pod(name, SHORT, "wait") for name in names))
    mesh.cluster.kubectl("-n", SHORT, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")


def ended(mesh: Environment) -> list[dict[str, Any]]:
    """What mesh_sync says of certificates of these two proxies."""
    arguments = {"kubeconfig": str(mesh.cluster.kubeconfig), "namespaces": [SHORT]}
    found = call(INTERFACE, arguments, check_mode=False, diff=False)["findings"]
    return [each for each in found if each["id"] == "mesh-proxy-certificate" and "has ended" in each["message"]]


def statuses(mesh: Environment, pod: str) -> set[str]:
    """Of the answers that a pod gets over connections that it makes anew."""
    return {answer.split()[0] for answer in mesh.count(SHORT, pod, FROM_OUTSIDE, 4)}


def test_the_authority_ends_and_is_renewed(playbooks: Playbooks, mesh: Environment, ending: float) -> None:
    assert time.monotonic() < ending, "the pods took too long to start"
    assert statuses(mesh, "first") == {"200"}
    time.sleep(max(0.0, ending + 2 - time.monotonic()))

    # Who was signed by the one before talks on; who was signed by this one gets no new connection.
    assert sum(shares(mesh, 10).values()) == 10
    assert set(shares(mesh, 10)) == {"backend"}
    assert statuses(mesh, "second") == {"503"}
    refused = mesh.cluster.kubectl("apply", "-f", "-", check=False, stdin=json.dumps(mesh.pod("third", SHORT, "wait")))
    assert "failed calling webhook" in refused
    (told,) = ended(mesh)
    assert f"Proxies {SHORT}/first, {SHORT}/second" in told["subject"]

    before = {pod["metadata"]["name"] for pod in mesh.get("-n", SYSTEM, "pods")["items"]}
    stopped = playbooks.run("site", site_components="mesh", mesh_resources={"requests": {"cpu": "51m"}})
    assert stopped.code != 0
    assert "An istiod that is restarted does not start with it" in stopped.text
    assert "mesh_renew_authority: true" in stopped.text
    assert {pod["metadata"]["name"] for pod in mesh.get("-n", SYSTEM, "pods")["items"]} == before

    mended = playbooks.run("site", site_components="mesh", mesh_renew_authority=True)
    assert mended.code == 0, mended.output
    # The kubelet has a minute and a half to hand a Secret on, and nobody has to be restarted.
    eventually(180, lambda: not ended(mesh), "the proxies have new certificates")
    assert statuses(mesh, "second") == {"200"}
    assert {pod["metadata"]["name"] for pod in mesh.get("-n", SYSTEM, "pods")["items"]} == before
    # Each istiod serves its injector anew when it has the Secret.
    third = json.dumps(mesh.pod("third", SHORT, "wait"))
    apply = ("apply", "--server-side", "-f", "-")
    eventually(120, lambda: "serverside-applied" in mesh.cluster.kubectl(*apply, check=False, stdin=third), "pods come")
    verified = playbooks.run("verify", site_components="mesh")
    assert verified.code == 0, verified.output
