# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one revision of Istio to another under steady load: nobody is refused, and what was cut off goes on.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import split
from ansible_collections.servicemesh.platform.tests.mesh.conftest import COMPONENTS, PATIENCE, SHOP
from ansible_collections.servicemesh.platform.tests.mesh.steady import Client
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built_kube
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, probe_image
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run

FIRST, CLIENTS, STRANGERS, FRONT = "first", "clients", "strangers", "front"
EVERY = 20
"""Milliseconds between two requests of a client."""
TENANTS = [
    {"name": FIRST, "namespaces": [FIRST], "pod_security": "privileged"},
    {"name": SHOP, "namespaces": [SHOP], "pod_security": "privileged"},
]
GATEWAY = {
    "name": FRONT,
    "namespace": FRONT,
    "service_type": "ClusterIP",
    "ports": [{"name": "http", "port": 80}],
    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
}


@pytest.fixture(scope="module")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playbooks]:
    """An environment at the revision blue, with namespaces of two waves."""
    if os.geteuid() != 0:
        pytest.fail("real nodes want root: run 'make test-mesh' as root")
    made = Playbooks(tmp_path_factory.mktemp("upgrade"), patience=PATIENCE)
    own: dict[str, Any] = {"tenancy_tenants": TENANTS, "mesh_inject_namespaces": [FIRST, SHOP]}
    own["controllers_workloads"] = [
        each for each in made.variables()["controllers_workloads"] if each["namespace"] == SHOP
    ]
    own.update(site_components=COMPONENTS, mesh_gateways=[GATEWAY])
    made.write(cluster_embedded_nodes="kubelet", cluster_embedded_durable=False, mesh_revision="blue", **own)
    with made.standing():
        yield made


@pytest.fixture(scope="module")
def mesh(playbooks: Playbooks) -> Environment:
    """The running environment: a Deployment in the first namespace, the split of the article in the other."""
    state = playbooks.state
    environment = Environment(Cluster(state / "kubeconfig", state, built_kube()), probe_image(state))
    pod = environment.pod("server", FIRST, "serve")
    labels = {"app": "server"}
    template = {"metadata": {"labels": labels}, "spec": pod["spec"]}
    environment.cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "server", "namespace": FIRST},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        },
        split("backend", SHOP, v1=80, v2=20),
    )
    for namespace in (FIRST, SHOP):
        environment.cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    return environment


@pytest.fixture(scope="module")
def client(mesh: Environment) -> Client:
    """With a sidecar of the revision blue, in a namespace that does not move."""
    labels = {"istio.io/rev": "blue"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CLIENTS, "labels": labels}}
    mesh.cluster.apply(space)
    return Client(mesh, CLIENTS).start(f"http://backend.{SHOP}/hostname", EVERY)


@pytest.fixture(scope="module")
def stranger(mesh: Environment) -> Client:
    """Outside of the mesh, in front of the gateway."""
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    route = {"route": [{"destination": {"host": f"backend.{SHOP}.svc.cluster.local", "port": {"number": 80}}}]}
    mesh.cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": STRANGERS}},
        of_istio("Gateway", selector={"istio": FRONT}, servers=[server]),
        of_istio("VirtualService", hosts=["*"], gateways=[FRONT], http=[route]),
    )
    return Client(mesh, STRANGERS).start(f"http://{FRONT}.{FRONT}/hostname", EVERY)


