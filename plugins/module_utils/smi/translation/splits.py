# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all targets need to know of a split: its ports with their protocols, its backends on each, its weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import Backend, Match, TrafficSplit
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.quantity import whole
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import Translation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.sources import (
    Sources,
    split_matches,
    subject,
)

HTTP, TCP, UDP = "HTTP", "TCP", "UDP"
_HTTP_NAMES = ("http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws", "h2c")
_TCP_NAMES = ("tcp", "tls", "https", "mongo", "redis", "mysql", "postgres", "postgresql", "amqp", "kafka", "ldap")


@dataclass(frozen=True)
class Port:
    """A port of the root service, and the backends that have it too with their weights."""

    number: int
    protocol: str
    backends: Tuple[Tuple[str, int], ...]


@dataclass(frozen=True)
class Plan:
    """A split that can be translated. ``matches`` is empty when it is about all requests."""

    split: TrafficSplit
    matches: Tuple[Match, ...]
    weights: Tuple[Tuple[str, int], ...]
    ports: Tuple[Port, ...]


def reduced(numbers: Sequence[int]) -> List[int]:
    """The same ratios in the smallest whole numbers."""
    divisor = reduce(gcd, numbers, 0) or 1
    return [number // divisor for number in numbers]


def fitted(backends: Sequence[Backend], limit: int) -> Optional[List[int]]:
    """Whole weights up to a limit in exactly the given ratios: as written where they fit; None when none fit."""
    numbers = whole([backend.weight for backend in backends])
    if max(numbers, default=0) > limit or any(backend.weight.denominator != 1 for backend in backends):
        numbers = reduced(numbers)
    return numbers if max(numbers, default=0) <= limit else None


def plans(sources: Sources, surroundings: Surroundings, limit: int, result: Translation) -> Iterator[Plan]:
    """The splits that can be translated, each with what is needed; the others become findings."""
    roots: Dict[Tuple[str, str], str] = {}
    tcp_ports = sources.tcp_ports()
    for split in sources.splits:
        first = roots.setdefault((split.namespace, split.root), split.name)
        if first != split.name:
            result.error(
                "root-twice",
                subject(split),
                f"not translated: TrafficSplit {first} splits the service {split.root} too",
                "Keep one TrafficSplit for each service.",
                "SMI does not say which of two splits counts.",
            )
            continue
        shares = _shares(split, limit, result)
        matches = split_matches(split, sources, result) if shares is not None else None
        if shares is None or matches is None:
            continue
        ports = _ports(split, shares, surroundings, tcp_ports.get(split.namespace, set()), result)
        yield Plan(split, tuple(matches), tuple(shares), ports)


def _shares(split: TrafficSplit, limit: int, result: Translation) -> Optional[List[Tuple[str, int]]]:
    """Backends with whole weights; None, with a finding, when the split says nothing that can be translated."""
    names = [backend.service for backend in split.backends]
    problem = ""
    numbers: Optional[List[int]] = []
    local = (split.root, f"{split.root}.{split.namespace}")
    if split.service not in local and not split.service.startswith(f"{local[1]}.svc"):
        problem = f"its service {split.service} is none of the namespace {split.namespace}"
    elif len(set(names)) < len(names):
        problem = "a backend stands in it twice"
    elif any(backend.weight < 0 for backend in split.backends):
        problem = "a weight is negative"
    elif not any(backend.weight for backend in split.backends):
        problem = "no backend has a weight, so that nobody says who gets the traffic"
    else:
        numbers = fitted(split.backends, limit)
        if numbers is None:
            problem = f"no whole numbers up to {limit} have exactly the ratios of its weights"
    if problem or numbers is None:
        result.error("split", subject(split), f"not translated: {problem}", "Correct the TrafficSplit.")
        return None
    return list(zip(names, numbers))


def _ports(
    split: TrafficSplit,
    shares: Sequence[Tuple[str, int]],
    surroundings: Surroundings,
    tcp_ports: Set[int],
    result: Translation,
) -> Tuple[Port, ...]:
    root = surroundings.service(split.namespace, split.root)
    if root is not None and (root.get("spec") or {}).get("clusterIP") == "None":
        result.warning(
            "headless",
            subject(split),
            f"the service {split.root} is headless: clients that choose a pod themselves go past the split",
            "Give the service a cluster IP.",
        )
    found = []
    for port in surroundings.ports_of(split.namespace, split.root):
        number = int(port["port"])
        backends = _backends_with(split, shares, number, surroundings, result)
        if not any(weight for _name, weight in backends):
            result.error(
                "port",
                f"{subject(split)} port {number}",
                "not translated: no backend that has a weight has this port",
                f"Give the port {number} to the services of the backends.",
            )
            continue
        protocol = _protocol(port, tcp_ports)
        if not protocol:
            result.info(
                "protocol-assumed",
                f"{subject(split)} port {number}",
                "taken for HTTP: neither its appProtocol nor its name says what it is",
                f"Write appProtocol at the port of the Service {split.root}.",
            )
        found.append(Port(number, protocol or HTTP, tuple(backends)))
    return tuple(found)


def _backends_with(
    split: TrafficSplit,
    shares: Sequence[Tuple[str, int]],
    number: int,
    surroundings: Surroundings,
    result: Translation,
) -> List[Tuple[str, int]]:
    """The backends that have a port, as SMI does it; those that are not known are taken to have it."""
    found = []
    for name, weight in shares:
        service = surroundings.service(split.namespace, name)
        absent = service is None and "Service" in surroundings.known
        numbers = [port["port"] for port in surroundings.ports_of(split.namespace, name)]
        if absent or (service is not None and number not in numbers):
            result.error(
                "backend",
                f"{subject(split)} port {number}",
                f"the backend {name} is left out: its service {'does not exist' if absent else 'has no such port'}",
                f"Give the service {name} the port {number}, or remove the backend.",
                "SMI gives such a backend nothing; the Gateway API would answer 500 for its share.",
            )
        else:
            found.append((name, weight))
    return found


def _protocol(port: Mapping[str, Any], tcp_ports: Set[int]) -> str:
    """HTTP, TCP, UDP or another transport; empty when nothing says it."""
    transport = str(port.get("protocol") or TCP)
    if transport != TCP:
        return transport
    declared = str(port.get("appProtocol") or "").lower()
    if declared:
        return HTTP if declared in _HTTP_NAMES else TCP
    name = str(port.get("name") or "").lower()
    prefixes = (name, name.partition("-")[0])
    if any(prefix in _HTTP_NAMES for prefix in prefixes):
        return HTTP
    if any(prefix in _TCP_NAMES for prefix in prefixes) or port["port"] in tcp_ports:
        return TCP
    return ""
