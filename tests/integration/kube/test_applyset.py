# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of objects: what left is removed, what is not ours stays."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import set_id
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApplyFailed,
    ApplySetRefused,
    DefinitionError,
    InvalidArgument,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import open_session

HOME = "kube-test-sets"
PARENT_LABEL = "applyset.kubernetes.io/id"
KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"
TOOLING = "applyset.kubernetes.io/tooling"


@pytest.fixture
def applyset(namespace: str, cluster: Any) -> Any:
    yield {"name": namespace, "namespace": HOME, "kind": "ConfigMap"}
    cluster.kubectl("delete", "configmap", namespace, "-n", HOME, "--ignore-not-found")


def annotations(live: Any, applyset: dict[str, str]) -> dict[str, str]:
    """Those that KEP-3659 knows."""
    found: dict[str, str] = live.get("configmap", applyset["name"], "-n", HOME)["metadata"]["annotations"]
    return {name: value for name, value in found.items() if name.startswith("applyset.kubernetes.io/")}


def space(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def within(name: str, object_name: str = "x") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": object_name, "namespace": name}}


def deleted(outcome: Any) -> list[str]:
    return [str(change.key) for change in outcome.changes if change.action == "deleted"]


def test_an_object_that_leaves_the_set_is_removed(run: Any, make: Any, live: Any, applyset: Any, cluster: Any) -> None:
    cluster.kubectl("create", "configmap", "foreign", "-n", make.namespace)
    run(make.config_map("a"), make.config_map("b"), applyset=applyset)
    planned = run(make.config_map("a"), applyset=applyset, dry_run=True)
    done = run(make.config_map("a"), applyset=applyset)
    assert deleted(planned) == deleted(done) == [f"ConfigMap {make.namespace}/b"]
    assert live.names("configmap", make.namespace) == ["a", "foreign"]
    assert not run(make.config_map("a"), applyset=applyset).changed


def test_a_kind_that_leaves_the_set_is_removed(run: Any, make: Any, live: Any, applyset: Any) -> None:
    run(make.config_map("a"), make.service_account("b"), applyset=applyset)
    assert annotations(live, applyset) == {
        TOOLING: "servicemesh.platform/v1",
        KINDS: "ConfigMap,ServiceAccount",
        NAMESPACES: make.namespace,
    }
    assert deleted(run(make.config_map("a"), applyset=applyset)) == [f"ServiceAccount {make.namespace}/b"]
    assert annotations(live, applyset)[KINDS] == "ConfigMap"


def test_a_namespace_that_leaves_the_set_is_removed(run: Any, make: Any, live: Any, applyset: Any) -> None:
    run(make.config_map("a"), space("kube-test-gone"), within("kube-test-gone"), applyset=applyset)
    outcome = run(make.config_map("a"), applyset=applyset, wait=True)
    assert deleted(outcome) == ["ConfigMap kube-test-gone/x", "Namespace kube-test-gone"]
    assert annotations(live, applyset)[NAMESPACES] == make.namespace
    assert annotations(live, applyset)[KINDS] == "ConfigMap"


def test_a_namespace_with_foreign_objects_is_kept(run: Any, make: Any, live: Any, applyset: Any, cluster: Any) -> None:
    run(make.config_map("a"), space("kube-test-kept"), within("kube-test-kept"), applyset=applyset)
    cluster.kubectl("create", "configmap", "precious", "-n", "kube-test-kept")
    for _again in range(2):
        outcome = run(make.config_map("a"), applyset=applyset)
        assert "Namespace kube-test-kept" not in deleted(outcome)
        assert outcome.warnings == [
            "Namespace kube-test-kept is kept, for it holds objects of others (ConfigMap kube-test-kept/precious). "
            "Remove them, or name Namespace/kube-test-kept in remove_with_content."
        ]
    assert not outcome.changed
    assert annotations(live, applyset)[KINDS] == "ConfigMap,Namespace"
    assert live.names("configmap", "kube-test-kept") == ["precious"]
    named = run(make.config_map("a"), applyset=applyset, remove_with_content=["Namespace/kube-test-kept"], wait=True)
    assert deleted(named) == ["Namespace kube-test-kept"]


def test_a_kind_with_foreign_objects_is_kept(run: Any, make: Any, make_crd: Any, applyset: Any, cluster: Any) -> None:
    run(make.config_map("a"), make_crd("widgets", "Widget"), applyset=applyset)
    metadata = {"name": "precious", "namespace": make.namespace}
    cluster.apply({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata})
    outcome = run(make.config_map("a"), applyset=applyset)
    assert deleted(outcome) == []
    assert f"(Widget {make.namespace}/precious)" in outcome.warnings[0]
    cluster.kubectl("delete", "widget", "precious", "-n", make.namespace)
    assert deleted(run(make.config_map("a"), applyset=applyset)) == ["CustomResourceDefinition widgets.example.com"]


def test_objects_of_our_other_sets_do_not_keep_a_namespace(run: Any, make: Any, applyset: Any) -> None:
    other = {**applyset, "name": applyset["name"] + "-other"}
    run(make.config_map("a"), space("kube-test-ours"), applyset=applyset)
    run(within("kube-test-ours"), applyset=other, field_manager="other")
    assert deleted(run(make.config_map("a"), applyset=applyset, wait=True)) == ["Namespace kube-test-ours"]
    run(applyset=other, absent=True)


def test_removing_a_set_removes_members_and_parent(run: Any, make: Any, live: Any, applyset: Any, cluster: Any) -> None:
    run(make.config_map("a"), make.deployment("web"), applyset=applyset)
    planned = run(applyset=applyset, absent=True, dry_run=True)
    assert live.names("configmap", make.namespace) == ["a"]
    done = run(applyset=applyset, absent=True, wait=True)
    assert planned.changes == done.changes
    assert sorted(deleted(done)) == [f"ConfigMap {make.namespace}/a", f"Deployment {make.namespace}/web"]
    assert live.names("pod", make.namespace) == []
    assert cluster.kubectl("get", "configmap", applyset["name"], "-n", HOME, "--ignore-not-found") == ""
    assert not run(applyset=applyset, absent=True).changed


def test_the_parents_namespace_goes_with_the_last_parent(run: Any, make: Any, cluster: Any) -> None:
    own = {"name": "last", "namespace": "kube-test-home", "kind": "Secret"}
    run(make.config_map("a"), applyset=own)
    assert "last" in cluster.kubectl("get", "secret", "-n", "kube-test-home")
    run(applyset=own, absent=True, wait=True)
    assert "kube-test-home" not in cluster.kubectl("get", "namespaces")


def test_without_prune_nothing_is_removed_and_nothing_forgotten(run: Any, make: Any, live: Any, applyset: Any) -> None:
    run(make.config_map("a"), make.service_account("b"), applyset=applyset)
    assert not run(make.config_map("a"), applyset=applyset, prune=False).changed
    assert annotations(live, applyset)[KINDS] == "ConfigMap,ServiceAccount"
    assert deleted(run(make.config_map("a"), applyset=applyset)) == [f"ServiceAccount {make.namespace}/b"]


def test_nothing_is_pruned_when_something_failed(run: Any, make: Any, live: Any, applyset: Any) -> None:
    run(make.config_map("a"), make.config_map("b"), applyset=applyset)
    with pytest.raises(ApplyFailed):
        run(make.config_map("a"), make.config_map("Bad_Name"), applyset=applyset)
    assert live.names("configmap", make.namespace) == ["a", "b"]


def test_an_empty_set_is_refused(run: Any, make: Any, live: Any, applyset: Any) -> None:
    run(make.config_map("a"), applyset=applyset)
    with pytest.raises(ApplySetRefused, match="would be emptied"):
        run(applyset=applyset)
    assert live.names("configmap", make.namespace) == ["a"]
    with pytest.raises(InvalidArgument, match="give only one of them"):
        run(make.config_map("a"), applyset=applyset, absent=True)


def test_a_member_of_another_set_is_not_taken(run: Any, make: Any, applyset: Any) -> None:
    other = {**applyset, "name": applyset["name"] + "-other"}
    run(make.config_map("a"), applyset=applyset)
    with pytest.raises(ApplyFailed, match="is a member of another ApplySet"):
        run(make.config_map("a"), applyset=other, force_conflicts=True)
    run(applyset=other, absent=True)


def test_the_label_of_a_set_cannot_be_written_by_hand(run: Any, make: Any) -> None:
    definition = make.config_map("a")
    definition["metadata"]["labels"] = {"applyset.kubernetes.io/part-of": "x"}
    with pytest.raises(InvalidArgument, match="set through the option applyset"):
        run(definition)


def test_a_set_of_kubectl_is_refused(run: Any, make: Any, cluster: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("KUBECTL_APPLYSET", "true")
    manifest = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: theirs, namespace: {make.namespace}}}}}"
    arguments = ["apply", "--server-side", "--prune", "--applyset=configmaps/mine", "-n", make.namespace, "-f", "-"]
    cluster.kubectl(*arguments, stdin=manifest)
    theirs = {"name": "mine", "namespace": make.namespace, "kind": "ConfigMap"}
    with pytest.raises(ApplySetRefused, match=r"is run by other tooling: kubectl/v1\."):
        run(make.config_map("ours"), applyset=theirs)
    with pytest.raises(ApplySetRefused, match="is run by other tooling"):
        run(applyset=theirs, absent=True)


