# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of TrafficTargets and of the identities around them: 13 to 18, 20 of their ports, 21."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, Mapping, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import (
    Breach,
    Item,
    World,
    items_of,
    mapping,
    placed,
    shown,
    text,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.routes import port_breaches
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.traffic_split import missing_route
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import SPIFFE_ID

_OLD = ("v1alpha1", "v1alpha2")
_DRAFT = "v1alpha4"


def alone(item: Item) -> Iterator[Breach]:
    """What the object alone shows."""
    yield from _fields(item)
    yield from _namespace(item)
    for place, subject in _subjects(item):
        yield from _subject(place, subject, item)
    for index, source in enumerate(items_of(item.fields, "sources")):
        if not isinstance(source, Mapping):
            why = "Nobody knows who that is, so nobody is let in by it."
            mend = "Write kind, name and namespace of a service account."
            yield Breach(15, f"{item.prefix}sources[{index}]", f"{shown(source)} is no mapping", why, mend)
    yield from _rules(item)
    port = mapping(item.fields.get("destination")).get("port")
    if item.version in _OLD and port is not None:
        yield from port_breaches(f"{item.prefix}destination.port", port)


def among(item: Item, world: World) -> Iterator[Breach]:
    """What the objects around it show."""
    for place, subject in _subjects(item):
        if subject.get("kind") == "ServiceAccount" and text(subject.get("name")):
            yield from _account(place, subject, item, world)
    for place, rule in placed(item, item.rules_field):
        if rule.get("kind") in _route_kinds(item) and text(rule.get("name")):
            yield from _route(place, rule, item, world)


def identity_binding(item: Item) -> Iterator[Breach]:
    """What an IdentityBinding alone shows."""
    schemes = mapping(item.fields.get("schemes"))
    place = f"{item.prefix}schemes"
    by_labels = bool(schemes.get("podLabelSelector") or schemes.get("podLabelSelectors"))
    by_account = bool(schemes.get("serviceAccount"))
    why = "What gives no identity, or an unclear one, lets the wrong workload in or nobody."
    if by_labels and by_account:
        message = "both pod labels and a service account give the identity"
        mild = "The text joins them, but the webhook of smi-controller-sdk refuses it."
        yield Breach(21, place, message, mild, "Keep one of the two.", Severity.WARNING)
    if not (by_labels or by_account or schemes.get("spiffeIdentities")):
        mend = "Write podLabelSelector, serviceAccount or spiffeIdentities."
        yield Breach(21, place, "nothing gives the identity", why, mend)
    for index, identity in enumerate(items_of(schemes, "spiffeIdentities")):
        if not re.fullmatch(SPIFFE_ID, text(identity)):
            mend = "Write trust domain and path: cluster.local/ns/shop/sa/web."
            yield Breach(21, f"{place}.spiffeIdentities[{index}]", f"{shown(identity)} is no SPIFFE ID", why, mend)


def _fields(item: Item) -> Iterator[Breach]:
    if not isinstance(item.fields.get("destination"), Mapping):
        why = "Without a destination nobody knows whose traffic is allowed."
        given = shown(item.fields.get("destination"))
        mend = "Write the kind, name and namespace of the service account."
        yield Breach(13, f"{item.prefix}destination", f"{given} is no destination", why, mend)
    for name, what in ((item.rules_field, "rule"), ("sources", "source")):
        value = item.fields.get(name)
        if isinstance(value, list) and value:
            continue
        mild = Severity.WARNING if item.version in _OLD and not value else None
        why = "It then allows nothing. The CRDs of releases let empty lists through."
        message = f"there is no {what}" if not value else f"{shown(value)} is no list"
        yield Breach(13, f"{item.prefix}{name}", message, why, f"Write at least one {what}.", mild)


def _namespace(item: Item) -> Iterator[Breach]:
    namespace = text(mapping(item.fields.get("destination")).get("namespace"))
    if item.has_namespace and namespace and namespace != item.namespace:
        why = "Who may write here could otherwise open the doors of other namespaces."
        message = f"{namespace} is not {item.namespace}, the namespace of the target"
        mend = f"Move the target to the namespace {namespace}."
        yield Breach(14, f"{item.prefix}destination.namespace", message, why, mend)


def _subjects(item: Item) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    destination = item.fields.get("destination")
    if isinstance(destination, Mapping):
        yield f"{item.prefix}destination", destination
    yield from placed(item, "sources")


