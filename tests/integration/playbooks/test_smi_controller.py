# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMI controller in an environment that kwok plays: from nothing to all versions, new certificates, and back.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import base64
import json
import re
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import services, split, weights
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run
from ansible_collections.servicemesh.platform.tests.support.smi_controller import eventually

COMPONENTS = "cluster,crds,smi_controller"
CRD = "trafficsplits.split.smi-spec.io"
SPACE, SHOP = "smi-system", "shop"
PROMETHEUS = "http://localhost:9090"
"""Nobody need answer there: the API is served all the same."""


class Environment:
    """The environment, its playbooks and its kubectl."""

    def __init__(self, playbooks: Playbooks, binary: Path) -> None:
        self.playbooks = playbooks
        self._kubectl = [str(binary), "kubectl", "--kubeconfig", str(playbooks.state / "kubeconfig")]

    def site(self, *arguments: str, **extra: Any) -> Run:
        """A run of site that goes well."""
        run = self.playbooks.run("site", *arguments, **{"site_components": COMPONENTS, **extra})
        assert run.code == 0, run.output
        return run

    def kubectl(self, *arguments: str, stdin: Any = None) -> tuple[int, str]:
        """The exit code of kubectl, and what it writes."""
        body = json.dumps(stdin) if stdin else ""
        done = subprocess.run([*self._kubectl, *arguments], capture_output=True, text=True, check=False, input=body)
        return done.returncode, done.stdout + done.stderr

    def get(self, *arguments: str) -> Any:
        """What kubectl gets."""
        code, told = self.kubectl("get", "-o", "json", *arguments)
        assert code == 0, told
        return json.loads(told)

    def apply(self, *objects: dict[str, Any]) -> tuple[int, str]:
        """Apply objects."""
        return self.kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": list(objects)})

    def served(self) -> list[str]:
        """The versions of TrafficSplits that are served."""
        return [each["name"] for each in self.get("crd", CRD)["spec"]["versions"] if each["served"]]

    def pem(self, secret: str, key: str = "tls.crt") -> str:
        """A value of a Secret."""
        return base64.b64decode(self.get("-n", SPACE, "secret", secret)["data"][key]).decode()

    @contextmanager
    def read_all_the_time(self) -> Iterator[list[str]]:
        """Read a split in another version than the stored one, and give what failed meanwhile."""
        failures: list[str] = []
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                code, told = self.kubectl("get", "-n", SHOP, "trafficsplits.v1alpha1.split.smi-spec.io", "backend")
                if code:
                    failures.append(told)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield failures
        finally:
            over.set()
            reader.join()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Environment]:
    """An environment that is torn down in the end, whatever came before. The binary is in the cache already."""
    playbooks = Playbooks(tmp_path_factory.mktemp("smi-controller"))
    playbooks.write(cluster_embedded_durable=False)
    yield Environment(playbooks, kube_binary)
    playbooks.run("teardown")


def test_check_mode_before_there_is_anything(environment: Environment) -> None:
    run = environment.site("--check", "--diff")
    assert run.recap["demo"]["changed"] > 0
    assert "PRIVATE KEY" not in run.output
    assert not environment.playbooks.state.exists()


def test_without_the_controller_the_stored_version_is_served(environment: Environment) -> None:
    run = environment.site(site_components="cluster,crds")
    assert environment.served() == ["v1alpha4"]
    assert f"CustomResourceDefinition {CRD}: it has no webhook" in run.text


def test_with_it_all_of_them_are(environment: Environment) -> None:
    run = environment.site("-vv", "--diff")
    assert environment.served() == ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"]
    crd = environment.get("crd", CRD, "--show-managed-fields")
    owners = {
        entry["manager"]
        for entry in crd["metadata"]["managedFields"]
        if "f:conversion" in entry["fieldsV1"].get("f:spec", {}) and entry["operation"] == "Apply"
    }
    assert owners == {"servicemesh.platform/smi_controller"}
    assert "PRIVATE KEY" not in run.output
    assert environment.pem("smi-controller-tls", "tls.key").splitlines()[1] not in run.output
    folder = environment.playbooks.state / "smi"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {"tls.crt": 0o600, "tls.key": 0o600, "kubeconfig": 0o600}
    assert "client-key-data" not in (folder / "smi-controller" / "kubeconfig").read_text()


