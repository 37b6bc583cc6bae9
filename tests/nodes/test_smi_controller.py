# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMI controller on real nodes: from its image to pods in two zones that convert, refuse and translate."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import services, split, weights
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run
from kubernetes.utils.quantity import parse_quantity

SPACE, SHOP = "smi-system", "shop"
ZONE = "topology.kubernetes.io/zone"
COMPONENTS = "crds,smi_controller"
MODULE = b"ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller"


def site(playbooks: Playbooks, **extra: Any) -> Run:
    """A run of site for the CRDs and the controller that goes well."""
    run = playbooks.run("site", site_components=COMPONENTS, **extra)
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def shop(playbooks: Playbooks, nodes: Environment) -> Iterator[Environment]:
    """An environment with the controller, and a namespace with a split."""
    site(playbooks)
    nodes.cluster.kubectl("create", "namespace", SHOP)
    nodes.cluster.apply(*services("backend", SHOP, "v1", "v2"))
    yield nodes
    nodes.remove(SHOP)
    playbooks.run("teardown", site_components="smi_controller")


def pods(shop: Environment) -> list[Any]:
    """The pods of the controller that stay."""
    found = shop.get("-n", SPACE, "pods", "-l", "app=smi-controller")["items"]
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def shares(shop: Environment) -> list[tuple[str, int]]:
    """The backends of the route; nothing when there is none."""
    found = shop.get("-n", SHOP, "httproutes", "--field-selector=metadata.name=backend-8080")["items"]
    return weights(found[0]) if found else []


@contextmanager
def reading(shop: Environment) -> Iterator[list[str]]:
    """Read an object in another version than the stored one all the time; gives what went wrong meanwhile."""
    failures: list[str] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            told = shop.cluster.kubectl(
                "get", "trafficsplits.v1alpha1.split.smi-spec.io", "-n", SHOP, "-o", "name", check=False
            )
            if "trafficsplit" not in told:
                failures.append(told)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield failures
    finally:
        over.set()
        reader.join()


def test_what_the_article_applies_is_carried_out(shop: Environment) -> None:
    shop.cluster.apply(split("backend", SHOP, v1=80, v2=20))
    took = eventually(10, lambda: bool(shares(shop)), "the route is there")
    assert took < 2  # each look costs a process; docs/controller.md has the time without
    assert shares(shop) == [("backend-v1", 80), ("backend-v2", 20)]
    for version in ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"):
        read = shop.get("-n", SHOP, f"trafficsplits.{version}.split.smi-spec.io", "backend")
        assert [str(each["weight"]) for each in read["spec"]["backends"]] == ["80", "20"]


def test_both_replicas_run_in_zones_of_their_own_without_rights_that_they_do_not_need(shop: Environment) -> None:
    places = {node["metadata"]["name"]: node["metadata"]["labels"][ZONE] for node in shop.get("nodes")["items"]}
    found = pods(shop)
    assert len({places[pod["spec"]["nodeName"]] for pod in found}) == len(found) == 2
    for pod in found:
        status = pod["status"]["containerStatuses"][0]
        assert status["user"]["linux"]["uid"] == 65532
    account = f"--as=system:serviceaccount:{SPACE}:smi-controller"
    for verb, kind in (("get", "secrets"), ("create", "pods"), ("delete", "trafficsplits.split.smi-spec.io")):
        told = shop.cluster.kubectl("auth", "can-i", verb, kind, "-n", SHOP, account, check=False)
        assert told.startswith("no"), (verb, kind)


def test_a_second_run_changes_nothing(playbooks: Playbooks, shop: Environment) -> None:
    assert site(playbooks).recap["demo"]["changed"] == 0


def test_what_is_illegal_is_refused_with_its_reason(shop: Environment) -> None:
    illegal = split("wrong", SHOP, "v1alpha4", a=-1)
    told = shop.cluster.kubectl("apply", "-f", "-", check=False, stdin=json.dumps(illegal))
    assert "weight" in told
    assert "-1" in told
    second = split("second", SHOP, "v1alpha4", service="backend", v1=1)
    told = shop.cluster.kubectl("apply", "-f", "-", check=False, stdin=json.dumps(second))
    assert "splits the traffic of backend too" in told


