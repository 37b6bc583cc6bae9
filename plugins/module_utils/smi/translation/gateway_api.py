# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits as routes of the Gateway API for a mesh (GAMMA): HTTPRoute, TCPRoute, UDPRoute with a Service as parent.

Sources: Gateway API v1.7 ``apis/v1/httproute_types.go`` and ``shared_types.go`` (limits), its mesh pages (a producer
route stands in the namespace of its Service; a request that no rule matches is refused).
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import Match
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.expressions import (
    is_any_path,
    whole_path,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import (
    Translation,
    Type,
    make,
    named,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.sources import Sources, subject
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.splits import (
    HTTP,
    TCP,
    UDP,
    Plan,
    Port,
    plans,
)

GROUP = "gateway.networking.k8s.io"
HTTP_ROUTE = Type(f"{GROUP}/v1", "HTTPRoute")
L4_ROUTES = {TCP: Type(f"{GROUP}/v1", "TCPRoute"), UDP: Type(f"{GROUP}/v1", "UDPRoute")}

MAX_WEIGHT = 1_000_000
MAX_BACKENDS = 16
MAX_RULES = 16
MAX_MATCHES_OF_RULE = 64
MAX_MATCHES = 128
_MAX_HEADERS = 16
_MAX_PATH = 1024
_MAX_HEADER_VALUE = 4096
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")

ALL_REQUESTS: Dict[str, Any] = {"path": {"type": "PathPrefix", "value": "/"}}
_ALL_BY_EXPRESSION: Dict[str, Any] = {"path": {"type": "RegularExpression", "value": ".*"}}


def translate(sources: Sources, surroundings: Surroundings, result: Translation) -> None:
    """Translate the splits; targets have no equivalent."""
    translate_splits(sources, surroundings, result)
    for target in sources.targets:
        result.error(
            "no-equivalent",
            subject(target),
            "not translated: the Gateway API cannot say who may send what to whom",
            "Translate it for the mesh itself (istio, linkerd), and keep it until that is applied.",
            "GEP-3779, which is to bring identities and ports to the Gateway API, is not there yet.",
        )


def translate_splits(
    sources: Sources, surroundings: Surroundings, result: Translation, protocols: Sequence[str] = (TCP, UDP)
) -> None:
    """Each port of the service of a split becomes a route. ``protocols``: those that the mesh takes beside HTTP."""
    for plan in plans(sources, surroundings, MAX_WEIGHT, result):
        split = plan.split
        if not plan.ports and not surroundings.ports_of(split.namespace, split.root):
            result.error(
                "ports-unknown",
                subject(split),
                f"not translated: the ports of the service {split.namespace}/{split.root} are not known",
                "Give the Service too.",
                "A route of the Gateway API names the port of each backend, a TrafficSplit names none.",
            )
        elif len(plan.weights) > MAX_BACKENDS:
            message = f"not translated: it has {len(plan.weights)} backends, a rule can have {MAX_BACKENDS}"
            result.error("limit", subject(split), message, "Split the traffic over fewer services.")
        else:
            for port in plan.ports:
                _route(plan, port, protocols, result)


def _route(plan: Plan, port: Port, protocols: Sequence[str], result: Translation) -> None:
    if port.protocol == HTTP:
        rules = _http_rules(plan, port, result)
        made = HTTP_ROUTE
    else:
        rules = _l4_rules(plan, port, protocols, result)
        made = L4_ROUTES.get(port.protocol, HTTP_ROUTE)
    if rules is None:
        return
    split = plan.split
    parent = {"group": "", "kind": "Service", "name": split.root, "port": port.number}
    spec = {"parentRefs": [parent], "rules": rules}
    result.objects.append(
        make(made, split.namespace, named(split.name, port.number), f"TrafficSplit/{split.name}", spec)
    )


def _backend_refs(port: Port) -> List[Dict[str, Any]]:
    return [_backend_ref(name, port.number, weight) for name, weight in port.backends]


def _backend_ref(name: str, port: int, weight: int) -> Dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name, "port": port, "weight": weight}


def _l4_rules(plan: Plan, port: Port, protocols: Sequence[str], result: Translation) -> Optional[List[Dict[str, Any]]]:
    place = f"{subject(plan.split)} port {port.number}"
    if port.protocol not in protocols:
        message = f"not translated: the target has no route for {port.protocol}"
        result.error("protocol", place, message, "Leave the port to its service.")
        return None
    if plan.matches:
        message = f"not translated: it is a {port.protocol} port, where the requests of spec.matches cannot be told"
        result.error("protocol", place, message, "Correct appProtocol of the Service's port when it is HTTP.")
        return None
    result.warning(
        "channel",
        place,
        f"{port.protocol}Route is in the standard channel of the Gateway API from 1.6 only",
        "Install 1.6 or newer, or the experimental channel of an older one; see that the mesh takes this kind.",
    )
    return [{"backendRefs": _backend_refs(port)}]


def _http_rules(plan: Plan, port: Port, result: Translation) -> Optional[List[Dict[str, Any]]]:
    refs = _backend_refs(port)
    if not plan.matches:
        # This rule is the catch-all: every request is split.
        return [{"matches": [ALL_REQUESTS], "backendRefs": refs}]
    place = f"{subject(plan.split)} port {port.number}"
    every = _every_path(plan.matches)
    matches: List[Dict[str, Any]] = []
    for match in plan.matches:
        made = http_matches(match, place, result, every)
        if made is None:
            return None
        matches.extend(each for each in made if each not in matches)
        if len(matches) >= MAX_MATCHES:
            message = (
                f"not translated: more than {MAX_MATCHES - 1} matches, with the catch-all more than a route can have"
            )
            result.error(
                "limit", place, message, "Write fewer matches or methods; one path expression can take several."
            )
            return None
    rules = [{"matches": part, "backendRefs": refs} for part in in_rules(matches)]
    if every not in matches:
        root = _backend_ref(plan.split.root, port.number, 1)
        rules.append({"matches": [every], "backendRefs": [root]})
    return rules


def _every_path(matches: Sequence[Match]) -> Dict[str, Any]:
    """A match of every path that gives way to the others.

    Whether a prefix wins over an expression is up to the mesh: with Istio it does, with others not. So a route has
    paths of one kind; among expressions none is shorter than this one, and further conditions win.
    """
    return ALL_REQUESTS if all(is_any_path(match.path_regex) for match in matches) else _ALL_BY_EXPRESSION


def in_rules(matches: Sequence[Dict[str, Any]]) -> List[List[Dict[str, Any]]]:
    """Matches in portions that one rule can have."""
    return [list(matches[start : start + MAX_MATCHES_OF_RULE]) for start in range(0, len(matches), MAX_MATCHES_OF_RULE)]


def http_matches(
    match: Match, place: str, result: Translation, every: Mapping[str, Any]
) -> Optional[List[Dict[str, Any]]]:
    """The matches of an HTTPRoute, one for each method; None, with a finding, when it cannot say the match.

    every: how it says every path.
    """
    problem = _problem(match)
    if problem:
        result.error("match", place, f"not translated: match {match.name!r}: {problem}", "Write the match differently.")
        return None
    base: Dict[str, Any] = dict(every)
    if not is_any_path(match.path_regex):
        base = {"path": {"type": "RegularExpression", "value": whole_path(match.path_regex)}}
    if match.headers:
        base["headers"] = [{"type": "RegularExpression", "name": name, "value": value} for name, value in match.headers]
    if match.headers or not is_any_path(match.path_regex):
        result.warning(
            "regular-expression",
            place,
            f"match {match.name!r} becomes a RegularExpression, which each mesh reads in its own dialect",
            "Test it with the mesh.",
            "Support of RegularExpression is up to the implementation of the Gateway API.",
        )
    return [{**base, "method": method} for method in match.methods] or [base]


def _problem(match: Match) -> str:
    names = [name.lower() for name, _value in match.headers]
    unknown = [method for method in match.methods if method not in _METHODS]
    wrong = [name for name in names if not _HEADER_NAME.fullmatch(name)]
    if unknown:
        return f"the Gateway API does not know the method {unknown[0]}"
    if wrong:
        return f"{wrong[0]!r} is no name of a header"
    if len(set(names)) < len(names):
        return "a header stands in it twice, which the Gateway API cannot say"
    if len(names) > _MAX_HEADERS:
        return f"it has {len(names)} headers, the Gateway API takes {_MAX_HEADERS}"
    if len(whole_path(match.path_regex)) > _MAX_PATH:
        return f"its path is longer than {_MAX_PATH} characters"
    if any(not 1 <= len(value) <= _MAX_HEADER_VALUE for _name, value in match.headers):
        return f"the expression of a header has not 1 to {_MAX_HEADER_VALUE} characters"
    return ""
