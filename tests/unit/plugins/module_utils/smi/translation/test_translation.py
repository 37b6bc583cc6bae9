# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translation of SMI objects: what comes out, what becomes a finding, and that nothing more is allowed than before."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import translate
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.expressions import (
    istio_paths,
    istio_value,
    whole_path,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import Translation
from hypothesis import given
from hypothesis import strategies as st


def obj(api: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    group = {"TrafficSplit": "split", "TrafficTarget": "access"}.get(kind, "specs")
    return {
        "apiVersion": f"{group}.smi-spec.io/{api}",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def split(weights: dict[str, Any], api: str = "v1alpha2", **spec: Any) -> dict[str, Any]:
    backends = [{"service": name, "weight": weight} for name, weight in weights.items()]
    return obj(api, "TrafficSplit", "checkout", service="checkout", backends=backends, **spec)


def group(*matches: dict[str, Any], name: str = "routes") -> dict[str, Any]:
    named = [{"name": f"m{index}", **match} for index, match in enumerate(matches)]
    return obj("v1alpha4", "HTTPRouteGroup", name, matches=named)


def account(name: str, namespace: str = "shop", kind: str = "ServiceAccount") -> dict[str, str]:
    return {"kind": kind, "name": name, "namespace": namespace}


def target(*rules: tuple[str, str], name: str = "web", **spec: Any) -> dict[str, Any]:
    fields = {
        "destination": account("checkout"),
        "sources": [account("storefront", "web")],
        "rules": [{"kind": kind, "name": route} for kind, route in rules],
    }
    return obj("v1alpha3", "TrafficTarget", name, **{**fields, **spec})


def service(name: str = "checkout", *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    found = list(ports) or [{"name": "http", "port": 80}]
    return {"kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": {"ports": found, **spec}}


def pod(name: str, account: str = "checkout", **labels: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"serviceAccountName": account, "containers": [{"ports": [{"containerPort": 8080}]}]},
    }


PODS = [pod("a", app="checkout", **{"pod-template-hash": "x"}), pod("b", app="checkout"), pod("c", "other", app="x")]
HTTP = ("HTTPRouteGroup", "routes")
TCP = ("TCPRoute", "ports")
EIGHTY = {"checkout-v1": 80, "checkout-v2": 20}


def run(to: str, *objects: dict[str, Any], around: list[dict[str, Any]] | None = None, **known: Any) -> Translation:
    return translate(objects, to, Surroundings.of(around if around is not None else [service(), *PODS], **known))


def ids(result: Translation, severity: str = "error") -> list[str]:
    return [found.id.replace("smi-translation-", "") for found in result.findings if found.severity.value == severity]


def kinds(result: Translation) -> list[str]:
    return [made["kind"] for made in result.objects]


def test_the_split_of_the_article() -> None:
    result = run("gateway-api", split(EIGHTY))
    (route,) = result.objects
    assert route["metadata"]["annotations"] == {"smi.servicemesh.platform/translated-from": "TrafficSplit/checkout"}
    assert route["spec"]["parentRefs"] == [{"group": "", "kind": "Service", "name": "checkout", "port": 80}]
    (rule,) = route["spec"]["rules"]
    # Without matches this rule itself is the catch-all.
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert [(ref["name"], ref["port"], ref["weight"]) for ref in rule["backendRefs"]] == [
        ("checkout-v1", 80, 80),
        ("checkout-v2", 80, 20),
    ]
    assert result.findings == []


def test_matches_get_a_catch_all_to_the_root_and_one_match_for_each_method() -> None:
    routes = group({"pathRegex": "/api", "methods": ["GET", "POST"], "headers": {"x-user": "insider"}})
    result = run("gateway-api", routes, split(EIGHTY, "v1alpha4", matches=[{"kind": HTTP[0], "name": HTTP[1]}]))
    first, last = result.objects[0]["spec"]["rules"]
    assert [match["method"] for match in first["matches"]] == ["GET", "POST"]
    assert first["matches"][0]["path"] == {"type": "RegularExpression", "value": "/api.*"}
    assert first["matches"][0]["headers"] == [{"type": "RegularExpression", "name": "x-user", "value": "insider"}]
    assert last["matches"] == [{"path": {"type": "RegularExpression", "value": ".*"}}]
    assert [ref["name"] for ref in last["backendRefs"]] == ["checkout"]


@pytest.mark.parametrize(
    ("matches", "paths"),
    [
        ([{"methods": ["POST"]}], ["/", "/"]),
        ([{"pathRegex": "/a"}], ["/a.*", ".*"]),
        ([{"methods": ["POST"]}, {"pathRegex": "/a"}], [".*", "/a.*", ".*"]),
        # One that takes every request is the catch-all itself.
        ([{"pathRegex": ".*"}], ["/"]),
        ([{"pathRegex": ".*"}, {"pathRegex": "/a"}], [".*", "/a.*"]),
    ],
)
def test_the_catch_all_wins_against_no_match_in_any_mesh(matches: list[dict[str, Any]], paths: list[str]) -> None:
    """Istio takes prefixes before expressions, others expressions before prefixes: a route has paths of one kind."""
    reference = [{"kind": HTTP[0], "name": HTTP[1]}]
    result = run("gateway-api", group(*matches), split(EIGHTY, "v1alpha4", matches=reference))
    found = [match["path"] for rule in result.objects[0]["spec"]["rules"] for match in rule["matches"]]
    assert [path["value"] for path in found] == paths
    assert len({path["type"] for path in found}) == 1


@pytest.mark.parametrize(("count", "refused"), [(127, False), (128, True)])
def test_matches_are_spread_over_rules_or_refused(count: int, refused: bool) -> None:
    routes = group(*({"pathRegex": f"/{index}"} for index in range(count)))
    result = run("gateway-api", routes, split(EIGHTY, "v1alpha4", matches=[{"kind": HTTP[0], "name": HTTP[1]}]))
    assert ("limit" in ids(result)) is refused
    sizes = [len(rule["matches"]) for made in result.objects for rule in made["spec"]["rules"]]
    assert sizes == ([] if refused else [64, 63, 1])


@pytest.mark.parametrize(("count", "refused"), [(16, False), (17, True)])
def test_backends_of_a_rule_are_limited(count: int, refused: bool) -> None:
    result = run("gateway-api", split({f"v{index}": 1 for index in range(count)}))
    assert (ids(result), len(result.objects)) == ((["limit"], 0) if refused else ([], 1))


@given(st.lists(st.one_of(st.integers(0, 10**7), st.integers(0, 10**7).map("{}m".format)), min_size=1, max_size=16))
def test_ratios_are_kept_exactly_within_the_limits(given_weights: list[Any]) -> None:
    result = run("gateway-api", split({f"v{index}": weight for index, weight in enumerate(given_weights)}, "v1alpha1"))
    exact = [Fraction(w[:-1]) / 1000 if isinstance(w, str) else Fraction(w) for w in given_weights]
    if not result.objects:
        assert ids(result) == ["split"]
        return
    made = [ref["weight"] for ref in result.objects[0]["spec"]["rules"][0]["backendRefs"]]
    assert all(0 <= weight <= 1_000_000 for weight in made)
    assert [weight * sum(exact) for weight in made] == [weight * sum(made) for weight in exact]


@pytest.mark.parametrize(
    ("port", "kind"),
    [
        ({"port": 80}, "HTTPRoute"),
        ({"port": 80, "name": "grpc-api"}, "HTTPRoute"),
        ({"port": 80, "name": "http", "appProtocol": "mysql"}, "TCPRoute"),
        ({"port": 80, "name": "mysql"}, "TCPRoute"),
        ({"port": 3306}, "TCPRoute"),
        ({"port": 53, "protocol": "UDP"}, "UDPRoute"),
    ],
)
def test_the_kind_of_route_follows_the_port(port: dict[str, Any], kind: str) -> None:
    objects = [split(EIGHTY), obj("v1alpha4", "TCPRoute", "ports", matches={"ports": [3306]}), target(TCP)]
    result = run("gateway-api", *objects, around=[service("checkout", port)])
    assert kinds(result) == [kind]
    assert ("channel" in ids(result, "warning")) is (kind != "HTTPRoute")


def test_a_backend_without_the_port_gets_nothing_as_in_smi_and_is_told() -> None:
    around = [service(), service("checkout-v1"), service("checkout-v2", {"port": 8080})]
    result = run("gateway-api", split(EIGHTY), around=around)
    assert ids(result) == ["backend"]
    assert [ref["name"] for ref in result.objects[0]["spec"]["rules"][0]["backendRefs"]] == ["checkout-v1"]


@pytest.mark.parametrize("to", ["istio", "linkerd"])
def test_identity_bindings_are_told_and_never_translated(to: str) -> None:
    """Neither the binding itself, nor as a destination, nor as one of several sources."""
    binding = obj("v1alpha4", "IdentityBinding", "people", schemes={"serviceAccount": "people"})
    binding["apiVersion"] = "access.smi-spec.io/v1alpha4"
    bound = {**account("people", kind="IdentityBinding"), "group": "access.smi-spec.io"}

    def draft(**spec: Any) -> dict[str, Any]:
        return {**target(HTTP, **spec), "apiVersion": "access.smi-spec.io/v1alpha4"}

    assert ids(run(to, binding), "warning") == ["identity-binding"]
    as_destination = run(to, group({"pathRegex": "/"}), draft(destination=bound))
    alone = run(to, group({"pathRegex": "/"}), draft(sources=[bound]))
    among = run(to, group({"pathRegex": "/"}), draft(sources=[bound, account("storefront", "web")]))
    assert ids(as_destination)[:1] == ["destination"]
    assert ids(alone)[:2] == ["source", "allows-nothing"]
    assert ids(among)[:1] == ["source"]
    allowing = [[made for made in each.objects if made["spec"]] for each in (as_destination, alone, among)]
    assert allowing[:2] == [[], []], "what denies all may be there"
    assert allowing[2]
    assert "people" not in str(allowing)


@pytest.mark.parametrize("to", ["gateway-api", "istio", "linkerd"])
@pytest.mark.parametrize(
    ("objects", "finding"),
    [
        ([split({"a": 0})], "split"),
        ([split({"a": -1})], "split"),
        ([split(EIGHTY, "v1alpha4", matches=[{"kind": HTTP[0], "name": "absent"}])], "route-missing"),
        ([split(EIGHTY), {**split(EIGHTY), "metadata": {"name": "z", "namespace": "shop"}}], "root-twice"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}], "invalid"),
        ([split({"a": "much"})], "invalid"),
    ],
)
def test_what_cannot_be_translated_is_told(to: str, objects: list[dict[str, Any]], finding: str) -> None:
    assert finding in ids(run(to, *objects))


def test_targets_have_no_equivalent_in_the_gateway_api() -> None:
    result = run("gateway-api", group({"pathRegex": "/"}), target(HTTP))
    assert (kinds(result), ids(result)) == ([], ["no-equivalent"])


def test_a_route_that_nothing_uses_is_told() -> None:
    assert ids(run("istio", group({"pathRegex": "/"})), "info") == ["unused-route"]


@pytest.mark.parametrize(
    ("given_path", "full"),
    [
        ("/api", "/api.*"),
        ("^/api", "^/api.*"),
        ("/api$", "/api$"),
        (r"/api\$", r"/api\$.*"),
        ("/api/.*", "/api/.*"),
        (r"/api\.*", r"/api\.*.*"),
        ("/a|/b$", "(?:/a|/b$).*"),
    ],
)
def test_paths_for_engines_that_match_the_whole(given_path: str, full: str) -> None:
    assert whole_path(given_path) == full


@pytest.mark.parametrize(
    ("expression", "paths"),
    [
        ("/", ["*"]),
        (".*", ["*"]),
        ("/api", ["/api*"]),
        ("/api/.*", ["/api/*"]),
        ("^/exact$", ["/exact"]),
        (r"/a\.html$", ["/a.html"]),
        (r".*\.css$", ["*.css"]),
        ("/a$|/b/.*", ["/a", "/b/*"]),
        ("/users/[^/]+/orders$", ["/users/{*}/orders"]),
        ("/users/[^/]+/.*", ["/users/{*}/{**}"]),
        ("/api/.+", None),
        ("/a.b$", None),
        ("/a?b", None),
        ("/users/[0-9]+", None),
        ("/users/[^/]+", None),
        ("(?i)/api", None),
        (r"/a\*$", None),
        (r"/a\{\*\}$", None),
        ("/a/.*/b$", None),
    ],
)
def test_paths_that_istio_can_say(expression: str, paths: list[str] | None) -> None:
    assert istio_paths(expression) == paths


@pytest.mark.parametrize(
    ("expression", "value"),
    [("yes", "yes"), ("^yes$", "yes"), ("a.*", "a*"), (".*a", "*a"), (".*", "*"), (".*a.*", None), ("a|b", None)],
)
def test_header_values_that_istio_can_say(expression: str, value: str | None) -> None:
    assert istio_value(expression) == value


def istio_allows(pattern: str, path: str) -> bool:
    """As Istio's documentation of AuthorizationPolicy has it."""
    if "{" in pattern:
        parts = re.split(r"(\{\*\*?\})", pattern)
        return bool(re.fullmatch("".join({"{*}": "[^/]+", "{**}": ".*"}.get(p, re.escape(p)) for p in parts), path))
    if pattern == "*":
        return path != ""
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return path.endswith(pattern[1:]) if pattern.startswith("*") else path == pattern


PARTS = st.sampled_from(["/", "a", "b", ".*", "[^/]+", "$", "^", "|", r"\.", r"\*", "*", "?", "{", "."])


@given(
    st.lists(PARTS, max_size=8).map(lambda parts: "/" + "".join(parts)),
    st.lists(st.sampled_from(["/", "a", "b", ".", "*"]), max_size=8).map(lambda parts: "/" + "".join(parts)),
)
def test_istio_paths_never_allow_more(expression: str, path: str) -> None:
    paths = istio_paths(expression)
    if paths and any(istio_allows(pattern, path) for pattern in paths):
        assert re.match(expression, path)


def test_a_target_for_istio() -> None:
    routes = group({"pathRegex": "/api/.*", "methods": ["GET"]}, {"pathRegex": "/[0-9]+"}, {"headers": {"X-A": "yes"}})
    result = run("istio", routes, target(HTTP))
    policy, deny = result.objects
    assert deny["spec"] == {}
    assert policy["spec"]["selector"] == {"matchLabels": {"app": "checkout"}}
    source = [{"source": {"principals": ["cluster.local/ns/web/sa/storefront"]}}]
    # The match that Istio cannot say is left out: less is allowed, not more.
    assert policy["spec"]["rules"] == [
        {"from": source, "to": [{"operation": {"paths": ["/api/*"], "methods": ["GET"]}}]},
        {
            "from": source,
            "to": [{"operation": {"paths": ["*"]}}],
            "when": [{"key": "request.headers[x-a]", "values": ["yes"]}],
        },
    ]
    assert ids(result) == ["path"]
    assert ids(result, "warning") == ["deny-by-default", "mutual-tls"]


def test_a_target_of_which_istio_can_say_nothing_leaves_the_denial() -> None:
    result = run("istio", group({"pathRegex": "/[0-9]+"}), target(HTTP))
    assert [made["metadata"]["name"] for made in result.objects] == ["smi-deny-by-default"]
    assert ids(result) == ["path", "allows-nothing"]


def test_ports_limit_requests() -> None:
    ports = obj("v1alpha4", "TCPRoute", "ports", matches={"ports": [8080, 9090]})
    result = run("istio", group({"pathRegex": "/a$"}), ports, target(HTTP, TCP))
    operation = result.objects[0]["spec"]["rules"][0]["to"][0]["operation"]
    assert operation == {"paths": ["/a"], "ports": ["8080", "9090"]}
    assert "ports-limit-requests" in ids(result, "warning")


def test_the_port_of_an_old_target_is_kept() -> None:
    old = {**target(HTTP, destination={**account("checkout"), "port": 8080})}
    old["apiVersion"] = "access.smi-spec.io/v1alpha2"
    result = run("istio", group({"pathRegex": "/a$"}), old)
    assert result.objects[0]["spec"]["rules"][0]["to"][0]["operation"]["ports"] == ["8080"]


@pytest.mark.parametrize("to", ["istio", "linkerd"])
@pytest.mark.parametrize(
    ("spec", "pods", "finding"),
    [
        ({"destination": account("checkout", "elsewhere")}, PODS, "destination"),
        ({"destination": account("checkout", kind="Group")}, PODS, "destination"),
        ({"sources": [account("people", kind="Group")]}, PODS, "source"),
        ({}, [], "selector"),
        ({}, [pod("a", app="x"), pod("b", "other", app="x")], "selector"),
        ({}, [pod("a", app="x"), pod("b", app="y")], "selector"),
        ({"rules": [{"kind": "UDPRoute", "name": "dns"}]}, PODS, "udp"),
        ({"rules": [{"kind": "HTTPRouteGroup", "name": "routes", "matches": ["no"]}]}, PODS, "route-missing"),
        ({"rules": []}, PODS, "allows-nothing"),
    ],
)
def test_a_target_that_cannot_be_said_allows_nothing(
    to: str, spec: dict[str, Any], pods: list[dict[str, Any]], finding: str
) -> None:
    result = run(to, group({"pathRegex": "/"}), target(HTTP, **spec), around=pods)
    assert finding in ids(result)
    assert [made for made in result.objects if made["spec"]] == []


def test_a_virtual_service_for_each_split() -> None:
    routes = group({"pathRegex": "/api", "methods": ["GET", "PUT"], "headers": {"X-A": "y.*"}})
    around = [service("checkout", {"name": "http", "port": 80}, {"name": "mysql", "port": 3306})]
    result = run(
        "istio", routes, split(EIGHTY, "v1alpha4", matches=[{"kind": HTTP[0], "name": HTTP[1]}]), around=around
    )
    first, rest = result.objects[0]["spec"]["http"]
    assert first["match"] == [
        {"port": 80, "uri": {"regex": "/api.*"}, "method": {"regex": "GET|PUT"}, "headers": {"x-a": {"regex": "y.*"}}}
    ]
    assert [route["weight"] for route in first["route"]] == [80, 20]
    assert rest == {"match": [{"port": 80}], "route": [{"destination": {"host": "checkout", "port": {"number": 80}}}]}
    assert ids(result) == ["protocol"]
    plain = run("istio", split(EIGHTY), around=around).objects[0]["spec"]
    assert [route["destination"]["port"] for route in plain["tcp"][0]["route"]] == [{"number": 3306}] * 2


def test_a_target_for_linkerd() -> None:
    second = target(HTTP, name="mobile", sources=[account("app", "web")])
    result = run("linkerd", group({"pathRegex": "/api/.*", "methods": ["GET"]}), target(HTTP), second)
    # The same match for two sources is one route: of two alike Linkerd would look at one alone.
    assert sorted(kinds(result)) == [
        "AuthorizationPolicy",
        "AuthorizationPolicy",
        "HTTPRoute",
        "MeshTLSAuthentication",
        "MeshTLSAuthentication",
        "Server",
    ]
    (server,) = (made for made in result.objects if made["kind"] == "Server")
    assert server["spec"] == {"podSelector": {"matchLabels": {"app": "checkout"}}, "port": 8080}
    policies = [made["spec"] for made in result.objects if made["kind"] == "AuthorizationPolicy"]
    assert all(policy["targetRef"]["kind"] == "HTTPRoute" for policy in policies)
    assert [len(policy["requiredAuthenticationRefs"]) for policy in policies] == [1, 1]
    assert ids(result) == ["deny-by-default"]
    assert "routes-overlap" not in ids(result, "warning")


def test_routes_with_different_sources_are_told_for_linkerd() -> None:
    other = group({"pathRegex": "/api/a"}, name="others")
    second = target(("HTTPRouteGroup", "others"), name="mobile", sources=[account("app", "web")])
    result = run("linkerd", group({"pathRegex": "/api/.*"}), other, target(HTTP), second)
    assert "routes-overlap" in ids(result, "warning")


def test_a_split_for_linkerd_warns_of_service_profiles_and_leaves_udp() -> None:
    result = run("linkerd", split(EIGHTY), around=[service("checkout", {"port": 53, "protocol": "UDP"})])
    assert (kinds(result), ids(result), ids(result, "warning")) == ([], ["protocol"], ["service-profile"])


def test_the_order_of_the_objects_does_not_matter() -> None:
    objects = [group({"pathRegex": "/"}), target(HTTP), target(HTTP, name="b"), split(EIGHTY)]
    for to in ("gateway-api", "istio", "linkerd"):
        assert run(to, *objects) == run(to, *reversed(objects))


def test_an_unknown_target() -> None:
    with pytest.raises(ValueError, match="write one of: gateway-api, istio, linkerd"):
        run("consul")


@pytest.mark.parametrize("to", ["gateway-api", "istio", "linkerd"])
def test_each_of_many_objects_gets_its_own(to: str) -> None:
    objects: list[dict[str, Any]] = []
    around: list[dict[str, Any]] = []
    for index in range(300):
        name = f"s{index}"
        made = split(EIGHTY)
        objects.append(
            {**made, "metadata": {"name": name, "namespace": "shop"}, "spec": {**made["spec"], "service": name}}
        )
        objects.append(group({"pathRegex": "/api/.*", "methods": ["GET"]}, name=name))
        objects.append(target(("HTTPRouteGroup", name), name=name, destination=account(name)))
        around += [service(name), pod(name, name, app=name, tier="backend")]
    surroundings = Surroundings.of(around)
    result = translate(objects, to, surroundings)
    assert len(result.objects) >= 300
