# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule with what keeps it and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check, check_alone
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import BY_NUMBER, RULES
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from hypothesis import given
from hypothesis import strategies as st

KNOWN = ("Service", "ServiceAccount", "Pod", "ClusterRoleBinding", "HTTPRouteGroup", "TCPRoute", "UDPRoute")


def obj(api: str, kind: str, name: str = "x", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **rest}


def split(*weights: Any, version: str = "v1alpha4", name: str = "s", **spec: Any) -> dict[str, Any]:
    backends = [{"service": f"web-v{number}", "weight": weight} for number, weight in enumerate(weights, 1)]
    return obj(
        f"split.smi-spec.io/{version}", "TrafficSplit", name, spec={"service": "web", "backends": backends, **spec}
    )


def subject(name: str = "web", **rest: Any) -> dict[str, Any]:
    return {"kind": "ServiceAccount", "name": name, "namespace": "shop", **rest}


def target(version: str = "v1alpha3", **spec: Any) -> dict[str, Any]:
    rules = [{"kind": "HTTPRouteGroup", "name": "routes", "matches": ["get"]}]
    wanted = {"destination": subject(), "rules": rules, "sources": [subject("client")], **spec}
    return obj(f"access.smi-spec.io/{version}", "TrafficTarget", spec=wanted)


def rule(kind: str = "HTTPRouteGroup", name: str = "routes", **rest: Any) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, **rest}]


