# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every published version of the SMI CRDs alone in a real API server: what it takes and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import DRAFT_KINDS, KINDS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds, servable_versions
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.refusals import refusals
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import schema
from kubernetes import client

GROUPS = ("split", "access", "specs")
EACH_ALONE = [
    {group: [version] for group in GROUPS if version in servable_versions(group)}
    for version in ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4")
]
GROUP_OF = {kind.name: kind.group for kind in (*KINDS, *DRAFT_KINDS)}


def smi(version: str, kind: str, **fields: Any) -> dict[str, Any]:
    """An object with its fields at the top, as the flat versions have them."""
    return {"apiVersion": f"{GROUP_OF[kind]}.smi-spec.io/{version}", "kind": kind, **fields}


def split(version: str, *weights: Any, **spec: Any) -> dict[str, Any]:
    backends = [{"service": f"checkout-v{number}", "weight": weight} for number, weight in enumerate(weights, start=1)]
    return smi(version, "TrafficSplit", spec={"service": "checkout", "backends": backends, **spec})


def account(name: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "ServiceAccount", "name": name, "namespace": "default", **fields}


def binding(name: str, **fields: Any) -> dict[str, Any]:
    return {**account(name, **fields), "kind": "IdentityBinding"}


def user(name: str) -> dict[str, Any]:
    return {**account(name), "kind": "User"}


def headers(version: str, value: Any) -> dict[str, Any]:
    fields = {"matches": [{"name": "beta", "headers": value}]}
    return smi(version, "HTTPRouteGroup", **(fields if version == "v1alpha2" else {"spec": fields}))


MATCHES = [{"kind": "HTTPRouteGroup", "name": "beta"}]
ROUTE = {"name": "metrics", "pathRegex": "/metrics", "methods": ["GET"]}
PAIR = {"user-agent": ".*Android.*"}
FIRST_TARGET = {
    "destination": account("checkout", port=8080),
    "specs": [{"kind": "HTTPRouteGroup", "name": "routes", "matches": ["metrics"]}, {"kind": "TCPRoute", "name": "a"}],
    "sources": [account("storefront")],
}
TARGET = {
    "destination": account("checkout"),
    "rules": [{"kind": "TCPRoute", "name": "port"}],
    "sources": [account("storefront")],
}

ACCEPTED = {
    "v1alpha1": [
        split("v1alpha1", 1, "500m", "1.5", "1000m", "2k", "0"),
        smi("v1alpha1", "TrafficTarget", **FIRST_TARGET),
        smi("v1alpha1", "TrafficTarget", destination=account("checkout"), specs=[], sources=[]),
        smi("v1alpha1", "HTTPRouteGroup", matches=[ROUTE, {"name": "any"}]),
        smi("v1alpha1", "TCPRoute"),
    ],
    "v1alpha2": [
        split("v1alpha2", 80, 20),
        smi("v1alpha2", "TrafficTarget", spec={**TARGET, "destination": account("checkout", port=8080)}),
        smi("v1alpha2", "TrafficTarget", spec={"destination": account("checkout")}),
        headers("v1alpha2", [PAIR]),
        smi("v1alpha2", "TCPRoute"),
    ],
    "v1alpha3": [
        split("v1alpha3", 80, 20, matches=MATCHES),
        smi("v1alpha3", "TrafficTarget", spec={**TARGET, "rules": [{"kind": "UDPRoute", "name": "port"}]}),
        headers("v1alpha3", [PAIR]),
        smi("v1alpha3", "TCPRoute", spec={}),
        smi("v1alpha3", "TCPRoute"),
    ],
    "v1alpha4": [
        smi("v1alpha4", "TrafficTarget", spec=TARGET),
        smi(
            "v1alpha4",
            "TrafficTarget",
            spec={**TARGET, "destination": binding("a", group="access.smi-spec.io"), "sources": [binding("b")]},
        ),
        smi("v1alpha4", "IdentityBinding", spec={"schemes": {"podLabelSelector": {"matchLabels": {"app": "a"}}}}),
        smi(
            "v1alpha4",
            "IdentityBinding",
            spec={
                "schemes": {
                    "podLabelSelectors": [{"name": "workloads", "matchLabels": {"app": "a"}}],
                    "spiffeIdentities": ["cluster.local/ns/default/sa/a", "spiffe://other.domain/a"],
                    "serviceAccount": "a",
                }
            },
        ),
        split("v1alpha4", 80, 20, matches=MATCHES),
        headers("v1alpha4", [PAIR]),
        smi("v1alpha4", "TCPRoute", spec={"matches": {"ports": [8080]}}),
        smi("v1alpha4", "UDPRoute", spec={"matches": {"ports": [53]}}),
    ],
}

