# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting through whatever happens meanwhile, for many objects at once, and as somebody who may do little."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    ensure_absent,
    ensure_started,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Processes
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import following, wait
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import Condition, Failure
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import resolve_connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    WaitTimeout,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.following import Follower
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import PAGE, Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import Awaited, wait_ready

CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps", True)
SIGNAL = Condition("data.ready == 'yes'", Failure("data.ready == 'never'"))
PART_OF = {"part-of": "wait"}


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": PART_OF}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def awaited(namespace: str, name: str, selector: str = "", condition: Condition = SIGNAL) -> Awaited:
    return Awaited(CONFIG_MAP, ObjectKey("", "ConfigMap", namespace, name), condition, selector)


@contextmanager
def meanwhile(*work: Callable[[], object], seconds: float = 1) -> Iterator[None]:
    """Do things one after another, so many seconds before each, while the body runs."""

    def do() -> None:
        for each in work:
            time.sleep(seconds)
            each()

    thread = threading.Thread(target=do)
    thread.start()
    try:
        yield
    finally:
        thread.join()


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


def lists(paths: list[str]) -> list[str]:
    return [path for path in paths if "watch=true" not in path]


def test_watches_that_end_cost_no_further_list(
    session: Session, namespace: str, cluster: Any, monkeypatch: pytest.MonkeyPatch, paths: list[str]
) -> None:
    monkeypatch.setattr(following, "WATCH_SECONDS", 1)
    cluster.apply(config_map(namespace, "a"))
    with meanwhile(lambda: cluster.apply(config_map(namespace, "a", ready="yes")), seconds=4):
        wait_ready(session, [awaited(namespace, "a")], 30)
    assert len(lists(paths)) == 1
    assert len(paths) >= 4


def test_a_version_that_is_too_old_to_watch_from(session: Session, namespace: str, cluster: Any) -> None:
    seen: list[Any] = []

    def note(_place: Any, body: Any) -> bool:
        seen.append(body and body.get("data"))
        return seen[-1] != {"ready": "yes"}

    cluster.apply(config_map(namespace, "a"))
    path = CONFIG_MAP.path(namespace)
    follower = Follower(session, path, {}, {(namespace, "a")}, note, time.monotonic() + 30)
    follower.begin()
    follower._version = "1"
    with meanwhile(lambda: cluster.apply(config_map(namespace, "a", ready="yes")), seconds=2):
        follower.follow()
    assert seen[0] is None
    assert seen[-1] == {"ready": "yes"}


def test_an_object_that_is_deleted_and_made_anew(session: Session, namespace: str, cluster: Any) -> None:
    cluster.apply(config_map(namespace, "a"))
    with meanwhile(
        lambda: cluster.kubectl("delete", "configmap", "a", "-n", namespace),
        lambda: cluster.apply(config_map(namespace, "a")),
        lambda: cluster.apply(config_map(namespace, "a", ready="yes")),
    ):
        wait_ready(session, [awaited(namespace, "a")], 30)


def test_an_object_that_is_deleted(session: Session, namespace: str, cluster: Any) -> None:
    cluster.apply(config_map(namespace, "a"))
    absent = pytest.raises(WaitTimeout, match=r"ConfigMap .*/a: does not exist")
    with meanwhile(lambda: cluster.kubectl("delete", "configmap", "a", "-n", namespace)), absent:
        wait_ready(session, [awaited(namespace, "a")], 4)


def test_an_object_that_is_on_its_way_out_is_not_ready(session: Session, namespace: str, cluster: Any) -> None:
    held = config_map(namespace, "a", ready="yes")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.apply(held)
    cluster.kubectl("delete", "configmap", "a", "-n", namespace, "--wait=false")
    release = '{"metadata": {"finalizers": null}}'
    with pytest.raises(WaitTimeout, match=r"ConfigMap .*/a: is being deleted"):
        wait_ready(session, [awaited(namespace, "a")], 2)
    with meanwhile(
        lambda: cluster.kubectl("patch", "configmap", "a", "-n", namespace, "--type=merge", "-p", release),
        lambda: cluster.apply(config_map(namespace, "a", ready="yes")),
    ):
        wait_ready(session, [awaited(namespace, "a")], 30)


def test_two_wishes_for_one_object(session: Session, namespace: str, cluster: Any) -> None:
    cluster.apply(config_map(namespace, "a", ready="yes"))
    both = [awaited(namespace, "a"), awaited(namespace, "a", condition=Condition("data.other"))]
    with meanwhile(lambda: cluster.apply(config_map(namespace, "a", ready="yes", other="yes"))):
        wait_ready(session, both, 30)


def test_what_is_known_to_be_ready_is_not_read_again(session: Session, namespace: str, paths: list[str]) -> None:
    known = awaited(namespace, "a")
    known.seen = config_map(namespace, "a", ready="yes")
    wait_ready(session, [known], 30)
    assert paths == []


