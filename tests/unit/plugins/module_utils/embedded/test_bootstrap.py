# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access rules: nobody gets more than needed."""

from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.bootstrap import access_rules


def test_only_the_administrators_are_bound_to_cluster_admin() -> None:
    bound = [rule for rule in access_rules() if rule.get("roleRef", {}).get("name") == "cluster-admin"]
    assert [rule["subjects"][0]["name"] for rule in bound] == ["servicemesh.platform:cluster-admins"]
    assert [rule["subjects"][0]["kind"] for rule in bound] == ["Group"]


def test_kwok_reads_no_secrets_and_has_no_wildcards() -> None:
    words = [
        word
        for role in access_rules()
        for rule in role.get("rules", [])
        for word in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
    ]
    assert "*" not in words
    assert "secrets" not in words


def test_leases_are_only_those_of_nodes() -> None:
    bindings = [rule for rule in access_rules() if rule["kind"] == "RoleBinding"]
    assert [rule["metadata"]["namespace"] for rule in bindings] == ["kube-node-lease"]
    cluster_wide = [rule["roleRef"]["name"] for rule in access_rules() if rule["kind"] == "ClusterRoleBinding"]
    assert bindings[0]["roleRef"]["name"] not in cluster_wide
