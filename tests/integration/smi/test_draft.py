# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The draft access v1alpha4 beside v1alpha3 in a real API server, with the SMI controller to convert."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import KEPT
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.policies import policies
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Stage, eventually

GROUP = "access.smi-spec.io"
VERSIONS = {"access": ["v1alpha3", "v1alpha4"]}
NAME = ("-n", "default", "path-specific")


def subject(name: str, kind: str = "IdentityBinding") -> dict[str, Any]:
    group = {"group": GROUP} if kind == "IdentityBinding" else {}
    return {"kind": kind, **group, "name": name, "namespace": "default"}


SPEC = {
    "destination": subject("service-a"),
    "rules": [{"kind": "TCPRoute", "name": "the-routes"}],
    "sources": [subject("prometheus"), subject("web", "ServiceAccount")],
}


def target(version: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "path-specific", "namespace": "default"}
    return {"apiVersion": f"{GROUP}/{version}", "kind": "TrafficTarget", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def both(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The two versions, and the webhook that converts between them."""
    stage = Stage(cluster, tmp_path_factory.mktemp("draft"))
    controller = stage.controller("--mesh=none").start()
    definitions = crds(VERSIONS, conversion=stage.client_config("/convert"))
    names = [definition["metadata"]["name"] for definition in definitions]
    try:
        cluster.apply(*definitions)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *(f"crd/{name}" for name in names))
        yield stage
    finally:
        cluster.kubectl("delete", "crd", "--wait", "--ignore-not-found", *names)
        controller.end()


def read(stage: Stage, version: str) -> Any:
    return stage.get(f"traffictargets.{version}.{GROUP}", *NAME)


def test_a_binding_survives_in_the_stored_version_and_comes_back_whole(both: Stage) -> None:
    both.cluster.apply(target("v1alpha4", SPEC))
    try:
        assert read(both, "v1alpha4")["spec"] == SPEC
        old = read(both, "v1alpha3")
        assert [old["spec"]["destination"]["kind"], *(each["kind"] for each in old["spec"]["sources"])] == [
            "IdentityBinding",
            "IdentityBinding",
            "ServiceAccount",
        ]
        assert "group" not in json.dumps(old["spec"])
        assert GROUP in old["metadata"]["annotations"][KEPT]
        label = ("label", f"traffictargets.v1alpha3.{GROUP}", *NAME, "team=shop")
        both.cluster.kubectl(*label)
        new = read(both, "v1alpha4")
        assert (new["spec"], new["metadata"]["labels"]) == (SPEC, {"team": "shop"})
        assert KEPT not in new["metadata"].get("annotations", {})
        live = json.loads(both.cluster.kubectl("get", "crd", f"traffictargets.{GROUP}", "-o", "json"))
        assert live["status"]["storedVersions"] == ["v1alpha3"]
    finally:
        both.cluster.kubectl("delete", f"traffictargets.{GROUP}", *NAME)


def test_a_binding_cannot_be_written_in_the_version_that_does_not_know_it(both: Stage) -> None:
    spec = {
        **SPEC,
        "destination": {"kind": "IdentityBinding", "name": "a"},
        "sources": [subject("b", "ServiceAccount")],
    }
    assert 'spec.destination.kind: Unsupported value: "IdentityBinding"' in said(both, target("v1alpha3", spec))


def test_a_service_account_has_no_group(both: Stage) -> None:
    spec = {**SPEC, "sources": [{**subject("web", "ServiceAccount"), "group": GROUP}]}
    answer = said(both, target("v1alpha4", spec))
    assert "spec.sources[0].group: Forbidden: a service account has no API group" in answer


def of_accounts(namespace: str) -> dict[str, Any]:
    account = {**subject("web", "ServiceAccount"), "namespace": namespace}
    return {**SPEC, "destination": account, "sources": [subject("web", "ServiceAccount")]}


def said(stage: Stage, body: dict[str, Any]) -> str:
    """Why the API server would not take an object; nothing when it would."""
    stdin = json.dumps(body)
    answer = stage.cluster.kubectl("create", "--dry-run=server", "-f", "-", check=False, stdin=stdin)
    return "" if "created (server dry run)" in answer else answer


def test_policies_for_both_versions_see_what_each_of_them_may_say(both: Stage) -> None:
    made = policies(VERSIONS)
    both.cluster.apply(*made)
    try:
        foreign = {**SPEC, "destination": {**subject("a"), "namespace": "shop"}}
        for version in VERSIONS["access"]:
            body = target(version, foreign if version == "v1alpha4" else of_accounts("shop"))
            eventually(lambda each=body: "shop is not the namespace of the target" in said(both, each), "refused")
            assert said(both, target(version, of_accounts("default"))) == ""
        binding = {"apiVersion": f"{GROUP}/v1alpha4", "kind": "IdentityBinding", "metadata": {"name": "a"}}
        both.cluster.apply(target("v1alpha4", SPEC))
        both.cluster.apply({**binding, "spec": {"schemes": {"serviceAccount": "a"}}})
        assert both.get(f"identitybindings.{GROUP}", "-n", "default", "a")["spec"]["schemes"] == {"serviceAccount": "a"}
    finally:
        both.cluster.kubectl("delete", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
        both.cluster.kubectl("delete", f"traffictargets.{GROUP},identitybindings.{GROUP}", "--all", "-n", "default")
