# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of routes: 19 and 20."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules import re2
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
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP

METHODS = ("*", "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
MAX_PORT = 65535

_SHAPES = {LIST: "a list of mappings with one header each", MAP: "one mapping"}


def http_route_group(item: Item) -> Iterator[Breach]:
    """What an HTTPRouteGroup alone shows."""
    seen = set()
    given = item.fields.get("matches")
    if not isinstance(given, list):
        why = "A group without matches describes no traffic."
        mend = "Write at least one match with a name."
        mild = Severity.WARNING if given is None else None
        yield Breach(19, f"{item.prefix}matches", f"{shown(given)} is no list of matches", why, mend, mild)
    for index, match in enumerate(items_of(item.fields, "matches")):
        place = f"{item.prefix}matches[{index}]"
        name = text(mapping(match).get("name"))
        why = "Targets name matches by it: it is their key."
        if not name:
            yield Breach(19, f"{place}.name", "the name is missing", why, "Write a name.")
        elif name in seen:
            yield Breach(19, f"{place}.name", f"{name} is the name of two matches", why, "Rename one.")
        seen.add(name)
        yield from _match(place, mapping(match))


def headers_shape(item: Item, world: World) -> Iterator[Breach]:
    """Whether headers are written as the installed CRD has them."""
    wanted = world.surroundings.headers
    if not wanted:
        return
    for place, match in placed(item, "matches"):
        headers = match.get("headers")
        given = LIST if isinstance(headers, list) else MAP if isinstance(headers, Mapping) else wanted
        if given != wanted:
            why = "The server refuses the other shape, or drops what it does not know."
            message = f"it is {_SHAPES[given]}, and the installed CRD takes {_SHAPES[wanted]}"
            yield Breach(19, f"{place}.headers", message, why, f"Write {_SHAPES[wanted]}.")


def port_route(item: Item) -> Iterator[Breach]:
    """What a TCPRoute or a UDPRoute alone shows."""
    matches = item.fields.get("matches")
    if item.version != "v1alpha4" or matches is None:
        return
    place = f"{item.prefix}matches"
    ports = mapping(matches).get("ports")
    if not isinstance(matches, Mapping) or not (ports is None or isinstance(ports, list)):
        why = "matches of these kinds is one object with a list of ports."
        yield Breach(20, place, f"{shown(matches)} has no list of ports", why, "Write matches: {ports: [8080]}.")
        return
    for index, port in enumerate(items_of(matches, "ports")):
        yield from port_breaches(f"{place}.ports[{index}]", port)


def port_breaches(place: str, port: Any) -> Iterator[Breach]:
    """What is wrong with a port."""
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= MAX_PORT:
        why = "There is no such port, so nothing is matched."
        yield Breach(20, place, f"{shown(port)} is no port", why, f"Write a whole number from 1 to {MAX_PORT}.")


def _match(place: str, match: Mapping[str, Any]) -> Iterator[Breach]:
    if match.get("pathRegex") is not None:
        yield from _regex(f"{place}.pathRegex", match["pathRegex"])
    methods = match.get("methods")
    why = "What is no method of HTTP matches nothing, and strict servers refuse it."
    if methods is not None and not isinstance(methods, list):
        yield Breach(19, f"{place}.methods", f"{shown(methods)} is no list", why, "Write a list, or leave it out.")
    for index, method in enumerate(items_of(match, "methods")):
        if method not in METHODS:
            mend = f"Write one of {', '.join(METHODS)}."
            yield Breach(19, f"{place}.methods[{index}]", f"{shown(method)} is no method of HTTP", why, mend)
    if match.get("headers") is not None:
        yield from _headers(f"{place}.headers", match["headers"])


def _regex(place: str, expression: Any) -> Iterator[Breach]:
    why = "Meshes match with RE2; what that does not take makes them drop the route, or the proxy its configuration."
    if not isinstance(expression, str):
        yield Breach(19, place, f"{shown(expression)} is no text", why, "Quote it.")
        return
    wrong = re2.problem(expression)
    if wrong:
        yield Breach(19, place, f"{shown(expression)} is no RE2 expression: {wrong}", why, "Write it as RE2 has it.")


def _headers(place: str, headers: Any) -> Iterator[Breach]:
    why = "Headers have two shapes only, and all of their values are RE2 expressions."
    pairs: List[Tuple[str, Any, Any]] = []
    if isinstance(headers, Mapping):
        pairs = [(f"{place}.{name}", name, value) for name, value in headers.items()]
    elif isinstance(headers, list):
        for index, part in enumerate(headers):
            if not isinstance(part, Mapping) or len(part) != 1:
                message = f"{shown(part)} is no mapping of one header"
                yield Breach(19, f"{place}[{index}]", message, why, "Write an item per header.")
                continue
            pairs += [(f"{place}[{index}].{name}", name, value) for name, value in part.items()]
    else:
        yield Breach(19, place, f"{shown(headers)} is neither a list nor a mapping", why, f"Write {_SHAPES[LIST]}.")
    for where, name, value in pairs:
        if not text(name):
            yield Breach(19, where, f"{shown(name)} is no name of a header", why, "Quote it.")
        yield from _regex(where, value)
