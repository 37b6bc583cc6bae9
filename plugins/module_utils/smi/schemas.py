# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Structural OpenAPI v3 schemas of the SMI kinds, one description per kind for all of its published versions.

Sources: the texts of smi-spec v0.6.0 for what a field means, the CRDs and Go types of smi-sdk-go (a143f8b, for older
versions its tags) for its shape. Where these disagree, the docstring of the kind says what was taken and why. All
descriptions are for ``kubectl explain``.

Rules that can be decided by looking at one object stand here, as plain OpenAPI where it can say them and as CEL where
it cannot. What needs a second object (does the service exist?) or the namespace of the object itself (CEL in a CRD
sees only ``metadata.name``) cannot stand in a schema and belongs to checks and admission policies.

Upper bounds exist only where the API server needs them to bound the cost of a CEL rule. They are far above what a mesh
can use: the Gateway API allows 1024 characters for a path, 4096 for a header value and 16 headers per match.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP, is_flat

Schema = Dict[str, Any]

ANY = "any"
"""``headers`` untyped: taken and stored in either shape (see wire.LIST and wire.MAP), and checked in neither."""
HEADER_SHAPES = (LIST, MAP, ANY)

# Names of Kubernetes objects: RFC 1123 labels and subdomains.
_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
# A quantity of at least 0, see quantity.parse.
_QUANTITY = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$"

_SEGMENT = r"(?:\.{0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3}[A-Za-z0-9._-]*)"
SPIFFE_ID = rf"(?:spiffe://)?[a-z0-9._-]{{1,255}}(?:/{_SEGMENT})+"
"""A SPIFFE ID, with its scheme or without; a segment is neither ``.`` nor ``..``. Means the same in Python and RE2."""