def of_istio(kind: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": FRONT, "namespace": SHOP}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def revisions(mesh: Environment, *namespaces: str) -> set[str]:
    """Those of the sidecars in these namespaces, of pods that stay."""
    pods = [pod for name in namespaces for pod in mesh.get("-n", name, "pods")["items"]]
    staying = [pod["metadata"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return {json.loads(each["annotations"]["sidecar.istio.io/status"])["revision"] for each in staying}


def istiods(mesh: Environment) -> set[str]:
    found = mesh.get("-n", "istio-system", "deployments", "-l", "app=istiod")["items"]
    return {each["metadata"]["name"] for each in found}


def upgraded(playbooks: Playbooks, **extra: Any) -> Run:
    run = playbooks.run("mesh_upgrade", **extra)
    assert run.code == 0, run.output
    return run


def test_all_are_at_the_first_revision(mesh: Environment, client: Client) -> None:
    assert revisions(mesh, FIRST, SHOP, CLIENTS) == {"blue"}
    assert istiods(mesh) == {"istiod-blue"}


def test_slips_are_told_before_anything_is_sent(playbooks: Playbooks, mesh: Environment) -> None:
    run = playbooks.run("mesh_upgrade", mesh_revision="green", mesh_upgrade_waves=json.dumps([[SHOP]]))
    assert run.code != 0
    assert "first of mesh_inject_namespaces: in no wave; put it into one" in run.text
    assert istiods(mesh) == {"istiod-blue"}


def test_check_mode_tells_who_moves(playbooks: Playbooks, mesh: Environment) -> None:
    run = playbooks.run("mesh_upgrade", "--check", mesh_revision="green")
    assert run.code == 0, run.output
    assert f"from revision blue to green, namespaces: first; then {SHOP}" in run.text
    assert revisions(mesh, FIRST, SHOP) == {"blue"}
    assert istiods(mesh) == {"istiod-blue"}


def test_what_does_not_do_well_goes_back(playbooks: Playbooks, mesh: Environment, client: Client) -> None:
    wrong = {"name": "split", "service": "backend", "namespace": SHOP, "path": "/hostname"}
    wrong["expect"] = {"backend-v1": 20, "backend-v2": 80}
    run = playbooks.run("mesh_upgrade", mesh_revision="green", traffic_probes=[wrong])
    assert run.code != 0
    assert "Wave 1 (first) did not do well: split: Service shop/backend" in run.text
    assert "All namespaces are back at revision blue; the istiod of green stands idle." in run.text
    assert revisions(mesh, FIRST, SHOP) == {"blue"}
    assert istiods(mesh) == {"istiod-blue", "istiod-green"}


def test_what_was_cut_off_goes_on_and_an_istiod_that_is_needed_stays(
    playbooks: Playbooks, mesh: Environment, client: Client, stranger: Client
) -> None:
    assert revisions(mesh, FRONT) == {"blue"}
    assert stranger.counts()[1] == 0
    command = playbooks.command("servicemesh.platform.mesh_upgrade", mesh_revision="green")
    with subprocess.Popen(command, cwd=playbooks.folder, stdout=subprocess.PIPE, text=True, process_group=0) as run:
        assert run.stdout
        assert any("Replace its pods" in line for line in run.stdout)
        time.sleep(2)
        os.killpg(run.pid, signal.SIGKILL)
    assert istiods(mesh) == {"istiod-blue", "istiod-green"}
    run_again = playbooks.run("mesh_upgrade", mesh_revision="green")
    assert revisions(mesh, FIRST, SHOP) == {"green"}
    # The client has a sidecar of the old one, and nothing would make its pod anew.
    assert run_again.code != 0
    assert "1 pods have a sidecar of this mesh" in run_again.text
    assert "clients/client" in run_again.text
    assert istiods(mesh) == {"istiod-blue", "istiod-green"}
    good, bad = client.counts()
    assert bad == 0, client.log()
    assert good > 1000


def test_a_gateway_has_moved_under_the_requests_of_a_stranger(
    mesh: Environment, stranger: Client, record_property: Callable[[str, object], None]
) -> None:
    assert revisions(mesh, FRONT) == {"green"}
    good, bad = stranger.counts()
    record_property("failed", bad)
    print(f"{good + bad} requests through the gateway, {bad} of them failed")
    assert good > 1000
    assert bad == 0, stranger.log()


def test_the_old_one_goes_and_a_second_run_changes_nothing(playbooks: Playbooks, mesh: Environment) -> None:
    mesh.cluster.kubectl("delete", "namespace", CLIENTS)
    upgraded(playbooks, mesh_revision="green")
    assert istiods(mesh) == {"istiod-green"}
    assert revisions(mesh, FIRST, SHOP) == {"green"}
    assert upgraded(playbooks, mesh_revision="green").recap["demo"]["changed"] == 0
    site = playbooks.run("site", mesh_revision="green")
    assert site.code == 0, site.output
    assert site.recap["demo"]["changed"] == 0
