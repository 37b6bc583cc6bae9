# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps, one each: changes that neither the ownership of our fields nor their values show at first sight."""

from __future__ import annotations

import copy
import itertools
import json
import threading
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.conftest import Try
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.edits import merged
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import (
    Body,
    Server,
    collection_path,
    each,
    good,
    object_path,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.strategies import OUR_MANAGER
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.trial import (
    CONFIGURED,
    CREATED,
    FAILED,
    UNCHANGED,
    Run,
    Trial,
)


def config_map(name: str, **data: str) -> Body:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"a": "x"}}, "data": data}


def custom(name: str, **spec: Any) -> Body:
    return {"apiVersion": "exactness.example.com/v1", "kind": "Exact", "metadata": {"name": name}, "spec": spec}


def deployment(name: str, **container: Any) -> Body:
    labels = {"app": "x"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", **container}]}}
    spec = {"paused": True, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def autoscaler(name: str, version: str, **spec: Any) -> Body:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, **spec}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": spec,
    }


def actions(run: Run) -> list[str]:
    return [verdict.action for verdict in run.verdicts]


def live_of(trial: Trial) -> Body:
    (live,) = trial.live
    assert live
    return live


def path_of(trial: Trial) -> str:
    return object_path(trial.definitions[0])


def put(server: Server, trial: Trial, change: Any, manager: str = "outsider") -> None:
    """Somebody reads the object, changes it, and puts it back."""
    live = copy.deepcopy(live_of(trial))
    change(live)
    good(server.put(path_of(trial), live, manager))


# --- defaults that depend on what others own ----------------------------------------------------------------------


@pytest.mark.parametrize("empty", [None, ""])
def test_a_pull_policy_that_we_leave_to_the_server_while_another_owns_the_image(
    attempt: Try, server: Server, place: str, empty: Any
) -> None:
    """The default follows the tag; our part of the object stays the same when only the tag changes."""
    name = f"pull-policy-{'null' if empty is None else 'empty'}"
    theirs = deployment(name, image="i:1")
    theirs["metadata"]["namespace"] = place
    good(server.apply(theirs, "outsider"))
    trial = attempt(deployment(name, imagePullPolicy=empty))

    def change(live: Body) -> None:
        live["spec"]["template"]["spec"]["containers"][0].update(image="i:latest", imagePullPolicy="IfNotPresent")

    put(server, trial, change)
    assert actions(trial.judge()) == [CONFIGURED]


