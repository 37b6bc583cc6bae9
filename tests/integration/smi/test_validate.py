# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module smi_validate on files and on a real API server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.modules.smi_validate import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

ARTICLE = """
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: checkout, namespace: default}
spec:
  service: checkout
  backends:
    - {service: checkout-v1, weight: 80}
    - {service: checkout-v2, weight: 20}
"""


@pytest.fixture
def validate(cluster: Any) -> Any:
    def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return call(INTERFACE, {"kubeconfig": str(cluster.kubeconfig), **options}, check_mode, False)

    return run


def ids(result: dict[str, Any]) -> set[str]:
    return {each["id"] for each in result["findings"]}


def service(name: str, *ports: int) -> dict[str, Any]:
    spec = {"ports": [{"port": port, "name": f"p{port}"} for port in ports]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def split(name: str, service: str) -> dict[str, Any]:
    spec = {"service": service, "backends": [{"service": f"{service}-v1", "weight": 1}]}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "split.smi-spec.io/v1alpha4", "kind": "TrafficSplit", "metadata": metadata, "spec": spec}


def test_the_article_passes_and_a_copy_with_a_mistake_is_placed(validate: Any, tmp_path: Path) -> None:
    file = tmp_path / "split.yaml"
    file.write_text(f"# a comment\n---{ARTICLE}", encoding="utf-8")
    result = validate(src=[str(tmp_path)])
    assert not result.get("failed")
    assert (result["objects"], result["counts"]["error"], result["counts"]["warning"]) == (1, 0, 0)

    file.write_text(f"# a comment\n---{ARTICLE.replace('20}', '-20}')}", encoding="utf-8")
    reports = {"report_junit": str(tmp_path / "out" / "r.xml"), "report_sarif": str(tmp_path / "out" / "r.sarif")}
    assert validate(check_mode=True, src=[str(file)], **reports)["failed"]
    assert not (tmp_path / "out").exists()
    result = validate(src=[str(file)], **reports)
    assert result["failed"]
    assert f"{file}:3: TrafficSplit default/checkout: spec.backends[1].weight: -20 is negative" in result["msg"]
    assert not validate(src=[str(file)], fail_on="never").get("failed")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["r.sarif", "r.xml"]
    sarif = json.loads((tmp_path / "out" / "r.sarif").read_text(encoding="utf-8"))
    assert sarif["runs"][0]["results"][0]["ruleId"] == "smi-weight"


def test_a_cluster_without_any_crd(validate: Any) -> None:
    result = validate(live=True)
    assert (result["objects"], ids(result)) == (0, {"smi-looked-at"})
    result = validate(definitions=ARTICLE, surroundings="cluster")
    assert "smi-split-service" in ids(result)


def test_what_is_in_the_cluster(validate: Any, server: Any, cluster: Any) -> None:
    objects = [service("web", 80, 81), service("web-v1", 80), split("one", "web")]
    cluster.apply(*objects)
    try:
        result = validate(live=True, namespaces=["default"])
        assert result["failed"]
        assert result["objects"] == 1
        assert ids(result) == {"smi-split-ports", "smi-looked-at"}
        assert validate(live=True, namespaces=["kube-system"])["objects"] == 0
        given = validate(definitions=[split("two", "web")], surroundings="cluster")
        assert ids(given) == {"smi-split-ports", "smi-one-split", "smi-looked-at"}
        again = validate(definitions=[split("one", "web")], surroundings="cluster")
        assert ids(again) == {"smi-split-ports", "smi-looked-at"}
    finally:
        for each in objects:
            cluster.kubectl("delete", each["kind"], each["metadata"]["name"], "-n", "default")


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "there is nothing to check"), ({"live": True, "definitions": ARTICLE}, "surroundings: cluster")],
)
def test_options_that_make_no_sense(validate: Any, options: dict[str, Any], message: str) -> None:
    result = validate(**options)
    assert result["failed"]
    assert message in result["msg"]


def test_what_a_target_cannot_say_is_told_too(validate: Any, tmp_path: Path) -> None:
    subject = {"kind": "ServiceAccount", "name": "a", "namespace": "default"}
    rules = [{"kind": "TCPRoute", "name": "all"}]
    target = {
        "apiVersion": "access.smi-spec.io/v1alpha3",
        "kind": "TrafficTarget",
        "metadata": {"name": "t", "namespace": "default"},
        "spec": {"destination": subject, "sources": [subject], "rules": rules},
    }
    objects = [split("web", "web"), target, service("web", 80), service("web-v1", 80)]
    sarif = tmp_path / "r.sarif"
    result = validate(definitions=objects, translate_to="gateway-api", fail_on="never", report_sarif=str(sarif))
    about = [each for each in result["findings"] if each["id"].startswith("smi-translation-")]
    assert {each["subject"] for each in about} >= {"TrafficTarget default/t"}
    assert result["translated"] == 1
    assert about[0]["id"] in sarif.read_text(encoding="utf-8")
    assert validate(definitions=objects, fail_on="never")["translated"] == 0


def test_who_may_not_look_is_told_at_what(validate: Any, server: Any) -> None:
    """What may not be read is no reason to find nothing wrong."""
    refused = validate(live=True, impersonate_user="nobody")
    assert refused["failed"]
    assert "cannot list resource" in refused["msg"]
    assert refused["status"] == 403


def test_who_may_only_read_smi_is_told_what_was_not_looked_at(validate: Any, server: Any, cluster: Any) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "smi-reader"}}
    rules = [{"apiGroups": [f"{group}.smi-spec.io" for group in ("split", "access", "specs")], "resources": ["*"]}]
    subject = {"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "ClusterRole", "name": "smi-reader", "apiGroup": "rbac.authorization.k8s.io"}
    cluster.apply(
        {**role, "kind": "ClusterRole", "rules": [{**rule, "verbs": ["get", "list"]} for rule in rules]},
        {**role, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
        split("web", "web"),
    )
    try:
        result = validate(live=True, impersonate_user="reader", fail_on="never")
        assert "smi-not-looked-at" in ids(result)
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", "smi-reader")
        cluster.kubectl("delete", "trafficsplits.split.smi-spec.io", "web")
