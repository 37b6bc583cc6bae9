# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``cluster``."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any, Dict, Iterator, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import (
    dns_label,
    dns_subdomain,
    label_value,
    unique,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

# kube-apiserver takes at most 20 bits of service addresses; a /28 leaves room for the few services of a small cluster.
SERVICE_PREFIXES = range(12, 29)
# kube-controller-manager gives every node a /24 of the pod network and takes at most 2^16 of them.
POD_PREFIXES = range(8, 25)
# One member of etcd in each: three are the fewest of which one can be lost.
HIGH_AVAILABILITY_ZONES = 3
NETWORK_PREFIXES = {
    "cluster_embedded_service_cidr": SERVICE_PREFIXES,
    "cluster_embedded_pod_cidr": POD_PREFIXES,
}


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the variables of the role and with the nodes that the inventory gives it."""
    yield from dns_label("cluster_id", variables["cluster_id"])
    yield from label_value("cluster_region", variables["cluster_region"])
    yield from _zones(variables)
    yield from _nodes(variables, inventory)
    if variables["cluster_provider"] == "embedded":
        yield from _embedded(variables, inventory)
    if variables["cluster_provider"] == "existing":
        yield from _existing(variables)


def nodes(variables: Mapping[str, Any], inventory: Inventory) -> List[Dict[str, Any]]:
    """The node hosts of the environment: name, zone and further labels of each, in the order of the inventory."""
    hosts = inventory.groups.get(variables["cluster_node_group"], [])
    return [
        {
            "name": host,
            "zone": _text(inventory.hostvars[host].get("zone")),
            "labels": inventory.hostvars[host].get("node_labels", {}),
        }
        for host in hosts
    ]


def _text(zone: Any) -> Any:
    """A zone that YAML or an INI inventory took for a number: the zones of the variables are text."""
    return str(zone) if isinstance(zone, int) and not isinstance(zone, bool) else zone


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """What the role reads besides its own variables."""
    return {
        "nodes": nodes(variables, inventory),
        "dns_address": _dns_address(variables["cluster_embedded_service_cidr"]),
    }


def _dns_address(service_cidr: str) -> str:
    """The address of the cluster's DNS service: the tenth of the network, as kubeadm has it. Empty for no network."""
    try:
        return str(IPv4Network(service_cidr)[10])
    except ValueError:
        return ""


def _zones(variables: Mapping[str, Any]) -> Iterator[Problem]:
    for zone in variables["cluster_zones"]:
        yield from label_value("cluster_zones", zone)
    yield from unique("cluster_zones", variables["cluster_zones"])


def _nodes(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    zones = variables["cluster_zones"]
    for node in nodes(variables, inventory):
        where = f"zone of host {node['name']}"
        yield from dns_subdomain(f"name of a host in group {variables['cluster_node_group']}", node["name"])
        if node["zone"] is None:
            yield Problem(where, None, f"give the host a variable 'zone', one of cluster_zones: {', '.join(zones)}")
        elif zones and node["zone"] not in zones:
            yield Problem(where, node["zone"], f"write one of cluster_zones ({', '.join(zones)}) or add it there")
        if not isinstance(node["labels"], Mapping):
            yield Problem(f"node_labels of host {node['name']}", node["labels"], "write a mapping of label to value")


def _embedded(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    if not variables["cluster_zones"]:
        yield Problem("cluster_zones", [], "name at least one zone; three make an environment that survives losing one")
    occupied = {node["zone"] for node in nodes(variables, inventory)}
    for zone in variables["cluster_zones"]:
        if zone not in occupied:
            group = variables["cluster_node_group"]
            yield Problem("cluster_zones", zone, f"no host of inventory group '{group}' is in this zone; add one")
    yield from _high_availability(variables)
    yield from _networks(variables)


def _high_availability(variables: Mapping[str, Any]) -> Iterator[Problem]:
    if not variables["cluster_embedded_ha"]:
        return
    if variables["cluster_embedded_nodes"] == "kwok":
        yield Problem("cluster_embedded_ha", True, "it needs real nodes; write cluster_embedded_nodes: kubelet")
    zones = len(set(variables["cluster_zones"]))
    if zones < HIGH_AVAILABILITY_ZONES:
        yield Problem(
            "cluster_embedded_ha",
            True,
            f"it needs {HIGH_AVAILABILITY_ZONES} zones and cluster_zones has {zones}; add some",
        )


def _existing(variables: Mapping[str, Any]) -> Iterator[Problem]:
    if not variables["cluster_kubeconfig"]:
        yield Problem("cluster_kubeconfig", None, "write the path of the kubeconfig that leads to the existing cluster")
    if not variables["cluster_context"]:
        yield Problem("cluster_context", None, "write the context to take; the current context of a file can change")


def _networks(variables: Mapping[str, Any]) -> Iterator[Problem]:
    networks = {}
    for variable, prefixes in NETWORK_PREFIXES.items():
        try:
            networks[variable] = IPv4Network(variables[variable])
        except ValueError as error:
            yield Problem(variable, variables[variable], f"write an IPv4 network such as 10.96.0.0/16 ({error})")
            continue
        if networks[variable].prefixlen not in prefixes:
            allowed = f"/{prefixes[0]} to /{prefixes[-1]}"
            yield Problem(variable, variables[variable], f"write a network of {allowed}")
    if len(networks) == 2:
        service, pod = networks["cluster_embedded_service_cidr"], networks["cluster_embedded_pod_cidr"]
        if service.overlaps(pod):
            yield Problem("cluster_embedded_pod_cidr", str(pod), f"overlaps cluster_embedded_service_cidr {service}")