def test_many_objects_in_many_namespaces_cost_few_requests(
    session: Session, cluster: Any, namespace: str, paths: list[str]
) -> None:
    namespaces = [f"{namespace}-{number}" for number in range(wait.MANY_NAMESPACES + 1)]
    cluster.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in namespaces))
    names = [(each, f"m{number}") for each in namespaces for number in range(200)]
    try:
        cluster.apply(*(config_map(*name, ready="no" if name[1].endswith("7") else "yes") for name in names))
        late = [config_map(*name, ready="yes") for name in names if name[1].endswith("7")]
        with meanwhile(lambda: cluster.apply(*late)):
            wait_ready(session, [awaited(*name, "part-of=wait") for name in names], 120)
        assert len(lists(paths)) == -(-len(names) // PAGE)
        assert len(paths) - len(lists(paths)) <= 2
    finally:
        cluster.kubectl("delete", "namespace", *namespaces, "--wait=false")


def limited(connection: dict[str, Any], cluster: Any, namespaces: list[str], *verbs: str) -> Session:
    """A session of somebody who may only do this with ConfigMaps, in these namespaces."""
    for namespace in namespaces:
        flags = ["-n", namespace, "--resource=configmaps", *(f"--verb={verb}" for verb in verbs)]
        cluster.kubectl("create", "role", "few", *flags)
        subject = f"--serviceaccount={namespaces[0]}:default"
        cluster.kubectl("create", "rolebinding", "few", "-n", namespace, "--role=few", subject)
    user = {"impersonate_user": f"system:serviceaccount:{namespaces[0]}:default"}
    return Session(resolve_connection({**connection, **user}))


def test_who_may_not_list_everywhere(
    connection: dict[str, Any], namespace: str, cluster: Any, paths: list[str]
) -> None:
    second = f"{namespace}-b"
    cluster.kubectl("create", "namespace", second)
    try:
        cluster.apply(config_map(namespace, "a"), config_map(second, "a"))
        both = [awaited(namespace, "a", "part-of=wait"), awaited(second, "a", "part-of=wait")]
        ready = [config_map(each, "a", ready="yes") for each in (namespace, second)]
        session = limited(connection, cluster, [namespace, second], "list", "watch")
        with session, meanwhile(lambda: cluster.apply(*ready)):
            wait_ready(session, both, 30)
        assert [path.count("/namespaces/") for path in lists(paths)] == [0, 1, 1]
    finally:
        cluster.kubectl("delete", "namespace", second, "--wait=false")


def test_who_may_list_but_not_watch(connection: dict[str, Any], namespace: str, cluster: Any) -> None:
    cluster.apply(config_map(namespace, "a"))
    session = limited(connection, cluster, [namespace], "list")
    with session, meanwhile(lambda: cluster.apply(config_map(namespace, "a", ready="yes"))):
        wait_ready(session, [awaited(namespace, "a")], 30)


def test_who_may_not_list(connection: dict[str, Any], namespace: str, cluster: Any) -> None:
    cluster.apply(config_map(namespace, "a"))
    started = time.monotonic()
    session = limited(connection, cluster, [namespace], "get")
    with session, pytest.raises(ApiError, match='cannot list resource "configmaps"'):
        wait_ready(session, [awaited(namespace, "a")], 30)
    assert time.monotonic() - started < 10


@pytest.fixture(scope="module")
def breakable(kube_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts (again) a control plane that a test may break, and gives the processes and the kubeconfig."""
    state_dir = tmp_path_factory.mktemp("breakable") / "control-plane"
    settings = Settings("waits", kube_binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)

    def start() -> tuple[Processes, Path]:
        outcome = ensure_started(settings, state_dir, 120)
        return Processes(Layout(state_dir.resolve())), Path(outcome.kubeconfig)

    try:
        yield start
    finally:
        ensure_absent("waits", state_dir, 120)


def kill_api_server(processes: Processes) -> None:
    process = processes.running("kube-apiserver")
    assert process
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)


def test_an_api_server_that_is_killed_and_comes_back(breakable: Any) -> None:
    processes, kubeconfig = breakable()
    namespace = "default"
    with open_session({"kubeconfig": str(kubeconfig)}) as session:

        def apply(**data: str) -> None:
            body = config_map(namespace, "a", **data)
            path = CONFIG_MAP.path(namespace, "a")
            kind = "application/apply-patch+yaml"
            session.request("PATCH", path, {"fieldManager": "test"}, body, content_type=kind)

        apply()
        with meanwhile(lambda: kill_api_server(processes), breakable, lambda: apply(ready="yes")):
            wait_ready(session, [awaited(namespace, "a")], 120)


def test_an_api_server_that_does_not_come_back(breakable: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds, and the message says both what is not ready and that nobody answers."""
    monkeypatch.setattr(wait, "EXPLANATION_SECONDS", 2.0)
    processes, kubeconfig = breakable()
    with open_session({"kubeconfig": str(kubeconfig)}) as session:
        started = time.monotonic()
        with meanwhile(lambda: kill_api_server(processes)), pytest.raises(WaitTimeout) as caught:
            wait_ready(session, [awaited("default", "missing")], 4)
        assert time.monotonic() - started < 8
        assert str(caught.value) == (
            "Not ready after 4 seconds (1 of 1), and the API server does not answer. As last seen:\n"
            "ConfigMap default/missing: does not exist"
        )


def test_an_api_server_that_hangs(breakable: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "EXPLANATION_SECONDS", 2.0)
    processes, kubeconfig = breakable()
    process = processes.running("kube-apiserver")
    with open_session({"kubeconfig": str(kubeconfig)}) as session:
        started = time.monotonic()
        hang = meanwhile(lambda: os.kill(process.pid, signal.SIGSTOP))
        try:
            with hang, pytest.raises(WaitTimeout, match="and the API server does not answer"):
                wait_ready(session, [awaited("default", "missing")], 4)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert time.monotonic() - started < 8
