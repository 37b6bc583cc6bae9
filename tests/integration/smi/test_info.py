# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster has of SMI: on a real API server, with a Deployment that looks like Flagger's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import installation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import TRAFFIC_SPLIT
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.plugins.modules.smi_info import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

WEBHOOK = {"url": "https://convert.example.com/convert"}


def deployment(image: str, *args: str) -> dict[str, Any]:
    labels = {"app": "consumer"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": image, "args": [*args]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "consumer", "namespace": "default"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


@pytest.mark.usefixtures("server")
def test_a_cluster(cluster: Any) -> None:
    spec = {"service": "a", "backends": [{"service": "b", "weight": 1}]}
    metadata = {"name": "a", "namespace": "default"}
    cluster.apply(
        {"apiVersion": "split.smi-spec.io/v1alpha4", "kind": "TrafficSplit", "metadata": metadata, "spec": spec},
        deployment("ghcr.io/fluxcd/flagger:1.44.0", "-mesh-provider=smi:v1alpha1"),
    )
    try:
        result = call(INTERFACE, {"kubeconfig": str(cluster.kubeconfig)}, True, False)
    finally:
        cluster.kubectl("delete", "deployment/consumer", "trafficsplits.split.smi-spec.io/a", "-n", "default")
    kinds = {each["kind"]: each for each in result["kinds"]}
    assert len(kinds) == 5
    assert (kinds["TrafficSplit"]["objects"], kinds["TrafficSplit"]["storage"]) == (1, "v1alpha4")
    assert kinds["HTTPRouteGroup"]["headers"] == "list"
    assert result["consumers"] == ["flagger:smi:v1alpha1"]
    (missing,) = [each for each in result["findings"] if each["id"] == "smi-info-not-served"]
    assert missing["message"].startswith("v1alpha1 is not served")
    assert (result["severity"], result["changed"]) == ("error", False)


def ids(*definitions: dict[str, Any]) -> list[str]:
    return [each.id for each in installation.findings(installation.installed(definitions), [], definitions)]


def split_crd(**changes: Any) -> dict[str, Any]:
    (made,) = crds({"split": ["v1alpha1", "v1alpha4"]}, conversion=WEBHOOK)
    return {**made, **changes, "spec": {**made["spec"], **changes.get("spec", {})}}


def test_what_does_not_go_together() -> None:
    assert ids(split_crd()) == []
    assert ids(split_crd(spec={"conversion": {"strategy": "None"}})) == ["smi-info-no-conversion"]
    assert ids(split_crd(status={"storedVersions": ["v1alpha1", "v1alpha4"]})) == ["smi-info-stored"]
    versions = [{**each, "storage": each["name"] == "v1alpha1"} for each in split_crd()["spec"]["versions"]]
    assert ids(split_crd(spec={"versions": versions})) == ["smi-info-storage"]
    nginx = {"metadata": {"name": "transportservers.k8s.nginx.org"}, "spec": {"names": {"shortNames": ["ts"]}}}
    assert ids(split_crd(), nginx) == ["smi-info-short-name"]


@pytest.mark.parametrize(
    ("image", "args", "expected"),
    [
        ("ghcr.io/linkerd/smi-adaptor:v0.2.7", (), ["linkerd-smi"]),
        ("flagger:1", ("-mesh-provider=linkerd",), ["flagger:linkerd"]),
        ("flagger:1", ("-mesh-provider=istio",), []),
        ("quay.io/argoproj/argo-rollouts:v1", (), ["argo-rollouts"]),
        ("quay.io/argoproj/argo-rollouts:v1", ("--traffic-split-api-version=v1alpha3",), ["argo-rollouts:v1alpha3"]),
        ("nginx:1", (), []),
    ],
)
def test_consumers_by_their_images(image: str, args: tuple[str, ...], expected: list[str]) -> None:
    assert installation.consumers([deployment(image, *args)]) == expected


def test_the_kind_is_that_of_the_catalogue() -> None:
    (found,) = installation.installed([split_crd()])
    assert found.kind is TRAFFIC_SPLIT