REFUSED: dict[str, list[tuple[dict[str, Any], list[str]]]] = {
    "v1alpha1": [
        (split("v1alpha1", "-500m"), ["spec.backends[0].weight", "should match"]),
        (split("v1alpha1", -1), ["spec.backends[0].weight", "greater than or equal to 0"]),
        (split("v1alpha1", "half"), ["spec.backends[0].weight", "should match"]),
        (split("v1alpha1", 1.5), ["spec.backends[0].weight", "integer,string"]),
        (split("v1alpha1", 1, matches=MATCHES), ["unknown field", "spec.matches"]),
        (smi("v1alpha1", "TrafficTarget", spec=TARGET), ["unknown field", "spec"]),
        (smi("v1alpha1", "TrafficTarget", **{**FIRST_TARGET, "rules": []}), ["unknown field", "rules"]),
        (
            smi("v1alpha1", "TrafficTarget", destination=account("a", port=0)),
            ["destination.port", "greater than or equal to 1"],
        ),
        (
            smi("v1alpha1", "TrafficTarget", destination=account("a"), specs=[{"kind": "UDPRoute", "name": "a"}]),
            ["specs[0].kind", "TCPRoute"],
        ),
        (smi("v1alpha1", "HTTPRouteGroup", spec={"matches": [ROUTE]}), ["unknown field", "spec"]),
        (
            smi("v1alpha1", "HTTPRouteGroup", matches=[{**ROUTE, "headers": [PAIR]}]),
            ["unknown field", "matches[0].headers"],
        ),
        (smi("v1alpha1", "TCPRoute", spec={}), ["unknown field", "spec"]),
    ],
    "v1alpha2": [
        (split("v1alpha2", "1000m"), ["spec.backends[0].weight", "integer"]),
        (split("v1alpha2", 1.5), ["spec.backends[0].weight", "integer"]),
        (split("v1alpha2", -200), ["spec.backends[0].weight", "greater than or equal to 0"]),
        (split("v1alpha2", 1, matches=MATCHES), ["unknown field", "spec.matches"]),
        (smi("v1alpha2", "TrafficTarget", **FIRST_TARGET), ["unknown field", "destination"]),
        (
            smi("v1alpha2", "TrafficTarget", spec={**TARGET, "rules": [{"kind": "UDPRoute", "name": "a"}]}),
            ["spec.rules[0].kind", "TCPRoute"],
        ),
        (headers("v1alpha2", PAIR), ["unknown field", "matches[0].headers.user-agent"]),
        (smi("v1alpha2", "TCPRoute", spec={}), ["unknown field", "spec"]),
    ],
    "v1alpha3": [
        (split("v1alpha3", "1000m"), ["spec.backends[0].weight", "integer"]),
        (
            smi("v1alpha3", "TrafficTarget", spec={**TARGET, "destination": account("checkout", port=8080)}),
            ["unknown field", "spec.destination.port"],
        ),
        (smi("v1alpha3", "TrafficTarget", spec={"destination": account("a")}), ["spec.rules", "spec.sources"]),
        (headers("v1alpha3", PAIR), ["unknown field", "spec.matches[0].headers.user-agent"]),
        (smi("v1alpha3", "HTTPRouteGroup", matches=[ROUTE]), ["unknown field", "matches"]),
        (smi("v1alpha3", "TCPRoute", spec={"matches": {"ports": [80]}}), ["unknown field", "spec.matches"]),
    ],
    "v1alpha4": [
        (smi("v1alpha4", "TrafficTarget", spec={**TARGET, "destination": user("a")}), ["spec.destination.kind"]),
        (
            smi("v1alpha4", "TrafficTarget", spec={**TARGET, "sources": [binding("a", group="rbac")]}),
            ["spec.sources[0].group", "access.smi-spec.io"],
        ),
        (smi("v1alpha4", "IdentityBinding", spec={}), ["spec.schemes", "Required value"]),
        (smi("v1alpha4", "IdentityBinding", spec={"schemes": {}}), ["spec.schemes", "at least 1 properties"]),
        (
            smi("v1alpha4", "IdentityBinding", spec={"schemes": {"spiffeIdentities": ["a/../b"]}}),
            ["spec.schemes.spiffeIdentities[0]", "should match"],
        ),
        (
            smi("v1alpha4", "IdentityBinding", spec={"schemes": {"podLabelSelectors": [{"name": "a"}]}}),
            ["spec.schemes.podLabelSelectors[0].matchLabels", "Required value"],
        ),
        (split("v1alpha4", "1000m"), ["spec.backends[0].weight", "integer"]),
        (headers("v1alpha4", PAIR), ["unknown field", "spec.matches[0].headers.user-agent"]),
        (smi("v1alpha4", "TCPRoute", spec={}), ["spec.matches", "Required value"]),
        (smi("v1alpha4", "UDPRoute", spec={"matches": {"ports": ["dns"]}}), ["spec.matches.ports[0]", "integer"]),
    ],
}


