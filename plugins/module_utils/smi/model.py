# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SMI object says, apart from how its version writes it: for translation and for rules that compare objects."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Callable, List, Mapping, Optional, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import fields_of, header_pairs, identify

DEFAULT_NAMESPACE = "default"
"""Where Kubernetes puts an object whose namespace is written neither in it nor beside it."""


class InvalidObject(ValueError):
    """An object that does not say what its kind has to say, in its field ``field``."""

    def __init__(self, subject: str, field: str, message: str) -> None:
        super().__init__(f"{subject}: {field}: {message}")
        self.subject = subject
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Backend:
    """A service and its share of the traffic, relative to those of the others."""

    service: str
    weight: Fraction


@dataclass(frozen=True)
class TrafficSplit:
    """Which services get the traffic of ``service``; with ``route_groups``, of the requests that these describe."""

    name: str
    namespace: str
    service: str
    backends: Tuple[Backend, ...]
    route_groups: Tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """The plain name of the root service, also when it is written as a DNS name."""
        return self.service.partition(".")[0]


@dataclass(frozen=True)
class Match:
    """A kind of request. ``methods`` is empty for all methods, ``path_regex`` for all paths."""

    name: str
    path_regex: str = ""
    methods: Tuple[str, ...] = ()
    headers: Tuple[Tuple[str, str], ...] = ()


@dataclass(frozen=True)
class HTTPRouteGroup:
    """Named kinds of HTTP requests."""

    name: str
    namespace: str
    matches: Tuple[Match, ...]


@dataclass(frozen=True)
class PortRoute:
    """A TCPRoute or a UDPRoute (``kind``). No ``ports`` means all of them."""

    kind: str
    name: str
    namespace: str
    ports: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Subject:
    """An identity: who sends or receives."""

    kind: str
    name: str
    namespace: str


@dataclass(frozen=True)
class Rule:
    """A route that is allowed; of an HTTPRouteGroup only the ``matches`` that are named, all when none is."""

    kind: str
    name: str
    matches: Tuple[str, ...] = ()


@dataclass(frozen=True)
class TrafficTarget:
    """Who may send what to whom. ``port`` is that of v1alpha1 and v1alpha2."""

    name: str
    namespace: str
    destination: Subject
    rules: Tuple[Rule, ...]
    sources: Tuple[Subject, ...]
    port: Optional[int] = None


@dataclass(frozen=True)
class IdentityBinding:
    """What gives the workloads of a namespace an identity in the draft v1alpha4. Its schemes are read by rules only."""

    name: str
    namespace: str


Model = Union[TrafficSplit, HTTPRouteGroup, PortRoute, TrafficTarget, IdentityBinding]


def parse(obj: Mapping[str, Any]) -> Model:
    """What an object of any version says. Raises wire.UnknownObject and InvalidObject."""
    kind, _version = identify(obj)
    return _PARSERS[kind.crd_name](_Reader(obj))


def subject_of(obj: Mapping[str, Any]) -> str:
    """An object as people name it: ``TrafficSplit shop/checkout``."""
    metadata = obj.get("metadata") or {}
    return f"{obj.get('kind')} {metadata.get('namespace') or DEFAULT_NAMESPACE}/{metadata.get('name') or '?'}"


