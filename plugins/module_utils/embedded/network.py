# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, examining and removing the network namespaces of an environment, with iproute2.

Everything but the host's end of the link stands in namespaces, so removing these removes it. What is there and does not
fit is made anew as a whole: a network half made by a run that was killed is not worth being repaired.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import (
    ZONES,
    Fabric,
    Node,
    Site,
    Zone,
    host_interface,
    namespace_prefix,
)

NAMESPACES = Path("/run/netns")
LINK_MTU = 1500
COMMAND_SECONDS = 30


def namespace_file(name: str) -> Path:
    """The file that holds the namespace `name`."""
    return NAMESPACES / name


def enter(name: str) -> Tuple[str, ...]:
    """What stands before a command that is to run in the namespace `name`."""
    return ("nsenter", f"--net={namespace_file(name)}", "--")


def host_networks(key: str) -> List[IPv4Network]:
    """The networks on the interfaces of this machine, but for the link of the environment `key`."""
    found = []
    for interface in _ask(["-4", "address", "show"]):
        if interface["ifname"] != host_interface(key):
            for address in interface["addr_info"]:
                found.append(IPv4Network(f"{address['local']}/{address['prefixlen']}", strict=False))
    return found


def examine(fabric: Fabric) -> List[str]:
    """What of the network is missing or wrong, in words; empty when all stands."""
    if not _is_routed(fabric):
        return [f"make the network of {len(fabric.nodes)} nodes in {len(fabric.zones)} zones"]
    ports = {link["ifname"]: link for link in _ask(["-n", fabric.router, "-d", "link", "show"])}
    actions = [f"heal zone {zone.name}" for zone in fabric.zones if _is_ill(zone, ports)]
    actions += [f"connect the control plane of zone {site.zone}" for site in _unconnected_sites(fabric, ports)]
    return actions + [f"connect node {node.name}" for node in fabric.nodes if not _is_connected(node, ports)]


def ensure(fabric: Fabric) -> None:
    """Make what `examine` misses."""
    if not _is_routed(fabric):
        remove(fabric.key)
        _make_router(fabric)
    present = {link["ifname"]: link for link in _ask(["-n", fabric.router, "-d", "link", "show"])}
    for zone in fabric.zones:
        if zone.gate not in present:
            _make_zone(fabric, zone)
        elif _is_ill(zone, present):
            heal(fabric, zone)
    for site in _unconnected_sites(fabric, present):
        disconnect(fabric.router, site)
        _connect(fabric, site)
    for node in fabric.nodes:
        if not _is_connected(node, present):
            disconnect(fabric.router, node)
            _connect(fabric, node)
            _run(["-n", fabric.router, "route", "replace", str(node.pods), "via", str(node.address)])


def remove(key: str) -> None:
    """Remove all namespaces of the environment `key` and its end of the link. Nothing happens when there are none."""
    for name in namespaces(key):
        _run(["netns", "delete", name])
    # The pair goes with the namespace of its other end, but only when the last process in there is gone.
    if (Path("/sys/class/net") / host_interface(key)).exists():
        _try(["link", "delete", host_interface(key)])


def namespaces(key: str) -> List[str]:
    """The namespaces of the environment `key`, the router last."""
    prefix = namespace_prefix(key)
    names = os.listdir(NAMESPACES) if NAMESPACES.is_dir() else []
    mine = [name for name in names if name == prefix or name.startswith(prefix + "-")]
    return sorted(mine, key=lambda name: (name == prefix, name))


def identity(name: str) -> str:
    """What tells a namespace from one made later under the same name; empty when there is none."""
    try:
        return str(namespace_file(name).stat().st_ino)
    except FileNotFoundError:
        return ""


def disconnect(router: str, node: Union[Node, Site]) -> None:
    """Remove the namespace of a node, or of the control plane of a zone."""
    if namespace_file(node.namespace).exists():
        _run(["netns", "delete", node.namespace])
    _try(["-n", router, "link", "delete", node.port])


def cut(fabric: Fabric, zone: Zone) -> None:
    """Take the zone off the network: its nodes reach each other, nothing else reaches them or is reached."""
    _run(["-n", fabric.router, "link", "set", zone.gate, "down"])


def slow(fabric: Fabric, zone: Zone, delay: float, loss: float) -> None:
    """Let all that goes into or out of the zone wait `delay` milliseconds each way, and lose `loss` percent of it."""
    for interface in (zone.gate, zone.port):
        command = [
            "-n",
            fabric.router,
            "qdisc",
            "replace",
            "dev",
            interface,
            "root",
            "netem",
            "delay",
            f"{delay}ms",
            "loss",
            f"{loss}%",
        ]
        try:
            _run(command, program="tc")
        except EmbeddedError as error:
            raise EmbeddedError(
                f"zone {zone.name} cannot be slowed: {error}; "
                "load the kernel module sch_netem, or take a kernel that has it"
            ) from None


