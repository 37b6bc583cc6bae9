# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe says where nothing is sent: in check mode, and where it makes no sense to begin.

Traffic wants real nodes: see tests/nodes/test_traffic.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.modules.traffic_probe import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

SPACE = "traffic"

Probe = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def space(cluster: Any) -> Iterator[Any]:
    """A Service over a workload whose pods kwok plays, and one without pods."""
    labels = {"app": "backend"}
    container = {"name": "backend", "image": "none"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        _object("v1", "Service", "backend", {"selector": labels, "ports": [{"port": 80}]}),
        _object("v1", "Service", "nobody", {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}),
        _object("apps/v1", "Deployment", "backend-v1", {"selector": {"matchLabels": labels}, "template": template}),
    )
    cluster.kubectl("-n", SPACE, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=60s")
    yield cluster
    cluster.kubectl("delete", "namespace", SPACE, "--wait=false")


@pytest.fixture
def probe(space: Any) -> Probe:
    def run(check_mode: bool = True, **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(space.kubeconfig), "service": "backend", "namespace": SPACE, "image": "none"}
        return call(INTERFACE, {**given, **options}, check_mode, False)

    return run


def _object(api_version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def test_check_mode_tells_and_makes_nothing(probe: Probe, space: Any) -> None:
    result = probe(expect={"backend-v1": 1}, zones=["zone-a", "zone-b"], requests=7)
    assert not result.get("failed"), result
    assert result["actions"] == [
        "make a client in zone zone-a",
        "make a client in zone zone-b",
        "send 7 requests from zone zone-a to http GET backend.traffic.svc:80/",
        "send 7 requests from zone zone-b to http GET backend.traffic.svc:80/",
        "remove the client in zone zone-a",
        "remove the client in zone zone-b",
    ]
    assert (result["changed"], result["table"]) == (False, [])
    assert json.loads(space.kubectl("-n", SPACE, "get", "jobs", "-o", "json"))["items"] == []


def test_pods_that_exist_are_neither_made_nor_removed(probe: Probe) -> None:
    result = probe(client_selector="app=backend", protocol="tcp", requests=7)
    (action,) = result["actions"]
    assert action.endswith("to tcp backend.traffic.svc:80")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"service": "bakend"}, "there is no Service bakend in namespace traffic; there are backend, nobody"),
        ({"namespace": "nowhere"}, "there is no Service backend in namespace nowhere; there is none at all"),
        ({"service": "nobody"}, "Service traffic/nobody has no ready endpoint"),
        ({"port": 81}, "port: Service backend has no TCP port 81; there are 80"),
        ({"expect": {"backend-v9": 1}}, "expect: backend-v9 is neither a Service nor a workload with pods"),
        ({"expect": {"backend": 1, "backend-v1": 1}}, "belongs to backend and to backend-v1"),
        (
            {"zones": ["zone-z"]},
            "zone zone-z has no node that is Ready and takes pods; of those that have one there are",
        ),
        ({"client_namespace": "nowhere"}, "client_namespace: there is no namespace nowhere"),
        ({"client_selector": "app=nobody"}, "no zone has a ready pod with the labels app=nobody"),
        ({"expect": {"backend-v1": "many"}}, "expect: the weight 'many' of backend-v1 is no number"),
        ({"expect": {"backend-v1": 0}}, "at least one of them is more than 0"),
        ({"expect": {"backend-v1": -1}}, "weights are 0 or more"),
        ({"expect_mtls": True, "protocol": "tcp"}, "expect_mtls: answers over TCP cannot tell it"),
        ({"requests": 0}, "requests: 0 is not between 1 and 100000"),
        ({"rate": -1}, "rate: -1 is no rate"),
        ({"timeout": 0}, "timeout: 0 is no time to wait"),
        ({"significance": 1}, "significance: 1 is not between 0 and 1"),
        ({"path": "hostname"}, "path: 'hostname' does not begin with '/'"),
        ({"protocol": "udp"}, "value of protocol must be one of"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(
    probe: Probe, options: dict[str, Any], message: str
) -> None:
    result = probe(**options)
    assert result["failed"]
    assert message in result["msg"]


def test_an_image_or_pods_that_exist_are_needed(space: Any) -> None:
    given = {"kubeconfig": str(space.kubeconfig), "service": "backend", "namespace": SPACE}
    result = call(INTERFACE, given, True, False)
    assert "one of the following is required: image, client_selector" in result["msg"]


def test_nodes_that_are_played_run_no_programs(probe: Probe, space: Any) -> None:
    result = probe(check_mode=False, zones=["zone-a"], requests=1, ready_timeout=30)
    assert result["failed"]
    assert "container traffic-probe of pod traffic/traffic-probe-" in result["msg"]
    assert json.loads(space.kubectl("-n", SPACE, "get", "jobs", "-o", "json"))["items"] == []
