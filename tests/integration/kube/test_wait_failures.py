# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of waiting as soon as a pod below a workload has failed, which the workload's own status does not tell.

The pods stand on no node, so that kwok leaves them alone and the tests say how they are.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import pods, wait
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import WaitFailed, WaitTimeout
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import WaitFor

NOWHERE = {"nodeSelector": {"no": "such-node"}}
LOOPING = "back-off 1m20s restarting failed container=c pod=x"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times of day to day work are too long to sit through."""
    monkeypatch.setattr(pods, "FIRST_LOOK", 0.2)
    monkeypatch.setattr(pods, "PAUSE", 0.5)
    monkeypatch.setattr(wait, "LASTING_SECONDS", 3.0)


def waiting(reason: str, restarts: int = 0, message: str = "") -> dict[str, Any]:
    """A container that does not run."""
    state = {"waiting": {"reason": reason, "message": message or f"{reason} it is"}}
    return {
        "name": "c",
        "image": "i",
        "imageID": "",
        "ready": False,
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}} if restarts else {},
    }


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths, with their queries, of all requests."""
    seen: list[str] = []
    send = Session._send

    def spy(session: Session, access: Any, method: str, target: str, *rest: Any, **options: Any) -> Any:
        seen.append(target)
        return send(session, access, method, target, *rest, **options)

    monkeypatch.setattr(Session, "_send", spy)
    return seen


class Pods:
    """Pods of one namespace, whose status the test writes."""

    def __init__(self, cluster: Any, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def set(self, container: dict[str, Any], selector: str = "app", **status: Any) -> None:
        """Wait for pods, and let their container be so."""
        names = []
        while not names:
            names = self._cluster.kubectl("get", "pod", "-n", self._namespace, "-l", selector, "-o", "name").split()
        patch = json.dumps({"status": {"phase": "Pending", "containerStatuses": [container], **status}})
        flags = ["-n", self._namespace, "--subresource=status", "--type=merge", "-p", patch]
        self._cluster.kubectl("patch", *names, *flags)

    @contextmanager
    def later(self, *args: Any, seconds: float = 0, **kwargs: Any) -> Iterator[None]:
        """As ``set``, meanwhile."""

        def work() -> None:
            time.sleep(seconds)
            self.set(*args, **kwargs)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.fixture
def below(cluster: Any, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def template(name: str, **pod: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i"}], **NOWHERE, **pod}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def workload(make: Any, kind: str, name: str = "db", **spec: Any) -> dict[str, Any]:
    full = {"selector": {"matchLabels": {"app": name}}, "template": template(name), **spec}
    if kind == "Job":
        full = {"backoffLimit": 3, "template": template(name, restartPolicy="Never"), **spec}
    group = "batch/v1" if kind == "Job" else "apps/v1"
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": make.namespace}, "spec": full}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet", "Job"])
def test_a_name_of_an_image_that_cannot_be(run: Any, make: Any, below: Pods, kind: str) -> None:
    started = time.monotonic()
    unreadable = waiting("InvalidImageName", message='couldn\'t parse image name "I"')
    with below.later(unreadable), pytest.raises(WaitFailed) as caught:
        run(workload(make, kind), wait=True, wait_timeout=60)
    assert time.monotonic() - started < 20
    message = str(caught.value)
    assert message.startswith(f"Will not become ready:\n{kind} {make.namespace}/db: ")
    assert 'container c InvalidImageName: couldn\'t parse image name "I"' in message
    assert [change.action for change in caught.value.done] == ["created"]


def test_a_crash_loop_below_a_daemon_set(run: Any, make: Any, below: Pods, cluster: Any) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "unplayed", "labels": {"played": "no"}}}
    cluster.apply(node)
    agent = workload(make, "DaemonSet", template=template("db", nodeSelector={"played": "no"}))
    try:
        run(agent)
        seen = "--for=jsonpath={.status.desiredNumberScheduled}=1"
        cluster.kubectl("wait", seen, "--timeout=30s", "daemonset/db", "-n", make.namespace)
        looping = waiting("CrashLoopBackOff", 4, LOOPING)
        with below.later(looping, phase="Running"), pytest.raises(WaitFailed) as caught:
            run(agent, wait=True, wait_timeout=60)
        assert re.search(r"DaemonSet .*: 0 of 1 pods available.*exit code 3 \(Error\)", str(caught.value))
    finally:
        cluster.kubectl("delete", "node", "unplayed")


def test_an_image_that_cannot_be_pulled_counts_when_it_lasts(run: Any, make: Any, below: Pods) -> None:
    started = time.monotonic()
    refused = waiting("ErrImagePull", message="registry.test: 503")
    with below.later(refused), pytest.raises(WaitFailed, match=r"container c ErrImagePull: registry\.test: 503"):
        run(make.deployment("web", **NOWHERE), wait=True, wait_timeout=60)
    assert time.monotonic() - started >= wait.LASTING_SECONDS


