# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry goes while istiod gets another image: the run fails and says so, the old istiod serves on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.values import WITHOUT_FILTERS
from ansible_collections.servicemesh.platform.tests.mesh.conftest import SHOP
from ansible_collections.servicemesh.platform.tests.mesh.steady import Client
from ansible_collections.servicemesh.platform.tests.mesh.test_istio import URL, carried_out
from ansible_collections.servicemesh.platform.tests.support.cluster import built
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

SYSTEM = "istio-system"


def images(mesh: Environment) -> dict[str, str]:
    """What the pods of istiod, the sidecars and the nodes' plugin run."""
    (istiod,), (plugin,) = (
        mesh.get("-n", SYSTEM, kind, name)["spec"]["template"]["spec"]["containers"]
        for kind, name in (("deployment", "istiod"), ("daemonset", "istio-cni-node"))
    )
    values = json.loads(mesh.get("-n", SYSTEM, "configmap", "istio-sidecar-injector")["data"]["values"])
    sidecar = values["global"]["proxy"]["image"]
    return {"pilot": istiod["image"], "proxyv2": sidecar, "install_cni": plugin["image"]}


def annotated(state: Path, image: str) -> str:
    """The same image once more in the registry, by an annotation under another digest."""
    config = state / "registry" / "docker"
    (endpoint,) = json.loads((config / "config.json").read_text())["auths"]
    place = image.replace(NAME, endpoint, 1)
    repository = place.partition("@")[0].rpartition("/")[2].partition(":")[0]
    command = [str(built("nodes-*/crane")), "mutate", place, "--annotation", "again=yes"]
    command += ["--tag", f"{endpoint}/{repository}:again"]
    known = {"DOCKER_CONFIG": str(config), "SSL_CERT_FILE": str(state / "pki" / "ca.crt")}
    told = subprocess.run(command, env={**os.environ, **known}, capture_output=True, text=True, check=True).stdout
    return f"{NAME}/{repository}@{told.strip().rpartition('@')[2]}"


@pytest.fixture
def wanted(playbooks: Playbooks, mesh: Environment) -> Iterator[dict[str, str]]:
    """Images of which that of istiod is on no node; those of before run again in the end."""
    before = images(mesh)
    yield {**before, "pilot": annotated(playbooks.state, before["pilot"])}
    back = playbooks.run("site", site_components="cluster,mesh")
    assert back.code == 0, back.output
    assert images(mesh) == before


@pytest.fixture
def client(mesh: Environment) -> Iterator[Client]:
    """Somebody who asks all the time."""
    started = Client(mesh, SHOP).start(URL, 20)
    yield started
    started.end()
    mesh.cluster.kubectl("-n", SHOP, "delete", "--ignore-not-found", "trafficsplit/backend", "pod/late")


def test_the_registry_goes_during_a_rollout_of_istiod(
    playbooks: Playbooks, mesh: Environment, wanted: dict[str, str], client: Client
) -> None:
    # Of images that are named it is not known that they have the Envoy of the Envoy project.
    release = {"mesh_images": wanted, "mesh_values": WITHOUT_FILTERS}
    registry = json.loads((playbooks.state / "run" / "registry.json").read_text())["pid"]
    os.kill(registry, signal.SIGKILL)

    run = playbooks.run("site", site_components="mesh", **release)
    assert run.code != 0
    told = run.text.replace('\\"', '"')
    assert "Deployment istio-system/istiod" in told
    assert wanted["pilot"] in told
    assert NAME in told
    assert "connection refused" in told
    # The old istiod injects, and tells proxies of changes.
    assert mesh.get("-n", SYSTEM, "deployment", "istiod")["status"]["readyReplicas"] == 3
    carried_out(mesh, 30, 70)
    # Its own image is on the node of another pod that has it.
    node = mesh.get("-n", SHOP, "pod", "asker")["spec"]["nodeName"]
    mesh.cluster.apply(mesh.pod("late", SHOP, "wait", nodeName=node))
    mesh.cluster.kubectl("-n", SHOP, "wait", "--for=condition=Ready", "pod", "late", "--timeout=60s")
    assert len(mesh.get("-n", SHOP, "pod", "late")["spec"]["initContainers"]) > 0

    # Nobody waits for the kubelet, which has put them off by now.
    pods = mesh.get("-n", SYSTEM, "pods", "-l", "app=istiod")["items"]
    put_off = [pod["metadata"]["name"] for pod in pods if pod["spec"]["containers"][0]["image"] == wanted["pilot"]]
    mesh.cluster.kubectl("-n", SYSTEM, "delete", "pod", *put_off)

    again = playbooks.run("site", site_components="cluster,mesh", **release)
    assert again.code == 0, again.output
    (container,) = mesh.get("-n", SYSTEM, "deployment", "istiod")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == wanted["pilot"]
    second = playbooks.run("site", site_components="cluster,mesh", **release)
    assert second.recap["demo"]["changed"] == 0
    good, bad = client.counts()
    assert (good > 1000, bad) == (True, 0)
