# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role autoscaling under a real load, as metrics-server measures it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

SPACE = "load"
WORKLOAD = {"name": "server", "namespace": SPACE, "selector": {"app": "server"}, "min_replicas": 3, "max_replicas": 10}
ZONE = "topology.kubernetes.io/zone"


def per_zone(nodes: Environment) -> Counter[str]:
    """The ready pods of the workload by zone."""
    zones = {node["metadata"]["name"]: node["metadata"]["labels"][ZONE] for node in nodes.get("nodes")["items"]}
    pods = nodes.get("-n", SPACE, "pods", "-l", "app=server")["items"]
    ready = [
        pod
        for pod in pods
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
        and "deletionTimestamp" not in pod["metadata"]
    ]
    return Counter(zones[pod["spec"]["nodeName"]] for pod in ready)


@pytest.fixture
def workload(nodes: Environment, playbooks: Playbooks) -> Any:
    pod = nodes.pod("server", SPACE, "serve")
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "50m", "memory": "16Mi"}}
    metadata = {"name": "server", "namespace": SPACE}
    template = {"metadata": {"labels": {"app": "server"}}, "spec": pod["spec"]}
    selector = {"matchLabels": {"app": "server"}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"selector": selector, "template": template},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    nodes.running(SPACE, deployment, service)
    components = {"site_components": ["autoscaling"], "autoscaling_workloads": [WORKLOAD]}
    run = playbooks.run("site", **components)
    assert run.code == 0, run.output
    yield nodes
    nodes.remove(SPACE)


def test_replicas_follow_the_load_and_stay_spread(workload: Environment) -> None:
    def replicas() -> int:
        return sum(per_zone(workload).values())

    def spread() -> bool:
        zones = per_zone(workload)
        return len(zones) == 3 and max(zones.values()) - min(zones.values()) <= 1

    eventually(60, lambda: replicas() == 3 and spread(), "one replica in each zone")
    # Kubernetes waits five minutes before it takes replicas away; a test need not.
    quick = '{"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}}}'
    workload.cluster.kubectl("-n", SPACE, "patch", "hpa", "server", "--type=merge", "-p", quick)
    workload.cluster.apply(workload.pod("client", SPACE, "load", "http://server/burn?ms=20"))
    eventually(180, lambda: replicas() == 10, "the load raises the replicas to the limit")
    assert spread()
    workload.cluster.kubectl("-n", SPACE, "delete", "pod", "client", "--now")
    eventually(180, lambda: replicas() == 3, "without the load the replicas go back")
    assert len(per_zone(workload)) >= 2  # who is taken away first is not for the spread to say
