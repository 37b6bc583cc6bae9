# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our admission policies in a real API server: they refuse what the rules call an error, whatever the CRDs ask for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import DRAFT_KINDS, KINDS, Kind
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.policies import policies
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check_alone
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import is_flat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes import client, config

ALL_KINDS = {kind.name: kind for kind in (*KINDS, *DRAFT_KINDS)}
ALL_VERSIONS = {
    "split": ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
    "access": ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
    "specs": ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
}


@dataclass(frozen=True)
class Verdict:
    """What became of a request: its status, what the server said, and its warnings."""

    status: int
    message: str
    warnings: Sequence[str]


class Server:
    """What these tests ask of the API server."""

    def __init__(self, cluster: Any) -> None:
        self.api = config.new_client_from_config(str(cluster.kubeconfig))
        self.objects = client.CustomObjectsApi(self.api)

    def verdict(self, body: dict[str, Any]) -> Verdict:
        """Create an object as a server dry run."""
        group, version = body["apiVersion"].split("/")
        try:
            _body, status, headers = self.objects.create_namespaced_custom_object_with_http_info(
                group,
                version,
                "default",
                ALL_KINDS[body["kind"]].plural,
                body,
                dry_run="All",
                field_validation="Ignore",
            )
        except client.ApiException as error:
            status, headers = error.status, error.headers
            return Verdict(status, json.loads(error.body)["message"], _warnings(headers))
        return Verdict(status, "", _warnings(headers))

    def wait_until_refused(self, body: dict[str, Any]) -> None:
        """Policies take a moment until they are active."""
        deadline = time.monotonic() + 30
        while self.verdict(body).status < 400:
            assert time.monotonic() < deadline, f"taken: {body}"
            time.sleep(0.1)


def _warnings(headers: Any) -> Sequence[str]:
    return [text for key, text in headers.items() if key.lower() == "warning"]


def permissive(kind: Kind) -> dict[str, Any]:
    """A CRD that serves all versions of a kind and takes anything: what is refused then, the policies refuse."""
    versions = kind.all_versions
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind.name, "listKind": kind.list_kind, "plural": kind.plural, "singular": kind.singular}
    listed = [
        {"name": version, "served": True, "storage": version == versions[-1], "schema": anything}
        for version in versions
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {"group": kind.api_group, "scope": "Namespaced", "names": names, "versions": listed},
    }