def test_the_metrics_api_tells_of_requests_that_prometheus_has_scraped(shop: Environment) -> None:
    server = shop.pod("cart", SHOP, "serve")
    server["metadata"]["annotations"] = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    template = {"metadata": {key: server["metadata"][key] for key in ("labels", "annotations")}}
    del server["spec"]["terminationGracePeriodSeconds"]
    cart: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": SHOP},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {**template, "spec": server["spec"]}},
    }
    shop.running(SHOP, cart, *services("cart", SHOP), shop.pod("customer", SHOP, "load", f"http://cart.{SHOP}:8080/"))
    path = f"/apis/metrics.smi-spec.io/v1alpha1/namespaces/{SHOP}/deployments/cart"

    def successes() -> float:
        told = shop.cluster.kubectl("get", "--raw", path, check=False)
        if not told.startswith("{"):
            return 0
        counts = {each["name"]: each["value"] for each in json.loads(told)["metrics"]}
        return float(parse_quantity(counts["success_count"]))

    eventually(60, lambda: successes() > 10, "the metrics API tells of the requests")


def test_a_replica_that_is_taken_away_is_not_missed(shop: Environment) -> None:
    (first, *_others) = pods(shop)
    with reading(shop) as failures:
        shop.cluster.kubectl("delete", "pod", "-n", SPACE, first["metadata"]["name"], "--wait")
        shop.cluster.kubectl("rollout", "status", "-n", SPACE, "deployment/smi-controller", "--timeout=60s")
    assert failures == []


def test_a_replica_that_dies_comes_back_and_changes_arrive(shop: Environment) -> None:
    os.kill(_programs()[0], signal.SIGKILL)
    eventually(60, lambda: _changed(shop, 7), "a change is taken")
    eventually(60, lambda: shares(shop) == [("backend-v1", 7), ("backend-v2", 20)], "the change arrives")
    shop.cluster.kubectl("rollout", "status", "-n", SPACE, "deployment/smi-controller", "--timeout=60s")


def _changed(shop: Environment, weight: int) -> bool:
    wanted = split("backend", SHOP, v1=weight, v2=20)
    told = shop.cluster.kubectl("apply", "--server-side", "-f", "-", check=False, stdin=json.dumps(wanted))
    return "serverside-applied" in told


def _programs() -> list[int]:
    """The processes of the controllers on this machine."""
    found = []
    for folder in os.listdir("/proc"):
        if folder.isdigit():
            try:
                with open(f"/proc/{folder}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if MODULE in words and b"--kubeconfig" not in b" ".join(words):
                found.append(int(folder))
    return found


@pytest.mark.slow
def test_certificates_are_renewed_without_a_failed_call(playbooks: Playbooks, shop: Environment) -> None:
    before = shop.get("-n", SPACE, "secret", "smi-controller-tls")["data"]["tls.crt"]
    with reading(shop) as failures:
        site(playbooks, smi_controller_renew_certificates=True)
        eventually(150, lambda: _has_new_certificate(shop), "every replica has the new certificate")
    assert failures == []
    assert shop.get("-n", SPACE, "secret", "smi-controller-tls")["data"]["tls.crt"] != before


def _has_new_certificate(shop: Environment) -> bool:
    names = [pod["metadata"]["name"] for pod in pods(shop)]
    logs = [shop.cluster.kubectl("logs", "-n", SPACE, name) for name in names]
    return all("new connections get the new certificate" in log for log in logs)


def test_without_any_replica_the_stored_version_and_the_policies_go_on(playbooks: Playbooks, shop: Environment) -> None:
    shop.cluster.apply(split("kept", SHOP, "v1alpha4", v1=1))
    shop.cluster.kubectl("scale", "-n", SPACE, "deployment/smi-controller", "--replicas=0")
    eventually(60, lambda: not _programs(), "no replica runs")
    assert shop.get("-n", SHOP, "trafficsplits.v1alpha4.split.smi-spec.io", "kept")
    # A list may come from the cache of the API server, converted before; a single object does not.
    told = shop.cluster.kubectl("get", "trafficsplits.v1alpha2.split.smi-spec.io", "kept", "-n", SHOP, check=False)
    assert "conversion webhook" in told
    told = shop.cluster.kubectl(
        "apply", "-f", "-", check=False, stdin=json.dumps(split("wrong", SHOP, "v1alpha4", v1=1, v2=-1))
    )
    assert "weight" in told
    site(playbooks)
    assert shop.get("-n", SHOP, "trafficsplits.v1alpha2.split.smi-spec.io", "kept")
