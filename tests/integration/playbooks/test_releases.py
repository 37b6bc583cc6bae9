# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh of any charts (`mesh_provider: helm`): a small chart with a definition, hooks, and something that is kept.

The tests of this file build on one another; the fixture of the module holds the environment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.helm import Helm
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: meshes.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Mesh, plural: meshes, singular: mesh, listKind: MeshList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
PROXY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: proxy}}
  template:
    metadata: {labels: {app: proxy}}
    spec: {containers: [{name: proxy, image: registry.example.com/proxy:1}]}
---
apiVersion: example.com/v1
kind: Mesh
metadata: {name: whole}
spec: {mode: {{ .Values.mode }}, text: "{{ print "{{ no template }}" }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: identity, annotations: {helm.sh/resource-policy: keep}}
stringData: {key: {{ .Values.key }}}
{{- if .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: extra}
{{- end }}
{{- if .Values.random }}
---
apiVersion: v1
kind: Secret
metadata: {name: random}
stringData: {key: {{ randAlphaNum 8 }}}
{{- end }}
"""
JOB = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: setup, annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: "-5"}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: setup
  annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: hook-succeeded}
spec:
  ttlSecondsAfterFinished: 1
  template:
    spec:
      serviceAccountName: setup
      restartPolicy: Never
      containers: [{name: setup, image: registry.example.com/setup:1, args: [{{ .Values.mode }}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: test, image: registry.example.com/test:1}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: farewell, annotations: {helm.sh/hook: pre-delete}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: one, image: registry.example.com/test:1}]}}}
"""
VALUES = {"mode": "strict", "replicas": 2, "key": "c2VjcmV0LWtleQ"}
SCHEMA = {"properties": {"mode": {"enum": ["strict", "permissive"]}}}
SPACE = ("-n", "other-mesh")


class Environment:
    """The environment, and its cluster as tests talk to it."""

    def __init__(self, playbooks: Playbooks, binary: Path, archive: Path) -> None:
        self.playbooks = playbooks
        self.kubectl = Cluster(playbooks.state / "kubeconfig", playbooks.state, binary).kubectl
        self.chart = {"archive": str(archive), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}

    def run(self, *arguments: str, components: str = "mesh", **release: Any) -> Run:
        """A run of site with one release; ``release`` are changes of it, of its values those in ``values``."""
        values = {**VALUES, **release.pop("values", {})}
        whole = {"name": "other", "namespace": "other-mesh", "chart": self.chart, "values": values, **release}
        return self.playbooks.run(
            "site", *arguments, site_components=components, mesh_provider="helm", mesh_releases=[whole]
        )

    def site(self, *arguments: str, **release: Any) -> Run:
        """A run that goes well."""
        run = self.run(*arguments, **release)
        assert run.code == 0, run.output
        return run

    def changed(self, **release: Any) -> int:
        """How many tasks of a run have changed something."""
        return self.site(**release).recap["demo"]["changed"]

    def names(self, kind: str) -> list[str]:
        """The names of the objects of a kind in the namespace of the mesh."""
        found = json.loads(self.kubectl("get", kind, *SPACE, "-o", "json"))["items"]
        return sorted(each["metadata"]["name"] for each in found)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, kube_binary: Path) -> Iterator[Environment]:
    """An environment that is torn down in the end, whatever came before."""
    folder = tmp_path_factory.mktemp("releases")
    helm = Helm(folder / "helm")
    archive = helm.chart(folder, "other", "1.0.0", {"all.yaml": PROXY, "hooks.yaml": JOB}, {"mesh.yaml": DEFINITION})
    schema = folder / "source-1.0.0" / "other" / "values.schema.json"
    schema.write_text(json.dumps(SCHEMA))
    helm.run("package", str(schema.parent), "--destination", str(folder))
    playbooks = Playbooks(folder, patience=900)
    playbooks.write(cluster_embedded_durable=False, cluster_embedded_prometheus=False)
    yield Environment(playbooks, kube_binary, archive)
    playbooks.run("teardown")


def test_check_mode_before_there_is_anything(environment: Environment) -> None:
    assert environment.site("--check", components="cluster,mesh").recap["demo"]["changed"] > 0
    assert not environment.playbooks.state.exists()


def test_it_is_installed_and_a_second_run_changes_nothing(environment: Environment) -> None:
    run = environment.site("-vvv", "--diff", components="cluster,mesh")
    assert str(VALUES["key"]) not in run.output
    assert environment.names("deployments,meshes") == ["proxy", "whole"]
    assert environment.names("pods") != []
    assert "test" not in environment.names("pods")
    (job,) = environment.names("jobs")
    assert job.startswith("setup-")
    text = environment.kubectl("get", "mesh", "whole", *SPACE, "-o", "jsonpath={.spec.text}")
    assert text == "{{ no template }}"
    assert environment.changed() == 0


def test_values_that_the_chart_does_not_take_change_nothing(environment: Environment) -> None:
    run = environment.run(values={"mode": "loose", "replicas": 5})
    assert run.code != 0
    assert "The chart of the release other cannot be rendered; see its values in mesh_releases." in run.text
    assert "mode" in run.text
    assert environment.kubectl("get", "deployment", "proxy", *SPACE, "-o", "jsonpath={.spec.replicas}") == "2"


def test_another_chart_than_is_pinned_changes_nothing(environment: Environment) -> None:
    run = environment.run(chart={**environment.chart, "sha256": "b" * 64}, values={"replicas": 5})
    assert run.code != 0
    assert f"its SHA-256 is {environment.chart['sha256']}" in run.text
    assert environment.kubectl("get", "deployment", "proxy", *SPACE, "-o", "jsonpath={.spec.replicas}") == "2"


def test_what_a_chart_makes_up_is_refused(environment: Environment) -> None:
    run = environment.run(values={"random": True})
    assert run.code != 0
    assert "renders something else each time: Secret random" in run.text
    assert environment.names("secrets") == ["identity"]


def test_drift_is_found_and_repaired(environment: Environment) -> None:
    environment.kubectl("delete", "mesh/whole", "secret/identity", *SPACE)
    verified = environment.playbooks.run(
        "verify",
        site_components="mesh",
        mesh_provider="helm",
        mesh_releases=[
            {"name": "other", "namespace": "other-mesh", "chart": environment.chart, "values": VALUES},
        ],
    )
    assert verified.code != 0
    assert "Mesh other-mesh/whole" in verified.text
    assert "Secret other-mesh/identity" in verified.text
    assert environment.changed() == 2
    assert environment.changed() == 0


def test_a_hook_runs_again_when_it_has_changed(environment: Environment) -> None:
    before = environment.names("jobs")
    environment.site(values={"mode": "permissive", "extra": True})
    (after,) = environment.names("jobs")
    assert [after] != before
    assert "extra" in environment.names("configmaps")


def test_what_leaves_the_chart_leaves_the_cluster(environment: Environment) -> None:
    assert environment.changed(values={"mode": "permissive"}) == 1
    assert "extra" not in environment.names("configmaps")


def test_what_others_write_can_be_left_to_them(environment: Environment) -> None:
    ignored = [{"kind": "Deployment", "path": "spec.replicas"}]
    environment.site(values={"mode": "permissive"}, ignore_fields=ignored)
    environment.kubectl("scale", "deployment", "proxy", *SPACE, "--replicas=3")
    assert environment.changed(values={"mode": "permissive"}, ignore_fields=ignored) == 0


def test_it_goes_and_what_is_to_be_kept_stays(environment: Environment) -> None:
    assert environment.changed(state="absent") == 1
    assert environment.names("deployments,jobs") == []
    assert environment.names("secrets") == ["identity"]
    assert "meshes.example.com" not in environment.kubectl("get", "crds", "-o", "name")
    assert environment.changed(state="absent") == 0
    environment.kubectl("delete", "namespace", "other-mesh")
