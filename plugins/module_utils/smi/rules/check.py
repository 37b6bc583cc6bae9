# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks SMI objects by all rules. Work grows with the number of objects, not with its square."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules import (
    access,
    routes,
    traffic_split,
    traffic_target,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import (
    Breach,
    Item,
    World,
    is_smi,
    item_of,
    mapping,
    shown,
    text,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import (
    BY_NUMBER,
    NOT_LOOKED_AT,
    UNKNOWN_OBJECT,
    provider_named,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import UnknownObject

_ALONE: Mapping[str, Callable[[Item], Iterator[Breach]]] = {
    "TrafficSplit": traffic_split.alone,
    "TrafficTarget": traffic_target.alone,
    "HTTPRouteGroup": routes.http_route_group,
    "TCPRoute": routes.port_route,
    "UDPRoute": routes.port_route,
    "IdentityBinding": traffic_target.identity_binding,
}
_AMONG: Mapping[str, Callable[[Item, World], Iterator[Breach]]] = {
    "TrafficSplit": traffic_split.among,
    "TrafficTarget": traffic_target.among,
    "HTTPRouteGroup": routes.headers_shape,
}
_NEEDS: Mapping[str, Mapping[str, Tuple[int, ...]]] = {
    "TrafficSplit": {"Service": (7, 8, 11, 12)},
    "TrafficTarget": {"ServiceAccount": (16,), "Pod": (16,), "ClusterRoleBinding": (22,)},
}
"""Of which kinds all objects have to be known, for which rules about a kind of SMI."""


def check(objects: Iterable[Any], surroundings: Surroundings, provider: str = "") -> List[Finding]:
    """What SMI objects (others among them are left aside) breach, and what could not be looked at.

    ``provider`` is one of model.PROVIDERS, or empty for none in particular; raises ValueError for another.
    """
    name = provider_named(provider)
    items, findings = _items(objects)
    around, _unknown = _items(surroundings.smi)
    world = World(items, around, surroundings)
    for item in items:
        findings += _findings(item, _ALONE[item.kind.name](item), name)
        among = _AMONG.get(item.kind.name)
        if among:
            findings += _findings(item, among(item, world), name)
    return [*findings, *_writers(items, surroundings, name), *_not_looked_at(items, surroundings, name)]


def check_alone(objects: Iterable[Any], provider: str = "") -> List[Finding]:
    """What SMI objects breach as far as each of them shows it without the others. Raises as ``check``."""
    name = provider_named(provider)
    items, findings = _items(objects)
    for item in items:
        findings += _findings(item, _ALONE[item.kind.name](item), name)
    return findings


def _items(objects: Iterable[Any]) -> Tuple[List[Item], List[Finding]]:
    items: List[Item] = []
    unknown: List[Finding] = []
    for obj in objects:
        if not is_smi(obj):
            continue
        try:
            items.append(item_of(obj))
        except UnknownObject as error:
            unknown.append(_unknown(obj, str(error)))
    return items, unknown


def _unknown(obj: Mapping[str, Any], message: str) -> Finding:
    metadata = mapping(obj.get("metadata"))
    name = f"{text(metadata.get('namespace')) or 'default'}/{text(metadata.get('name')) or '?'}"
    kind = obj["kind"] if isinstance(obj.get("kind"), str) else shown(obj.get("kind"))
    return Finding(
        UNKNOWN_OBJECT.id,
        UNKNOWN_OBJECT.severity,
        f"{kind} {name}",
        f"apiVersion: {message}",
        "No server takes it, and no consumer reads it.",
        "Write a kind and a version that SMI has.",
    )


def _findings(item: Item, breaches: Iterable[Breach], provider: str) -> Iterator[Finding]:
    for breach in breaches:
        finding = _finding(breach, breach.subject or item.subject, provider)
        if finding:
            yield finding


def _finding(breach: Breach, subject: str, provider: str) -> Optional[Finding]:
    rule = BY_NUMBER[breach.rule]
    severity = rule.severity_for(provider, breach.mild)
    if severity is None:
        return None
    return Finding(rule.id, severity, subject, f"{breach.field}: {breach.message}", breach.why, breach.mend)


def _writers(items: Iterable[Item], surroundings: Surroundings, provider: str) -> Iterator[Finding]:
    namespaces: Set[str] = {item.namespace for item in items if item.kind.name == "TrafficTarget"}
    breaches = access.target_writers(surroundings.access, namespaces) if namespaces else ()
    for breach in breaches:
        finding = _finding(breach, breach.subject, provider)
        if finding:
            yield finding


def _not_looked_at(items: Iterable[Item], surroundings: Surroundings, provider: str) -> Iterator[Finding]:
    needed: Dict[str, Tuple[int, ...]] = {}
    for kind in {item.kind.name: None for item in items}:
        needed.update(_NEEDS.get(kind, {}))
    for kind, numbers in needed.items():
        rules = [rule for rule in map(BY_NUMBER.__getitem__, numbers) if rule.severity_for(provider)]
        if kind not in surroundings.known and rules:
            ids = ", ".join(each.id for each in rules)
            yield Finding(
                NOT_LOOKED_AT.id,
                Severity.INFO,
                f"objects of kind {kind}",
                f"not all of them are known, so these rules were not looked at in full: {ids}",
                "What is not known cannot be told from what is not there.",
                "Look with a cluster at hand.",
            )