def test_an_image_that_comes_after_all_is_no_failure(run: Any, make: Any, below: Pods, cluster: Any) -> None:
    web = make.deployment("web", **NOWHERE)
    up = {**waiting(""), "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "ready": True}

    def heal() -> None:
        below.set(waiting("ImagePullBackOff"))
        time.sleep(1.5)
        below.set(up, phase="Running", conditions=[{"type": "Ready", "status": "True"}])

    thread = threading.Thread(target=heal)
    thread.start()
    run(web, wait=True, wait_timeout=60)
    thread.join()


def test_the_first_crashes_are_no_failure(run: Any, make: Any, below: Pods) -> None:
    started = waiting("CrashLoopBackOff", 3, "back-off 40s restarting failed container=c pod=x")
    with below.later(started), pytest.raises(WaitTimeout, match=r"back-off 40s .*exit code 3 \(Error\)"):
        run(make.deployment("web", **NOWHERE), wait=True, wait_timeout=5)


def test_a_job_counts_the_crashes_of_its_pods_itself(run: Any, make: Any, below: Pods) -> None:
    with below.later(waiting("CrashLoopBackOff", 9, LOOPING)), pytest.raises(WaitTimeout, match="CrashLoopBackOff"):
        run(workload(make, "Job"), wait=True, wait_timeout=5)


def test_pods_of_older_revisions_do_not_count(run: Any, make: Any, below: Pods, live: Any) -> None:
    web = make.deployment("web", **NOWHERE)
    run(web)
    below.set(waiting("InvalidImageName"))
    mended = make.deployment("web")
    mended["spec"]["minReadySeconds"] = 3  # long enough for the lookout to see old and new pods side by side
    run(mended, wait=True, wait_timeout=60)
    assert live.get("deployment", "web", "-n", make.namespace)["status"]["availableReplicas"] == 1


def test_a_stateful_set_whose_old_pod_holds_up_the_new_one(run: Any, make: Any, below: Pods) -> None:
    """The controller waits for the old pod, which somebody may delete: the definition as it is now has not failed."""
    run(workload(make, "StatefulSet"))
    below.set(waiting("InvalidImageName"))
    mended = workload(make, "StatefulSet", template=template("db", nodeSelector={}))
    with pytest.raises(WaitTimeout, match=r"pod db-0: .*InvalidImageName"):
        run(mended, wait=True, wait_timeout=4)


def test_a_failure_that_is_wished_for_is_the_only_one(run: Any, make: Any, below: Pods) -> None:
    wish = WaitFor("Deployment", failure="`false`")
    with below.later(waiting("InvalidImageName")), pytest.raises(WaitTimeout, match="InvalidImageName"):
        run(make.deployment("web", **NOWHERE), wait=True, wait_for=[wish], wait_timeout=4)


def test_a_success_that_is_wished_for_leaves_the_failure(run: Any, make: Any, below: Pods) -> None:
    wish = WaitFor("Deployment", success="status.availableReplicas >= `1`")
    with below.later(waiting("InvalidImageName")), pytest.raises(WaitFailed):
        run(make.deployment("web", 2, **NOWHERE), wait=True, wait_for=[wish], wait_timeout=60)


def test_pods_in_many_namespaces_are_listed_at_once(
    run: Any, make: Any, below: Pods, cluster: Any, paths: list[str]
) -> None:
    namespaces = [f"{make.namespace}-{number}" for number in range(pods.MANY_NAMESPACES)]
    everything = [make.deployment("web", **NOWHERE)]
    for name in namespaces:
        everything.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        everything.append({**everything[0], "metadata": {"name": "web", "namespace": name}})
    try:
        with below.later(waiting("InvalidImageName")), pytest.raises(WaitFailed) as caught:
            run(*everything, wait=True, wait_timeout=60)
        assert str(caught.value).startswith(f"Will not become ready:\nDeployment {make.namespace}/web: ")
        looks = {path for path in paths if "/pods?limit" in path}
        assert looks == {"/api/v1/pods?limit=500"}
    finally:
        cluster.kubectl("delete", "namespace", *namespaces, "--wait=false")


def test_a_pod_that_may_not_be(run: Any, make: Any, cluster: Any) -> None:
    """There are no pods to look at, but the Deployment says so."""
    label = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", make.namespace, label)
    with pytest.raises(WaitFailed, match=r'ReplicaFailure=True: .*violates PodSecurity "restricted:latest"'):
        run(make.deployment("web"), wait=True, wait_timeout=60)


def test_a_deployment_that_is_paused_is_never_rolled_out(run: Any, make: Any) -> None:
    web = make.deployment("web")
    web["spec"]["paused"] = True
    with pytest.raises(WaitFailed, match="Deployment is paused"):
        run(web, wait=True, wait_timeout=60)


def test_a_pod_alone(run: Any, make: Any, below: Pods) -> None:
    alone = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": make.namespace}}
    alone = {**alone, **template("db"), "metadata": {**alone["metadata"], "labels": {"app": "db"}}}
    with below.later(waiting("ErrImageNeverPull")), pytest.raises(WaitFailed, match=r"Pod .*/p: .*ErrImageNeverPull"):
        run(alone, wait=True, wait_timeout=60)
