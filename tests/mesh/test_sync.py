# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh_sync on a real mesh: proxies that are in step, that reject, that do not answer and that nobody knows."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.modules.mesh_sync import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.mesh.conftest import SHOP
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, Object, eventually

SYNC = "sync"
LOOKER = "looker"


@pytest.fixture(scope="module")
def own(mesh: Environment) -> Iterator[Environment]:
    """The mesh, with two proxies in a namespace of their own."""
    labels = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": "privileged"}
    mesh.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYNC, "labels": labels}})
    mesh.cluster.apply(mesh.pod("first", SYNC, "serve"), mesh.pod("second", SYNC, "serve"))
    mesh.cluster.kubectl("-n", SYNC, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    yield mesh
    mesh.remove(SYNC)


def sync(mesh: Environment, **options: Any) -> dict[str, Any]:
    """The answer of the module for the namespace of these tests."""
    arguments = {"kubeconfig": str(mesh.cluster.kubeconfig), "namespaces": [SYNC], **options}
    return call(INTERFACE, arguments, check_mode=False, diff=False)


def found(answer: dict[str, Any], identifier: str) -> list[dict[str, str]]:
    return [each for each in answer["findings"] if each["id"] == identifier]


def states(answer: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["state"] for each in answer["proxies"]}


def broken() -> Object:
    """A listener that Envoy does not take: its filter lacks what it needs."""
    proxy = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    filters = [{"name": "broken", "typed_config": {"@type": proxy, "stat_prefix": "broken"}}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 19999}}
    value = {"name": "broken", "address": address, "filter_chains": [{"filters": filters}]}
    patch = {
        "applyTo": "LISTENER",
        "match": {"context": "SIDECAR_OUTBOUND"},
        "patch": {"operation": "ADD", "value": value},
    }
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "broken", "namespace": SYNC},
        "spec": {"configPatches": [patch]},
    }


def service(name: str) -> Object:
    """A Service, which all proxies hear of."""
    spec = {"selector": {"app": "first"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SYNC}, "spec": spec}


@contextmanager
def stopped(mesh: Environment, pod: str) -> Iterator[None]:
    """The Envoy of a pod, which is a process of this machine, does nothing for a while."""
    uid = mesh.get("-n", SYNC, "pod", pod)["metadata"]["uid"]
    (pid,) = [
        int(each.parent.name)
        for each in Path("/proc").glob("[0-9]*/cgroup")
        if _text(each).find(uid) >= 0 and _text(each.parent / "comm").strip() == "envoy"
    ]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""


def test_proxies_are_in_step_after_a_change(own: Environment) -> None:
    own.cluster.apply(service("added"))
    answer = sync(own, wait=True)
    assert answer["in_step"], answer
    assert answer["changed"] is False
    assert states(answer) == {"first": "in step", "second": "in step"}
    assert [each["severity"] for each in answer["findings"]] == ["ok"]
    for proxy in answer["proxies"]:
        assert {"CDS", "LDS", "EDS", "RDS"} <= set(proxy["types"])
        assert proxy["revision"] == proxy["wanted_revision"] == "default"
        assert proxy["version"].partition(".")[0] == proxy["istiod_version"].partition(".")[0] == "1"
        assert proxy["certificate_ends"] > "2026"


def test_the_whole_mesh_is_looked_at_without_namespaces(own: Environment) -> None:
    answer = sync(own, namespaces=[], wait=True)
    assert answer["in_step"], answer["table"]
    assert {SHOP, SYNC} <= {each["namespace"] for each in answer["proxies"]}
    assert len(answer["istiods"]) >= 3
    assert {each["problem"] for each in answer["istiods"]} == {""}


def test_what_proxies_reject_is_told_with_the_reason_until_it_is_gone(own: Environment) -> None:
    own.cluster.apply(broken())
    eventually(30, lambda: set(states(sync(own)).values()) == {"rejected"}, "both proxies reject it")
    answer = sync(own)
    (rejected,) = found(answer, "mesh-proxy-rejected")
    assert rejected["severity"] == "error"
    assert rejected["subject"] == f"Proxies {SYNC}/first, {SYNC}/second"
    assert 'rejects LDS: Error adding/updating listener(s) broken: stat_prefix: "broken"' in rejected["message"]
    assert "reason: is required" in rejected["message"]
    own.cluster.kubectl("-n", SYNC, "delete", "envoyfilter", "broken")
    assert sync(own, wait=True)["in_step"]