def test_the_second_run_changes_nothing(environment: Environment) -> None:
    run = environment.site()
    assert run.recap["demo"]["changed"] == 0
    assert "community.crypto" not in run.output
    assert environment.site("--check", "--diff").recap["demo"]["changed"] == 0


def test_an_object_of_an_older_version_is_read_in_all_and_carried_out(environment: Environment) -> None:
    environment.kubectl("create", "namespace", SHOP)
    environment.apply(*services("backend", SHOP, "v1", "v2"))
    code, told = environment.apply(split("backend", SHOP, v1=80, v2=20))
    assert code == 0, told
    for version in ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"):
        read = environment.get("-n", SHOP, f"trafficsplits.{version}.split.smi-spec.io", "backend")
        assert [str(each["weight"]) for each in read["spec"]["backends"]] == ["80", "20"]

    def routes() -> list[Any]:
        found: list[Any] = environment.get("-n", SHOP, "httproutes")["items"]
        return found

    eventually(routes, "there is a route")
    assert weights(routes()[0]) == [("backend-v1", 80), ("backend-v2", 20)]


def test_an_illegal_one_is_refused_by_a_policy_and_a_contradiction_by_the_webhook(environment: Environment) -> None:
    elsewhere = split("elsewhere", SHOP, v1=80)
    elsewhere["spec"]["service"] = "backend.other"
    code, told = environment.apply(elsewhere)
    assert (code, "ValidatingAdmissionPolicy" in told) == (1, True), told
    code, told = environment.apply(split("second", SHOP, service="backend", v1=50, v2=50))
    assert (code, "validate.smi.servicemesh.platform" in told) == (1, True), told


@pytest.mark.slow
def test_new_certificates_are_taken_without_a_restart_and_without_a_failure(environment: Environment) -> None:
    authority, certificate = environment.pem("smi-controller-ca"), environment.pem("smi-controller-tls")
    log = environment.playbooks.state / "logs" / "process-smi-controller.log"
    starts = log.read_text().count('"serving"')
    with environment.read_all_the_time() as failures:
        environment.site(smi_controller_renew_certificates="true")
        eventually(lambda: "new certificate" in log.read_text(), "the new certificate is taken")
        time.sleep(2)
    assert failures == []
    assert environment.pem("smi-controller-ca") == authority
    assert environment.pem("smi-controller-tls") != certificate
    assert log.read_text().count('"serving"') == starts
    assert environment.site().recap["demo"]["changed"] == 0


@pytest.mark.slow
def test_a_new_authority_is_trusted_before_it_signs(environment: Environment) -> None:
    authority = environment.pem("smi-controller-ca")
    with environment.read_all_the_time() as failures:
        environment.site(smi_controller_renew_authority="true")
        time.sleep(4)
    assert failures == []
    bundle = environment.pem("smi-controller-ca", "ca.crt")
    trusted = base64.b64decode(environment.get("crd", CRD)["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"])
    assert trusted.decode() == bundle
    assert bundle == environment.pem("smi-controller-ca") + authority
    assert environment.site().recap["demo"]["changed"] == 0


def test_the_metrics_api_is_registered_where_there_is_a_prometheus(environment: Environment) -> None:
    run = environment.site(smi_controller_prometheus=PROMETHEUS)
    assert "APIService v1alpha1.metrics.smi-spec.io: available" in run.text
    code, told = environment.kubectl("get", "--raw", "/apis/metrics.smi-spec.io/v1alpha1")
    assert (code, json.loads(told)["kind"]) == (0, "APIResourceList")
    assert environment.site(smi_controller_prometheus=PROMETHEUS).recap["demo"]["changed"] == 0


