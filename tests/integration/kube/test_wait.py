# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for real objects: ready, failed at once, or late with reasons."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    InvalidArgument,
    WaitFailed,
    WaitTimeout,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import WaitFor

NOWHERE = {"no": "such-node"}


def set_status(cluster: Any, what: list[str], status: dict[str, Any]) -> None:
    cluster.kubectl("patch", *what, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def test_waits_until_deployments_are_available(run: Any, make: Any, live: Any) -> None:
    run(make.deployment("web", 2), make.deployment("api", 1), make.config_map("a"), wait=True, wait_timeout=60)
    for name, replicas in (("web", 2), ("api", 1)):
        assert live.get("deployment", name, "-n", make.namespace)["status"]["availableReplicas"] == replicas


def test_tells_what_is_not_ready_and_why(run: Any, make: Any) -> None:
    started = time.monotonic()
    with pytest.raises(WaitTimeout) as caught:
        run(make.deployment("stuck", 1, nodeSelector={"no": "such-node"}), wait=True, wait_timeout=4)
    assert 3 < time.monotonic() - started < 8
    message = str(caught.value)
    assert message.startswith("Not ready after 4 seconds (1 of 1):")
    assert f"Deployment {make.namespace}/stuck: 0 of 1 replicas available" in message
    assert "pod stuck-" in message
    assert "didn't match Pod's node affinity/selector" in message
    assert [change.action for change in caught.value.done] == ["created"]


def test_a_failed_job_ends_the_waiting_at_once(run: Any, make: Any, cluster: Any) -> None:
    def fail() -> None:
        time.sleep(1)
        now = "2026-01-01T00:00:00Z"
        reason = {"status": "True", "reason": "PodFailurePolicy", "message": "it broke", "lastTransitionTime": now}
        set_status(
            cluster,
            ["job", "migrate", "-n", make.namespace],
            {"startTime": now, "conditions": [{"type": kind, **reason} for kind in ("FailureTarget", "Failed")]},
        )

    thread = threading.Thread(target=fail)
    thread.start()
    started = time.monotonic()
    with pytest.raises(WaitFailed, match=r"Will not become ready:\nJob .*/migrate: FailureTarget=True: it broke"):
        run(make.job("migrate"), make.deployment("stuck", 1, nodeSelector={"no": "x"}), wait=True, wait_timeout=60)
    assert time.monotonic() - started < 10
    thread.join()


def test_waits_for_what_the_user_says(run: Any, make: Any, cluster: Any) -> None:
    wish = WaitFor("ConfigMap", success="data.ready == 'yes'", failure="data.ready == 'never'")

    def write(value: str) -> None:
        time.sleep(1)
        patch = json.dumps({"data": {"ready": value}})
        cluster.kubectl("patch", "configmap", "signal", "-n", make.namespace, "-p", patch)

    for value in ("yes", "never"):
        thread = threading.Thread(target=write, args=(value,))
        thread.start()
        if value == "yes":
            run(make.config_map("signal"), wait=True, wait_for=[wish], wait_timeout=30)
        else:
            cluster.kubectl("patch", "configmap", "signal", "-n", make.namespace, "-p", '{"data": {"ready": "no"}}')
            with pytest.raises(WaitFailed):
                run(make.config_map("signal"), wait=True, wait_for=[wish], wait_timeout=30)
        thread.join()


def test_waits_for_an_object_that_is_applied_by_others(run: Any, make: Any, cluster: Any) -> None:
    wish = WaitFor("Secret", "v1", "token", make.namespace, success="data.token")

    def create() -> None:
        time.sleep(1)
        cluster.kubectl("create", "secret", "generic", "token", "-n", make.namespace, "--from-literal=token=x")

    thread = threading.Thread(target=create)
    thread.start()
    run(make.config_map("a"), wait=True, wait_for=[wish], wait_timeout=30)
    thread.join()
    missing = WaitFor("Secret", "v1", "absent", make.namespace, success="data.token")
    with pytest.raises(WaitTimeout, match=r"Secret .*/absent: does not exist"):
        run(make.config_map("a"), wait=True, wait_for=[missing], wait_timeout=1)


@pytest.mark.parametrize(
    ("wish", "wait", "reason"),
    [
        (WaitFor("ConfigMap"), True, "has no condition of its own"),
        (WaitFor("ConfigMap", success="a["), True, "is not JMESPath"),
        (WaitFor("ConfigMap", success="nosuch(@)"), True, "Unknown function: nosuch"),
        (WaitFor("Secret", success="data"), True, "no definition is a Secret"),
        (WaitFor("Secret", "v1", success="data"), True, "give its apiVersion and name"),
        (WaitFor("ConfigMap", success="data"), False, "set wait: true"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_before_anything_is_sent(
    run: Any, make: Any, live: Any, wish: WaitFor, wait: bool, reason: str
) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        run(make.config_map("a"), wait=wait, wait_for=[wish])
    assert live.names("configmap", make.namespace) == []


def test_tells_what_keeps_an_object_from_going(run: Any, make: Any, cluster: Any) -> None:
    held = make.config_map("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    run(held)
    with pytest.raises(WaitTimeout, match=r"ConfigMap .*/held: finalizers example.com/hold") as caught:
        run(held, absent=True, wait=True, wait_timeout=2)
    assert [change.action for change in caught.value.done] == ["deleted"]
    cluster.kubectl(
        "patch", "configmap", "held", "-n", make.namespace, "--type=merge", "-p", '{"metadata": {"finalizers": null}}'
    )


def test_a_function_of_a_field_that_is_still_to_come_is_not_true_yet(run: Any, make: Any, cluster: Any) -> None:
    wish = WaitFor("ConfigMap", success="length(data.ready) == `3`")

    def write() -> None:
        time.sleep(1)
        cluster.kubectl("patch", "configmap", "signal", "-n", make.namespace, "-p", '{"data": {"ready": "yes"}}')

    thread = threading.Thread(target=write)
    thread.start()
    run(make.config_map("signal"), wait=True, wait_for=[wish], wait_timeout=30)
    thread.join()


@pytest.mark.parametrize("status", ["busy", {"conditions": "none"}, {"conditions": [{"foo": 1}, 5]}, {"phase": 3}])
def test_explains_whatever_a_custom_resource_has_as_its_status(run: Any, make: Any, make_crd: Any, status: Any) -> None:
    metadata = {"name": "t", "namespace": make.namespace}
    strange = {"apiVersion": "example.com/v1", "kind": "Strange", "metadata": metadata, "status": status}
    with pytest.raises(WaitTimeout, match=r"Strange .*/t: "):
        run(
            make_crd("stranges", "Strange"),
            strange,
            wait=True,
            wait_timeout=1,
            wait_for=[WaitFor("Strange", success="x")],
        )
    run(
        make_crd("stranges", "Strange"),
        absent=True,
        remove_with_content=["CustomResourceDefinition/stranges.example.com"],
    )


def test_an_object_elsewhere_needs_its_namespace(run: Any, make: Any) -> None:
    with pytest.raises(InvalidArgument, match="Secret x lives in a namespace"):
        run(make.config_map("a"), wait=True, wait_for=[WaitFor("Secret", "v1", "x", success="data")])
