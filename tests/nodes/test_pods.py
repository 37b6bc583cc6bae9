# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one expects of a Kubernetes: pods that run, talk, are looked into, keep things, and are kept apart."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from typing import Any, Iterator

import pytest
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

SPACE = "pods"
ZONES = ("a", "b", "c")
ZONE = "topology.kubernetes.io/zone"


@pytest.fixture(scope="module")
def talking(nodes: Environment) -> Iterator[Environment]:
    """A server and a client in each zone, and a service over the servers."""
    pods = [
        nodes.pod(f"{role}-{zone}", SPACE, command, nodeSelector={ZONE: zone})
        for role, command in (("server", "serve"), ("client", "wait"))
        for zone in ZONES
    ]
    for pod in pods:
        pod["metadata"]["labels"]["role"] = pod["metadata"]["name"].partition("-")[0]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server", "namespace": SPACE},
        "spec": {"selector": {"role": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    nodes.running(SPACE, *pods, service)
    yield nodes
    nodes.remove(SPACE)


def addresses(talking: Environment) -> dict[str, str]:
    pods = talking.get("-n", SPACE, "pods")["items"]
    return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods}


def test_a_second_run_changes_nothing(playbooks: Playbooks, nodes: Environment) -> None:
    run = playbooks.run("site")
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 0
    check = playbooks.run("site", "--check", "--diff")
    assert check.code == 0, check.output
    assert check.recap["demo"]["changed"] == 0
    verified = playbooks.run("verify")
    assert verified.code == 0, verified.output


def test_nodes_are_what_the_inventory_says(nodes: Environment) -> None:
    found = {node["metadata"]["name"]: node for node in nodes.get("nodes")["items"]}
    assert {name: node["metadata"]["labels"][ZONE] for name, node in found.items()} == {
        f"demo-{zone}-1": zone for zone in ZONES
    }
    assert all(
        node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://2.") for node in found.values()
    )
    subnets = {node["status"]["addresses"][0]["address"].rsplit(".", 1)[0] for node in found.values()}
    assert len(subnets) == 3  # a zone is its own subnet


def test_pods_reach_each_other_by_address_service_and_name(talking: Environment) -> None:
    known = addresses(talking)
    service = talking.get("-n", SPACE, "service", "server")["spec"]["clusterIP"]
    for zone in ZONES:
        for other in ZONES:
            assert talking.ask(SPACE, f"client-{zone}", f"http://{known[f'server-{other}']}:8080/") == f"server-{other}"
        assert talking.ask(SPACE, f"client-{zone}", f"http://{service}/").startswith("server-")
        assert talking.ask(SPACE, f"client-{zone}", f"http://server.{SPACE}.svc.cluster.local/").startswith("server-")
    answers = {talking.ask(SPACE, "client-a", "http://server/") for _question in range(30)}
    assert answers == {"server-a", "server-b", "server-c"}


def test_a_pod_reaches_itself_through_its_service(talking: Environment) -> None:
    answers = {talking.ask(SPACE, "server-a", "http://server/") for _question in range(20)}
    assert "server-a" in answers


def test_a_pod_is_looked_into(talking: Environment) -> None:
    assert talking.cluster.kubectl("-n", SPACE, "logs", "server-b").strip() == "serving"
    with subprocess.Popen(
        [
            str(talking.cluster.binary),
            "kubectl",
            "--kubeconfig",
            str(talking.cluster.kubeconfig),
            "-n",
            SPACE,
            "port-forward",
            "pod/server-c",
            ":8080",
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as forward:
        try:
            assert forward.stdout
            port = forward.stdout.readline().split(":")[1].split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                assert answer.read() == b"server-c\n"
        finally:
            forward.terminate()


def test_a_policy_keeps_traffic_out(talking: Environment) -> None:
    """Through the service and directly, on the same node and from another one."""
    server = addresses(talking)["server-a"]

    def answers(client: str) -> bool:
        return talking.ask(SPACE, client, f"http://{server}:8080/") == "server-a"

    policy: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "one-client", "namespace": SPACE},
        "spec": {
            "podSelector": {"matchLabels": {"app": "server-a"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client-b"}}}]}],
        },
    }
    assert answers("client-a")
    assert answers("client-c")
    talking.cluster.apply(policy)
    eventually(10, lambda: not answers("client-a") and not answers("client-c"), "the policy is enforced")
    assert answers("client-b")
    assert talking.ask(SPACE, "client-a", f"http://{addresses(talking)['server-b']}:8080/") == "server-b"
    talking.cluster.kubectl("-n", SPACE, "delete", "networkpolicy", "one-client")
    eventually(10, lambda: answers("client-a") and answers("client-c"), "the policy is gone")


def test_a_policy_keeps_traffic_in(talking: Environment) -> None:
    policy: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "no-way-out", "namespace": SPACE},
        "spec": {"podSelector": {"matchLabels": {"app": "client-a"}}, "policyTypes": ["Egress"], "egress": []},
    }
    url = f"http://{addresses(talking)['server-b']}:8080/"
    talking.cluster.apply(policy)
    eventually(10, lambda: talking.ask(SPACE, "client-a", url) != "server-b", "the policy is enforced")
    assert talking.ask(SPACE, "client-c", url) == "server-b"
    talking.cluster.kubectl("-n", SPACE, "delete", "networkpolicy", "no-way-out")


def test_a_volume_is_made_where_its_pod_is_and_outlives_it(nodes: Environment) -> None:
    space = "volumes"
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": space},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }

    def pod(name: str, *command: str) -> dict[str, Any]:
        made = nodes.pod(
            name, space, *command, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        )
        made["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        return made

    writer = pod("writer", "wait")
    nodes.running(space, claim, writer)
    nodes.cluster.kubectl("-n", space, "exec", "writer", "--", "/probe", "write", "/data/file")
    nodes.cluster.kubectl("-n", space, "delete", "pod", "writer")
    (volume,) = nodes.get("pv")["items"]
    assert volume["spec"]["storageClassName"] == "local"
    place = nodes.cluster.state_dir / "nodes"
    kept = list(place.glob("*/lib/volumes/*/file"))
    assert [path.read_text() for path in kept] == ["kept\n"]
    nodes.cluster.kubectl("-n", space, "delete", "pvc", "data")
    eventually(60, lambda: not kept[0].parent.exists(), "the volume is removed with its claim")
    nodes.remove(space)


def test_a_limit_of_memory_is_kept(nodes: Environment) -> None:
    """The number in the node's cgroup is the one in the pod."""
    space = "limits"
    pod = nodes.pod("small", space, "wait")
    pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": "40Mi", "cpu": "200m"}}
    nodes.running(space, pod)
    uid = nodes.get("-n", space, "pod", "small")["metadata"]["uid"]
    folders = subprocess.run(
        ["find", "/sys/fs/cgroup", "-type", "d", "-name", f"pod{uid}"], capture_output=True, text=True, check=True
    ).stdout.split()
    limits = [
        content
        for folder in folders
        for name in ("memory.limit_in_bytes", "memory.max")
        for content in subprocess.run(
            ["cat", f"{folder}/{name}"], capture_output=True, text=True, check=False
        ).stdout.split()
    ]
    assert limits == [str(40 * 2**20)]
    nodes.remove(space)


def test_usage_is_measured(nodes: Environment) -> None:
    def measured() -> bool:
        return len(nodes.cluster.kubectl("top", "nodes", "--no-headers", check=False).splitlines()) == 3

    eventually(60, measured, "metrics-server tells the usage of the nodes")


def test_kubelets_ask_for_new_certificates_and_get_them(playbooks: Playbooks, nodes: Environment) -> None:
    """A kubelet that lost its serving certificate asks again; the next run lets it have one."""
    folder = nodes.cluster.state_dir / "nodes" / "demo-b-1" / "pki"
    (folder / "kubelet-server-current.pem").unlink()
    spec = folder.parent / "node.json"
    found = subprocess.run(["pgrep", "-f", f"noderun-init {spec}"], capture_output=True, text=True, check=True)
    init = found.stdout.split()[0]
    children = subprocess.run(["pgrep", "-P", init, "-f", "kubelet"], capture_output=True, text=True, check=True)
    subprocess.run(["kill", children.stdout.split()[0]], check=True)  # PID 1 of the node starts it again

    def asked() -> bool:
        requests = nodes.get("csr")["items"]
        return any(not request["status"].get("conditions") for request in requests)

    eventually(30, asked, "the kubelet asks for a serving certificate")
    run = playbooks.run("site")
    assert run.code == 0, run.output
    assert run.recap["demo"]["changed"] == 1
    eventually(30, (folder / "kubelet-server-current.pem").exists, "the kubelet has its certificate")
    time.sleep(1)
    coredns = nodes.get("-n", "kube-system", "pods", "--field-selector", "spec.nodeName=demo-b-1")["items"]
    for pod in coredns:
        nodes.cluster.kubectl("-n", "kube-system", "logs", pod["metadata"]["name"])