def test_a_proxy_that_does_not_acknowledge_is_stale(own: Environment) -> None:
    with stopped(own, "first"):
        own.cluster.apply(service("unheard"))
        answer: dict[str, Any] = {}

        def is_stale() -> bool:
            answer.update(sync(own, stale_after=2, certificates=False))
            return states(answer)["first"] == "stale"

        # Later its agent gives up the connection, and it is unknown.
        eventually(15, is_stale, "its changes are too old")
        assert states(answer)["second"] == "in step"
        (stale,) = found(answer, "mesh-proxy-stale")
        assert stale["subject"] == f"Proxy {SYNC}/first"
        assert "CDS" in stale["message"]
        eventually(60, lambda: states(sync(own, certificates=False))["first"] == "unknown", "it is given up")
    assert sync(own, wait=True)["in_step"]


def test_a_proxy_that_does_not_reach_istiod_is_unknown(own: Environment) -> None:
    name_service = {"ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "no-istiod", "namespace": SYNC},
        "spec": {
            "podSelector": {"matchLabels": {"app": "cut"}},
            "policyTypes": ["Egress"],
            "egress": [name_service],
        },
    }
    own.cluster.apply(policy, own.pod("cut", SYNC, "serve"))
    eventually(60, lambda: states(sync(own, certificates=False)).get("cut") == "unknown", "nobody knows it")
    answer = sync(own)
    (unknown,) = found(answer, "mesh-proxy-unknown")
    assert (unknown["severity"], unknown["subject"]) == ("error", f"Proxy {SYNC}/cut")
    assert "15012" in unknown["mend"]
    (without,) = found(answer, "mesh-proxy-certificate")
    assert without["subject"] == f"Proxy {SYNC}/cut"
    own.cluster.kubectl("-n", SYNC, "delete", "networkpolicy", "no-istiod")
    assert sync(own, wait=True)["in_step"]
    own.cluster.kubectl("-n", SYNC, "delete", "pod", "cut")


def test_a_proxy_of_another_revision_than_its_namespace_asks_for_is_found(own: Environment) -> None:
    own.cluster.kubectl("label", "namespace", SYNC, "istio-injection-", "istio.io/rev=next")
    (other,) = found(sync(own), "mesh-proxy-revision")
    assert "sidecar of revision default" in other["message"]
    assert "ask for revision next" in other["message"]
    own.cluster.kubectl("label", "namespace", SYNC, "istio.io/rev-", "istio-injection=enabled")
    assert found(sync(own), "mesh-proxy-revision") == []


def test_certificates_are_held_against_what_is_asked(own: Environment) -> None:
    # They were made minutes ago, and the authority lasts ten years.
    near = found(sync(own, certificate_life=100), "mesh-proxy-certificate")
    assert [each["subject"] for each in near] == [f"Proxies {SYNC}/first, {SYNC}/second"]
    assert f"spiffe://cluster.local/ns/{SYNC}/sa/default has less than 100%" in near[0]["message"]
    assert "authority" in found(sync(own, authority_days=4000), "mesh-proxy-certificate")[0]["message"]


def test_who_may_not_forward_ports_is_told_so(own: Environment) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list"]},
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations"],
            "verbs": ["list"],
        },
    ]
    group = "rbac.authorization.k8s.io"
    own.cluster.apply(
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": LOOKER}, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": LOOKER},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": LOOKER},
            "subjects": [{"apiGroup": group, "kind": "User", "name": LOOKER}],
        },
    )
    answer = sync(own, impersonate_user=LOOKER)
    own.cluster.kubectl("delete", f"clusterrole/{LOOKER}", f"clusterrolebinding/{LOOKER}")
    assert answer["failed"]
    assert "HTTP 403" in answer["msg"]
    assert "Allow get and create on pods/portforward" in answer["msg"]


def test_where_no_istiod_is_that_is_found(own: Environment) -> None:
    answer = sync(own, istiod_namespace="default", certificates=False)
    (silent,) = found(answer, "mesh-istiod-silent")
    assert silent["message"] == "no pod of it runs"
    assert set(states(answer).values()) == {"unknown"}


def test_a_port_that_is_not_the_debug_interface_is_found(own: Environment) -> None:
    answer = sync(own, istiod_port=15012, certificates=False)
    silent = found(answer, "mesh-istiod-silent")
    assert len(silent) == len(answer["istiods"]) >= 3
    assert "port 15012 gave no answer to /version" in silent[0]["message"]