@pytest.mark.parametrize("empty", [[], None])
def test_policy_types_that_we_leave_to_the_server_while_another_adds_egress(
    attempt: Try, server: Server, empty: Any
) -> None:
    """It would change what the policy means."""
    name = f"policy-types-{'null' if empty is None else 'empty'}"
    spec = {"podSelector": {}, "policyTypes": empty}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}
    trial = attempt(policy)
    put(server, trial, lambda live: live["spec"].update(egress=[{}]))
    assert live_of(trial)["spec"]["policyTypes"] == ["Ingress"]
    assert actions(trial.judge()) == [CONFIGURED]
    assert live_of(trial)["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_a_list_that_we_leave_empty_gets_a_second_owner_who_writes_null(attempt: Try, server: Server) -> None:
    """Nothing changes for that, but from then on our apply is a conflict."""
    metadata = {"name": "empty-rules"}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": []}
    trial = attempt(role)
    before = live_of(trial)
    theirs = {**trial.definitions[0], "rules": None}
    assert good(server.apply(theirs, "outsider")).get("rules") == before.get("rules")
    assert actions(trial.judge()) == [FAILED]
    assert actions(trial.judge(force=True)) in ([UNCHANGED], [CONFIGURED])


# --- who owns what ------------------------------------------------------------------------------------------------


def test_a_value_that_another_changes_and_changes_back(attempt: Try, server: Server) -> None:
    trial = attempt(config_map("restored", a="1"))
    for value in ("2", "1"):
        good(server.merge(path_of(trial), {"data": {"a": value}}))
    assert actions(trial.judge()) == [UNCHANGED]


def test_a_value_that_another_changes_under_our_own_name(attempt: Try, server: Server) -> None:
    """As an Update; to the server that is another manager."""
    trial = attempt(config_map("namesake", a="1"))
    good(server.merge(path_of(trial), {"data": {"a": "2"}}, OUR_MANAGER))
    assert actions(trial.judge()) == [FAILED]
    assert actions(trial.judge(force=True)) == [CONFIGURED]


def test_ownership_that_is_forged(attempt: Try, server: Server) -> None:
    """Whoever may write the object may write its managedFields; values are compared all the same."""
    trial = attempt(config_map("forged", a="1"))
    ours = live_of(trial)["metadata"]["managedFields"]
    good(server.merge(path_of(trial), {"data": {"a": "2"}}))
    put(server, trial, lambda live: live["metadata"].update(managedFields=ours))
    assert live_of(trial)["metadata"]["managedFields"] == ours
    assert actions(trial.judge()) == [CONFIGURED]


def test_ownership_that_is_cleared(attempt: Try, server: Server) -> None:
    trial = attempt(config_map("cleared", a="1", b="2"))
    good(server.merge(path_of(trial), {"metadata": {"managedFields": [{}]}}))
    assert actions(trial.judge()) == [UNCHANGED]
    # Nobody else owns it, so it goes; it would stay if we did not own it again.
    fewer = {**trial.definitions[0], "data": {"a": "1"}}
    trial.judge([fewer])


def test_a_field_that_we_give_up_but_another_owns_too(attempt: Try, server: Server) -> None:
    trial = attempt(config_map("shared", a="1", b="2"))
    good(
        server.apply(
            {**trial.definitions[0], "metadata": {**trial.definitions[0]["metadata"], "labels": {}}}, "outsider"
        )
    )
    assert actions(trial.judge([{**trial.definitions[0], "data": {"a": "1"}}])) == [UNCHANGED]
    assert live_of(trial)["data"] == {"a": "1", "b": "2"}


def test_an_object_that_is_made_again_by_another_as_it_was(attempt: Try, server: Server) -> None:
    trial = attempt(config_map("reborn", a="1"))
    before = live_of(trial)
    good(server.delete(path_of(trial)))
    metadata = {name: before["metadata"][name] for name in ("name", "namespace", "labels")}
    server.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": before["data"]})
    assert actions(trial.judge()) == [UNCHANGED]


def test_an_object_that_comes_back_from_a_backup_with_its_ownership(attempt: Try, server: Server) -> None:
    """It claims to be ours in every field, and has other values."""
    trial = attempt(config_map("restored-from-backup", a="1"))
    before = live_of(trial)
    good(server.delete(path_of(trial)))
    metadata = {name: before["metadata"][name] for name in ("name", "namespace", "labels", "managedFields")}
    server.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "old"}})
    # Who restores it owns what was not there before: everything.
    trial.judge()


@pytest.mark.parametrize("back", [False, True])
def test_the_label_of_the_set_is_taken_off(attempt: Try, server: Server, back: bool) -> None:
    trial = attempt(config_map(f"unlabelled-{back}".lower(), a="1"))
    label, value = next(
        (name, value) for name, value in live_of(trial)["metadata"]["labels"].items() if name.startswith("applyset")
    )
    good(server.merge(path_of(trial), {"metadata": {"labels": {label: None}}}))
    if back:
        good(server.merge(path_of(trial), {"metadata": {"labels": {label: value}}}))
    assert actions(trial.judge()) == [UNCHANGED if back else CONFIGURED]


# --- lists --------------------------------------------------------------------------------------------------------


def environment(**variables: str) -> list[Body]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def test_others_put_items_between_ours(attempt: Try, server: Server) -> None:
    trial = attempt(deployment("between", image="i:1", env=environment(A="1", B="2")))

    def change(live: Body) -> None:
        variables = live["spec"]["template"]["spec"]["containers"][0]["env"]
        variables[1:1] = environment(X="1")
        variables[:0] = environment(Y="1")

    put(server, trial, change)
    assert actions(trial.judge()) == [UNCHANGED]


def test_others_change_the_order_of_our_items(attempt: Try, server: Server) -> None:
    trial = attempt(deployment("order", image="i:1", env=environment(A="1", B="2", C="3")))
    put(server, trial, lambda live: live["spec"]["template"]["spec"]["containers"][0]["env"].reverse())
    assert actions(trial.judge()) == [CONFIGURED]


def test_others_double_an_item_of_ours(attempt: Try, server: Server) -> None:
    """Lists with keys may hold a key twice, and the last one counts for a container."""
    trial = attempt(deployment("double", image="i:1", env=environment(A="1", B="2")))

    def change(live: Body) -> None:
        live["spec"]["template"]["spec"]["containers"][0]["env"] += environment(A="other")

    put(server, trial, change)
    assert actions(trial.judge(force=True)) == [CONFIGURED]