def test_our_ids_are_those_of_kubectl(make: Any, cluster: Any, live: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("KUBECTL_APPLYSET", "true")
    manifest = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: theirs, namespace: {make.namespace}}}}}"
    arguments = ["apply", "--server-side", "--prune", "--applyset=secrets/mine", "-n", make.namespace, "-f", "-"]
    cluster.kubectl(*arguments, stdin=manifest)
    labels = live.get("secret", "mine", "-n", make.namespace)["metadata"]["labels"]
    assert labels[PARENT_LABEL] == set_id("mine", make.namespace, "Secret")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["label", "--overwrite", f"{PARENT_LABEL}=applyset-other-v1"], "was tampered with: its label"),
        (["annotate", f"{KINDS}-"], "was tampered with: it has no annotation"),
        (["annotate", f"{TOOLING}-"], "is not the parent of an ApplySet"),
    ],
)
def test_a_parent_that_was_tampered_with_is_refused(
    run: Any, make: Any, applyset: Any, cluster: Any, change: list[str], reason: str
) -> None:
    run(make.config_map("a"), applyset=applyset)
    cluster.kubectl(change[0], "configmap", applyset["name"], "-n", HOME, *change[1:])
    with pytest.raises(ApplySetRefused, match=reason):
        run(make.config_map("a"), applyset=applyset)


