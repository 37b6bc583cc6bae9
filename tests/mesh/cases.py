# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: SMI objects, and what becomes of requests then, whichever API the controller translates them for.

The Services backend, backend-v1 and backend-v2 have a pod each, of their own name and with a service account of that
name. While there are no SMI objects, every Service answers itself, and everybody in the mesh gets in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.servicemesh.platform.tests.integration.smi_controller.objects import split

GATEWAY_API, ISTIO = "gateway-api", "istio"
APIS = (GATEWAY_API, ISTIO)

SPACE, NEAR, OUTSIDE = "cases", "cases-near", "cases-outside"
"""The namespace of the Services, another one in the mesh, and one outside."""
BACKEND, V1, V2 = "backend", "backend-v1", "backend-v2"
DENIED, REFUSED = "403", "refused"
"""What else than the name of a backend may come of a request: a status, and no answer at all."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """Who asks: the pod and the service account of this name in a namespace."""

    namespace: str
    name: str


FRIEND, STRANGER = Client(SPACE, "friend"), Client(SPACE, "stranger")
NEIGHBOUR, OUTSIDER = Client(NEAR, "friend"), Client(OUTSIDE, "friend")
CLIENTS = (FRIEND, STRANGER, NEIGHBOUR, OUTSIDER)


@dataclass(frozen=True)
class Request:
    """What is asked, and what comes of it: weights of backends, DENIED or REFUSED."""

    comes: Mapping[str, int]
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    client: Client = FRIEND
    service: str = BACKEND

    @property
    def is_as_before(self) -> bool:
        """Whether the same comes of it without any SMI object."""
        return self.comes == {REFUSED if self.client == OUTSIDER else self.service: 1}


@dataclass(frozen=True)
class Case:
    """Objects, what comes of requests, and what an Event of the controller says for an API that cannot say all.

    carried_out_by: the APIs for which the requests are answered so; for others nobody is denied anything.
    """

    name: str
    objects: tuple[Object, ...]
    requests: tuple[Request, ...]
    events: Mapping[str, str] = field(default_factory=dict)
    carried_out_by: tuple[str, ...] = APIS


def group(name: str, *matches: Object) -> Object:
    return _object("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", name, {"matches": list(matches)})


def ports(name: str, *numbers: int) -> Object:
    return _object("specs.smi-spec.io/v1alpha4", "TCPRoute", name, {"matches": {"ports": list(numbers)}})


def target(destination: str, *sources: Client, rules: list[Object], version: str = "v1alpha3") -> Object:
    """Allows sources what the rules say."""
    spec = {
        "destination": _account(SPACE, destination),
        "sources": [_account(source.namespace, source.name) for source in sources],
        "rules": rules,
    }
    return _object(f"access.smi-spec.io/{version}", "TrafficTarget", f"to-{destination}", spec)


def old_target(destination: str, *sources: Client, specs: list[Object]) -> Object:
    """The same in the version that has no spec."""
    made = target(destination, *sources, rules=[], version="v1alpha1")
    spec = made.pop("spec")
    return {**made, "destination": spec["destination"], "sources": spec["sources"], "specs": specs}


def matched(what: Object, *groups: str) -> Object:
    """A split of those requests only that match."""
    references = [{"kind": "HTTPRouteGroup", "name": name, "apiGroup": "specs.smi-spec.io"} for name in groups]
    return {**what, "spec": {**what["spec"], "matches": references}}


def rule(kind: str, name: str, *matches: str) -> Object:
    return {"kind": kind, "name": name, **({"matches": list(matches)} if matches else {})}


def _account(namespace: str, name: str) -> Object:
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def _object(api_version: str, kind: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


ALL_TCP = rule("TCPRoute", "all")
NO_IDENTITIES = {GATEWAY_API: "the Gateway API cannot say who may send what to whom"}


def _weights(version: str, **weights: Any) -> tuple[Object, ...]:
    return (split(BACKEND, SPACE, version, **weights),)


def _only_v2(*matches: Object) -> tuple[Object, ...]:
    """What matches goes to the second version."""
    return group("some", *matches), matched(split(BACKEND, SPACE, "v1alpha4", v2=1), "some")


def _to(backend: str, path: str = "/", method: str = "GET", **further: Any) -> Request:
    return Request({backend: 1}, path, method, **further)


def _allowed(name: str, objects: tuple[Object, ...], *requests: Request, **further: Any) -> Case:
    """A case with targets, which only the API of the mesh itself can say."""
    events = {**NO_IDENTITIES, **further.pop("events", {})}
    return Case(name, objects, requests, events, (ISTIO,))


CASES = (
    Case(
        "80 to 20",
        _weights("v1alpha2", v1=80, v2=20),
        (
            Request({V1: 80, V2: 20}),
            Request({V1: 80, V2: 20}, client=NEIGHBOUR),
            _to(V1, service=V1),
            _to(REFUSED, client=OUTSIDER),
        ),
    ),
    Case("50 to 50", _weights("v1alpha4", v1=50, v2=50), (Request({V1: 50, V2: 50}),)),
    Case("0 to 100", _weights("v1alpha3", v1=0, v2=100), (_to(V2), _to(V2, client=NEIGHBOUR))),
    Case("weights that add up to 4", _weights("v1alpha4", v1=1, v2=3), (Request({V1: 1, V2: 3}),)),
    Case("quantities", _weights("v1alpha1", v1="1", v2="250m"), (Request({V1: 4, V2: 1}),)),
    Case(
        "a split by method",
        _only_v2({"name": "writes", "methods": ["POST", "PUT"]}),
        (_to(V2, method="POST"), _to(V2, "/a", "PUT"), _to(BACKEND), _to(BACKEND, method="DELETE")),
    ),
    Case(
        "a split by path, of which only the beginning is fixed",
        _only_v2({"name": "api", "pathRegex": "/api", "methods": ["*"]}, {"name": "one", "pathRegex": "/one$"}),
        (
            _to(V2, "/api"),
            _to(V2, "/api/a", "POST"),
            _to(V2, "/apiary"),
            _to(BACKEND, "/v1/api"),
            _to(V2, "/one"),
            _to(V2, "/one?a=b"),
            _to(BACKEND, "/one/more"),
        ),
    ),
    Case(
        "a split by header, of which all is fixed",
        _only_v2({"name": "phones", "headers": [{"X-Device": "(Pixel|Galaxy) .*"}]}),
        (
            _to(V2, headers={"x-device": "Pixel 9"}),
            _to(V2, headers={"X-DEVICE": "Galaxy S"}),
            _to(BACKEND, headers={"X-Device": "a Pixel 9"}),
            _to(BACKEND),
        ),
    ),
    Case(
        "a split by all of them at once",
        _only_v2({"name": "a", "methods": ["POST"], "pathRegex": "/a/.*", "headers": [{"X-A": "on"}]}),
        (
            _to(V2, "/a/b", "POST", headers={"X-A": "on"}),
            _to(BACKEND, "/a/b", "GET", headers={"X-A": "on"}),
            _to(BACKEND, "/b", "POST", headers={"X-A": "on"}),
            _to(BACKEND, "/a/b", "POST", headers={"X-A": "off"}),
        ),
    ),
    Case(
        "some requests 80 to 20, the others not at all",
        (group("api", {"name": "api", "pathRegex": "/api"}), matched(_weights("v1alpha4", v1=80, v2=20)[0], "api")),
        (Request({V1: 80, V2: 20}, "/api"), _to(BACKEND)),
    ),
    _allowed(
        "an identity is let in, others are not",
        (ports("all"), target(BACKEND, FRIEND, rules=[ALL_TCP])),
        _to(BACKEND),
        _to(BACKEND, "/any", "POST"),
        _to(DENIED, client=STRANGER),
        _to(DENIED, client=NEIGHBOUR),
        _to(REFUSED, client=OUTSIDER),
        _to(DENIED, service=V1),
    ),
    _allowed(
        "an identity of another namespace is let in",
        (ports("all"), target(BACKEND, NEIGHBOUR, rules=[ALL_TCP])),
        _to(BACKEND, client=NEIGHBOUR),
        _to(DENIED),
    ),
    _allowed(
        "a port of the pods is open",
        (ports("http", 8080), target(BACKEND, FRIEND, rules=[rule("TCPRoute", "http")])),
        _to(BACKEND),
        _to(DENIED, client=STRANGER),
    ),
    _allowed(
        "another port is open",
        (ports("other", 9090), target(BACKEND, FRIEND, rules=[rule("TCPRoute", "other")])),
        _to(DENIED),
    ),
    _allowed(
        "methods, paths and headers are let in",
        (
            group(
                "some",
                {"name": "read", "methods": ["GET"], "pathRegex": "/api"},
                {"name": "write", "methods": ["POST"], "pathRegex": "/write$", "headers": [{"X-Key": "k.*"}]},
                {"name": "unused", "pathRegex": "/unused"},
            ),
            target(BACKEND, FRIEND, rules=[rule("HTTPRouteGroup", "some", "read", "write")]),
        ),
        _to(BACKEND, "/api"),
        _to(BACKEND, "/api/a?b=c"),
        _to(DENIED, "/api", "POST"),
        _to(DENIED, "/v1/api"),
        _to(DENIED, "/api", client=STRANGER),
        _to(BACKEND, "/write", "POST", headers={"x-key": "key"}),
        _to(DENIED, "/write", "POST", headers={"X-Key": "other"}),
        _to(DENIED, "/write", "POST"),
        _to(DENIED, "/write/more", "POST", headers={"X-Key": "key"}),
        _to(DENIED, "/unused"),
    ),
    _allowed(
        "the same in the oldest version",
        (
            group("some", {"name": "read", "methods": ["GET"], "pathRegex": "/api"}),
            old_target(BACKEND, FRIEND, specs=[rule("HTTPRouteGroup", "some", "read")]),
        ),
        _to(BACKEND, "/api"),
        _to(DENIED, "/api", "POST"),
        _to(DENIED, "/api", client=STRANGER),
    ),
    _allowed(
        "a path that Istio cannot say stays closed",
        (
            group("some", {"name": "plain", "pathRegex": "/plain"}, {"name": "odd", "pathRegex": "/a[bc]+d"}),
            target(BACKEND, FRIEND, rules=[rule("HTTPRouteGroup", "some")]),
        ),
        _to(BACKEND, "/plain"),
        _to(DENIED, "/abcd"),
        events={ISTIO: "an AuthorizationPolicy cannot say the path"},
    ),
    _allowed(
        "a split of which one side is closed",
        (*_weights("v1alpha4", v1=80, v2=20), ports("all"), target(V1, FRIEND, rules=[ALL_TCP])),
        Request({V1: 80, DENIED: 20}),
        _to(DENIED, client=STRANGER),
    ),
)