def test_an_item_of_another_has_our_port_and_another_protocol(attempt: Try, server: Server) -> None:
    trial = attempt(deployment("protocol", image="i:1", ports=[{"containerPort": 53}]))

    def change(live: Body) -> None:
        ports = live["spec"]["template"]["spec"]["containers"][0]["ports"]
        ports.insert(0, {"containerPort": 53, "protocol": "UDP"})

    put(server, trial, change)
    assert actions(trial.judge()) == [UNCHANGED]


def test_the_items_of_a_set_are_put_in_another_order(attempt: Try, server: Server) -> None:
    trial = attempt(custom("set-order", set=["a", "b", "c"]))
    put(server, trial, lambda live: live["spec"].update(set=["c", "x", "b", "a"]))
    assert actions(trial.judge()) == [CONFIGURED]


# --- values that look alike ---------------------------------------------------------------------------------------

ALIKE = (1, 1.0, True, "1")


def test_values_that_look_alike_in_python(attempt: Try, server: Server) -> None:
    """The ownership is forged, so that the value alone can tell."""
    pairs = list(itertools.product(ALIKE, ALIKE))
    trial = attempt(*(custom(f"alike-{number}", free={"value": ours}) for number, (ours, _theirs) in enumerate(pairs)))
    for definition, live, (_ours, theirs) in zip(trial.definitions, trial.live, pairs):
        assert live
        changed = good(server.merge(object_path(definition), {"spec": {"free": {"value": theirs}}}))
        changed["metadata"]["managedFields"] = live["metadata"]["managedFields"]
        good(server.put(object_path(definition), changed))
    # 1.0 is stored as 1.
    written = [[json.dumps(value).replace("1.0", "1") for value in pair] for pair in pairs]
    assert actions(trial.judge()) == [UNCHANGED if ours == theirs else CONFIGURED for ours, theirs in written]


def test_quantities_that_are_written_otherwise(attempt: Try) -> None:
    def with_cpu(cpu: Any) -> Body:
        return deployment("quantity", image="i:1", resources={"requests": {"cpu": cpu}})

    trial = attempt(with_cpu("1000m"))
    namespace = trial.definitions[0]["metadata"]["namespace"]
    # The server keeps the exponent of 1e0.
    for cpu, action in (("1", UNCHANGED), (1, UNCHANGED), ("1000m", UNCHANGED), ("1e0", CONFIGURED), ("1", CONFIGURED)):
        changed = merged(with_cpu(cpu), {"metadata": {"namespace": namespace}})
        assert actions(trial.judge([changed])) == [action]