def test_what_only_carries_a_copied_label_is_left_alone(
    run: Any, make: Any, live: Any, applyset: Any, cluster: Any
) -> None:
    run(make.config_map("a"), applyset=applyset)
    copy = live.get("configmap", "a", "-n", make.namespace)
    copy["metadata"] = {"name": "copy", "namespace": make.namespace, "labels": copy["metadata"]["labels"]}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(copy))
    outcome = run(make.config_map("a"), applyset=applyset)
    assert not outcome.changed
    assert outcome.warnings[0].startswith(f"ConfigMap {make.namespace}/copy is left alone: its label ")
    run(applyset=applyset, absent=True)
    assert live.names("configmap", make.namespace) == ["copy"]


def test_a_copied_label_does_not_let_a_namespace_go(
    run: Any, make: Any, live: Any, applyset: Any, cluster: Any
) -> None:
    run(make.config_map("a"), space("kube-test-copy"), within("kube-test-copy"), applyset=applyset)
    copy = live.get("configmap", "x", "-n", "kube-test-copy")
    copy["metadata"] = {"name": "copy", "namespace": "kube-test-copy", "labels": copy["metadata"]["labels"]}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(copy))
    outcome = run(make.config_map("a"), applyset=applyset)
    assert "Namespace kube-test-copy" not in deleted(outcome)
    assert live.names("configmap", "kube-test-copy") == ["copy"]
    run(make.config_map("a"), applyset=applyset, remove_with_content=["Namespace/kube-test-copy"])


def test_what_controllers_make_from_members_is_left_alone(run: Any, make: Any, cluster: Any, applyset: Any) -> None:
    metadata = {"name": "web", "namespace": make.namespace}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}
    service["spec"]["selector"] = {"app": "web"}
    by_hand = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {**metadata, "name": "by-hand"}}
    run(service, by_hand, applyset=applyset)
    cluster.kubectl("wait", "--for=create", "endpoints/web", "-n", make.namespace, "--timeout=20s")
    labels = cluster.kubectl("get", "endpoints", "web", "-n", make.namespace, "-o", "jsonpath={.metadata.labels}")
    assert "applyset.kubernetes.io/part-of" in labels
    again = run(service, by_hand, applyset=applyset)
    assert deleted(again) == []
    assert not again.changed


