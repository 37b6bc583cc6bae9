# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying objects to a real API server: what changed, what did not, and what went wrong."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import resolve_connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge_in
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApplyFailed,
    AuthenticationFailed,
    DefinitionError,
    InvalidArgument,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import IgnoredField
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session


def actions(outcome: Any) -> dict[str, str]:
    return {change.key.name: change.action for change in outcome.changes}


def everything(make: Any) -> list[dict[str, Any]]:
    deployment = make.deployment("web", 2)
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000m"}}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": make.namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota", "namespace": make.namespace},
        "spec": {"hard": {"pods": "1000", "requests.cpu": "4000m"}},
    }
    return [deployment, service, quota, make.config_map("settings", a="1"), make.secret("keys", password="p")]


def test_the_second_run_changes_nothing(run: Any, make: Any) -> None:
    objects = everything(make)
    assert set(actions(run(*objects)).values()) == {"created"}
    again = run(*objects)
    assert set(actions(again).values()) == {"unchanged"}
    assert not again.changed
    assert not run(*objects, dry_run=True).changed


def test_check_mode_tells_what_the_run_then_does(run: Any, make: Any, live: Any) -> None:
    objects = everything(make)
    run(*objects[:-1])
    changed = copy.deepcopy(objects)
    changed[0]["spec"]["replicas"] = 3
    changed[3]["data"] = {"b": "2"}
    planned = run(*changed, dry_run=True, diff=True)
    assert live.get("deployment", "web", "-n", make.namespace)["spec"]["replicas"] == 2
    done = run(*changed, diff=True)
    assert planned.changes == done.changes
    assert sorted(change.action for change in done.changes) == [
        "configured",
        "configured",
        "created",
        "unchanged",
        "unchanged",
    ]
    assert live.get("configmap", "settings", "-n", make.namespace)["data"] == {"b": "2"}


def test_the_diff_shows_only_what_was_written(run: Any, make: Any) -> None:
    run(make.deployment("web", 2))
    (change,) = run(make.deployment("web", 3), diff=True).changes
    before, after = change.diff["before"].splitlines(), change.diff["after"].splitlines()
    assert [line for line in before if line not in after] == ["  replicas: 2"]
    assert [line for line in after if line not in before] == ["  replicas: 3"]
    for noise in ("managedFields", "status", "uid", "strategy", "terminationGracePeriodSeconds"):
        assert noise not in change.diff["before"] + change.diff["after"]


def test_a_secret_is_never_shown_and_loses_the_keys_that_left(run: Any, make: Any, live: Any) -> None:
    run(make.secret("keys", user="jane", password="hunter2"))
    (change,) = run(make.secret("keys", user="joe"), diff=True).changes
    assert set(live.get("secret", "keys", "-n", make.namespace)["data"]) == {"user"}
    assert "user: '*** (before)'" in change.diff["before"]
    assert "amFuZQ" not in str(change.diff)


def test_writing_of_the_status_is_no_change(run: Any, make: Any, cluster: Any) -> None:
    run(make.deployment("web", 1), wait=True)
    cluster.kubectl("annotate", "deployment", "web", "-n", make.namespace, "other=1")
    assert not run(make.deployment("web", 1)).changed


def test_a_conflict_names_manager_and_field(run: Any, make: Any, cluster: Any, live: Any) -> None:
    run(make.config_map("settings", a="ours"))
    theirs = json.dumps(make.config_map("settings", a="theirs"))
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=theirs)
    with pytest.raises(ApplyFailed) as caught:
        run(make.config_map("settings", a="ours"))
    assert 'data.a belongs to field manager "kubectl"' in str(caught.value)
    assert f"ConfigMap {make.namespace}/settings (definitions[0])" in str(caught.value)
    assert actions(run(make.config_map("settings", a="ours"), force_conflicts=True)) == {"settings": "configured"}
    assert live.get("configmap", "settings", "-n", make.namespace)["data"] == {"a": "ours"}


def test_ignored_fields_are_left_to_others(run: Any, make: Any, cluster: Any, live: Any) -> None:
    ignored = [IgnoredField("Deployment", "spec.replicas")]
    run(make.deployment("web", 4), ignored=ignored)
    assert live.get("deployment", "web", "-n", make.namespace)["spec"]["replicas"] == 1
    cluster.kubectl("scale", "deployment", "web", "-n", make.namespace, "--replicas=5")
    assert not run(make.deployment("web", 4), ignored=ignored).changed
    assert live.get("deployment", "web", "-n", make.namespace)["spec"]["replicas"] == 5


