# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our SMI CRDs in a real API server: taken without complaint, and taking and refusing what they should."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS, Kind, newest_versions
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from kubernetes import client

DEFINITIONS = crds(newest_versions())
VERSIONS = {"split": "v1alpha4", "access": "v1alpha3", "specs": "v1alpha4"}
GROUPS = {kind.name: kind.group for kind in KINDS}


def smi(kind: str, **spec: Any) -> dict[str, Any]:
    group = GROUPS[kind]
    return {"apiVersion": f"{group}.smi-spec.io/{VERSIONS[group]}", "kind": kind, "spec": spec}


def split(*backends: Any, **spec: Any) -> dict[str, Any]:
    return smi("TrafficSplit", **{"service": "checkout", "backends": list(backends), **spec})


def backend(service: str = "checkout-v1", weight: Any = 1) -> dict[str, Any]:
    return {"service": service, "weight": weight}


def target(**spec: Any) -> dict[str, Any]:
    defaults = {
        "destination": {"kind": "ServiceAccount", "name": "checkout", "namespace": "default"},
        "rules": [{"kind": "HTTPRouteGroup", "name": "checkout-routes"}],
        "sources": [{"kind": "ServiceAccount", "name": "storefront", "namespace": "shop"}],
    }
    return smi("TrafficTarget", **{**defaults, **spec})


