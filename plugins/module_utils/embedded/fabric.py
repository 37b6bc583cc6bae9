# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names and addresses of the network of real nodes (pure).

The control plane stands in a network namespace that is also the router of the zones: every zone is a bridge
and a subnet there, every node a namespace of its own on the bridge of its zone. One pair of virtual interfaces,
the link, leads from this machine to the control plane. All networks but the link are known inside of the namespaces
only, so environments may use the same ones, and this machine gets one interface and no route.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import NodeSettings

# 198.18.0.0/15 is set aside for tests of networks (RFC 2544, RFC 6890): nobody routes it, few use it.
LINKS = IPv4Network("198.18.0.0/16")
ZONES = IPv4Network("198.19.0.0/16")
LINK_PREFIX = 30
POD_PREFIX = 24
# The first address of a zone is its bridge; the last one is for broadcasts.
MOST_NODES = 253
# The last address before, for a control plane in the zone.
SITE_HOST = 254


@dataclass(frozen=True)
class Node:
    """A node at its place. number: from 1, unique in the environment."""

    name: str
    zone: str
    labels: Mapping[str, str]
    number: int
    address: IPv4Address
    pods: IPv4Network
    namespace: str

    @property
    def component(self) -> str:
        """What its process is called."""
        return f"node-{self.name}"

    @property
    def port(self) -> str:
        """The interface at its end in the router."""
        return f"node{self.number}"


@dataclass(frozen=True)
class Zone:
    """A zone: a bridge that its nodes hang on, and two interfaces from the bridge (`port`) to the router (`gate`).

    Losing the pair cuts the zone off while its nodes still reach each other.
    """

    name: str
    number: int
    network: IPv4Network

    @property
    def bridge(self) -> str:
        return f"zone{self.number}"

    @property
    def gate(self) -> str:
        return f"gate{self.number}"

    @property
    def port(self) -> str:
        return f"port{self.number}"

    @property
    def gateway(self) -> IPv4Address:
        return self.network[1]


@dataclass(frozen=True)
class Site:
    """Where the control plane of a zone stands when every zone has its own: a namespace on the zone's bridge."""

    zone: str
    address: IPv4Address
    namespace: str
    port: str


@dataclass(frozen=True)
class Fabric:
    """The whole network.

    key: unique for the state folder. link: the /30 between this machine and the router. pods: of all nodes.
    sites: of three control planes; empty when the only one is in the router.
    """

    key: str
    link: IPv4Network
    pods: IPv4Network
    zones: Sequence[Zone]
    nodes: Sequence[Node]
    sites: Sequence[Site] = ()

    @property
    def router(self) -> str:
        """The namespace of the control plane."""
        return namespace_prefix(self.key)

    @property
    def interface(self) -> str:
        """The end of the link on this machine."""
        return host_interface(self.key)

    @property
    def host(self) -> IPv4Address:
        """This machine, as the nodes see it."""
        return self.link[1]

    @property
    def control_plane(self) -> IPv4Address:
        """Where the control plane listens, or the proxy in front of it."""
        return self.link[2]

    def zone(self, name: str) -> Zone:
        """The zone `name`. Raises EmbeddedError when there is none."""
        found = next((zone for zone in self.zones if zone.name == name), None)
        if not found:
            known = ", ".join(zone.name for zone in self.zones)
            raise EmbeddedError(f"zone: there is no zone {name!r} in this environment; its zones are {known}")
        return found


def key_of(root: Path) -> str:
    """What the names of an environment's namespaces, interface and cgroups are made of."""
    return hashlib.sha256(str(root).encode()).hexdigest()[:10]


def namespace_prefix(key: str) -> str:
    """What the names of an environment's network namespaces begin with."""
    return f"servicemesh-{key}"


def host_interface(key: str) -> str:
    """The end of an environment's link on this machine; at most 15 characters (IFNAMSIZ)."""
    return f"sm-{key}"


def cgroup(key: str) -> str:
    """The cgroup of an environment, below the root of a hierarchy."""
    return f"servicemesh-{key}"


def choose_link(key: str, taken: Iterable[IPv4Network]) -> IPv4Network:
    """A network for the link that overlaps none of `taken`; the same key gets the same one when it can."""
    occupied = list(taken)
    count = 2 ** (LINK_PREFIX - LINKS.prefixlen)
    first = int(key, 16) % count
    for offset in range(count):
        address = int(LINKS.network_address) + (first + offset) % count * 4
        link = IPv4Network((address, LINK_PREFIX))
        if not any(link.overlaps(other) for other in occupied):
            return link
    raise EmbeddedError(f"every network of {LINKS} is taken on this machine; remove environments that are not needed")


def numbers(known: Mapping[str, int], names: Iterable[str]) -> Dict[str, int]:
    """A number for every name, from 1: the known one, else the lowest that no name ever had."""
    given = dict(known)
    for name in names:
        if name not in given:
            given[name] = next(number for number in range(1, len(given) + 2) if number not in given.values())
    return given


def fabric(
    key: str,
    link: IPv4Network,
    nodes: Sequence[NodeSettings],
    zone_numbers: Mapping[str, int],
    node_numbers: Mapping[str, int],
    pod_cidr: str,
    sets: Sequence[str] = (),
) -> Fabric:
    """The network of these nodes. sets: the zones with a control plane of their own.

    Raises EmbeddedError when the pod network has no room for the nodes, or a zone with a control plane has none.
    """
    zones = {name: _zone(name, zone_numbers[name]) for name in dict.fromkeys(node.zone for node in nodes)}
    pods = list(IPv4Network(pod_cidr).subnets(new_prefix=POD_PREFIX))
    most = min(len(pods) - 1, MOST_NODES - 1 if sets else MOST_NODES)
    placed: List[Node] = []
    for node in nodes:
        number = node_numbers[node.name]
        if number > most:
            raise EmbeddedError(
                f"pod_cidr: {pod_cidr} gives a /{POD_PREFIX} to {most} nodes, and {node.name} is number {number}; "
                "choose a larger network for a new environment, or fewer nodes"
            )
        address = zones[node.zone].network[number + 1]
        namespace = f"{namespace_prefix(key)}-{number}"
        placed.append(Node(node.name, node.zone, node.labels, number, address, pods[number], namespace))
    sites = [_site(key, zones, name) for name in sets]
    return Fabric(key, link, IPv4Network(pod_cidr), list(zones.values()), placed, sites)


def _zone(name: str, number: int) -> Zone:
    return Zone(name, number, list(ZONES.subnets(new_prefix=24))[number])


def _site(key: str, zones: Mapping[str, Zone], name: str) -> Site:
    if name not in zones:
        raise EmbeddedError(
            f"nodes: zone {name} holds a part of the control plane and has no node any more; "
            "leave a node there, or remove the cluster first (state=absent)"
        )
    zone = zones[name]
    return Site(name, zone.network[SITE_HOST], f"{namespace_prefix(key)}-control{zone.number}", f"control{zone.number}")
