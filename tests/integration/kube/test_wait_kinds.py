# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions of single kinds, as the controllers of Kubernetes really write them."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import WaitFailed, WaitTimeout
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import WaitFor


def storage_class(name: str, mode: str) -> dict[str, Any]:
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return {**kind, "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": mode}


def claim(make: Any, class_name: str) -> dict[str, Any]:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "data", "namespace": make.namespace}
    spec = {**wanted, "storageClassName": class_name}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def volume(name: str, class_name: str) -> dict[str, Any]:
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": class_name,
        "hostPath": {"path": "/nowhere"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def using(make: Any, name: str) -> dict[str, Any]:
    mounted = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
    deployment: dict[str, Any] = make.deployment("db", volumes=mounted)
    return deployment


def test_a_claim_that_waits_for_its_first_consumer(run: Any, make: Any, live: Any) -> None:
    late = make.namespace
    run(storage_class(late, "WaitForFirstConsumer"), claim(make, late), wait=True, wait_timeout=20)
    assert live.get("pvc", "data", "-n", make.namespace)["status"]["phase"] == "Pending"


def test_a_consumer_waits_for_such_a_claim(run: Any, make: Any, live: Any) -> None:
    late = make.namespace
    everything = [storage_class(late, "WaitForFirstConsumer"), claim(make, late), using(make, "data")]
    with pytest.raises(WaitTimeout, match=r"Deployment .*/db: 0 of 1 replicas available.*persistent volume"):
        run(*everything, wait=True, wait_timeout=4)
    run(*everything, volume(late, late), wait=True, wait_timeout=60)
    assert live.get("pvc", "data", "-n", make.namespace)["status"]["phase"] == "Bound"


def test_a_claim_that_is_bound_at_once(run: Any, make: Any, live: Any) -> None:
    name = make.namespace
    with pytest.raises(WaitTimeout, match=r"PersistentVolumeClaim .*/data: phase Pending; event \w+: "):
        run(storage_class(name, "Immediate"), claim(make, name), wait=True, wait_timeout=4)
    run(claim(make, name), volume(name, name), wait=True, wait_timeout=60)
    assert live.get("pvc", "data", "-n", make.namespace)["status"]["phase"] == "Bound"


def test_a_quota_is_counted_against_when_it_is_ready(run: Any, make: Any, live: Any) -> None:
    hard = {"pods": "1k", "requests.cpu": "1500m", "limits.memory": "0.5Gi"}
    metadata = {"name": "q", "namespace": make.namespace}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
    run(quota, wait=True, wait_timeout=30)
    found = live.get("resourcequota", "q", "-n", make.namespace)
    assert found["status"]["hard"] == found["spec"]["hard"]


def scaler(make: Any, target: str) -> dict[str, Any]:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    spec = {"scaleTargetRef": reference, "maxReplicas": 3, "metrics": [{"type": "Resource", "resource": cpu}]}
    metadata = {"name": target, "namespace": make.namespace}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def test_an_autoscaler_needs_its_target_but_no_metrics(run: Any, make: Any, live: Any) -> None:
    """The controller looks at a new one after 15 seconds."""
    with pytest.raises(WaitTimeout) as caught:
        run(make.deployment("web"), scaler(make, "web"), scaler(make, "gone"), wait=True, wait_timeout=22)
    lost = f'HorizontalPodAutoscaler {make.namespace}/gone: AbleToScale=False: .* "gone" not found'
    assert re.search(rf"\(1 of 3\):\n{lost}", str(caught.value))
    conditions = live.get("hpa", "web", "-n", make.namespace)["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions} == {"AbleToScale": "True", "ScalingActive": "False"}


def policy(name: str, expression: str) -> dict[str, Any]:
    rules = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": expression}]}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def test_a_policy_that_is_asked_after(run: Any, make: Any) -> None:
    wish = WaitFor("ValidatingAdmissionPolicy")
    good, bad = policy(make.namespace, "object.spec.replicas < 9"), policy(make.namespace, "object.spec.nonsense < 9")
    run(good, wait=True, wait_for=[wish], wait_timeout=60)
    with pytest.raises(WaitFailed, match="ValidatingAdmissionPolicy"):
        run(bad, wait=True, wait_for=[wish], wait_timeout=60)
    run(bad, wait=True)
    run(good, absent=True)


def test_nodes_that_are_asked_after(run: Any, make: Any, cluster: Any) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "zone-a-1", "labels": {"x": make.namespace}}}
    run(node, wait=True, wait_for=[WaitFor("Node")], wait_timeout=30)
    run(fragments=[{**node, "metadata": {"name": "zone-a-1"}}])


def test_a_custom_resource_that_keeps_to_the_custom(run: Any, make: Any, make_crd: Any, cluster: Any) -> None:
    metadata = {"name": "g", "namespace": make.namespace}
    gadget = {"apiVersion": "wait.example.com/v1", "kind": "Gadget", "metadata": metadata, "spec": {"size": 1}}
    crd = make_crd("gadgets", "Gadget", "wait.example.com")
    crd["spec"]["versions"][0]["subresources"] = {"status": {}}
    wish = [WaitFor("Gadget")]

    def report(generation: int, *conditions: dict[str, str]) -> None:
        status = json.dumps({"status": {"observedGeneration": generation, "conditions": conditions}})
        flags = ["-n", make.namespace, "--subresource=status", "--type=merge", "-p", status]
        cluster.kubectl("patch", "gadget.wait.example.com", "g", *flags)

    run(crd, gadget, wait=True)  # unasked it is not waited for
    with pytest.raises(WaitTimeout, match="it has no condition Ready, which is what wait_for waits for"):
        run(gadget, wait=True, wait_for=wish, wait_timeout=2)
    report(1, {"type": "Ready", "status": "True"})
    run(gadget, wait=True, wait_for=wish, wait_timeout=20)

    gadget["spec"] = {"size": 2}
    with pytest.raises(WaitTimeout):
        run(gadget, wait=True, wait_for=wish, wait_timeout=2)

    def stall() -> None:
        time.sleep(1)
        report(
            2, {"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True", "message": "no such size"}
        )

    thread = threading.Thread(target=stall)
    thread.start()
    with pytest.raises(WaitFailed, match="Stalled=True: no such size"):
        run(gadget, wait=True, wait_for=wish, wait_timeout=20)
    thread.join()
    run(crd, absent=True, remove_with_content=["CustomResourceDefinition/gadgets.wait.example.com"])


def test_a_service_that_is_asked_after(run: Any, make: Any, cluster: Any) -> None:
    metadata = {"name": "front", "namespace": make.namespace}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    run(service, wait=True, wait_timeout=10)  # unasked it is not waited for: nobody here hands out addresses
    with pytest.raises(WaitTimeout, match=r"Service .*/front"):
        run(service, wait=True, wait_for=[WaitFor("Service")], wait_timeout=2)
    status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    flags = ["-n", make.namespace, "--subresource=status", "--type=merge", "-p", status]
    cluster.kubectl("patch", "service", "front", *flags)
    run(service, wait=True, wait_for=[WaitFor("Service")], wait_timeout=20)
