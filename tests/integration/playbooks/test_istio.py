# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio from its charts in an environment that kwok plays: what stands, what is repaired, what is refused.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.support.authority import cacerts
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run

COMPONENTS = "cluster,crds,mesh"
# Helm is built once, in two minutes.
PATIENCE = 900


class Environment:
    """The environment, and its cluster as tests talk to it."""

    def __init__(self, playbooks: Playbooks, binary: Path) -> None:
        self.playbooks = playbooks
        self.kubectl = Cluster(playbooks.state / "kubeconfig", playbooks.state, binary).kubectl

    def site(self, *arguments: str, **extra: Any) -> Run:
        """A run of site that goes well."""
        run = self.playbooks.run("site", *arguments, **{"site_components": COMPONENTS, **extra})
        assert run.code == 0, run.output
        return run

    def get(self, *arguments: str) -> Any:
        """What kubectl gets."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Environment]:
    """An environment that is torn down in the end, whatever came before."""
    playbooks = Playbooks(tmp_path_factory.mktemp("istio"), patience=PATIENCE)
    playbooks.write(cluster_embedded_durable=False, cluster_embedded_prometheus=False, smi_controller_prometheus="")
    yield Environment(playbooks, kube_binary)
    playbooks.run("teardown")


def test_check_mode_before_there_is_anything(environment: Environment) -> None:
    run = environment.site("--check")
    assert run.recap["demo"]["changed"] > 0
    assert not environment.playbooks.state.exists()


def test_a_slip_is_told_before_anything_is_sent(environment: Environment) -> None:
    values = {"autoscaleMin": 5, "global": {"proxy": {"image": "other"}}}
    run = environment.playbooks.run("site", site_components=COMPONENTS, mesh_values=values, mesh_revision="1.31")
    assert run.code != 0
    for told in (
        "mesh_values.autoscaleMin is 'set': leave it out: the role autoscaling scales istiod",
        "mesh_values.global.proxy.image is 'set': leave it out: write mesh_images.proxyv2",
        "mesh_revision is '1.31': write a DNS label",
    ):
        assert told in run.text
    assert not environment.playbooks.state.exists()


def test_it_is_installed_and_a_second_run_changes_nothing(environment: Environment) -> None:
    run = environment.site("-vvv", "--diff")
    assert "PRIVATE KEY" not in run.output
    assert environment.get("-n", "istio-system", "secret", "cacerts")["data"]["ca-key.pem"][:60] not in run.output
    istiod = environment.get("-n", "istio-system", "deployment", "istiod")
    (container,) = istiod["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.embedded/pilot:1.31-")
    assert istiod["spec"]["template"]["spec"]["priorityClassName"] == "system-cluster-critical"
    assert environment.get("peerauthentications", "-n", "istio-system")["items"][0]["spec"]["mtls"] == {
        "mode": "STRICT"
    }
    assert environment.get("hpa,pdb", "-n", "istio-system")["items"] == []
    assert environment.site().recap["demo"]["changed"] == 0


def test_what_others_write_stays(environment: Environment) -> None:
    environment.kubectl("-n", "istio-system", "scale", "deployment", "istiod", "--replicas=3")
    bundle = json.dumps([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "LS0tLS1C"}])
    environment.kubectl(
        "patch", "mutatingwebhookconfiguration", "istio-sidecar-injector", "--type=json", f"--patch={bundle}"
    )
    assert environment.site().recap["demo"]["changed"] == 0
    assert environment.get("-n", "istio-system", "deployment", "istiod")["spec"]["replicas"] == 3


def test_drift_is_found_and_repaired(environment: Environment) -> None:
    environment.kubectl("-n", "istio-system", "delete", "configmap", "istio")
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert "ConfigMap istio-system/istio" in verified.text
    assert environment.site().recap["demo"]["changed"] == 1


@pytest.mark.slow
def test_values_of_a_user_come_last(environment: Environment) -> None:
    values = {"meshConfig": {"defaultConfig": {"terminationDrainDuration": "10s"}}, "traceSampling": 5}
    environment.site(site_components="mesh", mesh_values=values, mesh_access_log="true")
    config = environment.get("-n", "istio-system", "configmap", "istio")["data"]["mesh"]
    assert "terminationDrainDuration: 10s" in config
    assert "accessLogFile: /dev/stdout" in config
    environment.site(site_components="mesh")
    assert "accessLogFile" not in environment.get("-n", "istio-system", "configmap", "istio")["data"]["mesh"]


@pytest.mark.slow
def test_an_authority_that_is_there_stays_and_what_is_wrong_with_it_is_told(environment: Environment) -> None:
    own = {"data": {"root-cert.pem": "b3du"}}
    environment.kubectl("-n", "istio-system", "patch", "secret", "cacerts", f"--patch={json.dumps(own)}")
    run = environment.playbooks.run("site", site_components="mesh")
    assert run.code != 0
    assert "Secret istio-system/cacerts: root-cert.pem is no certificate in PEM" in run.text
    assert run.recap["demo"]["changed"] == 0
    assert environment.get("-n", "istio-system", "secret", "cacerts")["data"]["root-cert.pem"] == "b3du"


@pytest.mark.slow
def test_a_lost_authority_is_signed_anew_with_the_same_root(environment: Environment) -> None:
    root = environment.get("-n", "istio-system", "secret", "mesh-root")["data"]
    environment.kubectl("-n", "istio-system", "delete", "secret", "cacerts")
    run = environment.playbooks.run("site", site_components="mesh", mesh_intermediate_days=4000, mesh_root_days=5000)
    assert run.code != 0
    assert "the root in the Secret mesh-root cannot sign a new one: it ends in 3649 days" in run.text
    run = environment.site("-vvv", "--diff", site_components="mesh")
    made = environment.get("-n", "istio-system", "secret", "cacerts")["data"]
    assert made["root-cert.pem"] == root["tls.crt"]
    assert environment.get("-n", "istio-system", "secret", "mesh-root")["data"] == root
    assert not any(secret in run.output for secret in ("PRIVATE KEY", made["ca-key.pem"][:60], root["tls.key"][:60]))
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 0


@pytest.mark.slow
def test_an_authority_that_ends_stops_before_istiod_is_restarted_and_is_signed_anew(environment: Environment) -> None:
    root = environment.get("-n", "istio-system", "secret", "mesh-root")["data"]

    def replaced(seconds: float) -> None:
        """As the role itself would have made it so long ago."""
        made = {"type": "Opaque", "data": cacerts(root, seconds), "metadata": {"name": "cacerts"}}
        apply = ("-n", "istio-system", "apply", "--server-side", "--force-conflicts", "-f", "-")
        body = {"apiVersion": "v1", "kind": "Secret", **made}
        environment.kubectl(*apply, "--field-manager=servicemesh.platform/mesh", stdin=json.dumps(body))

    replaced(90)
    near = environment.playbooks.run("verify", site_components="mesh")
    assert near.code == 0, near.output
    assert "Secret istio-system/cacerts: 0 days left" in near.text
    replaced(-60)
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert verified.code != 0
    assert "Secret istio-system/cacerts: it has ended" in verified.text
    assert "run the component mesh with mesh_renew_authority: true" in verified.text
    # Another resource of istiod is asked for, which would restart it.
    template = environment.get("-n", "istio-system", "deployment", "istiod")["spec"]["template"]
    asked = {"site_components": "mesh", "mesh_resources": {"requests": {"cpu": "51m"}}}
    for arguments in ((), ("--check",)):
        run = environment.playbooks.run("site", *arguments, **asked)
        assert run.code != 0
        assert "cacerts: it has ended. An istiod that is restarted does not start with it" in run.text
        assert run.recap["demo"]["changed"] == 0
    assert environment.get("-n", "istio-system", "deployment", "istiod")["spec"]["template"] == template
    # What they say is done.
    run = environment.site("-vvv", "--diff", site_components="mesh", mesh_renew_authority="true")
    assert run.recap["demo"]["changed"] > 0
    assert "PRIVATE KEY" not in run.output
    made = environment.get("-n", "istio-system", "secret", "cacerts")["data"]
    assert made["root-cert.pem"] == root["tls.crt"]
    assert made["ca-key.pem"][:60] not in run.output
    assert environment.get("-n", "istio-system", "secret", "mesh-root")["data"] == root
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert verified.code == 0, verified.output
    assert "Secret istio-system/cacerts: 729 days left" in verified.text
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 0


@pytest.mark.slow
def test_an_authority_of_another_s_root_is_not_renewed(environment: Environment) -> None:
    root = environment.get("-n", "istio-system", "secret", "mesh-root")
    environment.kubectl("-n", "istio-system", "delete", "secret", "mesh-root")
    run = environment.playbooks.run("site", site_components="mesh", mesh_renew_authority=True)
    assert run.code != 0
    assert "mesh_renew_authority: there is no Secret istio-system/mesh-root" in run.text
    assert run.recap["demo"]["changed"] == 0
    metadata = {name: root["metadata"][name] for name in ("name", "namespace")}
    back = {**root, "metadata": metadata}
    environment.kubectl("apply", "-f", "-", stdin=json.dumps(back))


@pytest.mark.slow
def test_an_authority_in_the_layout_of_cert_manager_is_taken(environment: Environment) -> None:
    before = environment.get("-n", "istio-system", "secret", "cacerts")["data"]
    data = {"tls.crt": before["ca-cert.pem"], "tls.key": before["ca-key.pem"], "ca.crt": before["root-cert.pem"]}
    environment.kubectl("-n", "istio-system", "delete", "secret", "cacerts")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cacerts"}, "data": data}
    environment.kubectl("-n", "istio-system", "apply", "-f", "-", stdin=json.dumps(secret))
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 0


@pytest.mark.slow
def test_a_second_revision_comes_and_goes_and_the_first_keeps_what_is_shared(environment: Environment) -> None:
    canary = {"mesh_revision": "canary", "mesh_revision_tags": ["next"]}
    environment.site(site_components="mesh", **canary)
    assert environment.site(site_components="mesh", **canary).recap["demo"]["changed"] == 0
    # The last one that was converged is the default, and stays as long as there is another one that could be it.
    refused = environment.playbooks.absent("mesh", **canary)
    assert refused.code != 0
    assert "canary is the default revision" in refused.text
    environment.site(site_components="mesh")
    assert "istio-revision-tag" not in environment.kubectl("get", "mutatingwebhookconfigurations", "-o", "name")
    run = environment.playbooks.absent("mesh", **canary)
    assert run.code == 0, run.output
    assert environment.kubectl("-n", "istio-system", "get", "deployments", "-o", "name") == "deployment.apps/istiod\n"
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 0


@pytest.mark.slow
def test_the_plugin_on_the_nodes_comes_and_goes_after_the_pods_that_need_it(environment: Environment) -> None:
    on = {"site_components": "mesh", "mesh_cni": "true"}
    environment.site(**on)
    spec = environment.get("-n", "istio-system", "daemonset", "istio-cni-node")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"].startswith("registry.embedded/install-cni:1.31-")
    folders = {each["hostPath"]["path"] for each in spec["volumes"]}
    assert {"/var/lib/cni/bin", "/var/lib/cni/net.d"} <= folders
    labels = environment.get("namespace", "istio-system")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"

    def injects_for_it() -> bool:
        values = environment.get("-n", "istio-system", "configmap", "istio-sidecar-injector")["data"]["values"]
        return bool(json.loads(values)["pilot"]["cni"]["enabled"])

    assert injects_for_it()
    assert environment.site(**on).recap["demo"]["changed"] == 0
    environment.kubectl("-n", "istio-system", "delete", "configmap", "istio-cni-config")
    assert "ConfigMap istio-system/istio-cni-config" in environment.playbooks.run("verify", **on).text
    assert environment.site(**on).recap["demo"]["changed"] == 1

    # As the injector of a real node makes it.
    image = "registry.example.com/one:1"
    init, main = ({"name": name, "image": image} for name in ("istio-validation", "one"))
    metadata = {"name": "waiting", "namespace": "default", "labels": {"security.istio.io/tlsMode": "istio"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    pod["spec"] = {"initContainers": [init], "containers": [main]}
    environment.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    run = environment.site(site_components="mesh")
    assert "The CNI plugin stays, for 1 need it: Pod default/waiting" in run.text
    assert "mesh_cni is off, and it stands; 1 need it: Pod default/waiting" in run.text
    assert not injects_for_it()
    environment.kubectl("delete", "pod", "waiting", "--wait")
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 1
    assert environment.get("-n", "istio-system", "daemonsets")["items"] == []
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 0


@pytest.mark.slow
def test_the_plugin_stays_for_another_revision_that_counts_on_it(environment: Environment) -> None:
    canary = {"site_components": "mesh", "mesh_revision": "canary"}
    environment.site(**canary, mesh_cni=True)
    run = environment.site(site_components="mesh")
    assert "The CNI plugin stays, for 1 need it: istiod of the revision canary" in run.text
    run = environment.playbooks.absent("mesh", mesh_revision="canary")
    assert run.code == 0, run.output
    assert environment.site(site_components="mesh").recap["demo"]["changed"] == 1
    assert environment.get("-n", "istio-system", "daemonsets")["items"] == []


def test_two_injectors_on_one_namespace_are_found(environment: Environment) -> None:
    environment.kubectl("create", "namespace", "both")
    environment.kubectl("label", "namespace", "both", "istio-injection=enabled", "linkerd.io/inject=enabled")
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert verified.code != 0
    assert "Namespace both: it asks for sidecars by istio-injection and linkerd.io/inject" in verified.text
    environment.kubectl("delete", "namespace", "both")


@pytest.mark.slow
def test_a_share_of_the_workloads_of_a_tenant_is_in_the_mesh(environment: Environment) -> None:
    environment.kubectl("create", "namespace", "article")
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "selector": {"matchLabels": {"app": "one"}},
            "template": {
                "metadata": {"labels": {"app": "one"}},
                "spec": {"containers": [{"name": "one", "image": "registry.example.com/one:1"}]},
            },
        },
    }
    for name in ("a", "b", "c", "d", "e"):
        body = {**deployment, "metadata": {"name": name, "namespace": "article"}}
        environment.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def left_out() -> list[str]:
        return [
            each["metadata"]["name"]
            for each in environment.get("-n", "article", "deployments")["items"]
            if each["spec"]["template"]["metadata"]["labels"].get("sidecar.istio.io/inject") == "false"
        ]

    def asking(share: int) -> dict[str, Any]:
        tenant = {"name": "article", "adopted_namespaces": ["article"], "injection_share": share}
        return {"site_components": "mesh", "mesh_inject_namespaces": ["article"], "mesh_tenants": [tenant]}

    verified = environment.playbooks.run("verify", **asking(80))
    assert verified.code != 0
    assert "5 of 5 workloads have a sidecar, and 80 % are asked for; should have none: Deployment" in verified.text
    environment.site(**asking(80))
    (first,) = left_out()
    assert environment.site(**asking(80)).recap["demo"]["changed"] == 0
    assert environment.playbooks.run("verify", **asking(80)).code == 0
    environment.site(**asking(50))
    assert len(left_out()) == 2
    assert first in left_out()
    environment.site(site_components="mesh")
    assert left_out() == []
    environment.kubectl("delete", "namespace", "article")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("age", "patch"),
    [
        # An older release does not serve what istiod asks for.
        ("older", {"op": "replace", "path": "/spec/versions/0/served", "value": False}),
        # A newer one has fields that this one does not know.
        (
            "newer",
            {
                "op": "add",
                "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/later",
                "value": {"type": "string"},
            },
        ),
    ],
)
def test_definitions_of_another_release_are_found_and_left_to_their_owner(
    environment: Environment, age: str, patch: dict[str, Any]
) -> None:
    crd = "sidecars.networking.istio.io"
    before = environment.get("crd", crd)["spec"]
    environment.kubectl("patch", "crd", crd, "--type=json", f"--patch={json.dumps([patch])}")
    assert environment.get("crd", crd)["spec"] != before
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert verified.code != 0
    assert f"CustomResourceDefinition {crd}" in verified.text
    # Whoever has brought it owns it: it is not overwritten without a word.
    run = environment.playbooks.run("site", site_components="mesh")
    assert run.code != 0
    assert 'belongs to field manager "kubectl-patch"' in run.text
    back = [{"op": "replace", "path": "/spec/versions", "value": before["versions"]}]
    environment.kubectl("patch", "crd", crd, "--type=json", f"--patch={json.dumps(back)}")
    environment.site(site_components="mesh")
    assert environment.playbooks.run("verify", site_components="mesh").code == 0


def test_what_keeps_others_from_istiod_is_found(environment: Environment) -> None:
    service = {"namespace": "istio-system", "name": "istiod-gone", "path": "/inject"}
    webhook = {
        "name": "left.example.com",
        "clientConfig": {"service": service},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
    }
    left = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "left"},
        "webhooks": [webhook],
    }
    closed = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": "istio-system"},
        "spec": {"podSelector": {"matchLabels": {"app": "istiod"}}, "policyTypes": ["Ingress"]},
    }
    for each in (left, closed):
        environment.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert verified.code != 0
    assert "MutatingWebhookConfiguration left: it leads to Service istio-system/istiod-gone" in verified.text
    assert "NetworkPolicy istio-system/closed does not let the API server reach port 15017" in verified.text
    environment.kubectl("delete", "mutatingwebhookconfiguration", "left")
    environment.kubectl("-n", "istio-system", "delete", "networkpolicy", "closed")
    assert environment.playbooks.run("verify", site_components="mesh").code == 0


INJECTOR = "rev.namespace.sidecar-injector.istio.io"


def injector(name: str, webhook: str, service: str) -> dict[str, Any]:
    """A webhook for all pods of namespaces with the label ``istio.io/rev: old``, without which there are none."""
    client = {"service": {"namespace": "istio-system", "name": service, "path": "/inject"}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    called = {
        "name": webhook,
        "clientConfig": client,
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"istio.io/rev": "old"}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [called],
    }


@pytest.mark.slow
def test_a_webhook_of_a_revision_that_is_gone_is_removed_where_that_is_asked_for(environment: Environment) -> None:
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "labelled", "labels": {"istio.io/rev": "old"}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": "labelled"},
        "spec": {"containers": [{"name": "one", "image": "registry.example.com/one:1"}]},
    }
    name = "istio-sidecar-injector-old"
    validator = environment.get("validatingwebhookconfigurations", "istio-validator-istio-system")
    validator["webhooks"][0]["clientConfig"]["service"]["name"] = "istiod-old"
    validator["webhooks"][0]["objectSelector"] = {"matchLabels": {"istio.io/rev": "old"}}
    validator = {**validator, "metadata": {"name": "istio-validator-old-istio-system"}}
    for each in (namespace, injector(name, INJECTOR, "istiod-old"), validator):
        environment.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    create = ("create", "-f", "-")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        environment.kubectl(*create, stdin=json.dumps(pod))
    assert 'service "istiod-old" not found' in refused.value.stderr
    verified = environment.playbooks.run("verify", site_components="mesh")
    assert verified.code != 0
    assert f"MutatingWebhookConfiguration {name}: it leads to Service istio-system/istiod-old" in verified.text
    assert "mesh_remove_left_webhooks: true" in verified.text
    # It may be another's, so nobody removes it unasked.
    unasked = environment.playbooks.run("site", site_components="mesh")
    assert unasked.code != 0
    assert unasked.recap["demo"]["changed"] == 0

    asked = {"site_components": "mesh", "mesh_remove_left_webhooks": "true"}
    foreign = ("foreign", "hook.example.com", "istiod-foreign")
    environment.kubectl("apply", "-f", "-", stdin=json.dumps(injector(*foreign)))
    half = injector("half", INJECTOR, "istiod-old")
    half["webhooks"].append(injector("", f"other.{INJECTOR}", "istiod")["webhooks"][0])
    environment.kubectl("apply", "-f", "-", stdin=json.dumps(half))

    def webhooks() -> set[str]:
        both = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
        return {each["metadata"]["name"] for each in environment.get(both)["items"]}

    before = webhooks()
    assert environment.playbooks.run("site", "--check", **asked).recap["demo"]["changed"] == 1
    assert webhooks() == before
    run = environment.playbooks.run("site", "-v", **asked)
    assert run.recap["demo"]["changed"] == 1
    assert f'"name": "{name}"' in run.text
    # What is another's, and what leads to an istiod that stands too, is a finding still.
    assert webhooks() == before - {name, "istio-validator-old-istio-system"}
    environment.kubectl("delete", "mutatingwebhookconfiguration", "foreign", "half")
    environment.kubectl(*create, stdin=json.dumps(pod))
    assert environment.site(**asked).recap["demo"]["changed"] == 0
    environment.kubectl("delete", "namespace", "labelled", "--wait=false")


def test_a_webhook_of_this_revision_stays_though_its_service_is_lost(environment: Environment) -> None:
    injecting = environment.get("mutatingwebhookconfigurations", "istio-sidecar-injector")["metadata"]["uid"]
    environment.kubectl("-n", "istio-system", "delete", "service", "istiod")
    run = environment.site(site_components="mesh", mesh_remove_left_webhooks=True)
    assert run.recap["demo"]["changed"] == 1
    assert environment.get("mutatingwebhookconfigurations", "istio-sidecar-injector")["metadata"]["uid"] == injecting


def test_it_goes_again_but_not_while_there_are_sidecars(environment: Environment) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "served",
            "namespace": "default",
            "labels": {"security.istio.io/tlsMode": "istio"},
            "annotations": {"sidecar.istio.io/status": json.dumps({"revision": "default"})},
        },
        "spec": {"containers": [{"name": "one", "image": "registry.example.com/one:1"}]},
    }
    environment.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    ended = {**pod, "metadata": {**pod["metadata"], "name": "ended"}}
    environment.kubectl("apply", "-f", "-", stdin=json.dumps(ended))
    status = json.dumps({"status": {"phase": "Succeeded"}})
    environment.kubectl("patch", "pod", "ended", "--subresource=status", f"--patch={status}")
    refused = environment.playbooks.absent("mesh")
    assert refused.code != 0
    assert "1 pods have a sidecar of this mesh" in refused.text
    assert "default/served" in refused.text
    assert "default/ended" not in refused.text
    environment.kubectl("delete", "pod", "served", "--grace-period=0", "--force")
    run = environment.playbooks.absent("mesh")
    assert run.code == 0, run.output
    for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        assert "istio" not in environment.kubectl("get", kind, "-o", "name")
    assert "istio.io" not in environment.kubectl("get", "crds", "-o", "name")
    # Of the authority whatever comes next lives.
    assert environment.get("-n", "istio-system", "secret", "cacerts")["data"]