def routes(**match: Any) -> dict[str, Any]:
    return smi("HTTPRouteGroup", matches=[{"name": "first", **match}])


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    return {**body, "spec": {key: value for key, value in body["spec"].items() if key != field}}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition["spec"]["names"]["kind"])
def test_the_server_takes_the_crd_without_warnings_and_serves_it(server: Any, definition: dict[str, Any]) -> None:
    assert server.replace_crd(definition, dry_run="All") == []
    api = client.ApiextensionsV1Api(server.api)
    live = api.read_custom_resource_definition(definition["metadata"]["name"])
    conditions = {entry.type: entry.status for entry in live.status.conditions}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(split(backend(weight=90), backend("checkout-v2", 10)), id="canary"),
        pytest.param(split(backend(weight=1000), backend("checkout-v2", 500)), id="weights-are-no-percentages"),
        pytest.param(split(backend(weight=0)), id="one-backend-without-traffic"),
        pytest.param(split(backend("checkout"), backend("checkout-v2")), id="root-as-its-own-backend"),
        pytest.param(split(backend(), service="checkout.default.svc.cluster.local"), id="root-by-full-name"),
        pytest.param(split(backend(), matches=[{"kind": "HTTPRouteGroup", "name": "beta"}]), id="split-some-requests"),
        pytest.param(
            split(backend(), matches=[{"apiGroup": "specs.smi-spec.io", "kind": "HTTPRouteGroup", "name": "beta"}]),
            id="split-some-requests-with-group",
        ),
        pytest.param(
            split(backend(), matches=[{"apiGroup": None, "kind": "HTTPRouteGroup", "name": "beta"}]),
            id="split-some-requests-as-go-clients-write-it",
        ),
        pytest.param(target(), id="target"),
        pytest.param(
            target(
                rules=[
                    {"kind": "TCPRoute", "name": "checkout-port"},
                    {"kind": "UDPRoute", "name": "checkout-gossip", "matches": []},
                    {"kind": "HTTPRouteGroup", "name": "checkout-routes", "matches": ["metrics", "health"]},
                ]
            ),
            id="target-with-every-kind-of-rule",
        ),
        pytest.param(target(sources=[{"kind": "ServiceAccount", "name": "scraper"}]), id="source-without-namespace"),
        pytest.param(
            smi(
                "HTTPRouteGroup",
                matches=[
                    {"name": "metrics", "pathRegex": "/metrics", "methods": ["GET", "HEAD"]},
                    {"name": "everything", "pathRegex": ".*", "methods": ["*"]},
                    {
                        "name": "beta",
                        "headers": [{"user-agent": ".*Android.*"}, {"cookie": "^(.*?;)?(beta=yes)(;.*)?$"}],
                    },
                    {"name": "any"},
                ],
            ),
            id="routes",
        ),
        pytest.param(smi("TCPRoute", matches={"ports": [1, 3306, 65535]}), id="tcp"),
        pytest.param(smi("TCPRoute", matches={"ports": []}), id="tcp-all-ports"),
        pytest.param(smi("UDPRoute", matches={}), id="udp-all-ports-as-go-clients-write-it"),
    ],
)
def test_a_valid_object_is_stored_as_it_is_written(server: Any, body: dict[str, Any]) -> None:
    assert server.create(body)["spec"] == body["spec"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        # TrafficSplit
        ({**split(backend()), "spec": None}, ["spec"]),
        (without(split(backend()), "service"), ["spec.service", "Required value"]),
        (without(split(backend()), "backends"), ["spec.backends", "Required value"]),
        (split(), ["spec.backends", "at least 1"]),
        (split({"service": "a"}), ["spec.backends[0].weight", "Required value"]),
        (split({"weight": 1}), ["spec.backends[0].service", "Required value"]),
        (split(backend(weight=-1)), ["spec.backends[0].weight", "greater than or equal to 0"]),
        (split(backend(weight=1.5)), ["spec.backends[0].weight", "integer"]),
        (split(backend(weight="500m")), ["spec.backends[0].weight", "integer"]),
        (split(backend("a"), backend("a")), ["spec.backends[1]", "Duplicate value"]),
        (split(backend("Checkout")), ["spec.backends[0].service", "should match"]),
        (split(backend("checkout.other")), ["spec.backends[0].service", "should match"]),
        (split(backend(), service="checkout_v1"), ["spec.service", "should match"]),
        (split(backend(), matches=[{"kind": "TCPRoute", "name": "a"}]), ["spec.matches[0].kind", "HTTPRouteGroup"]),
        (
            split(
                backend(), matches=[{"apiGroup": "gateway.networking.k8s.io", "kind": "HTTPRouteGroup", "name": "a"}]
            ),
            ["spec.matches[0].apiGroup", "specs"],
        ),
        (split({**backend(), "port": 80}), ["unknown field", "spec.backends[0].port"]),
        # TrafficTarget
        (without(target(), "destination"), ["spec.destination", "Required value"]),
        (without(target(), "rules"), ["spec.rules", "Required value"]),
        (without(target(), "sources"), ["spec.sources", "Required value"]),
        (target(rules=[]), ["spec.rules", "at least 1"]),
        (target(sources=[]), ["spec.sources", "at least 1"]),
        (target(destination={"kind": "Group", "name": "a"}), ["spec.destination.kind", "ServiceAccount"]),
        (target(sources=[{"kind": "User", "name": "a"}]), ["spec.sources[0].kind", "ServiceAccount"]),
        (target(rules=[{"kind": "HTTPRoute", "name": "a"}]), ["spec.rules[0].kind", "HTTPRouteGroup"]),
        (target(rules=[{"kind": "HTTPRouteGroup"}]), ["spec.rules[0].name", "Required value"]),
        (
            target(rules=[{"kind": "TCPRoute", "name": "a", "matches": ["b"]}]),
            ["spec.rules[0].matches", "only an HTTPRouteGroup has named matches"],
        ),
        (
            target(destination={"kind": "ServiceAccount", "name": "a", "port": 80}),
            ["unknown field", "spec.destination.port"],
        ),
        # HTTPRouteGroup
        (smi("HTTPRouteGroup", matches=[]), ["spec.matches", "at least 1"]),
        (smi("HTTPRouteGroup", matches=[{"methods": ["GET"]}]), ["spec.matches[0].name", "Required value"]),
        (smi("HTTPRouteGroup", matches=[{"name": "a"}, {"name": "a"}]), ["spec.matches[1]", "Duplicate value"]),
        (routes(methods=["get"]), ["spec.matches[0].methods[0]", "GET"]),
        (routes(pathRegex="/(beta"), ["spec.matches[0].pathRegex", "missing closing )", "RE2"]),
        (routes(pathRegex="(?=/beta)"), ["spec.matches[0].pathRegex", "RE2"]),
        (routes(headers={"user-agent": ".*"}), ["spec.matches[0].headers"]),
        (routes(headers=[{"user-agent": "["}]), ["spec.matches[0].headers[0]", "missing closing ]", "RE2"]),
        (routes(headers=[{"user-agent": ".*", "cookie": ".*"}]), ["spec.matches[0].headers[0]", "at most 1"]),
        (routes(headers=[{}]), ["spec.matches[0].headers[0]", "at least 1"]),
        (routes(headers=[{"host": "a"}, {"host": "b"}]), ["spec.matches[0].headers", "name each header once"]),
        (routes(path="/beta"), ["unknown field", "spec.matches[0].path"]),
        # TCPRoute and UDPRoute
        ({**smi("TCPRoute"), "spec": {}}, ["spec.matches", "Required value"]),
        (smi("TCPRoute", matches=[{"ports": [80]}]), ["spec.matches[0].ports"]),
        (smi("TCPRoute", matches={"ports": [0]}), ["spec.matches.ports[0]", "greater than or equal to 1"]),
        (smi("UDPRoute", matches={"ports": [53, 65536]}), ["spec.matches.ports[1]", "less than or equal to 65535"]),
        (smi("UDPRoute", matches={"ports": ["dns"]}), ["spec.matches.ports[0]", "integer"]),
        (smi("TCPRoute", matches={"name": "a"}), ["unknown field", "spec.matches.name"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value["kind"],
)
def test_an_illegal_object_is_refused_by_field(server: Any, body: dict[str, Any], words: Any) -> None:
    refusal = server.refusal(body)
    assert refusal.status in (400, 422)
    assert [word for word in words if word not in refusal.text] == [], refusal.text


def test_an_unknown_field_is_pruned_where_the_client_does_not_ask_for_strictness(server: Any) -> None:
    stored = server.create(split({**backend(), "port": 80}), validation="Ignore")
    assert stored["spec"]["backends"] == [backend()]


def test_the_largest_group_stays_within_what_rules_may_cost_when_they_run(server: Any) -> None:
    match = {"pathRegex": "/" + "a" * 255, "headers": [{f"header-{number}": "b" * 64} for number in range(16)]}
    body = smi("HTTPRouteGroup", matches=[{"name": f"match-{number}", **match} for number in range(512)])
    assert len(server.create(body)["spec"]["matches"]) == 512


def laxer(definition: dict[str, Any]) -> dict[str, Any]:
    """The CRD as others ship it: the same fields, hardly any rules."""
    lax: dict[str, Any] = copy.deepcopy(definition)
    spec = lax["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    backends = spec["backends"]
    for keyword in ("minItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"):
        del backends[keyword]
    backends["items"]["properties"]["weight"] = {"type": "number"}
    return lax


@pytest.mark.parametrize(
    "body",
    [split(), split(backend("a"), backend("a")), split(backend(weight=1.5)), split(backend(weight=-200))],
    ids=["no-backend", "backend-twice", "fraction", "negative"],
)
def test_an_object_from_under_a_laxer_crd_can_still_be_changed(server: Any, body: dict[str, Any]) -> None:
    """Updates check what they change only, so that finalizers, labels and owners of old objects stay writable."""
    ours = next(definition for definition in DEFINITIONS if definition["spec"]["names"]["kind"] == "TrafficSplit")
    where = ("split.smi-spec.io", "v1alpha4", "default", "trafficsplits")
    server.replace_crd(laxer(ours))
    eventually(lambda: server.objects.create_namespaced_custom_object(*where, {**body, "metadata": {"name": "old"}}))
    server.replace_crd(ours)
    try:
        eventually(lambda: server.refusal(body))
        patched = server.objects.patch_namespaced_custom_object(*where, "old", {"metadata": {"labels": {"new": "yes"}}})
        assert patched["spec"] == body["spec"]
    finally:
        server.objects.delete_namespaced_custom_object(*where, "old")


def eventually(attempt: Callable[[], Any]) -> None:
    """Try for ten seconds: the API server takes a moment until it uses a CRD that has changed."""
    deadline = time.monotonic() + 10
    while True:
        try:
            attempt()
        except (client.ApiException, pytest.fail.Exception):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def test_server_side_apply_merges_backends_by_service(cluster: Any, server: Any, tmp_path: Path) -> None:
    for manager, service in (("left", "checkout-v1"), ("right", "checkout-v2")):
        manifest = tmp_path / f"{manager}.yaml"
        manifest.write_text(
            "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: merged, namespace: default}\n"
            f"spec: {{service: checkout, backends: [{{service: {service}, weight: 1}}]}}\n",
            encoding="utf-8",
        )
        cluster.kubectl("apply", "--server-side", "--field-manager", manager, "-f", str(manifest))
    path = "jsonpath={.spec.backends[*].service}"
    assert cluster.kubectl("get", "ts", "merged", "-n", "default", "-o", path).split() == ["checkout-v1", "checkout-v2"]
    cluster.kubectl("delete", "ts", "merged", "-n", "default")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_short_names_and_the_category_lead_to_the_kind(cluster: Any, server: Any, kind: Kind) -> None:
    listed = cluster.kubectl("api-resources", "--api-group", kind.api_group, "--categories", "smi", "--no-headers")
    row = next(line.split() for line in listed.splitlines() if line.split()[0] == kind.plural)
    assert row == [kind.plural, kind.short_name, f"{kind.api_group}/{kind.newest}", "true", kind.name]
    assert kind.name in cluster.kubectl("explain", f"{kind.plural}.{kind.api_group}", "--recursive")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("trafficsplit.spec.backends.weight", "relation to the weights of the others"),
        ("traffictarget.spec.destination", "service account"),
        ("httproutegroup.spec.matches.pathRegex", "anchored at its beginning"),
        ("tcproutes.spec.matches.ports", "all ports"),
    ],
)
def test_explain_says_what_a_field_is(cluster: Any, server: Any, path: str, words: Any) -> None:
    version = "--api-version=specs.smi-spec.io/v1alpha4" if path.startswith("tcp") else "--recursive=false"
    assert words in " ".join(cluster.kubectl("explain", path, version).split())