@contextmanager
def active(cluster: Any, objects: Sequence[dict[str, Any]], refused: dict[str, Any]) -> Iterator[Server]:
    """The API server with these policies, once it refuses an object; they are gone afterwards."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    try:
        server = Server(cluster)
        server.wait_until_refused(refused)
        yield server
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=manifest)


def smi(kind: str, version: str, **fields: Any) -> dict[str, Any]:
    """An object with its fields where its version has them."""
    body = fields if is_flat(ALL_KINDS[kind], version) else {"spec": fields}
    metadata = {"name": "example", "namespace": "default"}
    api_version = f"{ALL_KINDS[kind].api_group}/{version}"
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def split(version: str, *backends: Any, **fields: Any) -> dict[str, Any]:
    return smi("TrafficSplit", version, **{"service": "web", "backends": list(backends), **fields})


def backend(service: Any = "web-v1", weight: Any = 1) -> dict[str, Any]:
    return {"service": service, "weight": weight}


def account(name: Any = "client", **fields: Any) -> dict[str, Any]:
    return {"kind": "ServiceAccount", "name": name, "namespace": "default", **fields}


def rule(kind: Any = "HTTPRouteGroup", name: Any = "routes", **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "matches": ["get"], **fields}


def target(version: str, **fields: Any) -> dict[str, Any]:
    rules = fields.pop("rules", [rule()])
    named = {"specs": rules} if version == "v1alpha1" else {"rules": rules}
    whole = {"destination": account("web"), "sources": [account()], **named, **fields}
    return smi("TrafficTarget", version, **{name: value for name, value in whole.items() if value is not ABSENT})


def routes(version: str, *matches: Any) -> dict[str, Any]:
    return smi("HTTPRouteGroup", version, matches=list(matches))


def match(version: str, **fields: Any) -> dict[str, Any]:
    return routes(version, {"name": "get", **fields})


def ports(kind: str, *numbers: Any) -> dict[str, Any]:
    return smi(kind, "v1alpha4", matches={"ports": list(numbers)})


def identity(**schemes: Any) -> dict[str, Any]:
    return smi("IdentityBinding", "v1alpha4", schemes=schemes)


ABSENT = object()
ALL = ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4")
WHOLE = ALL[1:]
OLD, NEW = ALL[:2], ALL[2:]


@pytest.fixture(scope="module")
def lax(cluster: Any) -> Iterator[Server]:
    """The server with CRDs that take anything, and the policies for all versions, for any mesh."""
    definitions = [permissive(kind) for kind in ALL_KINDS.values()]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions})
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    try:
        names = [f"crd/{definition['metadata']['name']}" for definition in definitions]
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        with active(cluster, policies(ALL_VERSIONS, headers="any"), ports("UDPRoute", 0)) as server:
            for body in illegal_of_each_policy():
                server.wait_until_refused(body)
            yield server
    finally:
        cluster.kubectl("delete", "--wait", "-f", "-", stdin=manifest)


def illegal_of_each_policy() -> Iterator[dict[str, Any]]:
    for version in ALL:
        yield split(version, None)
        yield target(version, destination=None)
        yield routes(version, None)
    yield ports("TCPRoute", 0)
    yield identity()


def cases(versions: Sequence[str], make: Any, *words: str) -> list[Any]:
    return [pytest.param(make(version), words, id=f"{version}-{words[0]}-{words[-1]}") for version in versions]


ILLEGAL = [
    # 1
    *cases(ALL, lambda v: smi("TrafficSplit", v, backends=[backend()]), "spec.service", "null is no name"),
    *cases(ALL, lambda v: split(v, backend(), service=7), "spec.service", "7 is no name"),
    *cases(ALL, lambda v: smi("TrafficSplit", v, service="web"), "spec.backends", "null is no list of backends"),
    *cases(ALL, lambda v: split(v, backend(), "web-v1"), "spec.backends[1]", "web-v1 is no mapping"),
    *cases(ALL, lambda v: split(v, backend(), {"weight": 1}), "spec.backends[1].service", "null is no name"),
    *cases(ALL, lambda v: split(v, backend(), {"service": "a"}), "spec.backends[1].weight", "null is no weight"),
    # 2
    *cases(ALL, lambda v: split(v, backend(), backend("b", -5)), "spec.backends[1].weight", "-5 is no"),
    *cases(WHOLE, lambda v: split(v, backend(weight="500m")), "spec.backends[0].weight", "500m is no whole number"),
    *cases(WHOLE, lambda v: split(v, backend(weight=1.5)), "spec.backends[0].weight", "1.5 is no whole number"),
    *cases(ALL, lambda v: split(v, backend(weight=True)), "spec.backends[0].weight", "true is no"),
    *cases(["v1alpha1"], lambda v: split(v, backend(weight="1 GB")), "spec.backends[0].weight", "1 GB is no quantity"),
    *cases(["v1alpha1"], lambda v: split(v, backend(weight="-1m")), "spec.backends[0].weight", "-1m is no quantity"),
    # 4
    *cases(ALL, split, "spec.backends", "has no backend"),
    *cases(ALL, lambda v: split(v, backend(), backend()), "spec.backends[0].service", "web-v1 is a backend twice"),
    # 7
    *cases(ALL, lambda v: split(v, backend(), service="web.shop"), "spec.service", "web.shop is not in the namespace"),
    *cases(ALL, lambda v: split(v, backend("a.shop.svc")), "spec.backends[0].service", "a.shop.svc is not in the"),
    # 10
    *cases(NEW, lambda v: split(v, backend(), matches="a"), "spec.matches", "a is no list"),
    *cases(NEW, lambda v: split(v, backend(), matches=[rule("HTTPRoute")]), "spec.matches[0].kind", "HTTPRoute is not"),
    *cases(NEW, lambda v: split(v, backend(), matches=[rule(name="")]), "spec.matches[0].name", "is no name"),
    # 13
    *cases(ALL, lambda v: target(v, destination=ABSENT), "destination", "null is no destination"),
    *cases(OLD, lambda v: target(v, sources="all"), "sources", "all is no list of sources"),
    *cases(OLD, lambda v: target(v, rules={"a": 1}), "s", "is no list of rules"),
    *cases(NEW, lambda v: target(v, sources=[]), "spec.sources", "[] is no list of sources"),
    *cases(NEW, lambda v: target(v, rules=ABSENT), "spec.rules", "null is no list of rules"),
    # 14
    *cases(
        ALL, lambda v: target(v, destination=account("a", namespace="shop")), "destination.namespace", "shop is not"
    ),
    # 15
    *cases(ALL, lambda v: target(v, sources=[account(kind="User")]), "sources[0].kind", "User is not ServiceAccount"),
    *cases(ALL, lambda v: target(v, destination=account(kind="Group")), "destination.kind", "Group is not"),
    *cases(ALL, lambda v: target(v, sources=[account(), account("")]), "sources[1].name", "is no name"),
    *cases(ALL, lambda v: target(v, sources=["client"]), "sources[0]", "client is no mapping"),
    *cases(ALL[:3], lambda v: target(v, sources=[account(kind="IdentityBinding")]), "IdentityBinding is not"),
    # 17
    *cases(ALL, lambda v: target(v, rules=[rule(), rule("HTTPRoute")]), "s[1].kind", "HTTPRoute is not one of"),
    *cases(OLD, lambda v: target(v, rules=[rule("UDPRoute")]), "s[0].kind", "UDPRoute is not one of"),
    *cases(ALL, lambda v: target(v, rules=[rule(name=None)]), "s[0].name", "null is no name"),
    *cases(ALL, lambda v: target(v, rules=[7]), "s[0]", "7 is no mapping"),
    *cases(ALL, lambda v: target(v, rules=[rule(matches="get")]), "s[0].matches", "get is no list"),
    # 19
    *cases(ALL, lambda v: smi("HTTPRouteGroup", v, matches={"a": 1}), "matches", "is no list of matches"),
    *cases(ALL, lambda v: routes(v, {"name": "a"}, {}), "matches[1].name", "null is no name"),
    *cases(ALL, lambda v: routes(v, {"name": "a"}, {"name": "a"}), "matches[0].name", "a is the name of two matches"),
    *cases(ALL, lambda v: match(v, pathRegex=7), "matches[0].pathRegex", "7 is no text"),
    *cases(ALL, lambda v: match(v, pathRegex="/(beta"), "pathRegexAndHeadersAreRE2", "missing closing ): `/(beta`"),
    *cases(ALL, lambda v: match(v, pathRegex="(?=a)"), "pathRegexAndHeadersAreRE2", "invalid or unsupported Perl"),
    *cases(ALL, lambda v: match(v, headers=[{"a": "["}]), "pathRegexAndHeadersAreRE2", "missing closing ]: `[`"),
    *cases(ALL, lambda v: match(v, headers={"a": "*"}), "pathRegexAndHeadersAreRE2", "missing argument to repetition"),
    *cases(ALL, lambda v: match(v, methods="GET"), "matches[0].methods", "GET is no list"),
    *cases(ALL, lambda v: match(v, methods=["GET", "get"]), "matches[0].methods", "get is no method of HTTP"),
    *cases(ALL, lambda v: match(v, headers="a: b"), "matches[0].headers", "a: b is neither"),
    *cases(ALL, lambda v: match(v, headers=[{"a": "b", "c": "d"}]), "matches[0].headers", "is no mapping of one"),
    *cases(ALL, lambda v: match(v, headers=[{"a": 7}]), "matches[0].headers", "7} is no name of a header with text"),
    *cases(ALL, lambda v: match(v, headers={"": "a"}), "matches[0].headers", "is no name of a header with text"),
    # 20
    *cases(OLD, lambda v: target(v, destination=account(port=0)), "destination.port", "0 is no port"),
    *cases(["v1alpha4"], lambda v: ports("TCPRoute", 80, 65536), "spec.matches.ports[1]", "65536 is no port"),
    *cases(["v1alpha4"], lambda v: ports("UDPRoute", "dns"), "spec.matches.ports[0]", "dns is no port"),
    *cases(["v1alpha4"], lambda v: smi("TCPRoute", v, matches=[80]), "spec.matches", "[80] has no list of ports"),
    # 21
    *cases(["v1alpha4"], lambda v: identity(), "spec.schemes", "{} gives no identity"),
    *cases(["v1alpha4"], lambda v: identity(spiffeIdentities=["a/../b"]), "s[0]", "a/../b is no SPIFFE ID"),
]


@pytest.mark.parametrize(("body", "words"), ILLEGAL)
def test_an_illegal_object_is_refused_with_field_and_value(lax: Server, body: dict[str, Any], words: Any) -> None:
    verdict = lax.verdict(body)
    assert verdict.status == 422, verdict
    assert "ValidatingAdmissionPolicy 'smi-" in verdict.message
    assert [word for word in words if word not in verdict.message] == [], verdict.message
    assert errors(body), "the rules take it"


LEGAL = [
    *cases(ALL, lambda v: split(v, backend(weight=90), backend("web-v2", 10)), "canary"),
    *cases(
        ["v1alpha1"], lambda v: split(v, backend(weight="500m"), backend("b", "1.5"), backend("c", 0.5)), "quantities"
    ),
    *cases(NEW, lambda v: split(v, backend(), matches=[rule()]), "some-requests"),
    *cases(OLD, lambda v: split(v, backend(), matches="ignored"), "what-older-versions-do-not-know"),
    *cases(ALL, target, "target"),
    *cases(OLD, lambda v: target(v, destination=account("web", port=8080)), "target-with-port"),
    *cases(NEW, lambda v: target(v, rules=[rule("UDPRoute"), rule("TCPRoute", matches=None)]), "more-routes"),
    *cases(["v1alpha4"], lambda v: target(v, sources=[account(kind="IdentityBinding")]), "identity"),
    *cases(ALL, lambda v: match(v, pathRegex="/api/.*", methods=["GET", "*"], headers=[{"a": "b+"}]), "routes"),
    *cases(ALL, lambda v: match(v, headers={"a": "b", "c": "d"}), "headers-in-a-map"),
    *cases(ALL[:3], lambda v: smi("TCPRoute", v), "all-ports"),
    *cases(["v1alpha4"], lambda v: ports("TCPRoute", 1, 65535), "tcp"),
    *cases(["v1alpha4"], lambda v: ports("UDPRoute"), "udp"),
    *cases(["v1alpha4"], lambda v: identity(podLabelSelector={"matchLabels": {"a": "b"}}), "labels"),
    *cases(["v1alpha4"], lambda v: identity(spiffeIdentities=["spiffe://a.b/ns/x/sa/.y"]), "spiffe"),
]


@pytest.mark.parametrize(("body", "words"), LEGAL)
def test_a_legal_object_is_taken_without_warnings(lax: Server, body: dict[str, Any], words: Any) -> None:
    assert lax.verdict(body) == Verdict(201, "", [])
    assert check_alone([body]) == [] or not errors(body)


def errors(body: dict[str, Any]) -> list[Any]:
    return [finding for finding in check_alone([body]) if finding.severity == Severity.ERROR]


WARNED = [
    *cases(ALL, lambda v: split(v, backend(weight=0)), "all weights are 0", "smi-weight-sum"),
    *cases(ALL, lambda v: split(v, backend("web")), "spec.backends[0].service: web is the root itself"),
    *cases(
        ALL, lambda v: split(v, backend(), service="web.default.svc"), "spec.service: web.default.svc is a DNS name"
    ),
    *cases(ALL, lambda v: split(v, backend("a.default")), "spec.backends[0].service: a.default is a DNS name"),
    *cases(OLD, lambda v: target(v, sources=ABSENT), "sources: null is no list of sources"),
    *cases(OLD, lambda v: target(v, rules=[]), "s: [] is no list of rules"),
    *cases(ALL, lambda v: target(v, sources=[account(namespace=None)]), "sources[0].namespace: null is no namespace"),
    *cases(ALL, lambda v: target(v, destination=account(namespace="")), "destination.namespace:  is no namespace"),
    *cases(ALL, lambda v: target(v, sources=[account("default")]), "sources[0].name: default is the account of all"),
    *cases(ALL, lambda v: smi("HTTPRouteGroup", v), "matches: null is no list of matches"),
    *cases(
        ["v1alpha4"], lambda v: identity(podLabelSelector={"a": "b"}, serviceAccount="c"), "spec.schemes: has both pod"
    ),
]


@pytest.mark.parametrize(("body", "words"), WARNED)
def test_what_is_a_warning_is_taken_and_told(lax: Server, body: dict[str, Any], words: Any) -> None:
    verdict = lax.verdict(body)
    assert verdict.status == 201, verdict
    (warning,) = verdict.warnings
    assert [word for word in words if word not in warning] == [], warning
    assert [finding.severity for finding in check_alone([body]) if finding.severity != Severity.INFO] == [
        Severity.WARNING
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (split("v1alpha4", *(backend(f"web-{number}") for number in range(513))), "spec.backends: 513 items are more"),
        (routes("v1alpha4", *({"name": str(number)} for number in range(513))), "spec.matches: 513 items are more"),
        (ports("TCPRoute", *range(1, 1026)), "spec.matches.ports: 1025 ports are more"),
        (target("v1alpha3", sources=[account()] * 1025), "spec.sources: 1025 items are more"),
        (target("v1alpha1", rules=[rule()] * 1025), "specs: 1025 items are more"),
        (identity(spiffeIdentities=["a/b"] * 1025), "spec.schemes.spiffeIdentities: 1025 identities are more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_more_than_a_policy_can_look_at_is_refused(lax: Server, body: dict[str, Any], words: str) -> None:
    assert words in lax.verdict(body).message


def test_the_largest_objects_stay_within_what_an_evaluation_may_cost(lax: Server) -> None:
    header = [{f"header-{number}": "b" * 64} for number in range(16)]
    wide = {"pathRegex": "/" + "a" * 255, "methods": ["GET"] * 9, "headers": header}
    accounts = [account(f"client-{number}-{'a' * 200}") for number in range(1024)]
    rules = [rule(name=f"route-{number}-{'a' * 200}") for number in range(1024)]
    for body in (
        split("v1alpha1", *(backend(f"web-{number}-{'a' * 24}", f"{number}m") for number in range(512))),
        split("v1alpha4", *(backend(f"web-{number}-{'a' * 24}") for number in range(512))),
        target("v1alpha4", sources=accounts, rules=rules),
        routes("v1alpha4", *({"name": f"match-{number}-{'a' * 24}", **wide} for number in range(512))),
        ports("UDPRoute", *range(1, 1025)),
        identity(spiffeIdentities=[f"cluster.local/ns/shop/sa/{'a' * 200}-{number}" for number in range(1024)]),
    ):
        verdict = lax.verdict(body)
        assert (verdict.status, verdict.message) == (201, ""), body["kind"]


ODD = st.sampled_from([None, True, False, 0, 7, -1, 1.5, -0.5, "", "odd", "a\nb", [], ["odd"], {}, {"odd": 1}])
"""Values of all types that JSON has."""


def mostly(usual: Any, odd: Any = ODD) -> Any:
    """Usual values, and an odd one now and then."""
    return st.integers(0, 11).flatmap(lambda number: odd if number == 0 else usual)


def mapping_of(**fields: Any) -> Any:
    """A mapping from which now and then a field is missing."""
    some = st.fixed_dictionaries({name: mostly(value, st.just(ABSENT)) for name, value in fields.items()})
    return some.map(lambda found: {name: value for name, value in found.items() if value is not ABSENT})


def several(of: Any, least: int = 0) -> Any:
    return mostly(st.lists(mostly(of), min_size=least, max_size=4))


NAMES = mostly(
    st.sampled_from(["web", "web-v1", "web-v2", "web-v3", "a.default", "a.shop", "default", "web.default.svc"])
)
NAMESPACES = mostly(st.sampled_from(["default", "default", "default", "shop"]))
QUANTITIES = st.sampled_from(
    [
        "0",
        "-0",
        "+1",
        "500m",
        "1.5",
        ".5",
        "5.",
        "1e3",
        "1E-3",
        "1Ki",
        "2k",
        "0m",
        "-0.0m",
        "-1",
        "-.5",
        "1e",
        "1 k",
        ".",
        "+",
    ]
)
WEIGHTS = mostly(st.integers(-1, 100)) | st.sampled_from([0, 1.0, 0.5]) | QUANTITIES
NUMBERS = mostly(st.integers(0, 100)) | st.sampled_from([-5, 1.5, 0])
EXPRESSIONS = mostly(
    st.sampled_from(["/api", ".*", "^/a(b|c)+$", r"\d{3}", "[a-z]", "", "(?i)a", r"\Qa.b\E", "(?P<x>a)"]),
    st.sampled_from(["(", "[", "*", "(?=a)", "a**", r"\1", "a{2,1}", "(?<!a)", r"\8", "x{1001}", ")", "[b-a]"]) | ODD,
)
METHODS = mostly(st.sampled_from(["GET", "PUT", "*"]), st.sampled_from(["get", "FETCH"]) | ODD)
KINDS_OF_SUBJECTS = mostly(st.just("ServiceAccount") | st.just("ServiceAccount") | st.just("IdentityBinding"))
KINDS_OF_ROUTES = mostly(st.sampled_from(["HTTPRouteGroup", "HTTPRouteGroup", "TCPRoute", "UDPRoute"]))
PORTS = mostly(st.integers(1, 65535), st.sampled_from([0, -1, 65536, 80.0, "80"]) | ODD)
SUBJECTS = mapping_of(kind=KINDS_OF_SUBJECTS, name=NAMES, namespace=NAMESPACES)
RULES = mapping_of(kind=KINDS_OF_ROUTES, name=NAMES, matches=mostly(st.just(["get"])))
MATCHES_OF_SPLITS = mapping_of(kind=mostly(st.just("HTTPRouteGroup")), name=NAMES)
HEADERS = several(st.dictionaries(st.sampled_from(["host", "x"]), EXPRESSIONS, min_size=1, max_size=1)) | (
    st.dictionaries(st.sampled_from(["host", "x", ""]), EXPRESSIONS, max_size=2)
)
SPIFFE = mostly(
    st.sampled_from(
        ["cluster.local/ns/a/sa/b", "spiffe://a.b/c", "a/..b/...", "A/b", "a", "a/b/", "a/./b", "a/..", "a b/c"]
    )
)
GENERATED = {
    "TrafficSplit": {
        "service": NAMES,
        "backends": several(mapping_of(service=NAMES, weight=NUMBERS), 1),
        "matches": st.just(ABSENT) | several(MATCHES_OF_SPLITS),
    },
    "TrafficTarget": {
        "destination": mostly(mapping_of(kind=KINDS_OF_SUBJECTS, name=NAMES, namespace=NAMESPACES, port=PORTS)),
        "rules": several(RULES, 1),
        "sources": several(SUBJECTS, 1),
    },
    "HTTPRouteGroup": {
        "matches": several(
            mapping_of(
                name=mostly(st.sampled_from("abcdefgh")),
                pathRegex=EXPRESSIONS,
                methods=several(METHODS),
                headers=HEADERS,
            )
        )
    },
    "TCPRoute": {"matches": mostly(mapping_of(ports=several(PORTS)))},
    "UDPRoute": {"matches": mostly(mapping_of(ports=several(PORTS)))},
    "IdentityBinding": {
        "schemes": mostly(
            mapping_of(
                podLabelSelector=st.just(ABSENT) | st.just({"a": "b"}) | ODD,
                podLabelSelectors=st.just(ABSENT) | st.just([{"a": "b"}]) | ODD,
                serviceAccount=mostly(st.just("web")),
                spiffeIdentities=several(SPIFFE),
            )
        )
    },
}
SHAPES = [(kind.name, version) for kind in ALL_KINDS.values() for version in kind.all_versions]


@pytest.mark.parametrize(("kind", "version"), SHAPES, ids=lambda value: value)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_policies_and_rules_are_of_one_mind(lax: Server, kind: str, version: str, data: st.DataObject) -> None:
    """What the rules call an error is refused, and nothing else; of what is taken, the same is warned of."""
    strategies = dict(GENERATED[kind])
    if (kind, version) == ("TrafficSplit", "v1alpha1"):
        strategies["backends"] = several(mapping_of(service=NAMES, weight=WEIGHTS), 1)
    if (kind, version) == ("TrafficTarget", "v1alpha1"):
        strategies["specs"] = strategies.pop("rules")
    fields = data.draw(mapping_of(**strategies))
    body = smi(kind, version, **fields)
    if not is_flat(ALL_KINDS[kind], version):
        body["spec"] = data.draw(mostly(st.just(body["spec"])))
    verdict, findings = lax.verdict(body), check_alone([body])
    assert (verdict.status, bool(errors(body))) in ((422, True), (201, False)), (verdict, findings)
    if verdict.status == 201:
        warned = {finding.id for finding in findings if finding.severity == Severity.WARNING}
        assert set(re.findall(r"\((smi-[a-z-]+)\)", "".join(verdict.warnings))) == warned, (verdict, findings)
