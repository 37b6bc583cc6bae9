# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three control planes: who they are, where they stand, and what they are told of each other."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import components as parts
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import (
    Fabric,
    fabric,
    key_of,
    numbers,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import (
    NodeSettings,
    Settings,
    check_settings,
)

LAYOUT = Layout(Path("/state of mine"))
PORTS = {purpose: 20001 + number for number, purpose in enumerate(parts.PORT_OWNERS)}
PROXY = "198.18.0.6"
SETS = ["a", "b", "c"]
NODES = [NodeSettings(f"node-{zone}", zone, {}) for zone in "abcd"]
SETTINGS = Settings("demo", Path("/kube"), "10.96.0.0/16", "10.244.0.0/16", nodes=NODES, high_availability=True)


def network(nodes: list[NodeSettings] = NODES) -> Fabric:
    zones = {zone: number for number, zone in enumerate("abcd", 1)}
    names = numbers({}, [node.name for node in nodes])
    return fabric(key_of(LAYOUT.root), IPv4Network("198.18.0.4/30"), nodes, zones, names, "10.244.0.0/16", SETS)


ALL = {one.name: one for one in parts.components(SETTINGS, LAYOUT, PORTS, PROXY, network().sites)}


def flag(component: str, name: str) -> str:
    values = [text.partition("=")[2] for text in ALL[component].arguments if text.startswith(f"--{name}=")]
    assert len(values) == 1
    return values[0]


def test_every_zone_has_one_of_each_and_the_fourth_zone_none() -> None:
    in_zones = [parts.member(kind, zone) for kind in parts.IN_ZONES for zone in SETS]
    assert sorted(ALL) == sorted([*in_zones, "haproxy", "registry"])
    assert list(ALL) == list(parts.control_plane(SETTINGS, SETS))


def test_a_set_stands_at_the_upper_end_of_its_zone_in_a_namespace_of_its_own() -> None:
    sites = network().sites
    assert [str(site.address) for site in sites] == ["198.19.1.254", "198.19.2.254", "198.19.3.254"]
    assert len({site.namespace for site in sites}) == len(SETS)
    assert {ALL[f"etcd-{site.zone}"].namespace for site in sites} == {site.namespace for site in sites}
    assert all(len(site.port) <= 15 for site in sites)  # IFNAMSIZ - 1
    assert ALL["haproxy"].namespace == ALL["registry"].namespace == ""


def test_what_is_required_starts_before_and_stops_after() -> None:
    order = list(ALL)
    stops = [kind for group in parts.STOP_GROUPS for kind in group]
    for name in order:
        for other in parts.requires(name, SETS):
            if parts.kind_of(other) != parts.kind_of(name):
                assert order.index(other) < order.index(name)
                assert stops.index(parts.kind_of(other)) > stops.index(parts.kind_of(name))


def test_members_of_etcd_know_each_other() -> None:
    peers = PORTS[parts.ETCD_PEER_PORT]
    everybody = ",".join(f"{zone}=https://198.19.{number}.254:{peers}" for number, zone in enumerate("abc", 1))
    assert {flag(f"etcd-{zone}", "initial-cluster") for zone in SETS} == {everybody}
    assert [flag(f"etcd-{zone}", "name") for zone in SETS] == SETS
    assert flag("etcd-b", "data-dir") == "/state of mine/etcd/b"
    assert flag("etcd-b", "initial-advertise-peer-urls") == f"https://198.19.2.254:{peers}"
    assert flag("etcd-b", "peer-client-cert-auth") == "true"


def test_an_api_server_asks_the_member_of_its_zone_and_is_known_by_the_address_of_the_proxy() -> None:
    assert flag("kube-apiserver-b", "etcd-servers") == f"https://198.19.2.254:{PORTS[parts.ETCD]}"
    assert parts.requires("kube-apiserver-b", SETS) == ("etcd-b",)
    assert flag("kube-apiserver-b", "bind-address") == "198.19.2.254"
    assert flag("kube-apiserver-b", "advertise-address") == PROXY


@pytest.mark.parametrize("kind", [parts.CONTROLLER_MANAGER, parts.SCHEDULER])
def test_one_of_three_leads(kind: str) -> None:
    assert {flag(f"{kind}-{zone}", "leader-elect") for zone in SETS} == {"true"}
    assert ALL[f"{kind}-a"].command(Path("/kube"))[:2] == ("/kube", kind)


def test_the_proxy_checks_every_api_server() -> None:
    text = parts.proxy_configuration(LAYOUT, 20003, PROXY, network().sites).decode()
    assert f"bind {PROXY}:20003" in text
    assert all(f"server api{number} 198.19.{number}.254:20003" in text for number in (1, 2, 3))
    assert "httpchk GET /readyz" in text
    assert "verify required ca-file '/state of mine/pki/ca.crt' crt '/state of mine/pki/health.crt'" in text
    assert LAYOUT.proxy_config in ALL["haproxy"].inputs


def test_certificates_name_every_address() -> None:
    members = [str(site.address) for site in network().sites]
    made = {one.name: one for one in pki.certificates("demo", "10.96.0.0/16", PROXY, nodes=True, members=members)}
    for name in ("apiserver", "etcd/server", "etcd/peer"):
        assert {PROXY, *members} <= set(made[name].addresses)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "high_availability: it needs real nodes"),
        (NODES[:2], r"high_availability: it needs nodes in at least 3 zones, and these are in 2 \(a, b\)"),
    ],
)
def test_what_it_cannot_do_is_told(nodes: list[NodeSettings], message: str) -> None:
    check_settings(SETTINGS)
    with pytest.raises(EmbeddedError, match=message):
        check_settings(replace(SETTINGS, nodes=nodes))


def test_a_zone_with_a_control_plane_keeps_a_node() -> None:
    with pytest.raises(EmbeddedError, match="nodes: zone b holds a part of the control plane and has no node"):
        network([node for node in NODES if node.zone != "b"])


def test_nothing_but_components_of_a_zone_is_taken_for_one() -> None:
    assert parts.kind_of("kube-apiserver-eu-west-1a") == "kube-apiserver"
    assert parts.kind_of("node-etcd-a") == "node-etcd-a"
    assert parts.kind_of("etcd") == "etcd"
