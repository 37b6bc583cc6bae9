# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's CNI plugin on real nodes: sidecars where Pod Security forbids what an init container would need.

An environment of its own. The tests of this file build on one another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.mesh.conftest import OUTSIDE, PATIENCE
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built_kube
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually, probe_image
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run

NAME = "demo"
BASELINE, RESTRICTED = "careful", "strict"
SYSTEM, PLUGIN = "istio-system", "istio-cni-node"
COMPONENTS = "cluster,crds,tenancy,mesh"
TENANTS = [
    {"name": BASELINE, "namespaces": [BASELINE], "pod_security": "baseline"},
    {"name": RESTRICTED, "namespaces": [RESTRICTED], "pod_security": "restricted"},
]
# What the level asks of every pod. The sidecar takes the seccomp profile from it too.
OBEDIENT = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
OBEDIENT_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

Object = dict[str, Any]


@dataclass
class Mesh:
    """The environment, by its playbooks and by its cluster."""

    playbooks: Playbooks
    nodes: Environment

    def site(self, **extra: Any) -> Run:
        """A run that goes well."""
        run = self.playbooks.run("site", **extra)
        assert run.code == 0, run.output
        return run

    def obedient(self, name: str, *command: str) -> Object:
        """A pod that the level `restricted` takes."""
        pod = self.nodes.pod(name, RESTRICTED, *command, securityContext=OBEDIENT)
        pod["spec"]["containers"][0]["securityContext"] = OBEDIENT_CONTAINER
        return pod

    def plugins(self) -> dict[str, list[str]]:
        """The plugins that each node calls for a pod."""
        found = {}
        for path in self.playbooks.state.glob("nodes/*/lib/cni/net.d/10-pods.conflist"):
            found[path.parents[3].name] = [each["type"] for each in json.loads(path.read_text())["plugins"]]
        return found


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Two tenants that let no pod change its network, in a mesh, and somebody outside of it."""
    if os.geteuid() != 0:
        pytest.fail("real nodes want root: run 'make test-mesh' as root")
    playbooks = Playbooks(tmp_path_factory.mktemp("cni"), patience=PATIENCE)
    playbooks.write(
        cluster_embedded_nodes="kubelet",
        cluster_embedded_durable=False,
        cluster_embedded_prometheus=False,
        smi_controller_prometheus="",
        site_components=COMPONENTS,
        tenancy_tenants=TENANTS,
        mesh_inject_namespaces=[BASELINE, RESTRICTED],
        # As a survey sends it.
        mesh_cni="true",
    )
    with playbooks.standing():
        state = playbooks.state
        nodes = Environment(Cluster(state / "kubeconfig", state, built_kube()), probe_image(state))
        made = Mesh(playbooks, nodes)
        nodes.running(OUTSIDE, nodes.pod("asker", OUTSIDE, "wait"))
        metadata = {"name": "server", "namespace": RESTRICTED}
        spec = {"selector": {"app": "server"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
        nodes.cluster.apply(nodes.pod("asker", BASELINE, "wait"), made.obedient("server", "serve"), service)
        for namespace in (BASELINE, RESTRICTED):
            nodes.cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        yield made


def statuses(mesh: Mesh, namespace: str, times: int) -> dict[str, int]:
    """How often somebody gets which status of the server."""
    found: dict[str, int] = {}
    for answer, often in mesh.nodes.count(namespace, "asker", f"http://server.{RESTRICTED}/", times).items():
        status = answer.partition(" ")[0]
        found[status] = found.get(status, 0) + often
    return found


def test_it_is_ready_on_every_node_before_the_pods_that_need_it(mesh: Mesh) -> None:
    status = mesh.nodes.get("-n", SYSTEM, "daemonset", PLUGIN)["status"]
    assert (status["numberReady"], status["desiredNumberScheduled"]) == (3, 3)
    plugins = mesh.plugins()
    assert len(plugins) == 3
    assert all(each == ["calico", "portmap", "istio-cni"] for each in plugins.values()), plugins


@pytest.mark.parametrize(("namespace", "level"), [(BASELINE, "baseline"), (RESTRICTED, "restricted")])
def test_pods_get_a_sidecar_where_their_network_is_not_theirs_to_change(mesh: Mesh, namespace: str, level: str) -> None:
    labels = mesh.nodes.get("namespace", namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == level
    (pod,) = mesh.nodes.get("-n", namespace, "pods")["items"]
    assert "sidecar.istio.io/status" in pod["metadata"]["annotations"]
    containers = [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    names = [each["name"] for each in containers]
    assert "istio-proxy" in names
    assert "istio-init" not in names
    assert not any("add" in each.get("securityContext", {}).get("capabilities", {}) for each in containers)


def test_requests_go_through_the_sidecars_with_mutual_tls(mesh: Mesh) -> None:
    eventually(60, lambda: statuses(mesh, BASELINE, 1) == {"200": 1}, "the proxies know the server")
    assert statuses(mesh, BASELINE, 50) == {"200": 50}
    # Plain text is refused by the sidecar of the server. Without rules in its pod, the server itself would answer.
    assert statuses(mesh, OUTSIDE, 10) == {"0": 10}


def test_a_second_run_changes_nothing_and_all_is_well(mesh: Mesh) -> None:
    assert mesh.site().recap[NAME]["changed"] == 0
    verified = mesh.playbooks.run("verify", site_components="mesh")
    assert verified.code == 0, verified.output
    assert "the plugin is ready on 3 nodes" in verified.text


def test_a_pod_that_came_while_it_was_away_is_repaired(mesh: Mesh) -> None:
    cluster = mesh.nodes.cluster
    (node,) = {mesh.nodes.get("-n", RESTRICTED, "pod", "server")["spec"]["nodeName"]}
    away = {"spec": {"template": {"spec": {"nodeSelector": {"no-such": "node"}}}}}
    cluster.kubectl("-n", SYSTEM, "patch", "daemonset", PLUGIN, f"--patch={json.dumps(away)}")
    eventually(60, lambda: "istio-cni" not in mesh.plugins()[node], "the plugin leaves the node")
    late = mesh.nodes.pod("late", BASELINE, "serve", nodeName=node)
    cluster.apply(late)

    def waits() -> bool:
        status = mesh.nodes.get("-n", BASELINE, "pod", "late").get("status", {})
        return any(each["restartCount"] > 0 for each in status.get("initContainerStatuses", []))

    eventually(60, waits, "the pod does not start without rules")
    verified = mesh.playbooks.run("verify", site_components="mesh")
    assert verified.code != 0
    assert f"Node {node}: the CNI plugin of Istio is not ready" in verified.text
    back = [{"op": "remove", "path": "/spec/template/spec/nodeSelector/no-such"}]
    cluster.kubectl("-n", SYSTEM, "patch", "daemonset", PLUGIN, "--type=json", f"--patch={json.dumps(back)}")
    cluster.kubectl("-n", BASELINE, "wait", "--for=condition=Ready", "pod", "late", "--timeout=180s")
    cluster.kubectl("-n", BASELINE, "delete", "pod", "late")
    mesh.site(site_components="mesh")


def test_the_mesh_is_not_removed_under_its_pods(mesh: Mesh) -> None:
    refused = mesh.playbooks.absent("mesh")
    assert refused.code != 0
    assert "2 pods have a sidecar of this mesh" in refused.text


def test_switched_off_it_outlives_the_pods_that_need_it(mesh: Mesh) -> None:
    run = mesh.playbooks.run("site", site_components="mesh", mesh_cni="false")
    assert "The CNI plugin stays, for 2 need it: Pod careful/asker, Pod strict/server" in run.text
    # What forbids the other way is told.
    assert run.code != 0
    assert f"Namespace {BASELINE}: its pods get a sidecar, whose init container the Pod Security level" in run.text
    assert f"DaemonSet {SYSTEM}/{PLUGIN}: mesh_cni is off, and it stands; 2 need it" in run.text
    assert statuses(mesh, BASELINE, 10) == {"200": 10}
    refused = mesh.nodes.cluster.kubectl(
        "-n", BASELINE, "apply", "-f", "-", stdin=json.dumps(mesh.nodes.pod("other", BASELINE, "wait")), check=False
    )
    assert "other" not in [each["metadata"]["name"] for each in mesh.nodes.get("-n", BASELINE, "pods")["items"]], (
        refused
    )


def test_and_goes_when_they_are_gone(mesh: Mesh) -> None:
    for namespace in (BASELINE, RESTRICTED):
        mesh.nodes.cluster.kubectl("-n", namespace, "delete", "pods", "--all")
    off = {"site_components": "mesh", "mesh_cni": "false", "mesh_inject_namespaces": []}
    mesh.site(**off)
    assert PLUGIN not in mesh.nodes.cluster.kubectl("-n", SYSTEM, "get", "daemonsets", "-o", "name")
    assert all(each == ["calico", "portmap"] for each in mesh.plugins().values())
    assert not list(mesh.playbooks.state.glob("nodes/*/lib/cni/bin/istio-cni"))
    assert mesh.site(**off).recap[NAME]["changed"] == 0


def test_switched_on_again_it_goes_with_the_mesh(mesh: Mesh) -> None:
    mesh.site(site_components="mesh")
    assert PLUGIN in mesh.nodes.cluster.kubectl("-n", SYSTEM, "get", "daemonsets", "-o", "name")
    run = mesh.playbooks.absent("mesh")
    assert run.code == 0, run.output
    assert mesh.nodes.cluster.kubectl("get", "daemonsets", "-A", "-l", f"k8s-app={PLUGIN}", "-o", "name") == ""
    assert all(each == ["calico", "portmap"] for each in mesh.plugins().values())