def routes(*matches: Any) -> dict[str, Any]:
    return obj("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "routes", spec={"matches": list(matches)})


def match(**rest: Any) -> dict[str, Any]:
    return routes({"name": "get", **rest})


def ports(*numbers: Any, kind: str = "TCPRoute") -> dict[str, Any]:
    return obj("specs.smi-spec.io/v1alpha4", kind, spec={"matches": {"ports": list(numbers)}})


def identity(**schemes: Any) -> dict[str, Any]:
    return obj("access.smi-spec.io/v1alpha4", "IdentityBinding", spec={"schemes": schemes})


def service(name: str, *numbers: int, **spec: Any) -> dict[str, Any]:
    return obj("v1", "Service", name, spec={"ports": [{"port": number} for number in numbers], **spec})


def services(**of: Any) -> list[dict[str, Any]]:
    return [service(name, 80, **of.get(name.replace("-", "_"), {})) for name in ("web", "web-v1", "web-v2")]


def account(name: str) -> dict[str, Any]:
    return obj("v1", "ServiceAccount", name)


def pod(name: str) -> dict[str, Any]:
    return obj("v1", "Pod", name, spec={"serviceAccountName": name})


WRITER = obj("rbac.authorization.k8s.io/v1", "ClusterRole", "writer")
WRITER["rules"] = [{"apiGroups": ["access.smi-spec.io"], "resources": ["traffictargets"], "verbs": ["patch"]}]


def binding(kind: str, **who: str) -> dict[str, Any]:
    role = {"kind": "ClusterRole", "name": "writer"}
    return {**obj("rbac.authorization.k8s.io/v1", kind), "subjects": [{"kind": kind, **who}], "roleRef": role}


def bound(kind: str, **who: str) -> list[dict[str, Any]]:
    made = binding("RoleBinding")
    made["subjects"] = [{"kind": kind, **who}]
    return [WRITER, made]


GROUP = match()
PEOPLE = [account("web"), account("client"), pod("web"), pod("client")]
OLD_TARGET = obj(
    "access.smi-spec.io/v1alpha1",
    "TrafficTarget",
    destination=subject(port=70000),
    specs=rule(matches=["get"]),
    sources=[subject("client")],
)

# number, the objects, those around, the provider
GOOD: list[tuple[int, list[Any], list[Any], str]] = [
    (1, [split(80, 20)], services(), ""),
    (2, [split(80, 20), split("500m", "1.5", 1, version="v1alpha1", service="other")], [], ""),
    (3, [split(1, 2)], [], ""),
    (4, [split(1)], [], ""),
    (5, [split(1)], [], ""),
    (6, [split(1), split(1, name="t", service="other")], [], ""),
    (7, [split(80, 20)], services(), ""),
    (8, [split(80, 20)], services(), ""),
    (9, [split(1), split(1, name="t", service="other")], [], ""),
    (10, [split(1, matches=rule()), GROUP], [], ""),
    (11, [split(80, 20)], services(web={"clusterIP": "10.0.0.1"}), ""),
    (12, [split(1)], services(web={"selector": {"a": "1"}}, web_v1={"selector": {"a": "2"}}), "osm"),
    (12, [split(1)], services(web={"selector": {"a": "1"}}, web_v1={"selector": {"a": "1", "b": "2"}}), ""),
    (13, [target(), GROUP], PEOPLE, ""),
    (14, [target(), GROUP], PEOPLE, ""),
    (15, [target(), GROUP], PEOPLE, ""),
    (16, [target(), GROUP], PEOPLE, ""),
    (17, [target(), GROUP, target(rules=rule("TCPRoute", "x")), ports(80)], PEOPLE, ""),
    (18, [target(), GROUP], PEOPLE, ""),
    (19, [match(pathRegex="/a(?i)b+?", methods=["*", "GET"], headers=[{"a": ".*"}, {"b": "x"}])], [], ""),
    (19, [match(headers={"a": ".*", "b": "x"})], [], ""),
    (20, [ports(1, 65535), ports(53, kind="UDPRoute"), ports()], [], ""),
    (21, [identity(serviceAccount="web", spiffeIdentities=["cluster.local/ns/shop/sa/web", "spiffe://td/a"])], [], ""),
    (22, [target(), GROUP], bound("ServiceAccount", name="deploy", namespace="shop"), ""),
    (22, [target(), GROUP], bound("User", name="jane"), ""),
]
BAD: list[tuple[int, list[Any], list[Any], str, str]] = [
    (1, [split(1, service=None)], [], "", "spec.service"),
    (1, [split(backends="web")], [], "", "spec.backends"),
    (1, [split(backends=[{"service": "a"}])], [], "", "spec.backends[0].weight"),
    (1, [split(backends=[{"weight": 1}])], [], "", "spec.backends[0].service"),
    (2, [split(1.5)], [], "", "spec.backends[0].weight"),
    (2, [split(-200)], [], "", "spec.backends[0].weight"),
    (2, [split("1000m", version="v1alpha2")], [], "", "spec.backends[0].weight"),
    (2, [split(True)], [], "", "spec.backends[0].weight"),
    (2, [split("-1m", version="v1alpha1")], [], "", "spec.backends[0].weight"),
    (3, [split(0, 0)], [], "", "spec.backends"),
    (4, [split()], [], "", "spec.backends"),
    (4, [split(backends=[{"service": "a", "weight": 1}] * 2)], [], "", "spec.backends[1].service"),
    (5, [split(1, service="web-v1")], [], "", "spec.backends[0].service"),
    (6, [split(1), split(1, name="t", service="web-v1")], [], "", "spec.backends[0].service"),
    (7, [split(80, 20)], services()[:2], "", "spec.backends[1].service"),
    (7, [split(1, service="web.other.svc.cluster.local")], [], "", "spec.service"),
    (8, [split(1)], [service("web", 80, 81), service("web-v1", 80)], "", "spec.backends[0].service"),
    (9, [split(1), split(1, name="t")], [], "", "spec.service"),
    (10, [split(1, matches=rule())], [], "", "spec.matches[0].name"),
    (10, [split(1, matches=rule("TCPRoute"))], [], "", "spec.matches[0].kind"),
    (11, [split(80, 20)], services(web={"clusterIP": "None"}), "", "spec.service"),
    (12, [split(1)], services(web={"selector": {"a": "1"}}, web_v1={"selector": {"a": "1", "b": "2"}}), "osm",
     "spec.backends[0].service"),
    (13, [target(rules=[])], [], "", "spec.rules"),
    (13, [target(sources=None)], [], "", "spec.sources"),
    (13, [target(destination=None)], [], "", "spec.destination"),
    (14, [target(destination=subject(namespace="other"))], [], "", "spec.destination.namespace"),
    (15, [target(sources=[subject(kind="User")])], [], "", "spec.sources[0].kind"),
    (15, [target(sources=[subject(namespace=None)])], [], "", "spec.sources[0].namespace"),
    (16, [target(), GROUP], PEOPLE[:1], "", "spec.sources[0].name"),
    (16, [target(), GROUP], PEOPLE[:3], "", "spec.sources[0].name"),
    (16, [target(destination=subject("default"))], [], "", "spec.destination.name"),
    (17, [target()], [], "", "spec.rules[0].name"),
    (17, [target(rules=rule("Route"))], [], "", "spec.rules[0].kind"),
    (17, [target(rules=rule(matches=["put"])), GROUP], [], "", "spec.rules[0].matches[0]"),
    (18, [target(rules=rule()), GROUP], [], "", "spec.rules[0].matches"),
    (19, [routes({"name": "a"}, {"name": "a"})], [], "", "spec.matches[1].name"),
    (19, [match(pathRegex="(?=a)")], [], "", "spec.matches[0].pathRegex"),
    (19, [match(methods=["get"])], [], "", "spec.matches[0].methods[0]"),
    (19, [match(headers=[{"a": "x", "b": "y"}])], [], "", "spec.matches[0].headers[0]"),
    (19, [match(headers="a: b")], [], "", "spec.matches[0].headers"),
    (20, [ports(0)], [], "", "spec.matches.ports[0]"),
    (20, [ports(65536, kind="UDPRoute")], [], "", "spec.matches.ports[0]"),
    (20, [OLD_TARGET], [], "", "destination.port"),
    (21, [identity()], [], "", "spec.schemes"),
    (21, [identity(serviceAccount="a", podLabelSelector={"matchLabels": {"a": "b"}})], [], "", "spec.schemes"),
    (21, [identity(spiffeIdentities=["http://x/../y"])], [], "", "spec.schemes.spiffeIdentities[0]"),
    (22, [target(), GROUP], bound("Group", name="system:authenticated"), "", "subjects"),
    (22, [target(), GROUP], bound("ServiceAccount", name="x", namespace="other"), "", "subjects"),
]  # fmt: skip


def found(number: int, objects: list[Any], around: list[Any], provider: str = "") -> list[Any]:
    known = [kind for kind in KNOWN if around or kind.endswith("Route") or kind == "HTTPRouteGroup"]
    surroundings = Surroundings.of(around, known)
    return [each for each in check(objects, surroundings, provider) if each.id == BY_NUMBER[number].id]


@pytest.mark.parametrize(("number", "objects", "around", "provider"), GOOD)
def test_kept(number: int, objects: list[Any], around: list[Any], provider: str) -> None:
    assert found(number, objects, around, provider) == []


@pytest.mark.parametrize(("number", "objects", "around", "provider", "field"), BAD)
def test_breached(number: int, objects: list[Any], around: list[Any], provider: str, field: str) -> None:
    findings = found(number, objects, around, provider)
    assert field in [each.message.partition(": ")[0] for each in findings]
    assert all(each.subject and each.why and each.mend for each in findings)


def test_every_rule_has_both_cases() -> None:
    numbers = list(range(1, 23))
    assert [each.number for each in RULES] == numbers
    assert sorted({case[0] for case in GOOD}) == numbers
    assert sorted({case[0] for case in BAD}) == numbers


@pytest.mark.parametrize(
    ("provider", "severity"), [("", "warning"), ("linkerd", "info"), ("linkerd-smi", "info"), ("argo-rollouts", "info")]
)
def test_the_root_among_its_backends(provider: str, severity: str) -> None:
    (finding,) = found(5, [split(1, service="web-v1")], [], provider)
    assert finding.severity.value == severity


def test_an_adapter_makes_no_rules_of_no_matches() -> None:
    (finding,) = found(18, [target(rules=rule())], [], "smi-adapter-istio")
    assert finding.severity is Severity.ERROR


def test_unknown_provider() -> None:
    with pytest.raises(ValueError, match="'kuma' is no provider; write one of: linkerd"):
        check([], Surroundings(), "kuma")


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
def test_the_article(version: str) -> None:
    assert check_alone([split(80, 20, version=version)]) == []


@pytest.mark.parametrize(
    ("api", "kind"), [("split.smi-spec.io/v1beta1", "TrafficSplit"), ("split.smi-spec.io/v1alpha1", ["x"])]
)
def test_unknown_objects(api: str, kind: Any) -> None:
    (finding,) = check([{"apiVersion": api, "kind": kind}], Surroundings())
    assert (finding.id, finding.severity) == ("smi-unknown-object", Severity.ERROR)


def test_what_is_not_known_is_told_and_does_not_fire() -> None:
    findings = check([split(1), target(), GROUP], Surroundings())
    assert {(each.id, each.subject) for each in findings} == {
        ("smi-not-looked-at", f"objects of kind {kind}") for kind in KNOWN[:4]
    }


def test_a_namespace_that_was_not_looked_at_says_nothing() -> None:
    source = target(sources=[subject("client", namespace="far")])
    around = Surroundings({}, frozenset({("shop", "web")}), {}, frozenset({"ServiceAccount"}))
    here = Surroundings({}, around.service_accounts, {}, around.known, frozenset({"shop"}))
    assert [each.id for each in check([source, GROUP], here) if each.id == "smi-service-account"] == []
    assert [each.id for each in check([source, GROUP], around) if each.id == "smi-service-account"] != []


def test_headers_as_the_installed_crd_has_them() -> None:
    findings = check([match(headers={"a": "b"})], Surroundings(headers="list"))
    assert [each.message.partition(":")[0] for each in findings] == ["spec.matches[0].headers"]
    assert check([match(headers=[{"a": "b"}])], Surroundings(headers="list")) == []


def test_objects_around_count_but_are_not_looked_at() -> None:
    (finding,) = [
        each for each in check([split(1)], Surroundings(smi=[split(-1, name="t")])) if each.id != "smi-not-looked-at"
    ]
    assert (finding.id, finding.subject) == ("smi-one-split", "TrafficSplit shop/s")


NAMES = st.sampled_from(
    [
        *("service", "backends", "weight", "matches", "name", "kind", "namespace", "ports", "headers", "pathRegex"),
        *("methods", "destination", "rules", "specs", "sources", "port", "schemes", "spiffeIdentities"),
        *("selector", "clusterIP"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("HTTPRouteGroup"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)
KINDS = st.sampled_from(["TrafficSplit", "TrafficTarget", "HTTPRouteGroup", "TCPRoute", "UDPRoute", "IdentityBinding"])
GARBAGE = st.builds(
    lambda group, version, kind, metadata, spec, rest: {
        **rest,
        "apiVersion": f"{group}.smi-spec.io/v1alpha{version}",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    },
    st.sampled_from(["split", "access", "specs"]),
    st.integers(1, 4),
    KINDS,
    JSON,
    JSON,
    st.dictionaries(NAMES, JSON, max_size=4),
)


@given(st.lists(GARBAGE | JSON, max_size=4), st.dictionaries(NAMES, JSON, max_size=3))
def test_garbage_is_told_and_never_crashes(objects: list[Any], spec: dict[str, Any]) -> None:
    around = Surroundings.of([obj("v1", "Service", "web", spec=spec)], KNOWN)
    for finding in check(objects, around, "osm"):
        assert finding.subject
        assert finding.message
