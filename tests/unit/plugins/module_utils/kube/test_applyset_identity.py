# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identity and scope of an ApplySet."""

from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import (
    GroupKind,
    Scope,
    scope_of,
    set_id,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey


def test_the_id_is_a_label_value_of_the_parents_identity() -> None:
    # printf %s 'mysecret.mynamespace.Secret.' | openssl sha256 -binary | basenc --base64url
    assert set_id("mysecret", "mynamespace", "Secret") == "applyset-UG8Tx3SXyz_6AnEy8C8Bmq39P6WcCQYbH-Jkv0P8cvk-v1"
    assert set_id("a") != set_id("a", "other")


def test_the_scope_leaves_out_the_parents_namespace() -> None:
    keys = [
        ObjectKey("apps", "Deployment", "shop", "web"),
        ObjectKey("", "ConfigMap", "home", "web"),
        ObjectKey("", "Namespace", "", "shop"),
    ]
    scope = scope_of(keys, "home")
    assert sorted(map(str, scope.kinds)) == ["ConfigMap", "Deployment.apps", "Namespace"]
    assert scope.namespaces == {"shop"}
    wider = scope | Scope(frozenset([GroupKind("", "Secret")]), frozenset(["old"]))
    assert wider.namespaces == {"shop", "old"}


def test_paths_are_quoted_and_know_their_scope() -> None:
    deployment = Resource("apps/v1", "Deployment", "deployments", namespaced=True)
    assert deployment.path("shop", "web") == "/apis/apps/v1/namespaces/shop/deployments/web"
    assert deployment.path() == "/apis/apps/v1/deployments"
    role = Resource("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False)
    assert role.path("ignored", "system:node") == "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"
    assert Resource("v1", "Pod", "pods", namespaced=True).path("a") == "/api/v1/namespaces/a/pods"