@pytest.mark.parametrize("text", ["YQ==", "YR==", "Y\nQ=="])
def test_a_secret_in_base64_that_is_not_canonical(attempt: Try, text: str) -> None:
    """``YR==`` is ``a`` as well."""
    name = f"secret-{['YQ==', 'YR=='].index(text) if text in ('YQ==', 'YR==') else 2}"
    trial = attempt({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": text}})
    assert actions(trial.judge()) == [UNCHANGED]
    assert live_of(trial)["data"] == {"a": "YQ=="}


# --- what is more than content ------------------------------------------------------------------------------------


def test_a_definition_with_a_resource_version_is_a_precondition(attempt: Try, server: Server) -> None:
    """As ``kubectl get -o yaml`` gives it."""
    trial = attempt(config_map("exported", a="1"))
    (definition,) = trial.definitions
    at_version = merged(definition, {"metadata": {"resourceVersion": live_of(trial)["metadata"]["resourceVersion"]}})
    for _settling in range(3):
        assert actions(trial.judge([at_version])) == [UNCHANGED]
    good(server.merge(path_of(trial), {"metadata": {"annotations": {"other": "x"}}}))
    assert actions(trial.judge([at_version])) == [FAILED]


def test_a_definition_with_a_uid_is_a_precondition(attempt: Try, server: Server) -> None:
    trial = attempt(config_map("with-uid", a="1"))
    (definition,) = trial.definitions
    with_uid = merged(definition, {"metadata": {"uid": live_of(trial)["metadata"]["uid"]}})
    for _settling in range(3):
        assert actions(trial.judge([with_uid])) == [UNCHANGED]
    good(server.delete(path_of(trial)))
    assert actions(trial.judge()) == [CREATED]
    for _settling in range(3):
        assert actions(trial.judge()) == [UNCHANGED]
    assert actions(trial.judge([with_uid])) == [FAILED]


def test_an_exported_definition_with_its_managed_fields_is_refused(attempt: Try) -> None:
    trial = attempt(config_map("with-managed-fields", a="1"))
    entries = live_of(trial)["metadata"]["managedFields"]
    (definition,) = trial.definitions
    assert actions(trial.judge([merged(definition, {"metadata": {"managedFields": entries}})])) == [FAILED]


def test_the_server_rewrites_an_annotation_for_kubectl(attempt: Try, server: Server) -> None:
    """Whoever applies as ``kubectl`` has the annotation of the last applied configuration brought up to date."""
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    trial = attempt(config_map("as-kubectl", a="1"), manager="kubectl")
    good(server.merge(path_of(trial), {"metadata": {"annotations": {annotation: "{}"}}}))
    assert actions(trial.judge()) == [CONFIGURED]
    for _settling in range(2):
        assert actions(trial.judge()) == [UNCHANGED]
    good(server.merge(path_of(trial), {"metadata": {"annotations": {annotation: "{ }"}}}))
    assert actions(trial.judge()) == [CONFIGURED]


def test_the_status_is_written_all_the_time(attempt: Try, server: Server) -> None:
    trial = attempt(custom("busy", replicas=1))
    for number in range(3):
        good(server.merge(path_of(trial) + "/status", {"status": {"n": number}}))
        assert actions(trial.judge()) == [UNCHANGED]


def test_the_status_is_written_while_a_definition_with_a_status_is_applied(attempt: Try, server: Server) -> None:
    """``status: {}`` is what ``kubectl create --dry-run=client -o yaml`` writes; the server ignores it."""
    trial = attempt(*({**custom(f"with-status-{number}", replicas=1), "status": {}} for number in range(10)))
    is_over = threading.Event()

    def write() -> None:
        for number in itertools.count():
            if is_over.is_set():
                return
            each(
                lambda body, n=number: server.merge(object_path(body) + "/status", {"status": {"n": n}}),
                trial.definitions,
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert set(actions(trial.judge())) == {UNCHANGED}
    finally:
        is_over.set()
        writer.join()


def test_a_scale_that_another_sets_and_we_define(attempt: Try, server: Server) -> None:
    trial = attempt(custom("scaled", replicas=1))
    good(server.merge(path_of(trial) + "/scale", {"spec": {"replicas": 2}}))
    assert actions(trial.judge()) == [FAILED]
    assert actions(trial.judge(force=True)) == [CONFIGURED]


# --- the API version of the definition ----------------------------------------------------------------------------


def test_the_version_of_the_definition_changes_and_changes_back(attempt: Try, server: Server) -> None:
    first = autoscaler("versions", "v1", targetCPUUtilizationPercentage=50)
    trial = attempt(first)
    (first,) = trial.definitions
    target = {"type": "Utilization", "averageUtilization": 50}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    second = merged(autoscaler("versions", "v2", metrics=metrics), {"metadata": first["metadata"]})
    for definition in (second, second, first, first, second):
        trial.judge([definition])
    good(server.merge(object_path(second), {"spec": {"metrics": None, "minReplicas": 2}}))
    trial.judge([first])
    trial.judge([second])


def test_what_another_version_holds_only_is_changed(attempt: Try, server: Server) -> None:
    """What only autoscaling/v2 knows stands in annotations of autoscaling/v1."""
    trial = attempt(autoscaler("hidden-in-annotations", "v1", targetCPUUtilizationPercentage=50))
    other = object_path({**trial.definitions[0], "apiVersion": "autoscaling/v2"})
    good(server.merge(other, {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 7}}}}))
    assert actions(trial.judge()) == [UNCHANGED]


# --- many at once -------------------------------------------------------------------------------------------------


def test_more_members_than_a_page_holds(attempt: Try, server: Server) -> None:
    """One of each page is changed by another while the rest is proved."""
    trial = attempt(*(config_map(f"page-{number:04}", a="1") for number in range(1101)), settling_runs=2)
    changed = (0, 499, 500, 1000, 1100)
    for number in changed:
        good(server.merge(object_path(trial.definitions[number]), {"data": {"a": "2"}}))
    run = trial.judge(force=True)
    assert [number for number, verdict in enumerate(run.verdicts) if verdict.action != UNCHANGED] == list(changed)
    assert sum(trial.proved(run)) == len(run.verdicts) - len(changed)
    good(server.delete(collection_path(trial.definitions[0])))
