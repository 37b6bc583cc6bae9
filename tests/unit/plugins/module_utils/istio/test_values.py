# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a user's wishes to the values of Istio's charts."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.istio.values import (
    OWNED,
    OWNED_OF_CNI,
    OWNED_OF_GATEWAYS,
    STATUS_PORT,
    Settings,
    ambient,
    base_values,
    cni_values,
    gateway_values,
    istiod_values,
    merged,
    owned,
)
from hypothesis import given
from hypothesis import strategies as st

NESTED = st.recursive(
    st.integers(), lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3), max_leaves=8
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), NESTED, max_size=3)


def settings(**changes: Any) -> Settings:
    wishes: dict[str, Any] = {
        "namespace": "istio-system",
        "revision": "",
        "revision_tags": [],
        "trust_domain": "shop.example.com",
        "outbound_traffic": "REGISTRY_ONLY",
        "access_log": False,
        "priority_class": "system-cluster-critical",
        "resources": {"requests": {"cpu": "1"}},
        "proxy_resources": {},
        "connect_timeout": "1s",
    }
    return Settings(**{**wishes, **changes})


def test_wishes_become_values() -> None:
    values = istiod_values(settings(revision="canary", revision_tags=["next"]))
    assert (values["revision"], values["revisionTags"]) == ("canary", ["next"])
    assert values["meshConfig"]["trustDomain"] == "shop.example.com"
    assert values["meshConfig"]["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}
    assert values["meshConfig"]["connectTimeout"] == "1s"
    assert values["resources"] == {"requests": {"cpu": "1"}}
    assert base_values(settings(revision="canary"))["defaultRevision"] == "canary"
    assert base_values(settings())["defaultRevision"] == "default"


def test_scaling_and_budgets_are_left_to_another_role() -> None:
    values = istiod_values(settings())
    assert values["autoscaleEnabled"] is False
    assert values["global"]["defaultPodDisruptionBudget"] == {"enabled": False}


def test_what_is_not_asked_for_is_left_to_the_chart() -> None:
    assert "accessLogFile" not in istiod_values(settings())["meshConfig"]
    assert istiod_values(settings(access_log=True))["meshConfig"]["accessLogFile"] == "/dev/stdout"
    assert istiod_values(settings())["global"]["proxy"] == {}
    wanted = {"limits": {"cpu": "1"}}
    assert istiod_values(settings(proxy_resources=wanted))["global"]["proxy"] == {"resources": wanted}


def test_values_of_a_user_come_last_and_leave_the_rest() -> None:
    values = istiod_values(settings(values={"meshConfig": {"trustDomain": "other", "enableTracing": True}}))
    assert values["meshConfig"]["trustDomain"] == "other"
    assert values["meshConfig"]["enableTracing"] is True
    assert values["meshConfig"]["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}


def test_what_others_decide_is_found_wherever_it_stands() -> None:
    values = {"pdb": {"minAvailable": 1}, "global": {"proxy": {"image": "x", "logLevel": "info"}}, "env": {"A": "b"}}
    assert list(owned(values, OWNED)) == ["pdb", "global.proxy.image"]


def test_every_refused_value_says_why() -> None:
    assert all(OWNED.values())


@given(MAPPINGS, MAPPINGS)
def test_merging_keeps_every_value_of_the_upper_mapping(lower: Any, upper: Any) -> None:
    found = merged(lower, upper)
    assert set(found) == set(lower) | set(upper)
    assert merged(found, upper) == found


@given(MAPPINGS)
def test_nothing_changes_a_mapping_that_is_merged_with_nothing(values: Any) -> None:
    assert merged(values, {}) == merged({}, values) == values


GATEWAY: dict[str, Any] = {
    "name": "front",
    "namespace": "front",
    "service_type": "LoadBalancer",
    "service_annotations": {},
    "ports": [],
    "resources": {},
    "values": {},
}


def test_a_gateway_is_scaled_by_others_and_asks_for_its_istiod_by_name() -> None:
    bare = {"revision": "", "autoscaling": {"enabled": False}, "service": {"type": "LoadBalancer"}}
    assert gateway_values(settings(), GATEWAY) == bare
    assert gateway_values(settings(revision="1-31"), GATEWAY)["revision"] == "1-31"
    assert gateway_values(settings(revision="1-31", revision_tags=["stable"]), GATEWAY)["revision"] == "stable"


def test_ports_of_a_gateway_come_beside_the_one_that_tells_its_state() -> None:
    wanted = [{"name": "http", "port": 80, "target_port": 8080}, {"name": "tls", "port": 443, "target_port": None}]
    service = gateway_values(settings(), {**GATEWAY, "ports": wanted, "service_annotations": {"a": "b"}})["service"]
    assert service["ports"] == [
        STATUS_PORT,
        {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "tls", "port": 443, "targetPort": 443, "protocol": "TCP"},
    ]
    assert service["annotations"] == {"a": "b"}


def test_values_of_a_gateway_come_last_but_not_those_of_others() -> None:
    further = {"service": {"externalTrafficPolicy": "Local"}, "terminationGracePeriodSeconds": 60}
    values = gateway_values(settings(), {**GATEWAY, "values": further, "resources": {"limits": {"cpu": "1"}}})
    assert values["service"] == {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    assert (values["terminationGracePeriodSeconds"], values["resources"]) == (60, {"limits": {"cpu": "1"}})
    refused = {"autoscaling": {"enabled": True}, "service": {"type": "NodePort"}, "labels": {"a": "b"}}
    assert list(owned(refused, OWNED_OF_GATEWAYS)) == ["autoscaling", "service.type"]


def test_istiod_counts_on_the_plugin_where_it_is_asked_for() -> None:
    assert istiod_values(settings(cni=True))["pilot"] == {"cni": {"enabled": True}}
    assert "pilot" not in istiod_values(settings())
    further = istiod_values(settings(cni=True, values={"pilot": {"cni": {"provider": "multus"}}}))
    assert further["pilot"] == {"cni": {"enabled": True, "provider": "multus"}}


def test_values_of_the_plugin_come_last_but_not_those_of_others() -> None:
    assert cni_values(settings(cni=True)) == {"useAppArmorAnnotation": False}
    further = {"cniBinDir": "/home/kubernetes/bin", "useAppArmorAnnotation": True}
    assert cni_values(settings(cni=True, cni_values=further)) == further
    refused = {"image": "x", "revision": "a", "global": {"networkPolicy": {"enabled": True}}, "cniConfDir": "/etc"}
    assert list(owned(refused, OWNED_OF_CNI)) == ["image", "revision", "global.networkPolicy"]
    assert list(owned({"cni": {"enabled": True, "provider": "multus"}}, OWNED)) == ["cni.enabled"]


def test_traces_go_to_a_provider_of_the_mesh() -> None:
    tracing = {"service": "tempo.traces.svc.cluster.local", "port": 4317, "protocol": "opentelemetry", "sampling": 5}
    (provider,) = istiod_values(settings(tracing=tracing))["meshConfig"]["extensionProviders"]
    assert provider == {
        "name": "mesh-tracing",
        "opentelemetry": {"service": "tempo.traces.svc.cluster.local", "port": 4317},
    }
    assert "extensionProviders" not in istiod_values(settings())["meshConfig"]


def test_another_root_namespace() -> None:
    assert istiod_values(settings(root_namespace="mesh-root"))["meshConfig"]["rootNamespace"] == "mesh-root"
    assert "rootNamespace" not in istiod_values(settings())["meshConfig"]


def test_who_asks_for_ambient_is_found() -> None:
    assert list(ambient({"profile": "ambient", "env": {"PILOT_ENABLE_AMBIENT": True}})) == [
        "profile",
        "env.PILOT_ENABLE_AMBIENT",
    ]
    assert list(ambient({"ambient": {"enabled": True, "dnsCapture": False}})) == ["ambient.enabled"]
    assert list(ambient({"profile": "demo", "env": {"PILOT_ENABLE_AMBIENT": "false"}, "meshConfig": None})) == []
