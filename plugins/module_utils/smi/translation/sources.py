# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMI objects of one translation, sorted so that each reference is one look-up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import (
    HTTPRouteGroup,
    IdentityBinding,
    InvalidObject,
    Match,
    PortRoute,
    Rule,
    TrafficSplit,
    TrafficTarget,
    parse,
    subject_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import Translation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import UnknownObject

Name = Tuple[str, str]


@dataclass
class Sources:
    """Splits and targets by name, and the routes that they refer to."""

    splits: List[TrafficSplit] = field(default_factory=list)
    targets: List[TrafficTarget] = field(default_factory=list)
    groups: Dict[Name, HTTPRouteGroup] = field(default_factory=dict)
    port_routes: Dict[Tuple[str, str, str], PortRoute] = field(default_factory=dict)

    def tcp_ports(self) -> Dict[str, Set[int]]:
        """The ports that TCPRoutes name, by namespace."""
        found: Dict[str, Set[int]] = {}
        for route in self.port_routes.values():
            if route.kind == "TCPRoute":
                found.setdefault(route.namespace, set()).update(route.ports)
        return found


def read(objects: Iterable[Mapping[str, Any]], result: Translation) -> Sources:
    """Sort the objects; what is no valid SMI object becomes a finding."""
    sources = Sources()
    for obj in objects:
        try:
            _put(sources, parse(obj), result)
        except (InvalidObject, UnknownObject) as error:
            result.error("invalid", subject_of(obj), f"not translated: {error}", "Correct the object and run again.")
    sources.splits.sort(key=lambda split: (split.namespace, split.name))
    sources.targets.sort(key=lambda target: (target.namespace, target.name))
    _unused(sources, result)
    return sources


def _put(sources: Sources, model: Any, result: Translation) -> None:
    if isinstance(model, IdentityBinding):
        result.warning(
            "identity-binding",
            subject(model),
            "not translated: no mesh takes it, and what refers to it is not translated either",
            "Name ServiceAccounts in the TrafficTargets.",
        )
    elif isinstance(model, TrafficSplit):
        sources.splits.append(model)
    elif isinstance(model, TrafficTarget):
        sources.targets.append(model)
    elif isinstance(model, HTTPRouteGroup):
        sources.groups[model.namespace, model.name] = model
    else:
        sources.port_routes[model.kind, model.namespace, model.name] = model


def _unused(sources: Sources, result: Translation) -> None:
    used = {("HTTPRouteGroup", split.namespace, name) for split in sources.splits for name in split.route_groups}
    used.update((rule.kind, target.namespace, rule.name) for target in sources.targets for rule in target.rules)
    routes = [("HTTPRouteGroup", *name) for name in sources.groups] + list(sources.port_routes)
    for kind, namespace, name in routes:
        if (kind, namespace, name) not in used:
            message = "nothing refers to it, so that there is nothing to translate"
            result.info("unused-route", f"{kind} {namespace}/{name}", message)


def split_matches(split: TrafficSplit, sources: Sources, result: Translation) -> Optional[List[Match]]:
    """The requests that a split is about; empty for all. None, with a finding, when a route group is missing."""
    found: List[Match] = []
    for name in split.route_groups:
        group = sources.groups.get((split.namespace, name))
        if group is None or not group.matches:
            state = "is not among the objects" if group is None else "has no matches"
            result.error(
                "route-missing",
                subject(split),
                f"not translated: HTTPRouteGroup {split.namespace}/{name} {state}",
                f"Give the HTTPRouteGroup {name} with its matches, or remove it from spec.matches.",
            )
            return None
        found.extend(group.matches)
    return found


def rule_matches(target: TrafficTarget, rule: Rule, sources: Sources, result: Translation) -> Tuple[Match, ...]:
    """The matches that a rule of a target allows; what is missing is a finding and allows nothing."""
    group = sources.groups.get((target.namespace, rule.name))
    if group is None:
        _missing(target, f"HTTPRouteGroup {target.namespace}/{rule.name}", result)
        return ()
    by_name = {match.name: match for match in group.matches}
    for name in rule.matches:
        if name not in by_name:
            _missing(target, f"match {name!r} of HTTPRouteGroup {target.namespace}/{rule.name}", result)
    return tuple(by_name[name] for name in rule.matches if name in by_name) if rule.matches else group.matches