def _subject(place: str, subject: Mapping[str, Any], item: Item) -> Iterator[Breach]:
    kinds = ("ServiceAccount", "IdentityBinding") if item.version == _DRAFT else ("ServiceAccount",)
    why = "Meshes know service accounts only; they skip any other subject, or refuse the target."
    if subject.get("kind") not in kinds:
        message = f"{shown(subject.get('kind'))} is not {' or '.join(kinds)}"
        yield Breach(15, f"{place}.kind", message, why, "Write ServiceAccount.")
    if not text(subject.get("name")):
        yield Breach(15, f"{place}.name", "the name is missing", why, "Write the name of the service account.")
    if not text(subject.get("namespace")):
        reason = "Meshes disagree on what its absence means; one builds an identity without a namespace from it."
        mild = Severity.WARNING
        yield Breach(15, f"{place}.namespace", "the namespace is missing", reason, "Write the namespace.", mild)
    if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default":
        reason = "All pods without a service account of their own share this identity."
        mend = "Run the workload as a service account of its own."
        message = "the service account is the default one"
        yield Breach(16, f"{place}.name", message, reason, mend, Severity.WARNING)


def _rules(item: Item) -> Iterator[Breach]:
    why = "A rule that names nothing known allows nothing."
    name = item.rules_field
    for index, rule in enumerate(items_of(item.fields, name)):
        place = f"{item.prefix}{name}[{index}]"
        if not isinstance(rule, Mapping):
            yield Breach(17, place, f"{shown(rule)} is no mapping", why, "Write kind and name of a route.")
            continue
        kinds = _route_kinds(item)
        if rule.get("kind") not in kinds:
            message = f"{shown(rule.get('kind'))} is not one of {', '.join(kinds)}"
            yield Breach(17, f"{place}.kind", message, why, "Write the kind of a route.")
        if not text(rule.get("name")):
            yield Breach(17, f"{place}.name", "the name is missing", why, "Write the name of the route.")
        if rule.get("matches") is not None and not isinstance(rule["matches"], list):
            yield Breach(17, f"{place}.matches", f"{shown(rule['matches'])} is no list", why, "Write a list of names.")
        elif rule.get("kind") == "HTTPRouteGroup" and not rule.get("matches"):
            reason = "That is what the text says; an adapter made no rules of it."
            mend = "Name the matches, if not all of them are meant."
            yield Breach(18, f"{place}.matches", "no match is named, so all are allowed", reason, mend)


def _route_kinds(item: Item) -> Tuple[str, ...]:
    return ("HTTPRouteGroup", "TCPRoute") if item.version in _OLD else ("HTTPRouteGroup", "TCPRoute", "UDPRoute")


def _account(place: str, subject: Mapping[str, Any], item: Item, world: World) -> Iterator[Breach]:
    name = text(subject.get("name"))
    namespace = text(subject.get("namespace")) or item.namespace
    around = world.surroundings
    if around.knows("ServiceAccount", namespace) and (namespace, name) not in around.service_accounts:
        why = "An identity that nobody has allows nothing, until somebody makes it."
        message = f"there is no ServiceAccount {namespace}/{name}"
        yield Breach(16, f"{place}.name", message, why, "Make the service account, or name one that is there.")
    elif around.knows("Pod", namespace) and not around.pods_of_account(namespace, name):
        why = "The target has no effect while no pod runs as this account."
        message = f"no pod runs as ServiceAccount {namespace}/{name}"
        mend = "Set serviceAccountName of the pods, or name the account that they have."
        yield Breach(16, f"{place}.name", message, why, mend, Severity.WARNING)


def _route(place: str, rule: Mapping[str, Any], item: Item, world: World) -> Iterator[Breach]:
    kind, name = text(rule.get("kind")), text(rule.get("name"))
    route = world.routes.get((kind, item.namespace, name))
    if route is None:
        yield missing_route(17, f"{place}.name", kind, item.namespace, name, world)
        return
    if kind != "HTTPRouteGroup":
        return
    there: Dict[str, None] = {text(mapping(each).get("name")): None for each in items_of(route.fields, "matches")}
    for index, match in enumerate(items_of(rule, "matches")):
        if text(match) not in there or not text(match):
            why = "A match that is missing allows nothing; some meshes refuse the whole target."
            message = f"{route.subject} has no match {shown(match)}"
            mend = f"Name some of: {', '.join(filter(None, there)) or 'none are there'}."
            yield Breach(17, f"{place}.matches[{index}]", message, why, mend)