def test_one_bad_object_does_not_stop_the_others(run: Any, make: Any, live: Any, tmp_path: Any) -> None:
    good = "".join(
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}, namespace: {make.namespace}}}\n"
        for number in range(50)
    )
    bad = f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: Bad_Name, namespace: {make.namespace}}}\n"
    path = tmp_path / "many.yaml"
    path.write_text(good + bad)
    with pytest.raises(ApplyFailed) as planned:
        run(src=[str(path)], dry_run=True)
    assert live.names("configmap", make.namespace) == []
    with pytest.raises(ApplyFailed) as caught:
        run(src=[str(path)])
    assert str(planned.value) == str(caught.value)
    assert f"ConfigMap {make.namespace}/Bad_Name ({path}:202): " in str(caught.value)
    assert len(caught.value.failures) == 1
    assert len(caught.value.done) == 50
    assert len(live.names("configmap", make.namespace)) == 50


def test_a_field_that_the_kind_does_not_have_is_refused(run: Any, make: Any) -> None:
    with pytest.raises(ApplyFailed, match=r"replica"):
        run({**make.deployment("web"), "spec": {**make.deployment("web")["spec"], "replica": 2}}, dry_run=True)


def test_what_needs_a_namespace_that_failed_is_told_so(run: Any, make: Any) -> None:
    bad = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bad-ns", "labels": {"a": "not a label!"}}}
    within = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "bad-ns"}}
    with pytest.raises(ApplyFailed) as caught:
        run(bad, within, make.config_map("fine"))
    assert len(caught.value.failures) == 2
    assert caught.value.failures[1] == "ConfigMap bad-ns/x (definitions[1]): not applied, for Namespace bad-ns failed"
    assert actions(run(make.config_map("fine"))) == {"fine": "unchanged"}


def test_namespace_and_content_in_one_call(run: Any, cluster: Any) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-test-new"}}
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-test-new"}}
    planned = run(content, space, dry_run=True)
    assert [(change.key.kind, change.action, change.verified) for change in planned.changes] == [
        ("Namespace", "created", True),
        ("ConfigMap", "created", False),
    ]
    assert "kube-test-new" not in cluster.kubectl("get", "namespaces")
    done = run(content, space)
    assert all(change.verified and change.action == "created" for change in done.changes)
    removed = run(content, space, absent=True, wait=True)
    assert [(change.key.kind, change.action) for change in removed.changes] == [
        ("ConfigMap", "deleted"),
        ("Namespace", "deleted"),
    ]
    assert "kube-test-new" not in cluster.kubectl("get", "namespaces")
    assert not run(content, space, absent=True).changed


def test_a_namespace_that_is_still_to_come_is_no_failure_in_check_mode(run: Any) -> None:
    within = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "not-yet"}}
    planned = run(within, dry_run=True)
    assert not planned.changes[0].verified
    assert planned.warnings == ['1 objects were only checked here: namespaces "not-yet" not found']
    with pytest.raises(ApplyFailed, match='namespaces "not-yet" not found'):
        run(within)


def test_a_kind_and_its_objects_in_one_call(run: Any, make: Any, make_crd: Any, cluster: Any) -> None:
    kind = make_crd("gadgets", "Gadget")
    metadata = {"name": "one", "namespace": make.namespace}
    gadget = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": metadata, "size": 3}
    planned = run(gadget, kind, dry_run=True)
    assert [(change.key.kind, change.verified) for change in planned.changes] == [
        ("CustomResourceDefinition", True),
        ("Gadget", False),
    ]
    assert set(actions(run(gadget, kind)).values()) == {"created"}
    assert not run(gadget, kind).changed
    assert cluster.kubectl("get", "gadget", "one", "-n", make.namespace, "-o", "jsonpath={.size}") == "3"
    run(gadget, kind, absent=True, wait=True)
    alone = run(gadget, dry_run=True)
    assert not alone.changes[0].verified
    assert alone.warnings == ["The cluster does not serve example.com/v1 yet: 1 objects were only checked here."]


def test_a_cluster_wide_kind_loses_a_namespace(run: Any, live: Any) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []}
    outcome = run({**role, "metadata": {"name": "kube-test", "namespace": "shop"}})
    assert outcome.warnings == [
        "ClusterRole shop/kube-test (definitions[0]): metadata.namespace is left out, for this kind is cluster-wide."
    ]
    assert live.get("clusterrole", "kube-test")
    run({**role, "metadata": {"name": "kube-test"}}, absent=True)


def test_offline_needs_no_cluster_at_all(run: Any, make: Any) -> None:
    outcome = run(*everything(make), connection={"kubeconfig": "/nowhere"}, offline=True, dry_run=True, diff=True)
    assert [(change.action, change.verified) for change in outcome.changes] == [("created", False)] * 5
    assert all(change.diff["before"] == "" for change in outcome.changes)
    assert "cA==" not in str(outcome)
    assert not run(make.config_map("x"), connection={}, offline=True, dry_run=True, absent=True).changed


