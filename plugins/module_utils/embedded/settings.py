# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user chooses about an embedded cluster, and the rules for it (pure)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.cluster import (
    HIGH_AVAILABILITY_ZONES,
    POD_PREFIXES,
    SERVICE_PREFIXES,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import DNS_LABEL


@dataclass(frozen=True)
class NodeSettings:
    """A real node. name: a DNS subdomain. labels: all that it shall have, the zone's too."""

    name: str
    zone: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Programs:
    """What real nodes are made of, besides the multi-call binary. All are absolute paths.

    nodes: the folder of containerd and its shim, of CNI plugins, of noderun and of what runs in pods. runc: the
    program. calico: the folder of Felix and of Calico's CNI plugin. storage: the program local-path-provisioner.
    """

    nodes: Path
    runc: Path
    calico: Path
    storage: Path

    @property
    def folders(self) -> Sequence[Path]:
        """Where all of them are."""
        return (self.nodes, self.runc.parent, self.calico)


@dataclass(frozen=True)
class Settings:
    """The choices of one embedded cluster.

    name: a DNS label. binary: absolute path of the multi-call binary; None when it is not known yet, which is good for
    check mode only. service_cidr, pod_cidr: IPv4 networks.
    durable: whether etcd waits for the disk (fsync) before it confirms a write.
    nodes: the real nodes; without any, kwok plays those that carry its annotation. programs: what
    real nodes are made of; None when it is not known yet, as for `binary`.
    high_availability: a control plane in each of three zones, behind a proxy.
    """

    name: str
    binary: Optional[Path]
    service_cidr: str
    pod_cidr: str
    durable: bool = True
    nodes: Sequence[NodeSettings] = ()
    programs: Optional[Programs] = None
    high_availability: bool = False


def check_name(name: str) -> None:
    """Raise EmbeddedError when `name` cannot name a cluster."""
    if not DNS_LABEL.fullmatch(name):
        raise EmbeddedError(
            f"name: {name!r} is not usable; write 1 to 63 lower-case letters, digits or '-', "
            "beginning and ending with a letter or digit"
        )


def check_settings(settings: Settings) -> None:
    """Raise EmbeddedError when a setting, or two of them together, cannot work."""
    check_name(settings.name)
    services = _network("service_cidr", settings.service_cidr, SERVICE_PREFIXES)
    pods = _network("pod_cidr", settings.pod_cidr, POD_PREFIXES)
    if services.overlaps(pods):
        raise EmbeddedError(f"service_cidr {services} and pod_cidr {pods} overlap; choose two networks apart")
    if settings.high_availability:
        _check_high_availability(settings.nodes)


def _check_high_availability(nodes: Sequence[NodeSettings]) -> None:
    if not nodes:
        raise EmbeddedError(
            "high_availability: it needs real nodes, and kwok plays those of this cluster; "
            "name nodes (cluster_embedded_nodes: kubelet), or set it to false"
        )
    zones = sorted({node.zone for node in nodes})
    if len(zones) < HIGH_AVAILABILITY_ZONES:
        raise EmbeddedError(
            f"high_availability: it needs nodes in at least {HIGH_AVAILABILITY_ZONES} zones, and these are in "
            f"{len(zones)} ({', '.join(zones)}); spread them over more zones, or set it to false"
        )


def first_service_address(service_cidr: str) -> str:
    """The address that the API server takes for the service `kubernetes`: the first of the network."""
    return str(ipaddress.IPv4Network(service_cidr).network_address + 1)


def _network(option: str, text: str, prefixes: range) -> ipaddress.IPv4Network:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise EmbeddedError(
            f"{option}: {text!r} is not an IPv4 network ({error}); write for example 10.96.0.0/16"
        ) from None
    if network.prefixlen not in prefixes:
        raise EmbeddedError(
            f"{option}: {text} must have a prefix length from {prefixes[0]} to {prefixes[-1]}, not {network.prefixlen}"
        )
    return network
