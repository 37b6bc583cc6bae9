# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle of the Gateway API with its policy against going back, and a mesh: what does not fit changes nothing.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi.go_modules import gateway_api
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.nodes import eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run

pytestmark = pytest.mark.slow

GUARD = "safe-upgrades.gateway.networking.k8s.io"
TLS_ROUTES = "tlsroutes.gateway.networking.k8s.io"
VERSION = "gateway.networking.k8s.io/bundle-version"
CHANNEL = "gateway.networking.k8s.io/channel"
PATIENCE = 900
DIGEST = "sha256:" + 64 * "0"


class Environment:
    """The environment, and its cluster as tests talk to it."""

    def __init__(self, playbooks: Playbooks, binary: Path) -> None:
        self.playbooks = playbooks
        self.kubectl = Cluster(playbooks.state / "kubeconfig", playbooks.state, binary).kubectl

    def run(self, components: str, **extra: Any) -> Run:
        """A run of site, whatever becomes of it."""
        return self.playbooks.run("site", site_components=components, **{"crds_gateway_api_version": "1.7", **extra})

    def findings(self) -> list[dict[str, Any]]:
        """What the last run has reported."""
        report = json.loads((self.playbooks.folder / "reports" / "demo.json").read_text())
        found: list[dict[str, Any]] = report["findings"]
        return found

    def stands(self) -> set[tuple[str, str]]:
        """The bundles and channels that the definitions of the Gateway API state."""
        crds = json.loads(self.kubectl("get", "crds", "-o", "json"))["items"]
        own = [each for each in crds if each["spec"]["group"].startswith("gateway.networking.")]
        return {(each["metadata"]["annotations"][VERSION], each["metadata"]["annotations"][CHANNEL]) for each in own}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Environment]:
    """An environment with the bundle 1.7, torn down in the end."""
    playbooks = Playbooks(tmp_path_factory.mktemp("gateway-api"), patience=PATIENCE)
    playbooks.write(cluster_embedded_durable=False, cluster_embedded_prometheus=False, smi_controller_prometheus="")
    made = Environment(playbooks, kube_binary)
    try:
        run = made.run("cluster,crds")
        assert run.code == 0, run.output
        yield made
    finally:
        playbooks.run("teardown")


def test_the_policy_denies_definitions_of_an_older_bundle(environment: Environment) -> None:
    refused = environment.kubectl("annotate", "--overwrite", "crd", TLS_ROUTES, f"{VERSION}=v1.4.0", check=False)
    assert GUARD in refused
    assert environment.stands() == {("v1.7.0", "standard")}


def test_an_older_bundle_that_a_mesh_was_built_with_stops_before_anything_is_sent(environment: Environment) -> None:
    run = environment.run("crds,mesh", crds_gateway_api_version="1.5")
    assert run.code != 0
    assert "the cluster has v1.7.0, standard channel; v1.5.1 is to be installed" in run.text
    assert "Set crds_gateway_api_version to what is there" in run.text
    assert run.recap["demo"]["changed"] == 0
    assert environment.stands() == {("v1.7.0", "standard")}


def test_the_experimental_channel_stops_before_anything_is_sent(environment: Environment) -> None:
    source = str(gateway_api().parent / "experimental")
    run = environment.run("crds,mesh", crds_gateway_api_source=source)
    assert run.code != 0
    assert "the cluster has v1.7.0, standard channel; the experimental channel is to be installed" in run.text
    assert f"delete the ValidatingAdmissionPolicy and the ValidatingAdmissionPolicyBinding {GUARD}" in run.text
    assert run.recap["demo"]["changed"] == 0
    assert environment.stands() == {("v1.7.0", "standard")}


def test_a_bundle_newer_than_the_mesh_is_a_warning_that_says_there_is_no_way_back(environment: Environment) -> None:
    images = {name: f"registry.example.com/{name}:1.30.0@{DIGEST}" for name in ("pilot", "proxyv2", "install_cni")}
    run = environment.run("mesh", mesh_images=images)
    assert run.code == 0, run.output
    (finding,) = [each for each in environment.findings() if each["id"] == "istio-gateway-api"]
    assert finding["severity"] == "warning"
    assert finding["message"] == "it is built with the Gateway API 1.5.1, and 1.7 stands"
    assert "The way back to an older bundle is closed" in finding["mend"]


def test_kinds_older_than_the_mesh_reads_stop_it_before_anything_is_sent(environment: Environment) -> None:
    # Somebody has gone back all the same, past the policy.
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        environment.kubectl("delete", kind, GUARD)
    annotate = ("annotate", "--overwrite", "--field-manager=somebody", "crd", TLS_ROUTES)
    # The API server forgets a policy a moment after it is gone.
    eventually(
        30, lambda: "annotated" in environment.kubectl(*annotate, f"{VERSION}=v1.4.0", check=False), "it is older"
    )
    run = environment.run("mesh")
    assert run.code != 0
    assert "it ignores kinds of the Gateway API in the version that stands: tlsroutes (from 1.5)" in run.text
    assert "Install the bundle 1.6.0 of the Gateway API, or a later one" in run.text
    assert run.recap["demo"]["changed"] == 0
    # What they say is done: the bundle is installed again, its policy too, and the mesh goes on.
    mended = environment.run("crds,mesh", crds_take_over=True)
    assert mended.code == 0, mended.output
    assert environment.stands() == {("v1.7.0", "standard")}
    assert GUARD in environment.kubectl("get", "validatingadmissionpolicy", "-o", "name")
