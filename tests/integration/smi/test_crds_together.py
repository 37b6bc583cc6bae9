# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several versions of the SMI CRDs in a real API server, the shapes of headers, and what stays stored from before."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import TRAFFIC_SPLIT
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import (
    crd,
    crds,
    headers_of,
    servable_versions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import HEADER_SHAPES
from kubernetes import client

ALL = {group: servable_versions(group) for group in ("split", "access", "specs")}
WEBHOOK = {"service": {"name": "webhook", "namespace": "default", "path": "/convert", "port": 443}}
PAIR = {"user-agent": ".*Android.*"}


def split(version: str, weight: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": "example"},
        "spec": {"service": "checkout", "backends": [{"service": "checkout-v1", "weight": weight}]},
    }


def headers(version: str, value: Any) -> dict[str, Any]:
    fields = {"matches": [{"name": "beta", "headers": value}]}
    body = {"apiVersion": f"specs.smi-spec.io/{version}", "kind": "HTTPRouteGroup"}
    return {**body, **(fields if version == "v1alpha2" else {"spec": fields})}


@pytest.mark.parametrize("shape", HEADER_SHAPES)
def test_all_versions_with_a_webhook_are_established(serving: Any, shape: str) -> None:
    definitions = crds(ALL, headers=shape, conversion=WEBHOOK)
    with serving(definitions) as server:
        api = client.ApiextensionsV1Api(server.api)
        for definition in definitions:
            live = api.read_custom_resource_definition(definition["metadata"]["name"])
            assert {entry.type: entry.status for entry in live.status.conditions} == {
                "NamesAccepted": "True",
                "Established": "True",
            }
            (stored,) = [each["name"] for each in definition["spec"]["versions"] if each["storage"]]
            assert live.status.stored_versions == [stored]
            assert live.spec.conversion.strategy == definition["spec"].get("conversion", {}).get("strategy", "None")
            assert server.replace_crd(definition, dry_run="All") == []


@pytest.mark.parametrize("version", ["v1alpha2", "v1alpha3", "v1alpha4"])
@pytest.mark.parametrize(
    ("shape", "taken", "refused"),
    [
        ("list", [[PAIR], [PAIR, {"cookie": "a"}]], [PAIR]),
        ("map", [PAIR, {**PAIR, "cookie": "a"}], [[PAIR], {"cookie": "["}]),
        ("any", [[PAIR], PAIR], []),
    ],
)
def test_each_shape_of_headers_is_taken_where_it_is_served(
    serving: Any, version: str, shape: str, taken: list[Any], refused: list[Any]
) -> None:
    definitions = [
        definition
        for definition in crds({"specs": [version]}, headers=shape)
        if definition["spec"]["names"]["kind"] == "HTTPRouteGroup"
    ]
    with serving(definitions) as server:
        for value in taken:
            body = headers(version, value)
            stored = server.create(body)
            assert {field: stored[field] for field in body} == body
        for value in refused:
            assert "headers" in server.refusal(headers(version, value)).text
        api = client.CustomObjectsApi(server.api)
        live = api.get_cluster_custom_object(
            "apiextensions.k8s.io", "v1", "customresourcedefinitions", "httproutegroups.specs.smi-spec.io"
        )
        assert headers_of(live, version) == shape


def test_versions_with_the_same_fields_are_one_object_without_a_webhook(serving: Any) -> None:
    with serving(crds({"split": ["v1alpha3", "v1alpha4"]})) as server:
        where = ("default", "trafficsplits")
        body = split("v1alpha3", 80)
        server.objects.create_namespaced_custom_object("split.smi-spec.io", "v1alpha3", *where, body)
        read = server.objects.get_namespaced_custom_object("split.smi-spec.io", "v1alpha4", *where, "example")
        assert read["spec"] == body["spec"]


def test_without_short_names_only_the_whole_name_leads_to_the_kind(cluster: Any, serving: Any) -> None:
    with serving(crds({"split": ["v1alpha4"]}, short_names=False)):
        listed = cluster.kubectl("api-resources", "--api-group", "split.smi-spec.io", "--no-headers")
        assert listed.split() == ["trafficsplits", "split.smi-spec.io/v1alpha4", "true", "TrafficSplit"]


def test_a_version_that_objects_are_stored_in_can_only_leave_when_it_is_empty(serving: Any) -> None:
    """The API server refuses the CRD without it, and takes it where it stays listed."""
    old, new = crd(TRAFFIC_SPLIT, ["v1alpha1"]), crd(TRAFFIC_SPLIT, ["v1alpha4"])
    with serving([old]) as server:
        where = ("default", "trafficsplits")
        server.objects.create_namespaced_custom_object("split.smi-spec.io", "v1alpha1", *where, split("v1alpha1", "2"))
        with pytest.raises(client.ApiException, match=r"v1alpha1.*missing from spec.versions"):
            server.replace_crd(new)
        kept = crd(TRAFFIC_SPLIT, ["v1alpha4"], unserved=["v1alpha1"])
        assert server.replace_crd(kept) == []
        server.wait_for(kept)
        read = server.objects.get_namespaced_custom_object("split.smi-spec.io", "v1alpha4", *where, "example")
        assert read["spec"] == split("v1alpha1", "2")["spec"]
