# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts, and going back. A version that fails is one whose pods fit on no node; the others are played by kwok."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import rollout
from ansible_collections.servicemesh.platform.plugins.modules.k8s_rollout import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.integration.kube.conftest import Live, Make, crd

LABEL = "app.kubernetes.io/name"
WORKS, FAILS = 30, 6
"""Seconds to wait for what becomes ready, and for what does not."""
NOWHERE = {"nodeSelector": {"no": "such-node"}}
MANAGER = "servicemesh.platform"

RollOut = Callable[..., dict[str, Any]]


@pytest.fixture
def roll(connection: dict[str, Any], namespace: str) -> RollOut:
    """Calls the module with units, in a set of this test's own."""

    def run(*units: list[dict[str, Any]], check_mode: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            **connection,
            "definitions": [each for unit in units for each in unit],
            "applyset": {"name": namespace},
            "wait_timeout": FAILS if any("nodeSelector" in str(each) for unit in units for each in unit) else WORKS,
            **options,
        }
        return call(INTERFACE, arguments, check_mode, diff=False)

    return run


@pytest.fixture
def unit(make: Make) -> Callable[..., list[dict[str, Any]]]:
    """A Deployment with a ConfigMap: its version is in both."""

    def build(name: str, version: str, *more: dict[str, Any], **pod: Any) -> list[dict[str, Any]]:
        deployment = make.deployment(name, **pod)
        deployment["metadata"]["labels"] = {rollout.VERSION: version}
        deployment["spec"]["template"]["metadata"] = {"labels": {"app": name, rollout.VERSION: version}}
        objects = [make.config_map(f"{name}-config", version=version), *more, deployment]
        for each in objects:
            each["metadata"].setdefault("labels", {})[LABEL] = name
        return objects

    return build


def version(live: Live, namespace: str, name: str) -> tuple[str, str]:
    """The version of a unit, by its Deployment and by its ConfigMap."""
    deployment = live.get("-n", namespace, "deployment", name)
    config = live.get("-n", namespace, "configmap", f"{name}-config")
    return deployment["metadata"]["labels"][rollout.VERSION], config["data"]["version"]


def test_a_rollout_and_a_second_one(roll: RollOut, unit: Any, live: Live, namespace: str) -> None:
    first = roll(unit("web", "v1"))
    assert first["changed"], first
    assert not roll(unit("web", "v1"))["changed"]
    assert roll(unit("web", "v2"))["counts"]["configured"] == 2
    assert version(live, namespace, "web") == ("v2", "v2")


def test_all_of_a_unit_goes_back_and_the_others_go_on(
    roll: RollOut, unit: Any, live: Live, make: Make, namespace: str
) -> None:
    assert roll(unit("web", "v1", make.service_account("old")), unit("shop", "v1"))["changed"]
    before = live.get("-n", namespace, "deployment", "web")["spec"]
    failed = roll(unit("web", "v2", make.service_account("new"), **NOWHERE), unit("shop", "v2"))
    assert failed["failed"]
    assert f"Deployment {namespace}/web: v2 did not become ready" in failed["msg"]
    assert "Rolled back to v1, and it runs. Run again when it is mended." in failed["msg"]
    (told,) = failed["failed_rollouts"]
    assert (told["name"], told["version"], told["restored"]) == ("web", "v2", "v1")
    assert version(live, namespace, "web") == ("v1", "v1")
    assert version(live, namespace, "shop") == ("v2", "v2")
    assert live.get("-n", namespace, "deployment", "web")["spec"] == before
    assert "old" in live.names("serviceaccount", namespace)
    assert "new" not in live.names("serviceaccount", namespace)
    # What stands now is what the first call has asked for, whoever asks.
    again = roll(unit("web", "v1", make.service_account("old")), unit("shop", "v2"))
    assert not again["changed"], again
    # Nothing is remembered of the failure.
    assert "v2 did not become ready" in roll(unit("web", "v2", **NOWHERE), unit("shop", "v2"))["msg"]


