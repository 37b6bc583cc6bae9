# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the mesh, and what follows from its variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import mesh
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

ROLE = Path(__file__).parents[5] / "roles" / "mesh"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
INVENTORY = Inventory("demo", {}, {})
DIGEST = "@sha256:" + "a" * 64
IMAGES = {"pilot": f"registry.example.com/pilot{DIGEST}", "proxyv2": f"registry.example.com/proxyv2{DIGEST}"}
ARCHIVE = {"archive": "/charts/x.tgz", "sha256": "a" * 64}
CHARTS = {
    "base": {"repository": "https://charts.example.com", "version": "1.30.0", "sha256": "a" * 64},
    "istiod": {"oci": f"registry.example.com/istiod{DIGEST}"},
}
LOGIN = {"charts_host": "a.example.com", "charts_username": "me", "charts_password": "secret"}
TAKEN = {"charts": CHARTS, "charts_host": "charts.example.com"}
FRONT = {"name": "front", "namespace": "front"}
TRACING = {"service": "tempo.traces.svc.cluster.local", "port": 4317}
RELEASE = {"name": "linkerd", "namespace": "linkerd", "chart": ARCHIVE}


def typed(**variables: Any) -> dict[str, Any]:
    """The variables of a mesh of Istio as the role gets them."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    given = {
        **defaults,
        "mesh_provider": "istio",
        "mesh_tenants": [],
        **{f"mesh_{name}": value for name, value in variables.items()},
    }
    validated = ArgumentSpecValidator(OPTIONS).validate(given)
    assert not validated.error_messages
    found: dict[str, Any] = validated.validated_parameters
    return found


def told(**variables: Any) -> list[str]:
    return [str(problem) for problem in mesh.problems(typed(**variables), INVENTORY)]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"images": IMAGES},
        {"revision": "1-31", "revision_tags": ["stable"]},
        {"values": {"meshConfig": {"enableTracing": True}}, "proxy_resources": {"limits": {"cpu": "500m"}}},
        {"inject_namespaces": ["shop"], "deny_namespaces": ["shop"]},
        {"charts": "/charts"},
        {"cni": "true", "images": {**IMAGES, "install_cni": f"registry.example.com/install-cni{DIGEST}"}},
        {"cni": True, "cni_values": {"cniBinDir": "/home/kubernetes/bin"}, "charts": {**CHARTS, "cni": ARCHIVE}},
        {**LOGIN, "charts": CHARTS, "charts_host": "registry.example.com"},
        {"charts": json.dumps(CHARTS)},
        {"tracing": {**TRACING, "service": "traces/tempo.traces.svc.cluster.local", "protocol": "zipkin"}},
        {"gateways": [{**FRONT, "ports": [{"name": "http", "port": "80"}]}, {**FRONT, "name": "back"}]},
    ],
)
def test_good_ones(variables: dict[str, Any]) -> None:
    assert told(**variables) == []


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"provider": "manifests"}, "mesh_manifests is []: name the files"),
        ({"revision": "1.31"}, "mesh_revision is '1.31': write a DNS label"),
        ({"revision": "a", "revision_tags": ["a"]}, "mesh_revision_tags is 'a': it is the revision itself"),
        ({"images": {"pilot": IMAGES["pilot"]}}, "mesh_images.proxyv2 is None: name both images"),
        ({"images": {**IMAGES, "pilot": "registry.example.com/pilot:1"}}, "write it with its digest"),
        ({"inject_namespaces": ["istio-system"]}, "istiod gets no sidecar"),
        ({"inject_namespaces": ["shop", "shop"]}, "mesh_inject_namespaces is 'shop': listed more than once"),
        ({"deny_namespaces": ["Shop"]}, "mesh_deny_namespaces is 'Shop': write a DNS label"),
        ({"resources": {"requests": {"cpu": "much"}}}, "mesh_resources.requests.cpu is 'much'"),
        ({"connect_timeout": "1"}, "mesh_connect_timeout is '1': write seconds such as 1s or 0.5s"),
        ({"values": {"pdb": {"minAvailable": 1}}}, "mesh_values.pdb is 'set': leave it out: the role autoscaling"),
        ({"root_days": "700"}, "mesh_root_days is 700: write more days than mesh_intermediate_days"),
        ({"intermediate_days": 0}, "mesh_intermediate_days is 0: write 1 or more"),
        ({"trust_domain": "Shop!"}, "mesh_trust_domain is 'Shop!'"),
        ({"charts": {"base": ARCHIVE}}, "mesh_charts.istiod is None: name it too"),
        ({"charts": {"base": {"archive": "x"}, "istiod": ARCHIVE}}, "mesh_charts.base.sha256 is None"),
        ({"charts": "{base: x}"}, "mesh_charts is '{base: x}': as text it must be"),
        (
            {**LOGIN, **TAKEN, "charts_username": ""},
            "mesh_charts_username is None: write it together with mesh_charts_host",
        ),
        (
            {**LOGIN, "charts": CHARTS},
            "mesh_charts_host is 'a.example.com': no chart comes from there; asked are charts.",
        ),
        ({**LOGIN}, "mesh_charts_host is 'a.example.com': no host is asked for charts"),
        ({"charts": CHARTS, "gateways": [FRONT]}, "mesh_charts.gateway is None: name it too"),
        ({"gateways": [FRONT, FRONT]}, "mesh_gateways[].name is 'front/front': listed more than once"),
        ({"gateways": [{**FRONT, "namespace": "kube-system"}]}, "set create_namespace: false"),
        ({"gateways": [{**FRONT, "ports": [{"name": "http", "port": 70000}]}]}, "write a number from 1 to 65535"),
        ({"gateways": [{**FRONT, "resources": {"limits": {"cpu": "x"}}}]}, "mesh_gateways[front].resources.limits.cpu"),
        ({"gateways": [{**FRONT, "values": {"replicaCount": 3}}]}, "mesh_gateways[front].values.replicaCount is 'set'"),
        ({"tracing": {"service": "tempo.traces"}}, "mesh_tracing.port is None: write it"),
        ({"tracing": {"port": 4317}}, "mesh_tracing.service is None: write the service"),
        ({"tracing": {**TRACING, "sampling": 101}}, "mesh_tracing.sampling is 101.0: write how many of a hundred"),
        ({"tracing": {**TRACING, "service": "Tempo!"}}, "mesh_tracing.service is 'Tempo!'"),
        ({"tracing": TRACING, "values": {"meshConfig": {"extensionProviders": []}}}, "take the place of the one of"),
        ({"values": {"profile": "ambient"}}, "mesh_values.profile is 'set': leave it out: ambient is not there yet"),
        ({"values": {"meshConfig": {"rootNamespace": "x"}}}, "leave it out: write mesh_root_namespace"),
        ({"cni": "true", "charts": CHARTS}, "mesh_charts.cni is None: name it too"),
        ({"cni": "true", "images": IMAGES}, "mesh_images.install_cni is None: name it too: mesh_cni is on"),
        ({"values": {"cni": {"enabled": True}}}, "mesh_values.cni.enabled is 'set': leave it out: write mesh_cni"),
        ({"cni_values": {"image": "x"}}, "mesh_cni_values.image is 'set': leave it out: write mesh_images.install_cni"),
        ({"cni_values": {"ambient": {"enabled": True}}}, "mesh_cni_values.ambient.enabled is 'set': leave it out"),
        ({"root_namespace": "Root"}, "mesh_root_namespace is 'Root': write a DNS label"),
    ],
)
def test_bad_ones(variables: dict[str, Any], problem: str) -> None:
    (only,) = told(**variables)
    assert problem in only
    assert "secret" not in only


def test_what_does_not_matter_without_istio_is_not_looked_at() -> None:
    assert told(provider="none", revision="1.31") == []


def test_what_follows() -> None:
    found = mesh.derived(typed(revision="1-31", mtls="UNSET", inject_namespaces=["shop"]), INVENTORY)
    assert (found["istiod"], found["has_images"], found["baseline"]) == ("istiod-1-31", False, [])
    assert found["injection"][0]["metadata"]["labels"] == {"istio.io/rev": "1-31"}
    assert found["base_values"]["defaultRevision"] == "1-31"
    assert mesh.derived(typed(images=IMAGES), INVENTORY)["has_images"]


def test_the_namespace_of_the_plugin_lets_it_change_the_node() -> None:
    wanted = typed(cni="true", root_namespace="mesh-root")
    own, root = mesh.derived(wanted, INVENTORY)["foundation"]
    assert own["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "privileged"}
    assert root["metadata"] == {"name": "mesh-root"}
    assert mesh.derived(wanted, INVENTORY)["charts"]["cni"] == {"folder": "istio-cni"}
    (bare,) = mesh.derived(typed(), INVENTORY)["foundation"]
    assert bare["metadata"] == {"name": "istio-system"}


def test_where_the_charts_come_from() -> None:
    found = mesh.derived(typed(), INVENTORY)
    assert found["charts"] == {"base": {"folder": "base"}, "istiod": {"folder": "istio-control/istio-discovery"}}
    assert (found["charts_from_module"], found["charts_from_registry"]) == (True, False)
    found = mesh.derived(typed(**LOGIN, charts=json.dumps(CHARTS)), INVENTORY)
    assert (found["charts_from_module"], found["charts_from_registry"]) == (False, True)
    assert found["charts"]["base"]["name"] == "base"
    assert found["charts_password"] == ""


@pytest.mark.parametrize(
    ("releases", "problem"),
    [
        ([], "mesh_releases is []: name the charts of the mesh"),
        ([RELEASE, RELEASE], "mesh_releases[].name is 'linkerd': listed more than once"),
        ([{**RELEASE, "name": "Linkerd"}], "mesh_releases[Linkerd].name is 'Linkerd': write a DNS label"),
        ([{**RELEASE, "name": "x" * 54}], "write at most 53 characters"),
        ([{**RELEASE, "namespace": "kube-system"}], "set create_namespace: false"),
        ([{**RELEASE, "chart": {}}], "mesh_releases[linkerd].chart is []: write one of repository"),
        ([{**RELEASE, "chart": CHARTS["base"]}], "mesh_releases[linkerd].chart.name is None"),
    ],
)
def test_bad_releases(releases: list[Any], problem: str) -> None:
    (only,) = told(provider="helm", releases=releases)
    assert problem in only


def test_releases_that_are_wanted_and_those_that_are_not() -> None:
    gone = {"name": "viz", "namespace": "linkerd-viz", "state": "absent"}
    variables = typed(provider="helm", releases=[RELEASE, gone])
    assert [str(problem) for problem in mesh.problems(variables, INVENTORY)] == []
    found = mesh.derived(variables, INVENTORY)
    assert found["charts"] == {"linkerd": ARCHIVE}
    assert [each["name"] for each in found["wanted_releases"]] == ["linkerd"]
    assert found["unwanted_releases"] == ["viz"]
    assert not found["charts_from_module"]


def test_gateways_and_their_namespaces() -> None:
    gateways = [FRONT, {**FRONT, "name": "back"}, {**FRONT, "namespace": "istio-system"}]
    others = {"name": "other", "namespace": "others", "create_namespace": "false"}
    found = mesh.derived(typed(gateways=[*gateways, others]), INVENTORY)
    assert [each["metadata"]["name"] for each in found["gateway_namespaces"]] == ["front"]
    assert [each["name"] for each in found["gateways"]] == ["front", "back", "front", "other"]
    assert found["charts"]["gateway"] == {"folder": "gateway"}


def test_what_holds_for_the_whole_mesh_stands_in_its_root_namespace() -> None:
    found = mesh.derived(typed(root_namespace="mesh-root", tracing=TRACING), INVENTORY)
    assert [each["metadata"]["name"] for each in found["foundation"]] == ["istio-system", "mesh-root"]
    assert {each["kind"]: each["metadata"]["namespace"] for each in found["baseline"]} == {
        "PeerAuthentication": "mesh-root",
        "Telemetry": "mesh-root",
    }
    assert [each["kind"] for each in mesh.derived(typed(), INVENTORY)["baseline"]] == ["PeerAuthentication"]
