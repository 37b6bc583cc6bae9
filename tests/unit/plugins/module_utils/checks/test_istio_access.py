# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether istiod is reached by who needs it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio import INJECTOR, NAMESPACE
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio_access import (
    POLICY,
    SERVICE,
    VALIDATOR,
    istio_access,
    left_webhooks,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import DEPLOYMENT
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding

MESH = "istio-system"
ISTIOD = {
    "metadata": {"namespace": MESH, "name": "istiod", "labels": {"app": "istiod"}},
    "spec": {
        "template": {
            "metadata": {"labels": {"app": "istiod", "istio.io/rev": "default"}},
            "spec": {"containers": [{"ports": [{"name": "webhook", "containerPort": 15017}]}]},
        }
    },
}
SHOP = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled", "kubernetes.io/metadata.name": "shop"}}}
OTHER = {"metadata": {"name": "other", "labels": {}}}
ALL = {"namespaceSelector": {}}


def webhook(service: str, namespace: str = MESH) -> dict[str, Any]:
    client = {"service": {"namespace": namespace, "name": service}}
    return {"metadata": {"name": f"calls-{service}"}, "webhooks": [{"clientConfig": client}]}


def policy(*ingress: dict[str, Any], selector: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    body = {"podSelector": selector or {}, "ingress": list(ingress), "policyTypes": ["Ingress"], **spec}
    return {"metadata": {"namespace": MESH, "name": "locked"}, "spec": body}


def port(number: Any, *peers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ports": [{"port": number, **more}], **({"from": list(peers)} if peers else {})}


def found(policies: list[Any] | None = None, injectors: list[Any] | None = None) -> list[Finding]:
    objects = {
        DEPLOYMENT: [ISTIOD],
        INJECTOR: injectors or [],
        VALIDATOR: injectors or [],
        SERVICE: [{"metadata": {"namespace": MESH, "name": "istiod"}}],
        NAMESPACE: [SHOP, OTHER],
        POLICY: policies or [],
    }
    return list(istio_access(objects, {"namespace": MESH}))


def messages(findings: list[Finding]) -> list[str]:
    return [each.message for each in findings if each.severity.value == "error"]


def test_without_policies_and_with_the_service_there_all_is_well() -> None:
    assert [each.severity.value for each in found(injectors=[webhook("istiod"), webhook("other", "elsewhere")])] == [
        "ok"
    ]


def test_webhooks_that_lead_nowhere_are_told_with_how_to_remove_them() -> None:
    told = found(injectors=[webhook("istiod-old")])
    assert messages(told) == ["it leads to Service istio-system/istiod-old, which does not exist"] * 2
    assert "kubectl delete mutatingwebhookconfiguration/calls-istiod-old" in told[0].mend


def named(name: str, *places: tuple[str, str]) -> dict[str, Any]:
    """A configuration whose webhooks have this name, each leading to a Service, or without any to an address."""
    clients = [
        {"service": {"namespace": each[0], "name": each[1]}} if each else {"url": "https://a"} for each in places
    ]
    webhooks = [{"name": name, "clientConfig": client} for client in clients]
    return {"metadata": {"name": "one"}, "webhooks": webhooks}


INJECTS, VALIDATES = "rev.namespace.sidecar-injector.istio.io", "validation.istio.io"
GONE, STANDS = (MESH, "istiod-old"), (MESH, "istiod")


@pytest.mark.parametrize(
    ("configuration", "whole"),
    [
        (named(INJECTS, GONE, GONE), [True]),
        (named(VALIDATES, GONE), [True]),
        (named(INJECTS, ("other", "istiod")), [True]),  # of an Istio in another namespace
        (named(INJECTS, GONE, STANDS), [False]),
        (named("hook.example.com", GONE), [False]),
        (named("sidecar-injector.istio.io.example.com", GONE), [False]),
        (named("hook.example.com", ("other", "gone")), []),
        (named(INJECTS, STANDS), []),
        # It leads to no Service at all, where every other has a namespace and a name.
        (named(INJECTS, ()), []),  # type: ignore[arg-type]
        (named(INJECTS), []),
    ],
)
def test_what_may_be_removed_is_istio_s_and_leads_nowhere_else(
    configuration: dict[str, Any], whole: list[bool]
) -> None:
    for kinds in ({INJECTOR: [configuration], VALIDATOR: []}, {INJECTOR: [], VALIDATOR: [configuration]}):
        assert [each.is_whole for each in left_webhooks(kinds, {"/".join(STANDS)}, MESH)] == whole


def test_the_way_to_mend_it_names_the_variable_for_those_of_istio_alone() -> None:
    (told,) = [each for each in found(injectors=[named(INJECTS, GONE)]) if each.subject.startswith("Mutating")]
    assert "mesh_remove_left_webhooks: true" in told.mend
    assert not any("mesh_remove_left_webhooks" in each.mend for each in found(injectors=[webhook("istiod-old")]))


def test_a_policy_that_lets_nobody_in_is_explained_for_both_ports() -> None:
    assert messages(found([policy()])) == [
        "NetworkPolicy istio-system/locked lets nobody from shop reach port 15012",
        "NetworkPolicy istio-system/locked does not let the API server reach port 15017",
    ]


@pytest.mark.parametrize(
    "rules",
    [
        [{}],
        [port(15012), port(15017)],
        [port(15012, ALL), port("webhook")],
        [port(15010, endPort=15020)],
        [port(15012, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}), port(15017)],
        [port(15012, {"ipBlock": {"cidr": "0.0.0.0/0"}}), port(15017, {"ipBlock": {"cidr": "192.0.2.0/24"}})],
    ],
)
def test_what_lets_both_in(rules: list[dict[str, Any]]) -> None:
    assert [each.severity.value for each in found([policy(*rules)])] == ["ok"]


@pytest.mark.parametrize(
    "rules",
    [
        [port(15012, protocol="UDP"), port(15017)],
        [port(15012, {"podSelector": {}}), port(15017)],
        [port(15012, {"namespaceSelector": {"matchLabels": {"team": "bank"}}}), port(15017)],
        [port(15010, endPort=15011), port(15017)],
        [port("none"), port(15017)],
    ],
)
def test_what_keeps_proxies_out(rules: list[dict[str, Any]]) -> None:
    assert messages(found([policy(*rules)])) == [
        "NetworkPolicy istio-system/locked lets nobody from shop reach port 15012"
    ]


def test_the_api_server_is_covered_by_no_selector() -> None:
    assert messages(found([policy(port(15012, ALL), port(15017, ALL))])) == [
        "NetworkPolicy istio-system/locked does not let the API server reach port 15017"
    ]


def test_policies_of_other_pods_and_of_the_other_direction_do_not_count() -> None:
    for other in (policy(selector={"matchLabels": {"app": "kiali"}}), policy(policyTypes=["Egress"])):
        assert messages(found([other])) == []
