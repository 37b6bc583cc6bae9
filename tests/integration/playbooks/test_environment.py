# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment from nothing to nothing: the playbooks in the order of its life.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.share import MARK
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

# As a survey of AWX sends its answers.
SURVEY = {
    "cluster_embedded_durable": "false",
    "cluster_region": "",
    "cluster_zones": '["a", "b", "c"]',
    "crds_smi": "install",
    "autoscaling_wait_timeout": "120",
    "site_components": "",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Playbooks]:
    """An environment that is torn down in the end, whatever came before. The binary is in the cache already."""
    assert kube_binary.exists()
    playbooks = Playbooks(tmp_path_factory.mktemp("environment"))
    playbooks.write()
    yield playbooks
    playbooks.write()
    playbooks.run("teardown")


def kubectl(environment: Playbooks, binary: Path, *arguments: str) -> str:
    kubeconfig = str(environment.state / "kubeconfig")
    command = [str(binary), "kubectl", "--kubeconfig", kubeconfig, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def items(environment: Playbooks, binary: Path, *arguments: str) -> list[Any]:
    found: list[Any] = json.loads(kubectl(environment, binary, "get", "-o", "json", *arguments))["items"]
    return found


def annotations(item: Any) -> dict[str, str]:
    found: dict[str, str] = item["metadata"].get("annotations", {})
    return found


def test_check_mode_before_there_is_anything(environment: Playbooks) -> None:
    run = environment.run("site", "--check", "--diff")
    assert run.code == 0
    assert run.recap["demo"]["changed"] > 0
    assert "the cluster does not exist yet" in run.text
    assert not environment.state.exists()
    assert not (environment.folder / "reports").exists()


def test_the_first_run_with_every_variable_as_text(environment: Playbooks, kube_binary: Path) -> None:
    run = environment.run("site", **SURVEY)
    assert run.code == 0, run.output
    nodes = items(environment, kube_binary, "nodes")
    zones = sorted(node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes)
    assert zones == ["a", "b", "c"]
    crds = {crd["metadata"]["name"] for crd in items(environment, kube_binary, "crd")}
    assert {"trafficsplits.split.smi-spec.io", "httproutes.gateway.networking.k8s.io"} <= crds
    quotas = {quota["metadata"]["namespace"]: quota for quota in items(environment, kube_binary, "quota", "-A")}
    assert quotas["payment-gateway"]["spec"]["hard"]["requests.cpu"] == "4"
    assert len(items(environment, kube_binary, "netpol", "-A")) == 12
    left_out = [each for each in items(environment, kube_binary, "deployments", "-A") if MARK in annotations(each)]
    assert [each["metadata"]["namespace"] for each in left_out] == ["data-analysis", "risk-engine"]
    (scaler,) = items(environment, kube_binary, "hpa", "-A")
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 10)


def test_the_second_run_changes_nothing(environment: Playbooks) -> None:
    run = environment.run("site", **SURVEY)
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 0


def test_check_mode_afterwards_agrees(environment: Playbooks) -> None:
    run = environment.run("site", "--check", "--diff", **SURVEY)
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 0


def test_the_reports(environment: Playbooks) -> None:
    report = json.loads((environment.folder / "reports" / "demo.json").read_text())
    assert report["environment"] == "demo"
    assert report["counts"]["error"] == 0
    components = {finding["component"] for finding in report["findings"]}
    assert components >= {"cluster", "crds", "tenancy", "controllers", "mesh", "network_policies", "autoscaling"}
    spread = [finding for finding in report["findings"] if finding["id"] == "zone-spread"]
    assert [finding["message"] for finding in spread] == ["replicas per zone: a: 1, b: 1, c: 1"]
    assert "<title>demo: warning</title>" in (environment.folder / "reports" / "demo.html").read_text()


def test_drift_is_found_and_mended(environment: Playbooks, kube_binary: Path) -> None:
    kubectl(environment, kube_binary, "-n", "risk-engine", "delete", "netpol", "default-deny")
    kubectl(environment, kube_binary, "label", "node", "demo-a-1", "topology.kubernetes.io/zone=b", "--overwrite")
    found = environment.run("verify", **SURVEY)
    assert found.code != 0
    assert "NetworkPolicy risk-engine/default-deny: it is asked for and does not exist" in found.text
    assert "Node demo-a-1: its label topology.kubernetes.io/zone is b, the inventory says a" in found.text
    kubectl(environment, kube_binary, "label", "node", "demo-a-1", "topology.kubernetes.io/zone=a", "--overwrite")
    mended = environment.run("site", **SURVEY)
    assert mended.code == 0, mended.output
    assert mended.recap["demo"]["changed"] > 0


def test_a_tenant_that_leaves_takes_its_namespace_along(environment: Playbooks, kube_binary: Path) -> None:
    left = [each for each in Playbooks.variables()["controllers_workloads"] if each["namespace"] == "risk-engine"]
    tenants = [{"name": "risk-engine", "namespaces": ["risk-engine"]}]
    environment.write(tenancy_tenants=tenants, mesh_inject_namespaces=["risk-engine"], controllers_workloads=left)
    run = environment.run("site", **SURVEY)
    assert run.code == 0, run.output
    namespaces = items(environment, kube_binary, "ns", "-l", "servicemesh.platform/tenant")
    alive = [space["metadata"]["name"] for space in namespaces if space["status"]["phase"] == "Active"]
    assert alive == ["risk-engine"]
    environment.write()