METHODS = ("*", "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


def schema(kind: Kind, version: str, headers: str = LIST) -> Schema:
    """The schema of one kind in one version, made anew on each call. KeyError when there is none.

    ``headers`` is the shape of the headers of an HTTPRouteGroup, one of :data:`HEADER_SHAPES`.
    """
    if version not in described_versions(kind):
        raise KeyError(f"{kind.name} {version}")
    return _http_route_group(version, headers) if kind == HTTP_ROUTE_GROUP else _BUILDERS[kind](version)


def described_versions(kind: Kind) -> Tuple[str, ...]:
    """The versions of a kind that have a schema here, oldest first: all that are published, and the drafts."""
    return kind.all_versions


def fields(kind: Kind, version: str) -> Tuple[str, ...]:
    """The fields of a version that hold a value, as paths like ``spec.backends[].weight``. KeyError as for schema()."""
    return tuple(_leaves(schema(kind, version), ""))


def _leaves(node: Schema, path: str) -> Iterator[str]:
    if "properties" in node:
        for name, child in node["properties"].items():
            yield from _leaves(child, f"{path}.{name}" if path else name)
    elif "items" in node:
        yield from _leaves(node["items"], f"{path}[]")
    elif path:
        yield path


def _traffic_split(version: str) -> Schema:
    """TrafficSplit.

    - ``weight`` is a quantity in v1alpha1 (``resource.Quantity``: ``1``, ``500m``), from v1alpha2 on an integer of at
      least 0, as the text has it ("whole numbers") and as every consumer decodes it; the SDK's CRD says ``number`` and
      lets 1.5 and -200 through (smi-spec issue 235). A quantity with a fraction has to be text, ``"1.5"``: that is
      how Kubernetes types an integer or a string. There is no rule on the sum: weights are not percentages.
    - ``matches`` came with v1alpha3.
    - ``backends`` is a map by ``service``: a service that is named twice is refused (implementations that key by
      name lose one of the two weights) and server-side apply merges backend by backend.
    - ``matches[].apiGroup`` is neither in the text nor in the SDK's CRD, but the SDK's Go type has it (a core/v1
      TypedLocalObjectReference) and sends it as null when it is not set: taken as null and with the right group.
    - The root may be a backend too: the text rules it out, Linkerd's tutorial and Argo Rollouts do it. Left to checks.
    """
    properties = {
        "service": _name(
            "The root: the service that clients talk to. Either its plain name or its full DNS name; it has to be "
            "in the namespace of this object.",
        ),
        "backends": _list(
            "The services that receive the traffic of the root. Each needs the ports of the root under the same "
            "numbers; a backend without a port of the root gets none of that port's traffic.",
            _object(
                "A service and its share of the traffic.",
                required=("service", "weight"),
                properties={
                    "service": _label("Name of a service in the namespace of this object; at most once per split."),
                    "weight": _quantity() if version == "v1alpha1" else _whole_number(),
                },
            ),
            minItems=1,
            **_keyed_by("service"),
        ),
    }
    if version not in ("v1alpha1", "v1alpha2"):
        properties["matches"] = _list(
            "Route groups that say which requests are split (any of their matches is enough). Requests that no "
            "match fits stay with the root service. Without this field all traffic is split.",
            _object(
                "A reference to a route group in the namespace of this object.",
                required=("kind", "name"),
                properties={
                    "apiGroup": {
                        "description": "API group of the route group.",
                        "type": "string",
                        "nullable": True,
                        "pattern": "^{}$".format(HTTP_ROUTE_GROUP.api_group.replace(".", r"\.")),
                    },
                    "kind": _enum("Kind of the route group.", [HTTP_ROUTE_GROUP.name]),
                    "name": _name("Name of the route group."),
                },
            ),
        )
    return _kind(
        TRAFFIC_SPLIT,
        version,
        "Divides the traffic that clients send to one service, the root, among other services of the namespace in "
        "proportion to their weights.",
        required=("service", "backends"),
        properties=properties,
    )


_SHARE = (
    "Share of this backend in relation to the weights of the others: 1 and 3 mean a quarter and three quarters. "
    "0 means no traffic. The sum can be anything."
)


def _whole_number() -> Schema:
    return {"description": _SHARE, "type": "integer", "minimum": 0}


def _quantity() -> Schema:
    return {
        "description": f"{_SHARE} A whole number, or text with a Kubernetes quantity: '1.5', or '500m' for a half.",
        "x-kubernetes-int-or-string": True,
        "pattern": _QUANTITY,
        "minimum": 0,
    }


def _traffic_target(version: str) -> Schema:
    """TrafficTarget.

    - v1alpha1 has its fields beside ``metadata`` and calls the rules ``specs``; UDPRoute came with v1alpha3.
    - ``destination.port`` exists in v1alpha1 and v1alpha2; the text calls it optional, the SDK's CRD of v1alpha1
      requires it: the text is followed. v1alpha3 says ports with TCPRoute and UDPRoute.
    - v1alpha3 asks for a destination, at least one rule and at least one source; the SDK's CRD asks for the lists
      only, and lets empty ones through. The older texts and CRDs ask for the destination only.
    - Subjects are service accounts, the only identity that the text and the consumers know; the SDK's CRD takes any
      ``kind``.
    - ``namespace`` of a subject stays optional, as in the text and the CRD, although it should be written (an adapter
      builds an identity without a namespace from it). That it equals the namespace of the object, for the
      destination, cannot be said in a CRD.
    - The draft v1alpha4 (text of smi-spec after v0.6.0, smi-controller-sdk) has IdentityBinding as a subject, with the
      ``group`` access.smi-spec.io, which is in the text only; nothing else differs from v1alpha3.
    - ``matches`` of a rule names matches of an HTTPRouteGroup; the other kinds have no named matches (the Go types
      know ``matches.name``, the CRDs prune it), so there it could only be a mistake that silently opens or closes
      ports.
    """
    strict = version not in ("v1alpha1", "v1alpha2")
    rules = "specs" if version == "v1alpha1" else "rules"
    least = {"minItems": 1} if strict else {}
    port = {} if strict else {"port": _port("Port of the pods that may be reached. Absent: all their ports.")}
    kinds = [HTTP_ROUTE_GROUP.name, TCP_ROUTE.name, *([UDP_ROUTE.name] if strict else [])]
    is_draft = version in TRAFFIC_TARGET.drafts
    subject = _subject_or_binding if is_draft else _subject
    identity = "service account or identity binding" if is_draft else "service account"
    return _kind(
        TRAFFIC_TARGET,
        version,
        "Allows sources to send the described traffic to pods that run as the destination. What no TrafficTarget "
        "allows is denied.",
        required=("destination", rules, "sources") if strict else ("destination",),
        properties={
            "destination": subject(
                f"Whose pods may be reached: the {identity} they run as, in the namespace of this object.", **port
            ),
            rules: _list(
                "The traffic that is allowed, as references to routes in the namespace of this object.",
                _object(
                    "A reference to one route object, all of it or some of its matches.",
                    required=("kind", "name"),
                    properties={
                        "kind": _enum("Kind of the route object.", kinds),
                        "name": _name("Name of the route object."),
                        "matches": _list(
                            "Names of matches in the HTTPRouteGroup. Absent or empty allows all of its matches.",
                            {"description": "Name of a match.", "type": "string", "minLength": 1},
                        ),
                    },
                    rules=[
                        _cel(
                            "!has(self.matches) || size(self.matches) == 0 || self.kind == 'HTTPRouteGroup'",
                            "only an HTTPRouteGroup has named matches: leave matches out for this kind",
                            fieldPath=".matches",
                            reason="FieldValueForbidden",
                        )
                    ],
                ),
                maxItems=1024,
                **least,
            ),
            "sources": _list(
                f"Whose pods may send the traffic: the {identity}s they run as, in any namespace.",
                subject(f"A {identity}."),
                **least,
            ),
        },
    )


def _http_route_group(version: str, headers: str) -> Schema:
    """HTTPRouteGroup.

    - v1alpha1 and v1alpha2 have their fields beside ``metadata``; ``headers`` came with v1alpha2.
    - ``headers`` is on the wire a list of mappings with one entry each for the SDK's CRD and its marshaller (an error
      for a mapping or for two entries in one item), and with it Open Service Mesh and Traefik Mesh. It is a plain
      mapping in the text since smi-spec pull request 237, which came from reading a Go type without its marshaller,
      and with it for NGINX Service Mesh and smi-controller-sdk. One version of a CRD can have only one of the two
      shapes typed; untyped it takes both.
    - ``pathRegex`` and ``methods`` may be left out; the text calls all fields required in one place and gives
      examples without them in another. A missing one means any path and any method.
    - ``matches`` is a map by ``name``: the text calls the name the primary key.
    - Regular expressions have to compile as RE2, the syntax of Go and Envoy, and so of everything that reads them.
    """
    match = {
        "name": {
            "description": "Name of this match, once per group. TrafficTargets refer to it.",
            "type": "string",
            "minLength": 1,
        },
        "pathRegex": _regex("Regular expression (RE2) for the path, anchored at its beginning only. Absent: any path."),
        "methods": _list(
            "HTTP methods. Absent, empty or '*' means any method.",
            _enum("An HTTP method, or '*' for all of them.", METHODS),
        ),
    }
    if version != "v1alpha1":
        match["headers"] = _HEADERS[headers]()
    return _kind(
        HTTP_ROUTE_GROUP,
        version,
        "Describes HTTP/1 and HTTP/2 requests as named matches, for TrafficTargets and TrafficSplits to refer to.",
        required=("matches",),
        properties={
            "matches": _list(
                "The named matches of this group.",
                _object(
                    "Describes requests: all conditions that are written have to hold.",
                    required=("name",),
                    properties=match,
                ),
                minItems=1,
                maxItems=512,
                **_keyed_by("name"),
            ),
        },
    )


def _list_of_headers() -> Schema:
    return _list(
        "Conditions on headers, all of which have to hold: a list with one 'name: regex' each.",
        {
            "description": "Name of one header, and the regular expression (RE2) for its value.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": _regex("Regular expression for the value."),
        },
        maxItems=16,
        **_rules(
            _cel(
                "self.all(header, header.all(name, self.exists_one(other, name in other)))",
                "name each header once: of two conditions on one header meshes keep only one",
            )
        ),
    )


def _map_of_headers() -> Schema:
    return {
        "description": "Conditions on headers, all of which have to hold: a regular expression (RE2) by name.",
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": _regex("Regular expression for the value."),
    }


def _untyped_headers() -> Schema:
    return {
        "description": "Conditions on headers, all of which have to hold. Written as the mesh that reads this object "
        "takes them: a list with one 'name: regex' each, or one mapping of them. Nothing is checked here.",
        "x-kubernetes-preserve-unknown-fields": True,
    }


_HEADERS: Mapping[str, Callable[[], Schema]] = {LIST: _list_of_headers, MAP: _map_of_headers, ANY: _untyped_headers}


def _port_route(kind: Kind, protocol: str) -> Callable[[str], Schema]:
    """TCPRoute and UDPRoute, which differ in the protocol only.

    - v1alpha1 and v1alpha2 have no fields at all, v1alpha3 has an empty ``spec``: all ports.
    - ``matches``, of v1alpha4, is one object with ``ports``, not a list as in HTTPRouteGroup.
    - ``matches`` has to be written, so that nobody opens all ports by forgetting it. ``ports`` may be left out, as the
      text has it ("not specified" means all); the SDK's CRD asks for it, yet its Go types drop an empty list, so that
      a Go client cannot create what the text describes.
    - The Go types also know ``matches.name``. No text or CRD has it: not served.
    """
    description = (
        f"Describes {protocol} traffic by port, for TrafficTargets to refer to. Not the {protocol}Route of the "
        "Gateway API, which says where traffic goes."
    )

    def build(version: str) -> Schema:
        if is_flat(kind, version):
            return _object(description, properties={})
        if version == "v1alpha3":
            return _object(description, properties={"spec": _object("Empty: all ports.", properties={})})
        ports = _list("Port numbers. Absent or empty means all ports.", _port(f"A {protocol} port."))
        return _kind(
            kind,
            version,
            description,
            required=("matches",),
            properties={"matches": _object("Which traffic is meant.", properties={"ports": ports})},
        )

    return build


def _identity_binding(version: str) -> Schema:
    """IdentityBinding, of the draft v1alpha4.

    - Pod labels are ``podLabelSelectors``, a list, in the text, and ``podLabelSelector``, one, in smi-controller-sdk:
      both are taken.
    - The text calls pod labels and a service account mutually exclusive, and has an example with both: both are
      taken, and a rule warns.
    - SPIFFE IDs are without their scheme in the text, with it for smi-controller-sdk: both are taken.
    """
    labels = {
        "description": "Labels that the pods have, all of them.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"description": "Value of the label.", "type": "string"},
    }
    name = {"description": "Name of this selector, for people.", "type": "string"}
    schemes = _object(
        "What gives the identity: any of these.",
        properties={
            "podLabelSelector": _object(
                "Pods of this namespace by their labels.", {"matchLabels": labels}, required=("matchLabels",)
            ),
            "podLabelSelectors": _list(
                "Pods of this namespace by their labels: those that any of these selects.",
                _object("Labels of pods.", {"name": name, "matchLabels": dict(labels)}, required=("matchLabels",)),
                minItems=1,
            ),
            "spiffeIdentities": _list(
                "SPIFFE IDs that the workloads show.",
                {
                    "description": "Trust domain and path, like cluster.local/ns/shop/sa/web.",
                    "type": "string",
                    "maxLength": 2048,
                    "pattern": f"^{SPIFFE_ID}$",
                },
                minItems=1,
            ),
            "serviceAccount": _name("Name of the service account that pods of this namespace run as."),
        },
    )
    schemes["minProperties"] = 1
    return _kind(
        IDENTITY_BINDING,
        version,
        "Says what identifies a workload of this namespace, for TrafficTargets to refer to. A draft: no release of SMI "
        "has it.",
        required=("schemes",),
        properties={"schemes": schemes},
    )


_BUILDERS: Mapping[Kind, Callable[[str], Schema]] = {
    TRAFFIC_SPLIT: _traffic_split,
    TRAFFIC_TARGET: _traffic_target,
    TCP_ROUTE: _port_route(TCP_ROUTE, "TCP"),
    UDP_ROUTE: _port_route(UDP_ROUTE, "UDP"),
    IDENTITY_BINDING: _identity_binding,
}


def _kind(
    kind: Kind, version: str, description: str, required: Sequence[str], properties: Mapping[str, Schema]
) -> Schema:
    """A whole object with its fields where its version has them."""
    if is_flat(kind, version):
        return _object(description, required=required, properties=properties)
    spec = _object("What is wanted.", required=required, properties=properties)
    return _object(description, required=("spec",), properties={"spec": spec})


def _object(
    description: str, properties: Mapping[str, Schema], required: Sequence[str] = (), rules: Sequence[Schema] = ()
) -> Schema:
    result: Schema = {"description": description, "type": "object"}
    if properties:
        # The API server drops an empty mapping: writing one would look like a change on each run.
        result["properties"] = dict(properties)
    if required:
        result["required"] = list(required)
    if rules:
        result.update(_rules(*rules))
    return result


def _list(description: str, items: Schema, **keywords: Any) -> Schema:
    return {"description": description, "type": "array", "items": items, **keywords}


def _keyed_by(*keys: str) -> Schema:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def _enum(description: str, values: Sequence[str]) -> Schema:
    return {"description": description, "type": "string", "enum": list(values)}


def _name(description: str) -> Schema:
    return {"description": description, "type": "string", "minLength": 1, "maxLength": 253, "pattern": _SUBDOMAIN}


def _label(description: str) -> Schema:
    return {"description": description, "type": "string", "minLength": 1, "maxLength": 63, "pattern": _LABEL}


def _port(description: str) -> Schema:
    return {"description": description, "type": "integer", "minimum": 1, "maximum": 65535}


def _subject(description: str, **further: Schema) -> Schema:
    return _object(
        description,
        required=("kind", "name"),
        properties={
            "kind": _enum("Kind of the identity.", ["ServiceAccount"]),
            "name": _name("Name of the service account."),
            "namespace": _label(
                "Namespace of the service account. Write it: meshes do not agree on what its absence means."
            ),
            **further,
        },
    )


def _subject_or_binding(description: str, **further: Schema) -> Schema:
    schema = _subject(description, **further)
    schema["properties"]["kind"] = _enum("Kind of the identity.", ["ServiceAccount", IDENTITY_BINDING.name])
    schema["properties"]["name"] = _name("Name of the service account or of the identity binding.")
    schema["properties"]["group"] = _enum("API group of an identity binding.", [IDENTITY_BINDING.api_group])
    no_account = _cel(
        "!has(self.group) || self.kind == 'IdentityBinding'",
        "a service account has no API group: leave group out",
        fieldPath=".group",
        reason="FieldValueForbidden",
    )
    return {**schema, **_rules(no_account)}


def _regex(description: str) -> Schema:
    """A string that compiles as RE2: what the condition says does not matter, only that it can be computed."""
    return {
        "description": description,
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        **_rules(_cel("''.matches(self) ? true : true", "write a regular expression in RE2 syntax")),
    }


def _cel(rule: str, message: str, **keywords: str) -> Schema:
    return {"rule": rule, "message": message, **keywords}


def _rules(*rules: Schema) -> Schema:
    return {"x-kubernetes-validations": list(rules)}
