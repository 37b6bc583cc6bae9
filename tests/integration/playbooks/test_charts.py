# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio with charts of a repository, a registry and an archive, and with gateways, in an environment that kwok plays.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import download, read_pin
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.tests.integration.charts.conftest import Repository
from ansible_collections.servicemesh.platform.tests.integration.images.conftest import (
    PASSWORD,
    USER,
    Authority,
    Registry,
)
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built
from ansible_collections.servicemesh.platform.tests.support.helm import Helm
from ansible_collections.servicemesh.platform.tests.support.playbooks import DEMO, Playbooks, Run

pytestmark = pytest.mark.slow

FRONT = {
    "name": "front",
    "namespace": "front",
    "service_type": "ClusterIP",
    "ports": [{"name": "http", "port": 80, "target_port": 8080}],
    "resources": {"requests": {"cpu": "10m"}},
}


class Places:
    """The charts of Istio where users have them: one in a repository, one in a registry, one in a file."""

    def __init__(self, folder: Path) -> None:
        helm = Helm(folder / "helm")
        pin = read_pin(str(DEMO.parents[1] / "roles" / "mesh" / "files" / "istio"), "istio.io/istio")
        charts = Path(download(pin, "go", Cache.at(), Progress(None)), "manifests", "charts")
        files = folder / "repository" / "files"
        files.mkdir(parents=True)
        for chart in ("base", "istio-control/istio-discovery", "gateway"):
            helm.run("package", str(charts / chart), "--destination", str(files))
        helm.run("repo", "index", str(files))
        self.authority = Authority(folder, "own-ca")
        self.repository = Repository(files)
        self.registry = Registry(built("nodes-*/registry"), folder / "registry", self.authority)
        self.registry.start()
        trust = ("--ca-file", str(self.authority.path))
        helm.run("registry", "login", self.registry.host, "-u", USER, "--password-stdin", *trust, stdin=PASSWORD)
        told = helm.run("push", str(files / "istiod-1.0.0.tgz"), f"oci://{self.registry.host}/charts", *trust)
        (digest,) = [line.split()[1] for line in told.splitlines() if line.startswith("Digest:")]
        sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files.glob("*.tgz")}
        self.charts: dict[str, dict[str, str]] = {
            "base": {"repository": self.repository.url, "version": "1.0.0", "sha256": sums["base-1.0.0.tgz"]},
            "istiod": {"oci": f"{self.registry.host}/charts/istiod@{digest}"},
            "gateway": {"archive": str(files / "gateway-1.0.0.tgz"), "sha256": sums["gateway-1.0.0.tgz"]},
        }

    def variables(self, **changes: dict[str, str]) -> dict[str, Any]:
        """What a user writes, the places of some charts with changes. Surveys of AWX send text."""
        charts = {name: {**place, **changes.get(name, {})} for name, place in self.charts.items()}
        return {
            "mesh_charts": json.dumps(charts),
            "mesh_charts_host": self.registry.host,
            "mesh_charts_username": USER,
            "mesh_charts_password": PASSWORD,
            "mesh_charts_ca": str(self.authority.path),
        }

    def stop(self) -> None:
        self.repository.stop()
        self.registry.stop(signal.SIGKILL)


