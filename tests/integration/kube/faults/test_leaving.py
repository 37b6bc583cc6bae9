# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces and objects that are on their way out, and may not get there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import apply
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError

FINALIZER = "example.com/hold"


@pytest.fixture
def held(cluster: Any, make: Any) -> Iterator[dict[str, Any]]:
    """A ConfigMap that does not go before its finalizer does."""
    body = make.config_map("held", a="1")
    body["metadata"]["finalizers"] = [FINALIZER]
    cluster.apply(body)
    yield body
    let_go(cluster, make.namespace)


def let_go(cluster: Any, namespace: str) -> None:
    patch = json.dumps({"metadata": {"finalizers": None}})
    cluster.kubectl("patch", "configmap", "held", "-n", namespace, "--type=merge", "-p", patch, check=False)


def namespace_of(make: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": make.namespace}}


def await_terminating(cluster: Any, live: Any, namespace: str) -> None:
    """Until the namespace says what it waits for."""
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    deadline = time.monotonic() + 20
    while "NamespaceFinalizersRemaining" not in str(live.get("namespace", namespace)["status"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("with_namespace", [True, False])
def test_a_namespace_that_is_stuck_is_told(
    run: Any, make: Any, cluster: Any, live: Any, held: Any, monkeypatch: pytest.MonkeyPatch, with_namespace: bool
) -> None:
    monkeypatch.setattr(apply, "GONE_TIMEOUT", 1.5)
    definitions = [make.config_map("new"), make.config_map("other")]
    if with_namespace:
        definitions.insert(0, namespace_of(make))
        await_terminating(cluster, live, make.namespace)
    else:
        cluster.kubectl("delete", "namespace", make.namespace, "--wait=false")
    elsewhere = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "elsewhere", "namespace": "default"}}
    try:
        with pytest.raises(KubeError) as caught:
            run(*definitions, elsewhere)
        told = str(caught.value)
        assert f"ConfigMap {make.namespace}/new (definitions[" in told
        assert (FINALIZER if with_namespace else f"kubectl get namespace {make.namespace}") in told
        assert [change.key.name for change in caught.value.done] == ["elsewhere"]
    finally:
        cluster.kubectl("delete", "configmap", "elsewhere", "-n", "default", "--ignore-not-found")


def test_a_namespace_that_goes_in_time_is_made_anew(run: Any, make: Any, cluster: Any, live: Any) -> None:
    before = live.get("namespace", make.namespace)["metadata"]["uid"]
    cluster.kubectl("delete", "namespace", make.namespace, "--wait=false")
    outcome = run(namespace_of(make), make.config_map("new"))
    assert {change.key.name: change.action for change in outcome.changes} == {
        make.namespace: "created",
        "new": "created",
    }
    assert live.get("namespace", make.namespace)["metadata"]["uid"] != before
    assert live.names("configmap", make.namespace) == ["new"]


def test_an_object_that_is_stuck_is_told_and_the_others_are_applied(
    run: Any, make: Any, cluster: Any, live: Any, held: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "GONE_TIMEOUT", 1.5)
    cluster.kubectl("delete", "configmap", "held", "-n", make.namespace, "--wait=false")
    with pytest.raises(KubeError) as caught:
        run(make.config_map("held", a="2"), make.config_map("other"))
    told = str(caught.value)
    assert told.startswith(f"ConfigMap {make.namespace}/held (definitions[0]): is being deleted since 2")
    assert FINALIZER in told
    assert [change.key.name for change in caught.value.done] == ["other"]
    assert live.get("configmap", "held", "-n", make.namespace)["data"] == {"a": "1"}


def test_an_object_that_goes_in_time_is_made_anew(run: Any, make: Any, cluster: Any, live: Any, held: Any) -> None:
    cluster.kubectl("delete", "configmap", "held", "-n", make.namespace, "--wait=false")
    later = threading.Timer(1.0, let_go, (cluster, make.namespace))
    later.start()
    outcome = run(make.config_map("held", a="2"))
    later.join()
    assert [change.action for change in outcome.changes] == ["created"]
    metadata = live.get("configmap", "held", "-n", make.namespace)["metadata"]
    assert "deletionTimestamp" not in metadata
    assert "finalizers" not in metadata


def test_a_member_that_does_not_go_is_waited_for_only_when_asked(
    run: Any, make: Any, cluster: Any, live: Any, applyset: Any, held: Any
) -> None:
    members = [make.config_map("held", a="1"), make.config_map("other")]
    run(*members, applyset=applyset)
    with pytest.raises(KubeError, match=rf"ConfigMap {make.namespace}/held: finalizers {FINALIZER}"):
        run(members[1], applyset=applyset, wait=True, wait_timeout=1)
    assert live.get("configmap", "held", "-n", make.namespace)["metadata"]["deletionTimestamp"]
    assert not run(members[1], applyset=applyset).changed


def test_a_removal_that_was_cut_off_is_waited_for_by_the_next(
    run: Any, make: Any, cluster: Any, applyset: Any, held: Any
) -> None:
    run(make.config_map("held", a="1"), applyset=applyset)
    with pytest.raises(KubeError, match=FINALIZER):
        run(absent=True, applyset=applyset, wait=True, wait_timeout=1)
    later = threading.Timer(1.0, let_go, (cluster, make.namespace))
    later.start()
    outcome = run(absent=True, applyset=applyset, wait=True, wait_timeout=20)
    later.join()
    assert [change.action for change in outcome.changes] == ["unchanged"]
    assert not cluster.kubectl("get", "configmap", "held", "-n", make.namespace, "--ignore-not-found")
