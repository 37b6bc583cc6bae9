# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits as VirtualServices, targets as AuthorizationPolicies of Istio.

Sources: istio.io/api ``networking/v1/virtual_service.proto`` (weights are relative, regular expressions match whole
values), ``security/v1/authorization_policy.proto`` (exact, prefix, suffix, presence, path templates; no regular
expressions).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import Match, TrafficTarget
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.expressions import (
    is_any_path,
    istio_paths,
    istio_value,
    whole_path,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import (
    Translation,
    Type,
    make,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.selectors import Selectors
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.sources import (
    Name,
    Sources,
    allowed,
    identities,
    subject,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.splits import (
    HTTP,
    TCP,
    Plan,
    Port,
    plans,
)

VIRTUAL_SERVICE = Type("networking.istio.io/v1", "VirtualService")
AUTHORIZATION_POLICY = Type("security.istio.io/v1", "AuthorizationPolicy")
DENY_ALL = "smi-deny-by-default"
_MAX_TOTAL_WEIGHT = 2**31 - 1
_MAX_BACKENDS_TOGETHER = 1024


def translate(sources: Sources, surroundings: Surroundings, trust_domain: str, result: Translation) -> None:
    """Translate splits and targets."""
    for plan in plans(sources, surroundings, _MAX_TOTAL_WEIGHT // _MAX_BACKENDS_TOGETHER, result):
        _virtual_service(plan, surroundings, result)
    selectors = Selectors(surroundings)
    for target in sources.targets:
        _authorization_policy(target, sources, selectors, trust_domain, result)
    for namespace in sorted({target.namespace for target in sources.targets}):
        _deny_by_default(namespace, result)


def _virtual_service(plan: Plan, surroundings: Surroundings, result: Translation) -> None:
    split = plan.split
    problem = next((problem for problem in map(_match_problem, plan.matches) if problem), "")
    if problem:
        result.error("match", subject(split), f"not translated: {problem}", "Write the match differently.")
        return
    if not plan.ports and surroundings.ports_of(split.namespace, split.root):
        return
    ports: Sequence[Optional[Port]] = plan.ports or (None,)
    if not plan.ports:
        result.warning(
            "ports-unknown",
            subject(split),
            f"the ports of the service {split.namespace}/{split.root} are not known: the destinations name none",
            "Give the Service too, unless each backend has one port.",
            "Istio refuses a destination without a port when its service has several (IST0112).",
        )
    http = [rule for port in ports if port is None or port.protocol == HTTP for rule in _http(plan, port)]
    tcp = [rule for port in ports if port is not None and port.protocol != HTTP for rule in _tcp(plan, port, result)]
    spec: Dict[str, Any] = {"hosts": [split.root]}
    spec.update({name: rules for name, rules in (("http", http), ("tcp", tcp)) if rules})
    if http or tcp:
        result.objects.append(make(VIRTUAL_SERVICE, split.namespace, split.name, f"TrafficSplit/{split.name}", spec))


def _match_problem(match: Match) -> str:
    names = [name.lower() for name, _value in match.headers]
    if len(set(names)) < len(names):
        return f"match {match.name!r}: a header stands in it twice, which a VirtualService cannot say"
    return ""


def _http(plan: Plan, port: Optional[Port]) -> List[Dict[str, Any]]:
    on_port = {} if port is None else {"port": port.number}
    route = _destinations(port.backends if port else plan.weights, port)
    if not plan.matches:
        # This rule is the catch-all: every request is split.
        return [{"match": [on_port], "route": route} if on_port else {"route": route}]
    split = {"match": [{**on_port, **_http_match(match)} for match in plan.matches], "route": route}
    rest: Dict[str, Any] = {"match": [on_port]} if on_port else {}
    return [split, {**rest, "route": _destinations([(plan.split.root, 0)], port)}]


def _http_match(match: Match) -> Dict[str, Any]:
    made: Dict[str, Any] = {"uri": {"prefix": "/"}}
    if not is_any_path(match.path_regex):
        made["uri"] = {"regex": whole_path(match.path_regex)}
    if len(match.methods) == 1:
        made["method"] = {"exact": match.methods[0]}
    elif match.methods:
        made["method"] = {"regex": "|".join(match.methods)}
    if match.headers:
        made["headers"] = {name.lower(): {"regex": value} for name, value in match.headers}
    return made


def _tcp(plan: Plan, port: Port, result: Translation) -> List[Dict[str, Any]]:
    place = f"{subject(plan.split)} port {port.number}"
    if port.protocol != TCP or plan.matches:
        why = "where requests cannot be told" if port.protocol == TCP else "which a VirtualService cannot route"
        message = f"not translated: it is a {port.protocol} port, {why}"
        result.error("protocol", place, message, "Correct appProtocol of the Service's port when it is HTTP.")
        return []
    return [{"match": [{"port": port.number}], "route": _destinations(port.backends, port)}]


def _destinations(backends: Sequence[Tuple[str, int]], port: Optional[Port]) -> List[Dict[str, Any]]:
    on_port = {} if port is None else {"port": {"number": port.number}}
    made: List[Dict[str, Any]] = [
        {"destination": {"host": name, **on_port}, "weight": share} for name, share in backends
    ]
    if len(made) == 1:
        # A single destination gets everything; a weight of 0 would say otherwise.
        del made[0]["weight"]
    return made


def _authorization_policy(
    target: TrafficTarget, sources: Sources, selectors: Selectors, trust_domain: str, result: Translation
) -> None:
    accounts = identities(target, result)
    what = allowed(target, sources, result) if accounts else None
    selector = selectors.of(target, result) if what else None
    if what is None or selector is None:
        return
    ports = {} if what.ports is None else {"ports": [str(port) for port in what.ports]}
    rules: List[Dict[str, Any]] = []
    plain: List[Dict[str, Any]] = []
    for match in what.matches:
        operation = _operation(match, target, result)
        conditions = _conditions(match, target, result)
        if operation is None or conditions is None:
            continue
        to = {"operation": {**operation, **ports}}
        if conditions:
            rules.append({"to": [to], "when": conditions})
        else:
            plain.append(to)
    if plain:
        rules.insert(0, {"to": plain})
    if not what.http:
        rules.append({"to": [{"operation": ports}]} if ports else {})
    if not rules:
        message = "not translated: Istio can say none of its matches; the default is to deny"
        result.error("allows-nothing", subject(target), message, "Write paths that Istio can say.")
        return
    spec = {
        "selector": {"matchLabels": selector},
        "action": "ALLOW",
        "rules": [
            {"from": [{"source": {"principals": _principals(accounts, trust_domain)}}], **rule} for rule in rules
        ],
    }
    origin = f"TrafficTarget/{target.name}"
    result.objects.append(make(AUTHORIZATION_POLICY, target.namespace, target.name, origin, spec))


def _principals(accounts: Sequence[Name], trust_domain: str) -> List[str]:
    return [f"{trust_domain}/ns/{namespace}/sa/{name}" for namespace, name in accounts]


def _operation(match: Match, target: TrafficTarget, result: Translation) -> Optional[Dict[str, Any]]:
    paths = istio_paths(match.path_regex)
    if paths is None:
        result.error(
            "path",
            subject(target),
            f"match {match.name!r} is left out, and what it allows is denied: "
            f"an AuthorizationPolicy cannot say the path {match.path_regex!r}",
            "Write `/path`, `/path/.*`, `/path$`, `.*path$`, or `[^/]+` between slashes with `$` at the end.",
            "Istio authorizes by exact paths, prefixes, suffixes and templates, not by regular expressions.",
        )
        return None
    # With a path also for "any path": without one the rule would allow TCP traffic that is no HTTP.
    return {"paths": paths, **({"methods": list(match.methods)} if match.methods else {})}


def _conditions(match: Match, target: TrafficTarget, result: Translation) -> Optional[List[Dict[str, Any]]]:
    found = []
    for name, expression in match.headers:
        value = istio_value(expression)
        if value is None:
            result.error(
                "header",
                subject(target),
                f"match {match.name!r} is left out, and what it allows is denied: "
                f"an AuthorizationPolicy cannot say {expression!r} of the header {name}",
                "Write a whole value, or a beginning or an ending with `.*`.",
            )
            return None
        found.append({"key": f"request.headers[{name.lower()}]", "values": [value]})
    return found


def _deny_by_default(namespace: str, result: Translation) -> None:
    result.objects.append(make(AUTHORIZATION_POLICY, namespace, DENY_ALL, "TrafficTarget/*", None))
    result.warning(
        "deny-by-default",
        f"Namespace {namespace}",
        f"AuthorizationPolicy {DENY_ALL} denies what no target of this namespace allows; other namespaces stay open",
        "Deny by default in the others as well; pods without a sidecar deny nothing.",
        "SMI denies what nothing allows, Istio allows what nothing denies.",
    )
    result.warning(
        "mutual-tls",
        f"Namespace {namespace}",
        "its policies name principals, which only mutual TLS proves",
        "Have a PeerAuthentication with mode STRICT here or for the mesh.",
    )