def _missing(target: TrafficTarget, what: str, result: Translation) -> None:
    result.error(
        "route-missing",
        subject(target),
        f"{what} is not among the objects: what it allows is left out",
        "Give it with the others, or remove the rule.",
    )


@dataclass(frozen=True)
class Allowed:
    """What a target allows: requests (``matches``; none when ``http`` is false) and ports (None for all)."""

    http: bool
    matches: Tuple[Match, ...]
    ports: Optional[Tuple[int, ...]]


def allowed(target: TrafficTarget, sources: Sources, result: Translation) -> Optional[Allowed]:
    """What the rules of a target allow together; None, with a finding, when that is nothing.

    Ports limit requests where a target has both kinds of rules (the port of a v1alpha1 target became a TCPRoute
    beside its HTTPRouteGroups); rules of one kind add up.
    """
    http = [rule for rule in target.rules if rule.kind == "HTTPRouteGroup"]
    tcp = [rule for rule in target.rules if rule.kind == "TCPRoute"]
    for rule in target.rules:
        if rule.kind not in ("HTTPRouteGroup", "TCPRoute"):
            _no_udp(target, rule, result)
    matches = tuple(match for rule in http for match in rule_matches(target, rule, sources, result))
    ports = _ports(target, tcp, sources, result)
    if target.port is not None and (ports is None or target.port in ports):
        ports = (target.port,)
    elif target.port is not None:
        ports = ()
    if not (http or tcp) or (http and not matches) or ports == ():
        result.error("allows-nothing", subject(target), "not translated: no rule is left that allows anything")
        return None
    if http and tcp:
        result.warning(
            "ports-limit-requests",
            subject(target),
            "its TCPRoutes are read as the ports on which the requests of its HTTPRouteGroups are allowed",
            "Write a TrafficTarget for each when other TCP traffic is meant too.",
            "SMI does not say whether rules of two kinds add up; this reading allows less.",
        )
    return Allowed(bool(http), matches, ports)


def _no_udp(target: TrafficTarget, rule: Rule, result: Translation) -> None:
    result.error(
        "udp",
        subject(target),
        f"rule {rule.kind} {rule.name} is left out: only HTTP and TCP traffic can be authorized by identity",
        "Allow it with a NetworkPolicy.",
    )


def _ports(
    target: TrafficTarget, rules: List[Rule], sources: Sources, result: Translation
) -> Optional[Tuple[int, ...]]:
    if not rules:
        return None
    ports: Set[int] = set()
    for rule in rules:
        route = sources.port_routes.get(("TCPRoute", target.namespace, rule.name))
        if route is None:
            _missing(target, f"TCPRoute {target.namespace}/{rule.name}", result)
        elif not route.ports:
            return None
        else:
            ports.update(route.ports)
    return tuple(sorted(ports))


def subject(model: Any) -> str:
    """A split or a target as findings name it."""
    return f"{type(model).__name__} {model.namespace}/{model.name}"


def identities(target: TrafficTarget, result: Translation) -> List[Name]:
    """The service accounts that a target allows; empty, with findings, when it cannot be translated."""
    destination = target.destination
    if destination.kind != "ServiceAccount" or destination.namespace != target.namespace:
        result.error(
            "destination",
            subject(target),
            f"not translated: its destination is {destination.kind} {destination.namespace}/{destination.name}",
            f"Name a ServiceAccount of the namespace {target.namespace}.",
            "Who may write in one namespace must not open another.",
        )
        return []
    for source in target.sources:
        if source.kind != "ServiceAccount":
            result.error(
                "source",
                subject(target),
                f"source {source.kind} {source.name} is left out: only service accounts can be translated",
                "Name the ServiceAccounts.",
            )
    found = [(source.namespace, source.name) for source in target.sources if source.kind == "ServiceAccount"]
    if not found:
        result.error("allows-nothing", subject(target), "not translated: it has no source that is a ServiceAccount")
    return sorted(set(found))
