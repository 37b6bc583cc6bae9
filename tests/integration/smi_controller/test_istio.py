# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller for Istio, with Istio's own CRDs: what denies by default stays when a target becomes illegal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi.go_modules import files_of
from ansible_collections.servicemesh.platform.tests.integration.smi.test_translation import HERE
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import services, split
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Stage, eventually

ACCOUNT = {"kind": "ServiceAccount", "name": "web"}


@pytest.fixture
def istio(stage: Stage) -> Iterator[Stage]:
    """A controller that translates for Istio, and nothing that refuses objects before it sees them."""
    crds = files_of(HERE / "istio-api", "istio.io/api") / "kubernetes" / "customresourcedefinitions.gen.yaml"
    stage.cluster.kubectl("apply", "--server-side", "-f", str(crds))
    started = stage.controller("--mesh=istio", "--trust-domain=example.org").start()
    yield stage
    started.end()
    stage.cluster.kubectl("delete", "--wait=false", "-f", str(crds))


def target(namespace: str, **changes: Any) -> dict[str, Any]:
    account = {**ACCOUNT, "namespace": namespace}
    return {
        "apiVersion": "access.smi-spec.io/v1alpha3",
        "kind": "TrafficTarget",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "destination": account,
            "sources": [{**account, "name": "client"}],
            "rules": [{"kind": "TCPRoute", "name": "all"}],
            **changes,
        },
    }


def workload(namespace: str) -> list[dict[str, Any]]:
    metadata = {"namespace": namespace, "name": "web"}
    pod = {"serviceAccountName": "web", "containers": [{"name": "web", "image": "example.org/web"}]}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "name": "client"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": {"app": "web"}}, "spec": pod},
        {
            "apiVersion": "specs.smi-spec.io/v1alpha4",
            "kind": "TCPRoute",
            "metadata": {"name": "all", "namespace": namespace},
            "spec": {"matches": {}},
        },
    ]


def policies(stage: Stage, namespace: str) -> list[str]:
    found = stage.items("authorizationpolicies.security.istio.io", "-n", namespace)
    return sorted(each["metadata"]["name"] for each in found)


def test_splits_and_targets_become_objects_of_istio(istio: Stage, namespace: str) -> None:
    istio.cluster.apply(*services("cart", namespace, "a"), split("cart", namespace, a=1))
    istio.cluster.apply(*workload(namespace), target(namespace))
    eventually(lambda: istio.items("virtualservices", "-n", namespace), "the split is translated")
    eventually(lambda: policies(istio, namespace) == ["smi-deny-by-default", "web"], "the target is translated")
    found = istio.get("authorizationpolicies.security.istio.io", "web", "-n", namespace)
    (source,) = found["spec"]["rules"][0]["from"]
    assert source["source"]["principals"] == [f"example.org/ns/{namespace}/sa/client"]
    # Its destination is elsewhere now, which is illegal. What was in force stays so: above all what denies.
    wrong = target(namespace, destination={**ACCOUNT, "namespace": "elsewhere"})
    istio.cluster.apply(wrong)
    eventually(
        lambda: [each for each in istio.items("events", "-n", namespace) if each["reason"] == "Refused"],
        "the refusal is told",
    )
    assert policies(istio, namespace) == ["smi-deny-by-default", "web"]
    istio.cluster.kubectl("delete", "traffictargets.access.smi-spec.io", "web", "-n", namespace)
    eventually(lambda: policies(istio, namespace) == [], "without a target nothing is denied")
