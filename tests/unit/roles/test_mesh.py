# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role mesh works out in its variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import CNI_CONFIGURATION, CNI_PROGRAMS

ROLE = Path(__file__).parents[3] / "roles" / "mesh"
GATEWAY = {"name": "front", "namespace": "edge", "chart_values": {}}


def worked_out(name: str, mesh: dict[str, Any] | None = None, **known: Any) -> Any:
    """The value of a variable of the role. mesh: what `role_variables` gives it. known: what it has registered."""
    own = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    variables = {key: trust_as_template(value) if isinstance(value, str) else value for key, value in own.items()}
    given = {f"__mesh_{key}": value for key, value in known.items()}
    templar = Templar(DataLoader(), variables={**variables, **given, "__mesh": mesh or {}})
    return templar.template(trust_as_template(f"{{{{ {name} }}}}"))


def pod(name: str, namespace: str, app: str = "", revision: str | None = "default") -> dict[str, Any]:
    """A pod with a sidecar, by what its injector has written."""
    status = {"sidecar.istio.io/status": json.dumps({"revision": revision})} if revision else {}
    labels = {"app": app} if app else {}
    return {"metadata": {"name": name, "namespace": namespace, "annotations": status, "labels": labels}}


def test_pods_that_a_mesh_serves_are_those_of_others_than_its_gateways() -> None:
    pods = [
        pod("front-1", "edge", "front"),
        pod("front-2", "shop", "front"),
        pod("other-1", "edge", "other"),
        pod("green-1", "shop", "web", "green"),
        pod("bare-1", "shop"),
    ]
    mesh = {"revision": "", "gateways": [GATEWAY]}
    found = {"sidecars": {"resources": pods}, "others": []}
    assert worked_out("__mesh_served", mesh, takes_gateways=True, **found) == [
        "shop/front-2",
        "edge/other-1",
        "shop/bare-1",
    ]
    # They stay with another istiod, and need the one that goes as any proxy does.
    assert "edge/front-1" in worked_out("__mesh_served", mesh, takes_gateways=True, **{**found, "others": ["green"]})
    assert "edge/front-1" in worked_out("__mesh_served", mesh, **found)
    green = {"revision": "green", "gateways": []}
    assert worked_out("__mesh_served", green, takes_gateways=True, **found) == ["shop/green-1"]


def test_the_plugin_goes_with_the_last_istiod_and_not_before_its_pods() -> None:
    needing = {**pod("left-1", "shop", revision="gone"), "spec": {"initContainers": [{"name": "istio-validation"}]}}
    found = {"sidecars": {"resources": [needing]}, "others": []}
    mesh = {"revision": "", "gateways": []}
    assert worked_out("__mesh_served", mesh, takes_gateways=True, **found) == ["shop/left-1"]
    # It stays with another istiod, and where only one istiod goes.
    assert worked_out("__mesh_served", mesh, takes_gateways=True, **{**found, "others": ["green"]}) == []
    assert worked_out("__mesh_served", mesh, **found) == []


def test_nodes_have_the_folders_that_the_plugin_is_put_into() -> None:
    folders = worked_out("__mesh_cni_folders")
    assert folders == {"cniConfDir": CNI_CONFIGURATION, "cniBinDir": CNI_PROGRAMS}


def test_gateways_are_their_namespaces_and_what_their_charts_render() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge"}}
    rendered = {"results": [{"stdout": "---\nkind: Service"}, {"stdout": "---\nkind: Deployment"}]}
    found = worked_out(
        "__mesh_gateway_definitions", mesh={"gateway_namespaces": [namespace]}, rendered_gateways=rendered
    )
    assert found == [namespace, "---\nkind: Service", "---\nkind: Deployment"]


def test_charts_that_are_still_to_come_have_no_path() -> None:
    results = [{"item": {"key": "base"}, "path": "/base.tgz"}, {"item": {"key": "istiod"}, "path": None}]
    assert worked_out("__mesh_paths", fetched={"results": results}) == {"base": "/base.tgz"}
    assert worked_out("__mesh_paths", fetched={"results": [{"item": {"key": "base"}, "skipped": True}]}) == {}
    assert worked_out("__mesh_paths") == {}


def test_releases_may_come_as_text() -> None:
    releases = [{"name": "one", "values": {"key": "value"}}]
    for written in (releases, json.dumps(releases)):
        variables = {"mesh_releases": written}
        own = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__mesh_given_releases"]
        assert Templar(DataLoader(), variables=variables).template(trust_as_template(own)) == releases