class _Reader:
    """The fields of one object, and complaints that name the one that is wrong."""

    def __init__(self, obj: Mapping[str, Any]) -> None:
        metadata = obj.get("metadata") or {}
        self.kind = str(obj["kind"])
        self.name = str(metadata.get("name") or "")
        self.namespace = str(metadata.get("namespace") or DEFAULT_NAMESPACE)
        self.fields = fields_of(obj)
        self._subject = subject_of(obj)

    def error(self, field: str, message: str) -> InvalidObject:
        return InvalidObject(self._subject, field, message)

    def text(self, value: Any, field: str) -> str:
        if not isinstance(value, str) or not value:
            raise self.error(field, f"{value!r} is no name; write one")
        return value

    def number(self, value: Any, field: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(field, f"{value!r} is no whole number; write one")
        return value

    def mapping(self, value: Any, field: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.error(field, f"{value!r} is no mapping; write one")
        return value

    def items(self, owner: Mapping[str, Any], name: str, field: str) -> List[Tuple[str, Any]]:
        """The items of a list, each with its place; none when there is no list."""
        value = owner.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(field, f"{value!r} is no list; write one")
        return [(f"{field}[{index}]", item) for index, item in enumerate(value)]

    def mappings(self, owner: Mapping[str, Any], name: str, field: str) -> List[Tuple[str, Mapping[str, Any]]]:
        return [(place, self.mapping(item, place)) for place, item in self.items(owner, name, field)]

    def subject(self, value: Any, field: str) -> Subject:
        given = self.mapping(value, field)
        return Subject(
            str(given.get("kind") or "ServiceAccount"),
            self.text(given.get("name"), f"{field}.name"),
            str(given.get("namespace") or self.namespace),
        )


def _traffic_split(reader: _Reader) -> TrafficSplit:
    def backend(place: str, item: Mapping[str, Any]) -> Backend:
        try:
            weight = quantity.parse(item.get("weight"))
        except ValueError as error:
            raise reader.error(f"{place}.weight", str(error)) from error
        return Backend(reader.text(item.get("service"), f"{place}.service"), weight)

    return TrafficSplit(
        reader.name,
        reader.namespace,
        reader.text(reader.fields.get("service"), "service"),
        tuple(backend(*each) for each in reader.mappings(reader.fields, "backends", "backends")),
        tuple(
            reader.text(item.get("name"), f"{place}.name")
            for place, item in reader.mappings(reader.fields, "matches", "matches")
        ),
    )


def _http_route_group(reader: _Reader) -> HTTPRouteGroup:
    def match(place: str, item: Mapping[str, Any]) -> Match:
        try:
            headers = header_pairs(item.get("headers"))
        except ValueError as error:
            raise reader.error(f"{place}.headers", str(error)) from error
        methods = tuple(reader.text(each, where) for where, each in reader.items(item, "methods", f"{place}.methods"))
        return Match(
            reader.text(item.get("name"), f"{place}.name"),
            str(item.get("pathRegex") or ""),
            () if "*" in methods else methods,
            tuple(headers),
        )

    found = reader.mappings(reader.fields, "matches", "matches")
    return HTTPRouteGroup(reader.name, reader.namespace, tuple(match(*each) for each in found))


def _port_route(reader: _Reader) -> PortRoute:
    matches = reader.mapping(reader.fields.get("matches") or {}, "matches")
    ports = tuple(reader.number(item, place) for place, item in reader.items(matches, "ports", "matches.ports"))
    return PortRoute(reader.kind, reader.name, reader.namespace, ports)


def _traffic_target(reader: _Reader) -> TrafficTarget:
    def rule(place: str, item: Mapping[str, Any]) -> Rule:
        matches = reader.items(item, "matches", f"{place}.matches")
        return Rule(
            reader.text(item.get("kind"), f"{place}.kind"),
            reader.text(item.get("name"), f"{place}.name"),
            tuple(reader.text(each, where) for where, each in matches),
        )

    fields = reader.fields
    rules = "rules" if "rules" in fields else "specs"
    destination = reader.mapping(fields.get("destination"), "destination")
    port = destination.get("port")
    return TrafficTarget(
        reader.name,
        reader.namespace,
        reader.subject(destination, "destination"),
        tuple(rule(*each) for each in reader.mappings(fields, rules, rules)),
        tuple(reader.subject(item, place) for place, item in reader.items(fields, "sources", "sources")),
        None if port is None else reader.number(port, "destination.port"),
    )


def _identity_binding(reader: _Reader) -> IdentityBinding:
    return IdentityBinding(reader.name, reader.namespace)


_PARSERS: Mapping[str, Callable[[_Reader], Model]] = {
    TRAFFIC_SPLIT.crd_name: _traffic_split,
    HTTP_ROUTE_GROUP.crd_name: _http_route_group,
    TCP_ROUTE.crd_name: _port_route,
    UDP_ROUTE.crd_name: _port_route,
    TRAFFIC_TARGET.crd_name: _traffic_target,
    IDENTITY_BINDING.crd_name: _identity_binding,
}
