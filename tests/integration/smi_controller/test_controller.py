# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller with a real API server: what is legal reaches the mesh's API, whatever version it is written in."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.outputs import FIELD_MANAGER
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import (
    ALL_PATHS,
    service,
    services,
    split,
    weights,
)
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, Stage, eventually

pytestmark = pytest.mark.usefixtures("controller")


def route(stage: Stage, namespace: str, name: str) -> dict[str, Any] | None:
    """An HTTPRoute; None when there is none."""
    found = stage.items("httproutes", "-n", namespace, f"--field-selector=metadata.name={name}")
    return found[0] if found else None


def events(stage: Stage, namespace: str, reason: str) -> list[str]:
    """The messages of the Events with a reason."""
    found = stage.items("events", "-n", namespace)
    return [each["message"] for each in found if each["reason"] == reason]


def test_the_article_s_split_is_read_in_every_version_and_becomes_a_route(stage: Stage, namespace: str) -> None:
    stage.cluster.apply(*services("backend", namespace, "v1", "v2"))
    stage.cluster.apply(split("backend", namespace, v1=80, v2=20))
    begin = time.monotonic()
    eventually(lambda: route(stage, namespace, "backend-8080"), "the route is there", 1.0)
    assert time.monotonic() - begin < 1.0
    made = route(stage, namespace, "backend-8080")
    assert made is not None
    assert weights(made) == [("backend-v1", 80), ("backend-v2", 20)]
    assert made["spec"]["rules"][0]["matches"] == [ALL_PATHS]
    assert made["metadata"]["ownerReferences"][0]["kind"] == "TrafficSplit"
    assert {each["manager"] for each in made["metadata"]["managedFields"]} == {FIELD_MANAGER}
    for version, expected in (("v1alpha1", ["80", "20"]), ("v1alpha3", [80, 20]), ("v1alpha4", [80, 20])):
        read = stage.get(f"trafficsplits.{version}.split.smi-spec.io", "backend", "-n", namespace)
        assert read["apiVersion"] == f"split.smi-spec.io/{version}"
        found = [each["weight"] for each in read["spec"]["backends"]]
        assert found == expected or [str(each) for each in found] == expected


def test_changes_and_removal_reach_the_route(stage: Stage, namespace: str) -> None:
    stage.cluster.apply(*services("cart", namespace, "a", "b"), split("cart", namespace, a=1, b=1))
    eventually(lambda: route(stage, namespace, "cart-8080"), "the route is there")
    stage.cluster.apply(split("cart", namespace, a=1, b=3))
    eventually(
        lambda: weights(route(stage, namespace, "cart-8080") or {}) == [("cart-a", 1), ("cart-b", 3)],
        "the weights are the new ones",
    )
    stage.cluster.kubectl("delete", "trafficsplits.split.smi-spec.io", "cart", "-n", namespace)
    eventually(lambda: route(stage, namespace, "cart-8080") is None, "the route is gone")


def test_a_route_that_somebody_changed_is_made_right_again(stage: Stage, namespace: str) -> None:
    stage.cluster.apply(*services("cart", namespace, "a", "b"), split("cart", namespace, a=1, b=1))
    eventually(lambda: route(stage, namespace, "cart-8080"), "the route is there")
    patch = [{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 7}]
    stage.cluster.kubectl("patch", "httproute", "cart-8080", "-n", namespace, "--type=json", "-p", json.dumps(patch))
    eventually(
        lambda: weights(route(stage, namespace, "cart-8080") or {}) == [("cart-a", 1), ("cart-b", 1)],
        "the weights are those of the split",
    )
    stage.cluster.kubectl("delete", "httproute", "cart-8080", "-n", namespace)
    eventually(lambda: route(stage, namespace, "cart-8080"), "the route is there again")