def test_a_status_that_is_part_of_the_definition_counts(run: Any, make: Any, make_crd: Any) -> None:
    """A kind without the subresource takes its status from the object."""

    def thing(value: int) -> dict[str, Any]:
        metadata = {"name": "t", "namespace": make.namespace}
        return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata, "status": {"value": value}}

    run(make_crd("things", "Thing"), thing(1))
    assert actions(run(thing(2), dry_run=True)) == actions(run(thing(2))) == {"t": "configured"}
    assert actions(run(thing(2), dry_run=True)) == actions(run(thing(2))) == {"t": "unchanged"}
    without = {name: value for name, value in thing(2).items() if name != "status"}
    assert actions(run(without, dry_run=True)) == actions(run(without)) == {"t": "configured"}
    assert actions(run(without, dry_run=True)) == actions(run(without)) == {"t": "unchanged"}
    run(make_crd("things", "Thing"), thing(2), absent=True)


def test_what_json_cannot_hold_is_told_with_its_place(run: Any, make: Any, make_crd: Any) -> None:
    metadata = {"name": "t", "namespace": make.namespace}
    odd = {"apiVersion": "example.com/v1", "kind": "Oddity", "metadata": metadata, "size": float("inf")}
    with pytest.raises(ApplyFailed) as caught:
        run(make_crd("oddities", "Oddity"), odd, make.config_map("fine"))
    assert str(caught.value) == (
        f"Oddity {make.namespace}/t (definitions[1]): "
        "holds a number that JSON does not have (infinite or none); quote it"
    )
    run(make_crd("oddities", "Oddity"), absent=True)


@pytest.mark.parametrize("spec", ["text", {"versions": ["v1"]}, {"names": [], "versions": [{"served": True}]}])
def test_an_odd_definition_of_a_kind_is_for_the_server_to_refuse(run: Any, spec: Any) -> None:
    metadata = {"name": "odds.example.com"}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata}
    with pytest.raises(ApplyFailed, match=r"CustomResourceDefinition odds.example.com \(definitions\[0\]\): "):
        run({**kind, "spec": spec})


class Expiring(Session):
    """A session whose token is good for twelve requests, and cannot be had anew."""

    def request(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.left = getattr(self, "left", 12) - 1
        if self.left < 0:
            expired = replace(self.connection, authorization="Bearer expired")
            self._access = self._access._replace(connection=expired)
        return super().request(*args, **kwargs)


def test_credentials_that_expire_on_the_way_lose_nothing(
    make: Any, live: Any, connection: Any, cluster: Any, run: Any
) -> None:
    """What ends all work ends it at once, and what was done by then is told."""
    token = cluster.kubectl("create", "token", "default", "-n", make.namespace).strip()
    account = f"--serviceaccount={make.namespace}:default"
    cluster.kubectl("create", "rolebinding", "own", "-n", make.namespace, "--clusterrole=edit", account)
    settled = resolve_connection({**connection, "api_key": token})
    with Expiring(settled, concurrency=1) as session, pytest.raises(AuthenticationFailed) as caught:
        converge_in(session, Request({}, [make.config_map(f"c{number}") for number in range(20)]))
    done = [change.key.name for change in caught.value.done]
    assert 0 < len(done) < 20
    assert sorted(done) == live.names("configmap", make.namespace)


@pytest.mark.parametrize("path", ["metadata", "metadata.name", "kind", ""])
def test_what_makes_the_object_cannot_be_ignored(run: Any, make: Any, path: str) -> None:
    with pytest.raises(InvalidArgument, match="ignore_fields: the path"):
        run(make.config_map("a"), ignored=[IgnoredField("ConfigMap", path)])


def test_check_mode_of_a_removal_tells_what_the_run_then_does(run: Any, cluster: Any) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-test-removed"}}
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-test-removed"}}
    run(space, content)
    planned = run(space, content, absent=True, dry_run=True)
    assert planned.warnings == []
    done = run(space, content, absent=True, wait=True)
    assert planned.changes == done.changes
    assert len(done.changes) == 2


def test_removing_needs_the_namespace_too(run: Any, make: Any, live: Any) -> None:
    run(make.config_map("a"))
    with pytest.raises(DefinitionError, match="ConfigMap a lives in a namespace: give metadata"):
        run({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}, absent=True)
    assert live.names("configmap", make.namespace) == ["a"]


def test_kubectl_and_we_can_share_an_object(run: Any, make: Any, cluster: Any, live: Any) -> None:
    theirs = make.config_map("shared", theirs="1")
    cluster.apply(theirs)
    assert actions(run(make.config_map("shared", ours="2"))) == {"shared": "configured"}
    cluster.apply(theirs)
    assert not run(make.config_map("shared", ours="2")).changed
    assert live.get("configmap", "shared", "-n", make.namespace)["data"] == {"theirs": "1", "ours": "2"}