class Environment:
    """The environment, and its cluster as tests talk to it."""

    def __init__(self, playbooks: Playbooks, binary: Path, places: Places) -> None:
        self.playbooks = playbooks
        self.kubectl = Cluster(playbooks.state / "kubeconfig", playbooks.state, binary).kubectl
        self.places = places

    def run(self, *arguments: str, **extra: Any) -> Run:
        """A run of site with these charts."""
        components = extra.pop("site_components", "mesh")
        variables = {**self.places.variables(), **extra}
        return self.playbooks.run("site", *arguments, site_components=components, **variables)

    def changed(self, **extra: Any) -> int:
        """How many tasks of a run that goes well have changed something."""
        run = self.run(**extra)
        assert run.code == 0, run.output
        return run.recap["demo"]["changed"]

    def get(self, *arguments: str) -> Any:
        """What kubectl gets."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Environment]:
    """An environment that is torn down in the end, whatever came before."""
    folder = tmp_path_factory.mktemp("charts")
    places = Places(folder)
    playbooks = Playbooks(folder, patience=900)
    playbooks.write(cluster_embedded_durable=False, cluster_embedded_prometheus=False, smi_controller_prometheus="")
    try:
        yield Environment(playbooks, kube_binary, places)
    finally:
        playbooks.run("teardown")
        places.stop()


def test_another_chart_than_is_pinned_is_not_applied(environment: Environment) -> None:
    wrong = environment.places.variables(base={"sha256": "b" * 64})
    run = environment.run(site_components="cluster,crds,mesh", **wrong)
    assert run.code != 0
    assert f"its SHA-256 is {environment.places.charts['base']['sha256']}, and {'b' * 64} is asked for" in run.text
    assert "istio-system" not in environment.kubectl("get", "namespaces", "-o", "name")
    assert "istio.io" not in environment.kubectl("get", "crds", "-o", "name")


def test_they_are_installed_and_nobody_is_asked_again(environment: Environment) -> None:
    run = environment.run("-vvv")
    assert run.code == 0, run.output
    assert PASSWORD not in run.output
    assert environment.get("-n", "istio-system", "deployment", "istiod")["metadata"]["name"] == "istiod"
    environment.places.stop()
    assert environment.changed() == 0


def test_a_registry_that_is_gone_is_told_before_anything_changes(environment: Environment) -> None:
    other = environment.places.charts["istiod"]["oci"].partition("@")[0] + "@sha256:" + "c" * 64
    variables = environment.places.variables(istiod={"oci": other})
    run = environment.run(**variables, mesh_access_log=True)
    assert run.code != 0
    assert f"oci: {environment.places.registry.host} cannot be reached" in run.text
    assert "accessLogFile" not in environment.get("-n", "istio-system", "configmap", "istio")["data"]["mesh"]


def test_the_same_charts_of_the_go_module_change_nothing(environment: Environment) -> None:
    run = environment.playbooks.run("site", site_components="mesh")
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 0


def test_a_gateway_comes_and_others_scale_it(environment: Environment) -> None:
    assert environment.changed(mesh_gateways=[FRONT]) == 1
    service = environment.get("-n", "front", "service", "front")["spec"]
    assert service["type"] == "ClusterIP"
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(15021, 15021), (80, 8080)]
    pod = environment.get("-n", "front", "deployment", "front")["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "10m", "memory": "128Mi"},
        "limits": {"cpu": "2", "memory": "1Gi"},
    }
    assert environment.get("-n", "front", "hpa,pdb")["items"] == []
    environment.kubectl("-n", "front", "scale", "deployment", "front", "--replicas=3")
    assert environment.changed(mesh_gateways=[FRONT]) == 0
    assert environment.get("-n", "front", "deployment", "front")["spec"]["replicas"] == 3


def test_what_is_gone_of_a_gateway_is_found_and_comes_back(environment: Environment) -> None:
    environment.kubectl("-n", "front", "delete", "service", "front")
    variables = {**environment.places.variables(), "mesh_gateways": [FRONT]}
    verified = environment.playbooks.run("verify", site_components="mesh", **variables)
    assert verified.code != 0
    assert "Service front/front" in verified.text
    assert environment.changed(mesh_gateways=[FRONT]) == 1


def test_a_gateway_that_leaves_the_list_goes(environment: Environment) -> None:
    back = {**FRONT, "name": "back"}
    assert environment.changed(mesh_gateways=[FRONT, back]) == 1
    assert environment.changed(mesh_gateways=[back]) == 1
    assert [each["metadata"]["name"] for each in environment.get("-n", "front", "deployments")["items"]] == ["back"]
    assert environment.changed() == 1
    assert "front" not in environment.kubectl("get", "namespaces", "-o", "name")
    assert environment.changed() == 0


def test_traces_are_sent_where_it_is_said(environment: Environment) -> None:
    tracing = {"service": "tempo.traces.svc.cluster.local", "port": "4317", "sampling": "2.5"}
    assert environment.changed(mesh_tracing=tracing, mesh_root_namespace="mesh-root") > 0
    config = environment.get("-n", "istio-system", "configmap", "istio")["data"]["mesh"]
    assert "service: tempo.traces.svc.cluster.local" in config
    assert "rootNamespace: mesh-root" in config
    (telemetry,) = environment.get("telemetries", "-n", "mesh-root")["items"]
    assert telemetry["spec"]["tracing"] == [{"providers": [{"name": "mesh-tracing"}], "randomSamplingPercentage": 2.5}]
    assert environment.changed(mesh_tracing=tracing, mesh_root_namespace="mesh-root") == 0
    assert environment.changed() > 0
    assert environment.get("telemetries", "-A")["items"] == []
    assert "mesh-root" not in environment.kubectl("get", "namespaces", "-o", "name")


def test_all_of_it_goes(environment: Environment) -> None:
    environment.changed(mesh_gateways=[FRONT])
    run = environment.playbooks.absent("mesh")
    assert run.code == 0, run.output
    assert environment.get("deployments", "-A")["items"] == []
    assert "istio.io" not in environment.kubectl("get", "crds", "-o", "name")