def test_definitions_of_custom_resources_stay(
    roll: RollOut, unit: Any, live: Live, namespace: str, cluster: Any, tmp_path: Any
) -> None:
    kind = crd("rolls", "Roll", f"{namespace}.example.com")
    path = tmp_path / "crd.json"
    path.write_text(json.dumps(kind))
    assert roll(unit("web", "v1"))["changed"]
    failed = roll(unit("web", "v2", **NOWHERE), src=[str(path)])
    assert "Rolled back to v1" in failed["msg"]
    assert live.get("crd", kind["metadata"]["name"])["spec"]["names"]["kind"] == "Roll"
    roll(unit("web", "v1"))


def test_the_first_version_stays_to_be_looked_at(roll: RollOut, unit: Any, live: Live, namespace: str) -> None:
    failed = roll(unit("web", "v1", **NOWHERE))
    assert "It is the first version, so there is none to go back to." in failed["msg"]
    assert failed["failed_rollouts"][0]["restored"] == ""
    second = roll(unit("web", "v2", **NOWHERE))
    assert "v1 before it did not run either" in second["msg"]
    assert version(live, namespace, "web") == ("v2", "v2")
    assert roll(unit("web", "v3"))["changed"]


def test_a_first_version_that_fails_does_not_keep_another_from_going_back(
    roll: RollOut, unit: Any, live: Live, namespace: str
) -> None:
    assert roll(unit("web", "v1"))["changed"]
    failed = roll(unit("web", "v2", **NOWHERE), unit("shop", "v1", **NOWHERE))
    assert "Rolled back to v1, and it runs" in failed["msg"]
    assert "none to go back to" in failed["msg"]
    assert {each["name"] for each in failed["failed_rollouts"]} == {"web", "shop"}
    assert version(live, namespace, "web") == ("v1", "v1")
    assert version(live, namespace, "shop") == ("v1", "v1")


def test_what_this_call_did_not_change_does_not_go_back(
    roll: RollOut, unit: Any, live: Live, namespace: str, cluster: Any
) -> None:
    assert roll(unit("web", "v1", replicas=2))["changed"]
    pods = live.get("-n", namespace, "pods", "-l", "app=web")["items"]
    cluster.kubectl("cordon", *{node["metadata"]["name"] for node in live.get("nodes")["items"]})
    try:
        cluster.kubectl("-n", namespace, "delete", "pod", pods[0]["metadata"]["name"], "--wait")
        failed = roll(unit("web", "v1", replicas=2), wait_timeout=5)
    finally:
        cluster.kubectl("uncordon", *{node["metadata"]["name"] for node in live.get("nodes")["items"]})
    assert "This run did not change it, so there is nothing to go back to" in failed["msg"], failed


def test_without_going_back(roll: RollOut, unit: Any, live: Live, namespace: str) -> None:
    assert roll(unit("web", "v1"))["changed"]
    failed = roll(unit("web", "v2", **NOWHERE), rollback=False)
    assert "Not ready after 6 seconds" in failed["msg"]
    assert "failed_rollouts" not in failed
    assert version(live, namespace, "web") == ("v2", "v2")


def test_check_mode_changes_nothing(roll: RollOut, unit: Any, live: Live, namespace: str) -> None:
    assert roll(unit("web", "v1"))["changed"]
    planned = roll(unit("web", "v2", **NOWHERE), check_mode=True)
    assert planned["changed"]
    assert version(live, namespace, "web") == ("v1", "v1")


def test_absent(roll: RollOut, unit: Any, live: Live, namespace: str) -> None:
    assert roll(unit("web", "v1"))["changed"]
    assert roll(state="absent")["changed"]
    assert live.names("deployment", namespace) == []
    assert not roll(state="absent")["changed"]


def test_a_definition_is_what_was_applied(roll: RollOut, unit: Any, live: Live, namespace: str) -> None:
    """Also where others have written into the object since."""
    objects = unit("web", "v1")
    assert roll(objects)["changed"]
    live.cluster.kubectl("-n", namespace, "annotate", "deployment", "web", "mine=yes")
    body = live.get("-n", namespace, "deployment", "web", "--show-managed-fields")
    assert rollout.definition_of(body, MANAGER) == objects[-1]
