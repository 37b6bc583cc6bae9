# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that are out of date, replaced through a real API server with its controllers; kwok plays the pods."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.modules.k8s_restart import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.integration.kube.conftest import Live, Make

NEVER_RESTARTED = '!(metadata.annotations."kubectl.kubernetes.io/restartedAt")'

Restart = Callable[..., dict[str, Any]]


@pytest.fixture
def restart(connection: dict[str, Any], namespace: str) -> Restart:
    """Calls the module for the namespace of the test."""

    def run(outdated: str = NEVER_RESTARTED, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {**connection, "namespaces": [namespace], "outdated": outdated, "wait_timeout": 30, **options}
        return call(INTERFACE, arguments, check_mode, diff=False)

    return run


@pytest.fixture
def standing(cluster: Any, namespace: str) -> Callable[..., None]:
    """Applies workloads, and waits for their pods."""

    def run(*objects: dict[str, Any]) -> None:
        cluster.apply(*objects)
        for each in objects:
            if each["kind"] in ("Deployment", "StatefulSet", "ReplicaSet"):
                replicas = f"--for=jsonpath={{.status.availableReplicas}}={each['spec']['replicas']}"
                cluster.kubectl("-n", namespace, "wait", replicas, "--timeout=30s", f"{each['kind']}/{name_of(each)}")

    return run


def name_of(body: dict[str, Any]) -> str:
    return str(body["metadata"]["name"])


def as_kind(kind: str, body: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Deployment of the tests as another kind."""
    return {**body, "kind": kind, "spec": {**body["spec"], **spec}}


def budget(make: Make, name: str, **spec: Any) -> dict[str, Any]:
    return make._object(
        "policy/v1", "PodDisruptionBudget", name, spec={"selector": {"matchLabels": {"app": name}}, **spec}
    )


def test_pods_are_replaced_once(restart: Restart, standing: Any, make: Make, live: Live, namespace: str) -> None:
    standing(make.deployment("web", 2), as_kind("StatefulSet", make.deployment("store"), serviceName="store"))
    before = set(live.names("pods", namespace))
    told = restart(check_mode=True)
    assert [each["object"] for each in told["restarted"]] == [
        f"Deployment {namespace}/web",
        f"StatefulSet {namespace}/store",
    ]
    assert set(live.names("pods", namespace)) == before
    done = restart()
    assert done["changed"], done
    assert done["restarted"] == told["restarted"]
    assert done["left"] == []
    kept = [pod for pod in live.get("pods", "-n", namespace)["items"] if not pod["metadata"].get("deletionTimestamp")]
    assert all("kubectl.kubernetes.io/restartedAt" in pod["metadata"]["annotations"] for pod in kept)
    again = restart()
    assert not again["changed"]
    assert again["restarted"] == []


def test_what_is_nobodys_is_told(restart: Restart, standing: Any, make: Make, namespace: str) -> None:
    pod = make._object("v1", "Pod", "bare", spec={"containers": [{"name": "c", "image": "i"}]})
    standing(pod, make.deployment("web"))
    done = restart()
    assert [each["object"] for each in done["restarted"]] == [f"Deployment {namespace}/web"]
    (left,) = done["left"]
    assert left["object"] == f"Pod {namespace}/bare"
    assert "no workload owns it" in left["reason"]


def test_a_replica_set_has_its_pods_evicted_one_by_one(
    restart: Restart, standing: Any, make: Make, live: Live, namespace: str
) -> None:
    alone = make.deployment("alone", 2)
    standing(as_kind("ReplicaSet", alone), budget(make, "alone", maxUnavailable=1))
    before = sorted(live.names("pods", namespace))
    done = restart(f"contains(['{before[0]}', '{before[1]}'], metadata.name)")
    assert done["restarted"] == [{"object": f"ReplicaSet {namespace}/alone", "by": "eviction", "pods": before}]
    assert not set(before) & set(live.names("pods", namespace))


def test_what_a_budget_does_not_allow_waits_and_then_fails(
    restart: Restart, standing: Any, make: Make, cluster: Any, namespace: str
) -> None:
    web = make.deployment("web", 2)
    web["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    # A pod that fits on no node keeps the budget at nothing.
    stuck = make.deployment("stuck", nodeSelector={"no": "such-node"})
    stuck["spec"]["template"]["metadata"]["labels"]["both"] = web["spec"]["template"]["metadata"]["labels"]["both"] = (
        "1"
    )
    cluster.apply(stuck)
    selector = {"selector": {"matchLabels": {"both": "1"}}}
    standing(web, budget(make, "web", maxUnavailable=1, **selector))
    failed = restart(f"{NEVER_RESTARTED} && metadata.labels.app == 'web'", wait_timeout=3)
    assert failed["failed"]
    assert not failed["changed"]
    assert f"PodDisruptionBudget {namespace}/web did not allow 1 pods to be away within 3 seconds" in failed["msg"]
    cluster.kubectl("-n", namespace, "delete", "deployment", "stuck")
    assert restart()["changed"]


def test_an_update_that_takes_more_than_the_budget_is_left(
    restart: Restart, standing: Any, make: Make, cluster: Any, namespace: str
) -> None:
    web = make.deployment("web", 4)
    web["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 3, "maxSurge": 0}}
    standing(web, budget(make, "web", maxUnavailable=1))
    cluster.kubectl(
        "-n", namespace, "wait", "--for=jsonpath={.status.expectedPods}=4", "--timeout=30s", "poddisruptionbudget/web"
    )
    done = restart()
    assert not done["changed"]
    assert "takes 3 of its pods away at once" in done["left"][0]["reason"]


def test_new_pods_that_are_out_of_date_too_are_told(restart: Restart, standing: Any, make: Make) -> None:
    standing(make.deployment("web"))
    failed = restart("metadata.labels.app == 'web'")
    assert failed["failed"]
    assert failed["changed"]
    assert "These pods are new, and out of date all the same" in failed["msg"]


def test_what_does_not_become_ready_is_told_and_a_second_run_goes_on(
    restart: Restart, standing: Any, make: Make, cluster: Any, namespace: str
) -> None:
    standing(make.deployment("a"), make.deployment("b"))
    cluster.kubectl("cordon", "--selector=kubernetes.io/os=linux")
    try:
        failed = restart(at_once=1, wait_timeout=4)
    finally:
        cluster.kubectl("uncordon", "--selector=kubernetes.io/os=linux")
    assert failed["failed"]
    assert f"Deployment {namespace}/a" in failed["msg"]
    assert [each["object"] for each in failed["restarted"]] == [f"Deployment {namespace}/a"]
    assert [each["object"] for each in restart()["restarted"]][-1] == f"Deployment {namespace}/b"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outdated": "metadata["}, "is not JMESPath"),
        ({"at_once": 0}, "at_once: 0 is too little; write 1 or more."),
    ],
)
def test_slips_are_told_before_anything_happens(restart: Restart, options: dict[str, Any], message: str) -> None:
    failed = restart(**options)
    assert failed["failed"]
    assert message in failed["msg"]
