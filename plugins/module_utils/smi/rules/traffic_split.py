# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of TrafficSplits: 1 to 12."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Iterator, List, Mapping, Optional, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import (
    Breach,
    Item,
    World,
    items_of,
    mapping,
    placed,
    plain_name,
    shown,
    text,
)

_NO_SERVICE = "Traffic is then sent nowhere, or none is split."


def alone(item: Item) -> Iterator[Breach]:
    """What the object alone shows."""
    yield from _fields(item)
    yield from _weights(item)
    yield from _backends(item)
    yield from _names(item)
    yield from _match_kinds(item)


def among(item: Item, world: World) -> Iterator[Breach]:
    """What the objects around it show."""
    yield from _hierarchy(item, world)
    yield from _services(item, world)
    yield from _ports(item, world)
    yield from _one_split(item, world)
    yield from _matches(item, world)
    yield from _root_selector(item, world)


def _fields(item: Item) -> Iterator[Breach]:
    why = "The CRD of smi-sdk-go asks for it, and without it nobody knows where traffic shall go."
    if not text(item.fields.get("service")):
        given = shown(item.fields.get("service"))
        yield Breach(1, f"{item.prefix}service", f"{given} is no name of a service", why, "Write the root service.")
    if not isinstance(item.fields.get("backends"), list):
        given = shown(item.fields.get("backends"))
        mend = "Write a list of mappings with service and weight."
        yield Breach(1, f"{item.prefix}backends", f"{given} is no list of backends", why, mend)
    for index, backend in enumerate(items_of(item.fields, "backends")):
        place = f"{item.prefix}backends[{index}]"
        if not isinstance(backend, Mapping):
            yield Breach(1, place, f"{shown(backend)} is no mapping", why, "Write service and weight.")
            continue
        if not text(backend.get("service")):
            given = shown(backend.get("service"))
            yield Breach(1, f"{place}.service", f"{given} is no name of a service", why, "Write the service.")
        if backend.get("weight") is None:
            yield Breach(1, f"{place}.weight", "the weight is missing", why, "Write a weight, 0 for no traffic.")


def _weight(value: Any, version: str) -> Tuple[Optional[Fraction], str]:
    """A weight, or None and what is wrong with it."""
    if version != "v1alpha1" and (isinstance(value, bool) or not isinstance(value, int)):
        return None, f"{shown(value)} is no whole number, as weights are since v1alpha2"
    try:
        weight = quantity.parse(value)
    except ValueError:
        return None, f"{shown(value)} is no quantity"
    return (weight, "") if weight >= 0 else (None, f"{shown(value)} is negative")


def _weights(item: Item) -> Iterator[Breach]:
    given = [(place, each["weight"]) for place, each in placed(item, "backends") if each.get("weight") is not None]
    weights: List[Fraction] = []
    for place, value in given:
        weight, wrong = _weight(value, item.version)
        if weight is None:
            why = "Flagger and Open Service Mesh read weights as whole numbers, and stop at anything else."
            mend = "Write a number like 1 or 500m." if item.version == "v1alpha1" else "Write a whole number from 0."
            yield Breach(2, f"{place}.weight", wrong, why, mend)
        else:
            weights.append(weight)
    if weights and len(weights) == len(given) and not any(weights):
        why = "Shares of 0 are undefined: some meshes send traffic to no backend, others to the root."
        yield Breach(3, f"{item.prefix}backends", "all weights are 0", why, "Give one backend a weight above 0.")


def _backends(item: Item) -> Iterator[Breach]:
    if isinstance(item.fields.get("backends"), list) and not item.fields["backends"]:
        why = "A split without backends splits nothing."
        yield Breach(4, f"{item.prefix}backends", "there is no backend", why, "Write one, or remove the split.")
    root = text(item.fields.get("service"))
    seen = set()
    for place, backend in placed(item, "backends"):
        service = text(backend.get("service"))
        if service and service in seen:
            why = "Who keeps weights by name takes the last one only, so that the shares change."
            yield Breach(4, f"{place}.service", f"{service} is a backend twice", why, "Add the two weights up in one.")
        seen.add(service)
        if service and plain_name(service) == plain_name(root):
            why = "The text of SMI forbids it: a mesh that splits the traffic of backends again runs in a circle."
            mend = f"Make a service of its own for the pods of {plain_name(root)} that shall stay, and name that one."
            yield Breach(5, f"{place}.service", f"{service} is the root itself", why, mend)


def _names(item: Item) -> Iterator[Breach]:
    """Services that are written as DNS names."""
    service = text(item.fields.get("service"))
    named = [(f"{item.prefix}service", service)]
    named += [(f"{place}.service", text(each.get("service"))) for place, each in placed(item, "backends")]
    for place, name in named:
        parts = name.split(".")
        if len(parts) < 2:
            continue
        mend = f"Write {parts[0]}."
        if item.has_namespace and parts[1] != item.namespace:
            why = "A split may not reach into other namespaces: their owners did not agree."
            yield Breach(7, place, f"{name} is not in the namespace {item.namespace}", why, mend)
        else:
            why = "Consumers disagree whether a service may be written as a DNS name."
            yield Breach(7, place, f"{name} is a DNS name", why, mend, Severity.WARNING)


