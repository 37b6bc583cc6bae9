# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to see when something that the metrics API needs is away, and when it is away itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.clients import Direct
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.conftest import API, PROGRAM, Api
from ansible_collections.servicemesh.platform.tests.integration.smi_metrics.test_access import AS_MASTER, issuer
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.smi_controller import eventually, free_port

PASSWORD = "not-to-be-shown"


@pytest.fixture(scope="module")
def blind(cluster: Cluster, folder: Path) -> Iterator[Api]:
    """The metrics API with a Prometheus that is not there."""
    made = Api(cluster, folder, f"http://reader:{PASSWORD}@127.0.0.1:{free_port()}", "istio")
    try:
        yield made.start()
    finally:
        made.remove()


def test_without_prometheus_the_reason_is_told_and_no_password(blind: Api) -> None:
    refused = blind.refused("/namespaces/shop/pods")
    assert "ServiceUnavailable" in refused
    assert "Prometheus at http://127.0.0.1:" in refused
    assert "gives no metrics: connection refused" in refused
    assert PASSWORD not in refused + blind.server.log()
    # It stays available: an APIService that is not would stall the deletion of every namespace.
    assert blind.available()[0] == "True"
    assert blind.server.metric("smi_metrics_prometheus_query_duration_seconds_count") >= 4


def test_what_a_profile_cannot_tell_is_not_offered(blind: Api) -> None:
    listed = json.loads(blind.cluster.kubectl("get", "--raw", API))
    names = [each["name"] for each in listed["resources"]]
    assert names == ["deployments", "deployments/edges", "namespaces", "namespaces/edges", "pods"]
    assert "do not tell between which pods" in blind.refused("/namespaces/shop/pods/web-1/edges")
    assert "there are no metrics of daemonsets with --profile istio" in blind.refused("/daemonsets")


def test_a_dead_api_stalls_the_deletion_of_namespaces_until_it_is_back_or_gone(blind: Api) -> None:
    kubectl = blind.cluster.kubectl
    blind.server.end()
    blind.until_available("False")
    assert "ServiceUnavailable" in blind.refused("/pods")
    kubectl("create", "namespace", "doomed")
    kubectl("delete", "namespace", "doomed", "--wait=false")

    def condition() -> str:
        found = json.loads(kubectl("get", "namespace", "doomed", "-o", "json"))
        conditions = {each["type"]: each for each in found["status"].get("conditions", [])}
        return str(conditions.get("NamespaceDeletionDiscoveryFailure", {}).get("message", ""))

    eventually(lambda: "metrics.smi-spec.io/v1alpha1" in condition(), "the namespace tells what it waits for", 30)
    blind.server.start()
    blind.until_available("True")
    eventually(lambda: "NotFound" in kubectl("get", "namespace", "doomed", check=False), "the namespace is gone", 60)


def test_without_the_api_server_it_waits_and_says_for_what(cluster: Cluster, folder: Path) -> None:
    kubeconfig = folder / "elsewhere"
    kubeconfig.touch(0o600)
    text = cluster.kubeconfig.read_text(encoding="utf-8")
    kubeconfig.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{free_port()}", text), encoding="utf-8")
    command = [sys.executable, "-m", PROGRAM, f"--kubeconfig={kubeconfig}", "--prometheus=http://127.0.0.1:9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr
        line = json.loads(started.stderr.readline())
        started.kill()
    assert line["level"] == "warning"
    assert line["message"].startswith("waiting for the API server: The API server https://127.0.0.1:")
    assert "cannot be reached: connection refused" in line["message"]


def test_a_long_connection_outlives_a_new_certificate(blind: Api, folder: Path) -> None:
    certificate = issuer(blind.cluster).client(folder, pki.FRONT_PROXY_USER)
    kept = Direct(blind.server.port, blind.authority.pem, certificate)
    assert kept.get(API, AS_MASTER)[0] == 200
    blind.authority.write(folder / "certificates", ["smi-metrics.smi-metrics-tests.svc"])
    eventually(lambda: "new connections get the new certificate" in blind.server.log(), "it has the new one", 10)
    assert kept.get(API, AS_MASTER)[0] == 200
    assert Direct(blind.server.port, blind.authority.pem, certificate).get(API, AS_MASTER)[0] == 200
    assert json.loads(blind.cluster.kubectl("get", "--raw", API))["kind"] == "APIResourceList"