def test_sets_of_one_name_and_different_kinds_are_two(run: Any, make: Any, live: Any, applyset: Any) -> None:
    other = {**applyset, "kind": "Secret"}
    run(make.config_map("a"), applyset=applyset)
    run(make.config_map("b"), applyset=other, field_manager="other")
    assert deleted(run(applyset=applyset, absent=True)) == [f"ConfigMap {make.namespace}/a"]
    assert live.names("configmap", make.namespace) == ["b"]
    run(applyset=other, absent=True)


def test_a_set_whose_parent_was_lost_finds_its_members_again(
    run: Any, make: Any, live: Any, applyset: Any, cluster: Any
) -> None:
    run(make.config_map("a"), make.config_map("b"), applyset=applyset)
    cluster.kubectl("create", "configmap", "foreign", "-n", make.namespace)
    cluster.kubectl("delete", "configmap", applyset["name"], "-n", HOME)
    assert deleted(run(make.config_map("a"), applyset=applyset)) == [f"ConfigMap {make.namespace}/b"]
    assert live.names("configmap", make.namespace) == ["a", "foreign"]


def test_members_whose_api_does_not_answer_are_not_forgotten(
    run: Any, make: Any, make_crd: Any, live: Any, applyset: Any, cluster: Any
) -> None:
    """The kind is made to come from an API service that has no server behind it, as during an outage."""
    group = "outage.example.com"
    metadata = {"name": "m", "namespace": make.namespace}
    member = {"apiVersion": f"{group}/v1", "kind": "Probe", "metadata": metadata}
    run(make_crd("probes", "Probe", group))
    run(make.config_map("a"), member, applyset=applyset)
    cluster.kubectl("delete", "crd", f"probes.{group}")
    service = {
        "group": group,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": "none", "namespace": make.namespace},
        "insecureSkipTLSVerify": True,
    }
    kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1.{group}"}}
    run({**kind, "spec": service})
    wait_until_stale(cluster, group)
    with pytest.raises(ApplySetRefused, match=r"The members of ApplySet .* does not answer at the moment"):
        run(make.config_map("a"), applyset=applyset)
    with pytest.raises(ApplySetRefused, match="does not answer at the moment"):
        run(applyset=applyset, absent=True)
    with pytest.raises(DefinitionError, match="does not answer at the moment"):
        run(member, absent=True)
    assert annotations(live, applyset)[KINDS] == f"ConfigMap,Probe.{group}"
    run({**kind, "spec": service}, absent=True)


def wait_until_stale(cluster: Any, group: str) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    with open_session({"kubeconfig": str(cluster.kubeconfig)}) as session:
        for _attempt in range(100):
            groups = session.request("GET", "/apis", accept=accept)["items"]
            found = [each for each in groups if each["metadata"]["name"] == group]
            if found and found[0]["versions"][0].get("freshness") == "Stale":
                return
            time.sleep(0.2)
    pytest.fail(f"{group} did not become stale")


def test_the_parents_own_namespace_can_be_a_member(run: Any, applyset: Any, cluster: Any) -> None:
    own = {**applyset, "namespace": "kube-test-own"}
    run(space("kube-test-own"), within("kube-test-own"), applyset=own)
    outcome = run(applyset=own, absent=True, remove_with_content=["Namespace/kube-test-own"], wait=True)
    assert deleted(outcome) == ["ConfigMap kube-test-own/x", "Namespace kube-test-own"]
    assert "kube-test-own" not in cluster.kubectl("get", "namespaces")


@pytest.mark.parametrize("option", ["name", "namespace"])
@pytest.mark.parametrize("value", ["", "Bad Name", "a/b", ".."])
def test_a_name_that_no_parent_can_have_is_told(run: Any, make: Any, applyset: Any, option: str, value: str) -> None:
    for absent in (False, True):
        with pytest.raises(InvalidArgument, match=f"applyset.{option} is "):
            run(*([] if absent else [make.config_map("a")]), applyset={**applyset, option: value}, absent=absent)
