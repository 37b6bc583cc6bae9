# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, as kube-apiserver takes them apart."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import discovery, paths
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import HTTP, ISTIO
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import Reference
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.statuses import BadRequest, NotFound

API = "/apis/metrics.smi-spec.io/v1alpha1"


@pytest.mark.parametrize(
    ("path", "reference", "edges"),
    [
        ("/namespaces", Reference("namespaces"), False),
        ("/namespaces/shop", Reference("namespaces", "shop", "shop"), False),
        ("/namespaces/shop/", Reference("namespaces", "shop", "shop"), False),
        ("/namespaces/shop/edges", Reference("namespaces", "shop", "shop"), True),
        ("/pods", Reference("pods"), False),
        ("/namespaces/shop/pods/", Reference("pods", "shop"), False),
        ("/namespaces/shop/deployments/web.v1", Reference("deployments", "shop", "web.v1"), False),
        ("/namespaces/shop/daemonsets/web/edges", Reference("daemonsets", "shop", "web"), True),
        ("/namespaces/shop/pods/edges", Reference("pods", "shop", "edges"), False),
        ("/namespaces/edges/pods", Reference("pods", "edges"), False),
        ("/namespaces/edges", Reference("namespaces", "edges", "edges"), False),
    ],
)
def test_paths_of_metrics(path: str, reference: Reference, edges: bool) -> None:
    target = paths.parse(API + path)
    assert (target.reference, target.edges) == (reference, edges)


@pytest.mark.parametrize(
    "path",
    [
        "/services",
        "/namespaces/shop/services",
        "/namespaces/shop/namespaces",
        "/namespaces/shop/pods/a/logs",
        "/namespaces/shop/pods/a/edges/b",
        "/pods/a",
        "/pods/a/edges",
        "/edges",
        "/namespaces/shop/edges/more",
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(NotFound, match=r"is no resource of metrics.smi-spec.io/v1alpha1; it has pods, deployments"):
        paths.parse(API + path)


@pytest.mark.parametrize("path", ["/namespaces/Shop/pods", '/namespaces/shop/pods/a"b', "/namespaces/-/pods"])
def test_names_are_those_of_kubernetes(path: str) -> None:
    with pytest.raises(BadRequest, match="is no name of Kubernetes; write lower case letters"):
        paths.parse(API + path)


@pytest.mark.parametrize(
    ("path", "attributes"),
    [
        ("/namespaces", {"verb": "list", "resource": "namespaces"}),
        ("/namespaces/shop", {"verb": "get", "resource": "namespaces", "namespace": "shop", "name": "shop"}),
        ("/namespaces/shop/edges", {"verb": "list", "resource": "edges", "namespace": "shop"}),
        ("/pods", {"verb": "list", "resource": "pods"}),
        ("/namespaces/shop/pods", {"verb": "list", "resource": "pods", "namespace": "shop"}),
        ("/namespaces/shop/pods/a", {"verb": "get", "resource": "pods", "namespace": "shop", "name": "a"}),
        (
            "/namespaces/shop/pods/a/edges",
            {"verb": "get", "resource": "pods", "subresource": "edges", "namespace": "shop", "name": "a"},
        ),
    ],
)
def test_rights_are_those_that_the_api_server_asks_for(path: str, attributes: dict[str, str]) -> None:
    expected = {"group": "metrics.smi-spec.io", "version": "v1alpha1", **attributes}
    assert paths.parse(API + path).attributes() == {"resourceAttributes": expected}


@pytest.mark.parametrize("path", [API, f"{API}/", "/apis", "/openapi/v3", "/apis/metrics.smi-spec.io/v1alpha10/pods"])
def test_documents_are_paths_to_get(path: str) -> None:
    assert paths.parse(path).attributes() == {"nonResourceAttributes": {"path": path.rstrip("/"), "verb": "get"}}


def test_discovery_lists_what_the_profile_can_tell() -> None:
    def names(profile: object) -> list[str]:
        return [each["name"] for each in discovery.documents(profile)[API]["resources"]]

    assert "pods/edges" in names(HTTP)
    assert names(ISTIO) == ["deployments", "deployments/edges", "namespaces", "namespaces/edges", "pods"]


def test_the_documents_lead_to_one_another() -> None:
    documents = discovery.documents(HTTP)
    (link,) = documents["/openapi/v3"]["paths"].values()
    assert documents[link["serverRelativeURL"]]["openapi"] == "3.0.0"
    assert documents["/apis/metrics.smi-spec.io"]["preferredVersion"]["groupVersion"] == API[len("/apis/") :]