def heal(fabric: Fabric, zone: Zone) -> None:
    """Undo `cut` and `slow`."""
    _batch(fabric.router, [f"link set {zone.gate} up", *_routes(fabric, zone)])
    for interface in (zone.gate, zone.port):
        _try(["-n", fabric.router, "qdisc", "delete", "dev", interface, "root"], program="tc")


def _is_ill(zone: Zone, present: Mapping[str, Any]) -> bool:
    gate = present.get(zone.gate)
    return gate is not None and ("UP" not in gate["flags"] or gate.get("qdisc") == "netem")


def _is_routed(fabric: Fabric) -> bool:
    """Whether the router is there and the link leads to it."""
    if not namespace_file(fabric.router).exists() or not (Path("/sys/class/net") / fabric.interface).exists():
        return False
    here = _addresses(["-4", "address", "show", "dev", fabric.interface])
    there = _addresses(["-n", fabric.router, "-4", "address", "show"])
    return str(fabric.host) in here and str(fabric.control_plane) in there


def _unconnected_sites(fabric: Fabric, ports: Mapping[str, Any]) -> List[Site]:
    return [site for site in fabric.sites if not _is_connected(site, ports)]


def _is_connected(node: Union[Node, Site], ports: Mapping[str, Any]) -> bool:
    if node.port not in ports or not namespace_file(node.namespace).exists():
        return False
    return str(node.address) in _addresses(["-n", node.namespace, "-4", "address", "show"])


def _addresses(arguments: Sequence[str]) -> set[str]:
    return {address["local"] for interface in _ask(arguments) for address in interface.get("addr_info", [])}


def _make_router(fabric: Fabric) -> None:
    _run(["netns", "add", fabric.router])
    prefix = fabric.link.prefixlen
    peer = f"type veth peer name host0 netns {fabric.router}"
    _batch("", [f"link add {fabric.interface} mtu {LINK_MTU} {peer}"])
    _batch("", [f"address add {fabric.host}/{prefix} dev {fabric.interface}", f"link set {fabric.interface} up"])
    _batch(
        fabric.router,
        [
            "link set lo up",
            f"address add {fabric.control_plane}/{prefix} dev host0",
            "link set host0 up",
            f"route add default via {fabric.host}",
            # What is meant for a zone that is cut off must not go to this machine.
            f"route add unreachable {ZONES}",
            f"route add unreachable {fabric.pods}",
        ],
    )
    _set(fabric.router, {"net/ipv4/ip_forward": "1"})


def _make_zone(fabric: Fabric, zone: Zone) -> None:
    _batch(
        fabric.router,
        [
            f"link add {zone.bridge} type bridge",
            f"link add {zone.gate} type veth peer name {zone.port}",
            f"link set {zone.port} master {zone.bridge} up",
            f"link set {zone.bridge} up",
            f"address add {zone.gateway}/{zone.network.prefixlen} dev {zone.gate}",
            f"link set {zone.gate} up",
        ],
    )


def _connect(fabric: Fabric, node: Union[Node, Site]) -> None:
    zone = fabric.zone(node.zone)
    _run(["netns", "add", node.namespace])
    _batch(
        fabric.router,
        [
            f"link add {node.port} type veth peer name eth0 netns {node.namespace}",
            f"link set {node.port} master {zone.bridge} up",
        ],
    )
    _batch(
        node.namespace,
        [
            "link set lo up",
            f"address add {node.address}/{zone.network.prefixlen} dev eth0",
            "link set eth0 up",
            f"route add default via {zone.gateway}",
        ],
    )


def _routes(fabric: Fabric, zone: Zone) -> List[str]:
    """The routes that go away with an interface that goes down."""
    return [f"route replace {node.pods} via {node.address}" for node in fabric.nodes if node.zone == zone.name]


def _set(namespace: str, values: Dict[str, str]) -> None:
    for name, value in values.items():
        command = ["nsenter", f"--net={namespace_file(namespace)}", "--", "tee", f"/proc/sys/{name}"]
        subprocess.run(command, input=value, text=True, capture_output=True, check=True)


def _batch(namespace: str, lines: Sequence[str]) -> None:
    place = ["-n", namespace] if namespace else []
    _run([*place, "-batch", "-"], "\n".join(lines) + "\n")


def _ask(arguments: Sequence[str]) -> List[Dict[str, Any]]:
    answer: List[Dict[str, Any]] = json.loads(_run(["-j", *arguments]) or "[]")
    return [entry for entry in answer if entry]


def _try(arguments: Sequence[str], program: str = "ip") -> None:
    """Run what may be done already."""
    with suppress(EmbeddedError):
        _run(arguments, program=program)


def _run(arguments: Sequence[str], text: str = "", program: str = "ip") -> str:
    command = [program, *arguments]
    try:
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False, timeout=COMMAND_SECONDS)
    except FileNotFoundError:
        raise EmbeddedError(f"{program} is not installed; install the package iproute2") from None
    if done.returncode:
        raise EmbeddedError(f"{' '.join(command)} failed: {(done.stderr or text).strip()}")
    return done.stdout
