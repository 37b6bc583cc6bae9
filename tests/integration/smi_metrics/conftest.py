# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known traffic between pods, a Prometheus that has scraped it, and the metrics API behind a real API server."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.tests.support.authority import Authority
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.prometheus import Pod, Prometheus, running
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, eventually, free_port

PROGRAM = "ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics"
NAMESPACE = "smi-metrics-tests"
SERVICE = "smi-metrics"
API = "/apis/metrics.smi-spec.io/v1alpha1"
API_SERVICE = "v1alpha1.metrics.smi-spec.io"
SCRAPES = 8.0
"""Seconds of scraping before and after the traffic: what Prometheus extrapolates is little then."""


@dataclass
class Traffic:
    """Who asked whom, and the Prometheus that knows of it."""

    prometheus: Prometheus
    web: list[Pod]
    cart: Pod
    pay: Pod
    idle: Pod


@pytest.fixture(scope="session")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    """60 requests from two pods of web to cart, 10 of which fail; 40 from cart to pay, 4 of which are slow.

    20 come to web from outside. The pod idle is asked by nobody.
    """
    web = [Pod("shop", "web", "web-1"), Pod("shop", "web", "web-2")]
    cart, pay, idle = Pod("shop", "cart", "cart-1"), Pod("bank", "pay", "pay-1"), Pod("shop", "idle", "idle-1")
    for each in web:
        each.expect(None, 200)
        cart.expect(each, 200, 503)
    pay.expect(cart, 200)
    idle.expect(None, 200)
    with running(tmp_path_factory.mktemp("prometheus"), [*web, cart, pay, idle]) as prometheus:
        time.sleep(SCRAPES)
        with ThreadPoolExecutor(4) as pool:
            for number in range(60):
                pool.submit(web[number % 2].ask, cart, 503 if number % 6 == 0 else 200, 15)
            for number in range(40):
                pool.submit(cart.ask, pay, 200, 150 if number % 10 == 0 else 15)
            for number in range(20):
                pool.submit(web[number % 2].be_asked)
        time.sleep(SCRAPES)
        yield Traffic(prometheus, web, cart, pay, idle)


def least_rights(cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig of a ServiceAccount that has the two bindings of docs/smi-metrics.md, and no other right."""
    rbac = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": SERVICE, "namespace": NAMESPACE}
    delegator = {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:auth-delegator"}
    reader = {"apiGroup": rbac, "kind": "Role", "name": "extension-apiserver-authentication-reader"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SERVICE, "namespace": NAMESPACE}},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAMESPACE},
            "roleRef": delegator,
            "subjects": [account],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": NAMESPACE, "namespace": "kube-system"},
            "roleRef": reader,
            "subjects": [account],
        },
    )
    content = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    token = cluster.kubectl("create", "token", SERVICE, "-n", NAMESPACE).strip()
    for user in content["users"]:
        user["user"] = {"token": token}
    file = folder / "kubeconfig"
    file.touch(0o600)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


class Api:
    """The metrics API as a local process, and the objects that lead the API server to it."""

    def __init__(self, cluster: Cluster, folder: Path, prometheus: str, profile: str = "http", *options: str) -> None:
        self.cluster = cluster
        self.authority = Authority("metrics")
        self.authority.write(folder / "certificates", [f"{SERVICE}.{NAMESPACE}.svc"])
        self.kubeconfig = least_rights(cluster, folder)
        self.server = Controller(
            self.kubeconfig,
            folder,
            free_port(),
            f"--prometheus={prometheus}",
            f"--profile={profile}",
            "--window=1h",
            *options,
            program=PROGRAM,
        )

    def start(self) -> Api:
        """Start it and register it."""
        self.server.start()
        self.register()
        return self

    def register(self) -> None:
        """Have the API server ask it."""
        self.cluster.apply(*self.objects())
        self.until_available("True")

    def remove(self) -> None:
        """End it; nothing leads to it any more."""
        self.cluster.kubectl("delete", "apiservice", API_SERVICE, "--ignore-not-found")
        self.cluster.kubectl("delete", "clusterrolebinding", NAMESPACE)
        self.cluster.kubectl("delete", "rolebinding", NAMESPACE, "-n", "kube-system")
        self.cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait")
        self.server.end()

    def objects(self) -> list[dict[str, Any]]:
        """The APIService, and the Service behind it."""
        bundle = base64.b64encode(self.authority.pem.encode()).decode()
        service = {"name": SERVICE, "namespace": NAMESPACE, "port": self.server.port}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": SERVICE, "namespace": NAMESPACE},
                "spec": {"type": "ExternalName", "externalName": "localhost"},
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": API_SERVICE},
                "spec": {
                    "group": "metrics.smi-spec.io",
                    "version": "v1alpha1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "caBundle": bundle,
                    "service": service,
                },
            },
        ]

    def get(self, path: str, *options: str) -> Any:
        """What the API server gives for a path below the version."""
        return json.loads(self.cluster.kubectl("get", "--raw", f"{API}{path}", *options))

    def refused(self, path: str, *options: str) -> str:
        """Why the API server gives nothing for a path below the version."""
        return self.cluster.kubectl("get", "--raw", f"{API}{path}", *options, check=False)

    def available(self) -> tuple[str, str]:
        """The status and the message of the condition Available of the APIService."""
        found = json.loads(self.cluster.kubectl("get", "apiservice", API_SERVICE, "-o", "json"))
        conditions = found.get("status", {}).get("conditions", [])
        return next(((each["status"], each["message"]) for each in conditions if each["type"] == "Available"), ("", ""))

    def until_available(self, status: str) -> float:
        """Wait for the status of that condition; the seconds that it took."""
        try:
            return eventually(lambda: self.available()[0] == status, f"Available is {status}", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.available()}:\n{self.server.log()}") from error


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for certificates and logs."""
    return tmp_path_factory.mktemp("smi-metrics")


@pytest.fixture(scope="module")
def api(cluster: Cluster, folder: Path, traffic: Traffic) -> Iterator[Api]:
    """The metrics API over what applications tell themselves."""
    made = Api(cluster, folder, traffic.prometheus.url)
    try:
        yield made.start()
    finally:
        made.remove()