def _match_kinds(item: Item) -> Iterator[Breach]:
    if item.version in ("v1alpha1", "v1alpha2"):
        return
    why = "It is the only kind that a split can match by; with another the split is refused, or takes all traffic."
    if item.fields.get("matches") is not None and not isinstance(item.fields["matches"], list):
        given = shown(item.fields["matches"])
        yield Breach(10, f"{item.prefix}matches", f"{given} is no list", why, "Write a list of kind and name.")
    for index, match in enumerate(items_of(item.fields, "matches")):
        kind, name = mapping(match).get("kind"), text(mapping(match).get("name"))
        place = f"{item.prefix}matches[{index}]"
        if kind != "HTTPRouteGroup":
            yield Breach(10, f"{place}.kind", f"{shown(kind)} is not HTTPRouteGroup", why, "Write HTTPRouteGroup.")
        if not name:
            yield Breach(10, f"{place}.name", "the name is missing", why, "Write the name of the HTTPRouteGroup.")


def _hierarchy(item: Item, world: World) -> Iterator[Breach]:
    root = plain_name(text(item.fields.get("service")))
    for place, service in _services_of_backends(item):
        others = [each for each in world.splits.get((item.namespace, service), ()) if service != root]
        if others:
            why = "SMI has no splits of splits: meshes refuse them, or run in a circle."
            message = f"{service} is the root of {others[0].subject}"
            yield Breach(6, place, message, why, f"Name the backends of {others[0].name} instead, with their shares.")


def _services(item: Item, world: World) -> Iterator[Breach]:
    for place, name in _all_services(item):
        service = world.surroundings.service(item.namespace, name)
        if service is None and world.surroundings.knows("Service", item.namespace):
            message = f"there is no Service {item.namespace}/{name}"
            yield Breach(7, place, message, _NO_SERVICE, "Make the service, or name one that is there.")
        elif mapping(mapping(service).get("spec")).get("clusterIP") == "None":
            why = "Clients of a headless service go to its pods directly, past every split."
            mend = "Give the service an address (no clusterIP: None), or name another."
            yield Breach(11, place, f"Service {item.namespace}/{name} is headless", why, mend)


def _ports(item: Item, world: World) -> Iterator[Breach]:
    root = plain_name(text(item.fields.get("service")))
    ports = _port_numbers(world, item.namespace, root)
    if not ports:
        return
    for place, name in _services_of_backends(item):
        service = world.surroundings.service(item.namespace, name)
        lacking = sorted(ports - _port_numbers(world, item.namespace, name)) if service else []
        if lacking:
            numbers = ", ".join(map(str, lacking))
            why = "On a port that the backend does not have it silently gets no traffic."
            mend = f"Add {numbers} to the ports of Service {name}."
            yield Breach(8, place, f"Service {name} has no port {numbers}, as the root {root} has", why, mend)


def _port_numbers(world: World, namespace: str, name: str) -> Set[int]:
    service = world.surroundings.service(namespace, name)
    ports = items_of(mapping(mapping(service).get("spec")), "ports")
    numbers = [mapping(port).get("port") for port in ports]
    return {number for number in numbers if isinstance(number, int)}


def _one_split(item: Item, world: World) -> Iterator[Breach]:
    root = plain_name(text(item.fields.get("service")))
    splits = world.splits.get((item.namespace, root), ())
    if len(splits) < 2:
        return
    other = next((each for each in splits[:2] if each.name != item.name), None)
    if other is None:
        return
    both_match = bool(item.fields.get("matches") and other.fields.get("matches"))
    mild = Severity.WARNING if both_match else None
    why = "Which of them counts is not defined: one mesh takes the first that it sees, another mixes them."
    mend = f"Join it with {other.name}, or remove one."
    yield Breach(9, f"{item.prefix}service", f"{other.subject} splits the traffic of {root} too", why, mend, mild)


def _matches(item: Item, world: World) -> Iterator[Breach]:
    for place, match in placed(item, "matches"):
        name = text(match.get("name"))
        if match.get("kind") != "HTTPRouteGroup" or not name:
            continue
        if ("HTTPRouteGroup", item.namespace, name) not in world.routes:
            yield missing_route(10, f"{place}.name", "HTTPRouteGroup", item.namespace, name, world)


def missing_route(rule: int, place: str, kind: str, namespace: str, name: str, world: World) -> Breach:
    """A route that is not there; a mild case where it may be somewhere that was not looked at."""
    is_known = world.surroundings.knows(kind, namespace)
    message = f"there is no {kind} {namespace}/{name}"
    return Breach(
        rule,
        place,
        message if is_known else f"{message} among the objects given",
        "What names a route that is missing matches nothing, or is not carried out at all.",
        f"Make the {kind}, or name one that is there.",
        None if is_known else Severity.WARNING,
    )


def _root_selector(item: Item, world: World) -> Iterator[Breach]:
    root = plain_name(text(item.fields.get("service")))
    chosen = _selector(world, item.namespace, root)
    if not chosen:
        return
    for place, name in _services_of_backends(item):
        selector = _selector(world, item.namespace, name)
        if name != root and selector and all(selector.get(key) == value for key, value in chosen.items()):
            why = "Open Service Mesh cannot tell then which service a request was for, and does not split it."
            mend = f"Narrow the selector of Service {root} so that it selects no pod of {name}."
            yield Breach(12, place, f"the root {root} selects the pods of {name} too", why, mend)


def _selector(world: World, namespace: str, name: str) -> Mapping[str, Any]:
    return mapping(mapping(mapping(world.surroundings.service(namespace, name)).get("spec")).get("selector"))


def _services_of_backends(item: Item) -> Iterator[Tuple[str, str]]:
    for place, backend in placed(item, "backends"):
        service = text(backend.get("service"))
        if service:
            yield f"{place}.service", plain_name(service)


def _all_services(item: Item) -> Iterator[Tuple[str, str]]:
    root = text(item.fields.get("service"))
    if root:
        yield f"{item.prefix}service", plain_name(root)
    yield from _services_of_backends(item)