def test_targets_that_nobody_carries_out_are_told(environment: Environment) -> None:
    account = {"kind": "ServiceAccount", "name": "till", "namespace": SHOP}
    port = {"kind": "TCPRoute", "metadata": {"name": "any", "namespace": SHOP}, "spec": {"matches": {"ports": [8080]}}}
    target = {
        "kind": "TrafficTarget",
        "metadata": {"name": "till-in", "namespace": SHOP},
        "spec": {
            "destination": {**account, "name": "cart"},
            "rules": [{"kind": "TCPRoute", "name": "any"}],
            "sources": [account],
        },
    }
    assert "smi-targets" not in reported(environment, "gateway-api")
    code, told = environment.apply(
        {"apiVersion": "specs.smi-spec.io/v1alpha4", **port}, {"apiVersion": "access.smi-spec.io/v1alpha3", **target}
    )
    assert code == 0, told
    found = reported(environment, "gateway-api")["smi-targets"]
    assert found["severity"] == "warning"
    assert found["message"].endswith(f"nobody is denied anything by them: {SHOP}/till-in")
    assert "smi_controller_mesh" in found["mend"]
    assert "smi-targets" not in reported(environment, "istio")
    environment.kubectl("delete", "-n", SHOP, "traffictargets,tcproutes.specs.smi-spec.io", "--all")


def reported(environment: Environment, mesh: str) -> dict[str, dict[str, Any]]:
    """What a verification finds, by id."""
    environment.playbooks.run("verify", site_components="smi_controller", smi_controller_mesh=mesh)
    report = json.loads((environment.playbooks.folder / "reports" / "demo.json").read_text())
    return {each["id"]: each for each in report["findings"]}


def test_what_goes_wrong_is_found(environment: Environment) -> None:
    environment.kubectl("patch", "crd", CRD, "--type=merge", "-p", '{"spec":{"conversion":null}}')
    environment.kubectl("delete", "validatingwebhookconfiguration", f"{SPACE}-smi-controller")
    found = environment.playbooks.run("verify", site_components=COMPONENTS)
    assert found.code != 0
    assert f"CustomResourceDefinition {CRD}: the webhook {SPACE}/smi-controller does not convert" in found.text
    assert re.search(r"ValidatingWebhookConfiguration \S+: it is asked for and does not exist", found.text)
    # Who has patched the field owns it now: it is taken over only when asked for.
    refused = environment.playbooks.run("site", site_components=COMPONENTS)
    assert 'spec.conversion.strategy belongs to field manager "kubectl-patch"' in refused.text.replace('\\"', '"')
    assert environment.served() == ["v1alpha4"]
    environment.site(crds_take_over="true")
    assert environment.served() == ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"]
    assert "APIService" not in environment.kubectl("get", "apiservice", "v1alpha1.metrics.smi-spec.io")[1].split()[0]


def test_away_again_it_leaves_what_it_has_made_for_the_mesh(environment: Environment) -> None:
    run = environment.playbooks.absent("smi_controller")
    assert run.code == 0, run.output
    assert environment.served() == ["v1alpha4"]
    assert environment.get("crd", CRD)["spec"]["conversion"] == {"strategy": "None"}
    assert environment.get("validatingwebhookconfigurations")["items"] == []
    policies = environment.get("validatingadmissionpolicies", "-l", "applyset.kubernetes.io/part-of")["items"]
    assert not [each for each in policies if each["metadata"]["name"].startswith("smi-")]
    assert len(environment.get("-n", SHOP, "httproutes")["items"]) == 1
    assert not (environment.playbooks.state / "smi").exists()
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [
        line for line in listed.splitlines() if "smi_controller" in line and str(environment.playbooks.state) in line
    ]