@pytest.mark.slow
def test_the_api_server_is_killed(environment: Playbooks, kube_binary: Path) -> None:
    state = str(environment.state)
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    (pid,) = [int(line.split()[0]) for line in listed.splitlines() if " kube-apiserver " in line and state in line]
    os.kill(pid, signal.SIGKILL)
    run = environment.run("site", **SURVEY)
    assert run.code == 0, run.output
    assert items(environment, kube_binary, "ns")
    assert environment.run("site", **SURVEY).recap["demo"]["changed"] == 0


IMAGES = {name: f"registry.example.com/{name}:1.31.0@sha256:{'0' * 64}" for name in ("pilot", "proxyv2", "install_cni")}
ALL = ["cluster", "crds", "tenancy", "smi_controller", "controllers", "mesh", "network_policies", "autoscaling"]


def existing(environment: Playbooks, **changes: Any) -> None:
    """Turn the environment into one on an existing cluster: the embedded one, seen from outside."""
    environment.write(
        cluster_provider="existing",
        cluster_kubeconfig=str(environment.state / "kubeconfig"),
        cluster_context="admin@demo",
        cluster_state_dir=str(environment.folder / "existing"),
        # Nobody plays an istiod here that would answer.
        site_components=["cluster", "crds", "tenancy", "controllers", "network_policies", "autoscaling"],
        mesh_images=IMAGES,
        **changes,
    )


def test_the_same_playbook_on_an_existing_cluster(environment: Playbooks) -> None:
    existing(environment)
    first = environment.run("site")
    assert first.code == 0, first.output
    second = environment.run("site")
    assert second.code == 0, second.output
    assert second.recap["demo"]["changed"] == 0


def test_crds_that_are_handed_over_to_the_platform_stay(environment: Playbooks, kube_binary: Path) -> None:
    existing(environment, crds_gateway_api="require", crds_gateway_api_minimum="1.5")
    run = environment.run("site", site_components="crds")
    assert run.code == 0, run.output
    assert "Gateway API: v1.5.1, standard channel" in run.text
    names = {crd["metadata"]["name"] for crd in items(environment, kube_binary, "crd")}
    assert {"httproutes.gateway.networking.k8s.io", "trafficsplits.split.smi-spec.io"} <= names
    existing(environment, crds_gateway_api="require", crds_gateway_api_minimum="1.9")
    refused = environment.run("site", site_components="crds")
    assert refused.code != 0
    assert "v1.9 or later" in refused.text


def test_another_cluster_behind_the_same_kubeconfig(environment: Playbooks) -> None:
    existing(environment)
    identity = environment.folder / "existing" / "identity.json"
    true_one = identity.read_text()
    identity.write_text(json.dumps({"uid": "00000000-0000-0000-0000-000000000000", "server": "https://other"}))
    run = environment.run("site")
    assert run.code != 0
    assert "is not the expected cluster" in run.text
    assert str(identity) in run.text
    assert "Apply" not in run.output.split("PLAY [Converge every environment]")[1].split("PLAY RECAP")[0]
    identity.write_text(true_one)


def test_teardown_of_an_existing_cluster_wants_a_word_and_leaves_it_clean(
    environment: Playbooks, kube_binary: Path
) -> None:
    existing(environment)
    refused = environment.run("teardown")
    assert refused.code != 0
    assert "-e teardown_confirm=demo" in refused.text
    # The controller, which this cluster got as an embedded one, too.
    run = environment.run("teardown", teardown_confirm="demo", site_components=ALL)
    assert run.code == 0, run.output
    left = items(environment, kube_binary, "ns")
    alive = {space["metadata"]["name"] for space in left if space["status"]["phase"] == "Active"}
    system = {"default", "kube-node-lease", "kube-public", "kube-system", "servicemesh-platform"}
    # The authority of the mesh stays, with its namespace.
    assert alive == {*system, "istio-system"}
    parents = items(environment, kube_binary, "cm", "-n", "servicemesh-platform", "-l", "applyset.kubernetes.io/id")
    # The nodes of the embedded cluster are a set too. Each parent stays with what is left of its set.
    assert [parent["metadata"]["name"] for parent in parents] == ["cluster", "mesh-base"]
    names = [crd["metadata"]["name"] for crd in items(environment, kube_binary, "crd")]
    assert not [name for name in names if "smi-spec.io" in name or "istio.io" in name]
    assert not (environment.folder / "existing" / "identity.json").exists()


def test_teardown_leaves_nothing(environment: Playbooks) -> None:
    environment.write()
    run = environment.run("teardown")
    assert run.code == 0, run.output
    assert not environment.state.exists()
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(environment.state) not in listed
    assert environment.run("teardown").recap["demo"]["changed"] == 0
