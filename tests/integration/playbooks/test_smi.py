# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMI in an environment from one playbook run to the next: other versions, and the way to the Gateway API.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

COMPONENTS = ["cluster", "crds"]
LINKERD = {"site_components": COMPONENTS, "crds_smi_consumers": '["linkerd-smi"]'}
NEWEST = {
    "site_components": COMPONENTS,
    "crds_smi_versions": {"split": ["v1alpha4"], "access": ["v1alpha3"], "specs": ["v1alpha4"]},
    "crds_smi_conversion_by": "",
}
SPLIT = "trafficsplits.split.smi-spec.io"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Playbooks]:
    """An environment that is torn down in the end, whatever came before. The binary is in the cache already."""
    assert kube_binary.exists()
    playbooks = Playbooks(tmp_path_factory.mktemp("smi"))
    playbooks.write()
    yield playbooks
    playbooks.run("teardown")


def kubectl(environment: Playbooks, binary: Path, *arguments: str, stdin: Any = None) -> Any:
    command = [str(binary), "kubectl", "--kubeconfig", str(environment.state / "kubeconfig"), *arguments, "-o", "json"]
    body = json.dumps(stdin) if stdin else ""
    done = subprocess.run(command, capture_output=True, text=True, check=True, input=body)
    return json.loads(done.stdout)


def test_the_versions_of_a_consumer_are_served(environment: Playbooks, kube_binary: Path) -> None:
    run = environment.run("site", **LINKERD)
    assert run.code == 0, run.output
    crd = kubectl(environment, kube_binary, "get", "crd", SPLIT)
    assert [version["name"] for version in crd["spec"]["versions"] if version["served"]] == ["v1alpha1"]
    assert "linkerd-smi, the SMI extension of Linkerd is deprecated" in run.text
    backends = [{"service": "web-v1", "weight": "800m"}, {"service": "web-v2", "weight": "200m"}]
    split = {
        "apiVersion": "split.smi-spec.io/v1alpha1",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"service": "web", "backends": backends},
    }
    ports = {"ports": [{"port": 80, "appProtocol": "http"}]}
    services: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": ports}
        for name in ("web", "web-v1", "web-v2")
    ]
    for body in (split, *services):
        kubectl(environment, kube_binary, "create", "-f", "-", stdin=body)


def test_other_versions_are_planned_without_a_change(environment: Playbooks, kube_binary: Path) -> None:
    before = kubectl(environment, kube_binary, "get", "crd", SPLIT)
    run = environment.run("site", "--check", "--diff", **NEWEST)
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] > 0
    after = kubectl(environment, kube_binary, "get", "crd", SPLIT)
    assert after == before


def test_a_verification_tells_of_objects_that_are_stored_otherwise(environment: Playbooks) -> None:
    run = environment.run("verify", **NEWEST)
    assert run.code != 0
    assert "storedVersions" in run.text, run.output
    assert "Run site again with this component" in run.text


def test_objects_are_stored_in_other_versions_without_loss(environment: Playbooks, kube_binary: Path) -> None:
    run = environment.run("site", **NEWEST)
    assert run.code == 0, run.output
    split = kubectl(environment, kube_binary, "get", f"{SPLIT}", "web")
    assert split["apiVersion"] == "split.smi-spec.io/v1alpha4"
    assert [backend["weight"] for backend in split["spec"]["backends"]] == [800, 200]
    assert kubectl(environment, kube_binary, "get", "crd", SPLIT)["status"]["storedVersions"] == ["v1alpha4"]
    again = environment.run("site", **NEWEST)
    assert again.recap["demo"]["changed"] == 0, again.output


def test_a_migration_is_planned_done_and_taken_back(environment: Playbooks, kube_binary: Path) -> None:
    """With every option as text, as a survey of AWX sends its answers."""
    survey = {"migrate_namespaces": '["default"]', "migrate_wait": "false", "migrate_wait_timeout": "5"}

    def state() -> tuple[int, int]:
        splits = kubectl(environment, kube_binary, "get", SPLIT)["items"]
        return len(splits), len(kubectl(environment, kube_binary, "get", "httproutes")["items"])

    planned = environment.run("migrate", **survey)
    assert planned.code == 0, planned.output
    assert "HTTPRoute default/web" in planned.text, planned.output
    assert state() == (1, 0)
    assert environment.run("migrate", "--check", migrate_state="migrated", **survey).code == 0
    assert state() == (1, 0)
    migrated = environment.run("migrate", migrate_state="migrated", **survey)
    assert migrated.code == 0, migrated.output
    assert state() == (0, 1)
    assert environment.run("migrate", migrate_state="migrated", **survey).recap["demo"]["changed"] == 0
    assert environment.run("migrate", migrate_state="rolled_back", **survey).code == 0
    assert state() == (1, 0)