@pytest.fixture(scope="module", params=EACH_ALONE, ids=lambda versions: versions["split"][0])
def alone(request: pytest.FixtureRequest, serving: Any) -> Iterator[tuple[str, Any]]:
    """The API server with one version of each group, and that version."""
    with serving(crds(request.param)) as server:
        yield request.param["split"][0], server


def test_each_version_alone_is_taken_without_a_warning(alone: Any) -> None:
    version, server = alone
    wanted = next(versions for versions in EACH_ALONE if versions["split"] == [version])
    assert [server.replace_crd(definition, dry_run="All") for definition in crds(wanted)] == [[]] * len(crds(wanted))


def test_a_crd_is_stored_as_it_is_written(alone: Any) -> None:
    """The API server drops nothing that is written here: a second run finds no difference."""
    version, server = alone
    wanted = next(versions for versions in EACH_ALONE if versions["split"] == [version])
    api = client.ApiextensionsV1Api(server.api)
    for definition in crds(wanted):
        live = server.api.sanitize_for_serialization(
            api.read_custom_resource_definition(definition["metadata"]["name"])
        )
        assert missing(definition["spec"], live["spec"]) == []


def missing(wanted: Any, live: Any, path: str = "spec") -> list[str]:
    """The paths whose value is not the one that was written."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return [
            lost
            for key, value in wanted.items()
            for lost in (missing(value, live[key], f"{path}.{key}") if key in live else [f"{path}.{key}"])
        ]
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [
            lost for at, (left, right) in enumerate(zip(wanted, live)) for lost in missing(left, right, f"{path}[{at}]")
        ]
    return [] if wanted == live else [path]


def schema_of(body: dict[str, Any]) -> dict[str, Any]:
    kind = next(each for each in (*KINDS, *DRAFT_KINDS) if each.name == body["kind"])
    return schema(kind, body["apiVersion"].rpartition("/")[2])


def test_a_valid_object_of_each_version_is_stored_as_it_is_written(alone: Any) -> None:
    version, server = alone
    for body in ACCEPTED[version]:
        assert refusals(schema_of(body), body) == []
        stored = server.create(body)
        assert {field: stored[field] for field in body} == body


def test_an_illegal_object_of_each_version_is_refused_by_field(alone: Any) -> None:
    version, server = alone
    for body, words in REFUSED[version]:
        refusal = server.refusal(body)
        assert refusal.status in (400, 422)
        assert refusals(schema_of(body), body), "it can be told without asking the server"
        assert [word for word in words if word not in refusal.text] == [], (body, refusal.text)
