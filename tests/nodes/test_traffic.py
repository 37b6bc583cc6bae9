# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of traffic on real nodes without a mesh: kube-proxy spreads connections over the pods of a Service."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import File
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.plugins.modules.traffic_probe import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.support.cluster import built
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually, push
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

PROGRAM = Path(__file__).parents[2] / "playbooks" / "files" / "traffic-probe"
SPACE = "traffic"
PODS = {"backend-v1": 1, "backend-v2": 3}

Object = dict[str, Any]
Probe = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def image(playbooks: Playbooks) -> str:
    """The program in the registry of the environment."""
    program = plan(
        Program("traffic-probe", str(PROGRAM), ldflags="-s -w"), "go", Cache(str(built("nodes-*").parents[1]))
    )
    build(program, Progress(None))
    file = File(Path(program.path), "traffic-probe", 0o755)
    return push(playbooks.state, "traffic-probe-test", [file], ["/traffic-probe"])


@pytest.fixture(scope="module")
def space(nodes: Environment, image: str) -> Iterator[Environment]:
    """A namespace with the restricted profile, a Service over two workloads of one and three pods, and a quota."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    nodes.cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": labels}},
        _object("v1", "ResourceQuota", "quota", {"hard": {"limits.cpu": "8", "limits.memory": "2Gi"}}),
        _service("backend", {"tier": "backend"}),
        _service("nobody", {"tier": "nobody"}),
        *(_deployment(name, replicas, image) for name, replicas in PODS.items()),
    )
    nodes.cluster.kubectl("-n", SPACE, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=60s")
    yield nodes
    nodes.remove(SPACE)


@pytest.fixture
def probe(space: Environment, image: str) -> Probe:
    """Runs the module, by default with a little load."""

    def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(space.cluster.kubeconfig), "service": "backend", "namespace": SPACE}
        given.update({"image": image, "requests": 100, **options})
        return call(INTERFACE, {key: value for key, value in given.items() if value is not None}, check_mode, False)

    return run


def _object(api_version: str, kind: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _service(name: str, selector: dict[str, str]) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 90, "targetPort": 9090}]
    return _object("v1", "Service", name, {"selector": selector, "ports": ports})


def _deployment(name: str, replicas: int, image: str) -> Object:
    labels = {"app": name, "tier": "backend"}
    container = {
        "name": "backend",
        "image": image,
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    secure = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"securityContext": secure, "containers": [container], "terminationGracePeriodSeconds": 1}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return _object("apps/v1", "Deployment", name, {"replicas": replicas, **spec})


def _ids(result: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["id"], finding["severity"]) for finding in result["findings"]}


def _left(space: Environment) -> list[str]:
    """What clients there are still; pods that are on their way out go within moments."""
    jobs = space.get("-n", SPACE, "jobs")["items"]
    return [one["metadata"]["name"] for one in jobs]


@pytest.mark.parametrize("protocol", ["http", "http2", "grpc"])
def test_kube_proxy_spreads_over_the_pods(space: Environment, probe: Probe, protocol: str) -> None:
    result = probe(protocol=protocol, expect={"backend-v1": 25, "backend-v2": 75})
    assert _ids(result) == {("traffic-status", "ok"), ("traffic-weights", "ok")}, result
    assert {count["client_zone"] for count in result["counts"]} == {"a", "b", "c"}
    assert sum(count["requests"] for count in result["counts"]) == 300
    assert {count["backend"] for count in result["counts"]} == set(PODS)
    assert all(0 < count["p50_ms"] <= count["p90_ms"] <= count["p99_ms"] for count in result["counts"])
    assert [test["client_zone"] for test in result["p_values"]] == ["a", "b", "c", ""]
    assert result["mtls"] == {"answers": 300, "with_peer": 0, "peers": {}}
    assert _left(space) == []
    eventually(30, lambda: len(space.get("-n", SPACE, "pods")["items"]) == sum(PODS.values()), "the clients are gone")


def test_tcp(probe: Probe) -> None:
    result = probe(protocol="tcp", port=90, expect={"backend-v1": 1, "backend-v2": 3})
    assert result["severity"] == "ok", result
    assert {count["status"] for count in result["counts"]} == {"answered"}


def test_another_split_is_not_taken_for_the_right_one(probe: Probe) -> None:
    result = probe(expect={"backend-v1": 50, "backend-v2": 50})
    assert ("traffic-weights", "error") in _ids(result)
    zero = probe(expect={"backend-v1": 0, "backend-v2": 1})
    assert ("traffic-zero-weight", "error") in _ids(zero)
    stranger = probe(expect={"backend-v1": 1})
    assert ("traffic-backends", "error") in _ids(stranger)


def test_a_header_with_a_certificate_tells_who_asked(probe: Probe) -> None:
    header = {"X-Forwarded-Client-Cert": "By=spiffe://td/ns/x/sa/server;URI=spiffe://td/ns/x/sa/asker"}
    result = probe(requests=10, headers=header, expect_mtls=True)
    assert result["mtls"]["peers"] == {"spiffe://td/ns/x/sa/asker": 30}
    assert result["severity"] == "ok"
    plain = probe(requests=10, expect_mtls=True)
    assert ("traffic-mtls", "error") in _ids(plain)
    assert probe(requests=10, expect_mtls=False)["severity"] == "ok"


def test_a_policy_that_blocks_is_named(space: Environment, probe: Probe) -> None:
    selector = {"matchLabels": {"tier": "backend"}}
    rules = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": []}
    space.cluster.apply(_object("networking.k8s.io/v1", "NetworkPolicy", "deny-inbound-backend", rules))
    try:
        time.sleep(1)
        result = probe(requests=16, request_timeout=1, zones=["a", "b"])
        (finding,) = result["findings"]
        assert finding["id"] == "traffic-unanswered"
        assert "no connection in time (zone a: 16, zone b: 16)" in finding["message"]
        assert f"{SPACE}/deny-inbound-backend" in finding["mend"]
        assert probe(requests=4, request_timeout=1, zones=["a"], expect_status="unanswered")["severity"] == "ok"
    finally:
        space.cluster.kubectl("-n", SPACE, "delete", "networkpolicy", "deny-inbound-backend")


def test_time_that_is_up(probe: Probe) -> None:
    result = probe(requests=1000, rate=20, timeout=2)
    assert ("traffic-unsent", "warning") in _ids(result)


def test_clients_that_exist(space: Environment, probe: Probe) -> None:
    selected = {"image": None, "client_selector": "app=backend-v2", "client_container": "backend"}
    result = probe(requests=20, **selected)
    assert result["severity"] == "ok", result
    assert not any("make" in action for action in result["actions"])
    other = probe(requests=20, **{**selected, "client_container": "other"})
    assert other["failed"]
    assert "container other" in other["msg"]
    nobody = probe(**{**selected, "client_selector": "app=nobody"})
    assert "no zone has a ready pod with the labels app=nobody" in nobody["msg"]


def test_nobody_serves(probe: Probe) -> None:
    result = probe(service="nobody")
    assert result["failed"]
    assert f"Service {SPACE}/nobody has no ready endpoint" in result["msg"]


def test_an_image_that_is_not_there_says_so_and_leaves_nothing(space: Environment, probe: Probe, image: str) -> None:
    result = probe(image=image.partition("@")[0] + ":no-such-tag", ready_timeout=8)
    assert "is not ready after 8 s" in result["msg"]
    assert "pull" in result["msg"].lower()
    assert _left(space) == []


def test_who_may_not_run_programs_hears_it(space: Environment, probe: Probe) -> None:
    """Everything but exec is allowed."""
    binding: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "traffic-test"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "traffic-test"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "prober"}],
    }
    resources = ["nodes", "pods", "services", "namespaces", "endpointslices", "networkpolicies", "jobs", "events"]
    role: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "traffic-test"},
        "rules": [{"apiGroups": ["*"], "resources": resources, "verbs": ["*"]}],
    }
    space.cluster.apply(role, binding)
    try:
        result = probe(requests=5, zones=["a"], impersonate_user="prober")
        assert "refused (HTTP 403)" in result["msg"]
        assert "pods/exec" in result["msg"]
        assert _left(space) == []
    finally:
        space.cluster.kubectl("delete", "clusterrole,clusterrolebinding", "traffic-test")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_probe_leaves_nothing(space: Environment, image: str, number: signal.Signals) -> None:
    options = {"kubeconfig": str(space.cluster.kubeconfig), "service": "backend", "namespace": SPACE}
    options.update({"image": image, "requests": 1000, "rate": 10})
    command = [sys.executable, "-m", "ansible_collections.servicemesh.platform.plugins.modules.traffic_probe"]
    text = json.dumps({"ANSIBLE_MODULE_ARGS": options})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        eventually(30, lambda: len(_left(space)) == 3, "the clients are made")
        time.sleep(3)
        process.send_signal(number)
        assert process.stdout is not None
        said = json.loads(process.stdout.read())
    assert said["failed"]
    assert f"interrupted by {number.name}. What it had made is removed" in said["msg"]
    assert _left(space) == []


def test_the_playbook_prints_and_reports(playbooks: Playbooks, space: Environment) -> None:
    right = {"name": "right", "service": "backend", "namespace": SPACE, "expect": {"backend-v1": 1, "backend-v2": 3}}
    run = playbooks.run("traffic", traffic_probes=[right])
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] <= 1
    assert "from zone  backend     in zone  status" in run.output
    again = playbooks.run("traffic", traffic_probes=[right, {**right, "name": "wrong", "expect": {"backend-v2": 1}}])
    assert again.code != 0
    assert "wrong: Service traffic/backend" in again.text
    assert again.recap["demo"]["changed"] == 0


def test_the_playbook_says_what_is_wrong_with_a_probe(playbooks: Playbooks, space: Environment) -> None:
    run = playbooks.run("traffic", traffic_probes=[{"service": "backend", "namespace": SPACE, "protocl": "http"}])
    assert "traffic_probes: protocl is unknown" in run.text
    assert "traffic_probes is empty" in playbooks.run("traffic", traffic_probes=[]).text
