# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: a clear message, an exit code, and nothing done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks


def tenant(name: str = "a", **changes: Any) -> dict[str, Any]:
    return {"name": name, "namespaces": [name], **changes}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"cluster_provider": "gke"}, ["cluster_provider", "embedded, existing", "gke"]),
        ({"cluster_zones": ["a", "b", "c", "a"]}, ["cluster_zones is 'a': listed more than once"]),
        ({"cluster_zones": ["a", "b"]}, ["zone of host demo-c-1 is 'c'", "cluster_zones (a, b)"]),
        ({"cluster_kubernetes_version": "1.12"}, ["cluster_kubernetes_version", "1.36", "1.12"]),
        ({"tenancy_tenants": [tenant(namespaces=["x", "x"])]}, ["tenancy_tenants[a].namespaces is 'x'", "once"]),
        ({"tenancy_tenants": [tenant(quota={"cpu": "4 cores"})]}, ["quota.cpu is '4 cores'", "500m"]),
        ({"tenancy_tenants": [tenant(pod_security="strict")]}, ["pod_security", "privileged, baseline, restricted"]),
        ({"tenancy_tenant": []}, ["tenancy_tenant is 'set'", "did you mean tenancy_tenants?"]),
        ({"autoscaling_workloads": [{"name": "w"}]}, ["autoscaling_workloads", "namespace", "missing required"]),
        ({"autoscaling_workloads": "many"}, ["autoscaling_workloads"]),
        (
            {"mesh_provider": "manifests", "mesh_manifests": ["nowhere/*.yaml"]},
            ["nowhere/*.yaml", "no definitions there"],
        ),
        ({"site_components": "tenancy,mash"}, ["no component 'mash'", "did you mean mesh?"]),
        ({"cluster_provider": "existing"}, ["cluster_kubeconfig is None", "cluster_context is None"]),
    ],
)
def test_variables(playbooks: Playbooks, variables: dict[str, Any], told: list[str]) -> None:
    playbooks.write(**variables)
    run = playbooks.run("site")
    assert run.code != 0
    for words in told:
        assert words in run.text
    assert "PLAY [Converge every environment]" not in run.output
    assert not playbooks.state.exists()


def test_a_node_without_zone(playbooks: Playbooks) -> None:
    hosts = yaml.safe_load((playbooks.inventory / "hosts.yml").read_text())
    hosts["all"]["children"]["demo_nodes"]["hosts"] = {"demo-d-1": None}
    (playbooks.inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    run = playbooks.run("site")
    assert run.code != 0
    assert "zone of host demo-d-1 is None: give the host a variable 'zone', one of cluster_zones: a, b, c" in run.text
    assert not playbooks.state.exists()


def test_a_mistake_in_a_manifest_is_told_with_its_line_before_anything_is_sent(
    playbooks: Playbooks, tmp_path: Path
) -> None:
    manifest = tmp_path / "mesh.yaml"
    manifest.write_text("# comment\n" * 16 + "kind: Name: space\n")
    playbooks.write(mesh_provider="manifests", mesh_manifests=[str(manifest)])
    run = playbooks.run("site")
    assert run.code != 0
    assert f"{manifest}:17" in run.text or f"{manifest}, line 17" in run.text
    assert not playbooks.state.exists()


@pytest.mark.parametrize(
    ("kubeconfig", "told"),
    [
        (None, "does not exist"),
        ("not: [yaml", "not YAML"),
        ("{}", "has no context staging"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere(
    playbooks: Playbooks, tmp_path: Path, kubeconfig: str | None, told: str
) -> None:
    path = tmp_path / "kubeconfig"
    if kubeconfig is not None:
        path.write_text(kubeconfig)
    playbooks.write(
        cluster_provider="existing", cluster_kubeconfig=str(path), cluster_context="staging", site_components=["crds"]
    )
    run = playbooks.run("site")
    assert run.code != 0
    assert str(path) in run.text
    assert told in run.text
    assert not playbooks.state.exists()


def test_problems_of_several_components_are_told_in_one_run(playbooks: Playbooks) -> None:
    playbooks.write(tenancy_tenants=[tenant(quota={"cpu": "4 cores"}), tenant("a")])
    run = playbooks.run("site")
    assert run.code != 0
    assert "quota.cpu is '4 cores'" in run.text
    assert "tenancy_tenants[].name is 'a': listed more than once" in run.text