def test_what_others_have_made_is_left_alone(stage: Stage, namespace: str) -> None:
    theirs = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "cart-8080", "namespace": namespace},
        "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": "other"}]},
    }
    stage.cluster.apply(theirs)
    stage.cluster.apply(*services("cart", namespace, "a"), split("cart", namespace, a=1))
    eventually(lambda: events(stage, namespace, "Conflict"), "the conflict is told")
    (message,) = events(stage, namespace, "Conflict")
    assert f"HTTPRoute {namespace}/cart-8080 was made by kubectl" in message
    left = route(stage, namespace, "cart-8080")
    assert left is not None
    assert left["spec"]["parentRefs"][0]["name"] == "other"
    stage.cluster.kubectl("delete", "httproute", "cart-8080", "-n", namespace)
    eventually(
        lambda: weights(route(stage, namespace, "cart-8080") or {"spec": {"rules": [{"backendRefs": []}]}}),
        "with it gone the split is translated",
    )


def test_a_backend_that_comes_later_is_told_of_and_then_taken_in(stage: Stage, namespace: str) -> None:
    stage.cluster.apply(service("cart", namespace), service("cart-a", namespace))
    complaint = stage.cluster.kubectl(
        "apply", "--server-side", "-f", "-", stdin=json.dumps(split("cart", namespace, a=1, b=1))
    )
    assert "serverside-applied" in complaint
    eventually(lambda: route(stage, namespace, "cart-8080"), "the route is there")
    assert weights(route(stage, namespace, "cart-8080") or {}) == [("cart-a", 1)]
    eventually(lambda: events(stage, namespace, "NotTranslated"), "what is left out is told")
    assert any("cart-b" in message for message in events(stage, namespace, "NotTranslated"))
    stage.cluster.apply(service("cart-b", namespace))
    eventually(
        lambda: weights(route(stage, namespace, "cart-8080") or {}) == [("cart-a", 1), ("cart-b", 1)],
        "the backend is taken in",
    )


def test_two_splits_of_one_service_are_refused_with_a_reason(stage: Stage, namespace: str) -> None:
    stage.cluster.apply(*services("front", namespace, "a"), split("front", namespace, a=1))
    eventually(lambda: route(stage, namespace, "front-8080"), "the controller knows the first split")
    told = stage.cluster.kubectl(
        "apply", "-f", "-", check=False, stdin=json.dumps(split("second", namespace, service="front", a=1))
    )
    assert "validate.smi.servicemesh.platform" in told
    assert "splits the traffic of front too" in told
    assert "Join it with front" in told
    eventually(lambda: events(stage, namespace, "Refused"), "the refusal is an Event too")
    told = stage.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(split("second", namespace, a=1)))
    assert "created" in told


def test_a_hierarchy_is_refused_and_a_missing_service_is_a_warning(stage: Stage, namespace: str) -> None:
    stage.cluster.apply(*services("inner", namespace, "a"), split("inner", namespace, a=1))
    eventually(lambda: route(stage, namespace, "inner-8080"), "the controller knows the first split")
    outer = split("outer", namespace)
    outer["spec"]["backends"] = [{"service": "inner", "weight": 1}]
    told = stage.cluster.kubectl("apply", "-f", "-", check=False, stdin=json.dumps(outer))
    assert "inner is the root of TrafficSplit" in told
    outer["spec"]["backends"] = [{"service": "elsewhere", "weight": 1}]
    command = [str(stage.cluster.binary), "kubectl", "--kubeconfig", str(stage.cluster.kubeconfig), "apply", "-f", "-"]
    done = subprocess.run(command, input=json.dumps(outer), capture_output=True, text=True, check=True)
    assert "created" in done.stdout
    assert "there is no Service" in done.stderr


def test_another_mesh_takes_the_place_of_the_first(stage: Stage, controller: Controller, namespace: str) -> None:
    stage.cluster.apply(*services("cart", namespace, "a"), split("cart", namespace, a=1))
    eventually(lambda: route(stage, namespace, "cart-8080"), "the route is there")
    controller.end()
    other = stage.controller("--mesh=none").start()
    try:
        eventually(lambda: route(stage, namespace, "cart-8080") is None, "what was translated is gone", 30)
    finally:
        other.end()
    controller.start()
    eventually(lambda: route(stage, namespace, "cart-8080"), "it is translated again", 30)
