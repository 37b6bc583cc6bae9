# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and addresses of the network of real nodes."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import (
    LINKS,
    Fabric,
    choose_link,
    fabric,
    host_interface,
    key_of,
    namespace_prefix,
    numbers,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import NodeSettings
from hypothesis import given
from hypothesis import strategies as st

KEY = key_of(Path("/state"))
LINK = IPv4Network("198.18.0.4/30")
NODES = [NodeSettings(f"{zone}-{number}", zone, {}) for zone in "abc" for number in (1, 2)]


def whole(nodes: list[NodeSettings] = NODES, pod_cidr: str = "10.244.0.0/16") -> Fabric:
    zones = numbers({}, [node.zone for node in nodes])
    return fabric(KEY, LINK, nodes, zones, numbers({}, [node.name for node in nodes]), pod_cidr)


def test_names_fit_the_kernel() -> None:
    assert len(host_interface(KEY)) <= 15  # IFNAMSIZ - 1
    made = whole()
    assert all(len(name) <= 15 for node in made.nodes for name in [node.port])
    assert all(len(name) <= 15 for zone in made.zones for name in (zone.bridge, zone.gate, zone.port))


def test_a_zone_is_a_subnet_and_nothing_overlaps() -> None:
    made = whole()
    assert all(node.address in made.zone(node.zone).network for node in made.nodes)
    networks = [LINK, *(zone.network for zone in made.zones), *(node.pods for node in made.nodes)]
    assert not [
        (one, other) for index, one in enumerate(networks) for other in networks[index + 1 :] if one.overlaps(other)
    ]
    addresses = [node.address for node in made.nodes] + [zone.gateway for zone in made.zones]
    assert len(set(addresses)) == len(addresses)
    assert len({node.namespace for node in made.nodes}) == len(NODES)
    assert all(node.namespace.startswith(namespace_prefix(KEY) + "-") for node in made.nodes)


def test_another_state_folder_has_other_names() -> None:
    assert key_of(Path("/other")) != KEY


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(1, 9)), st.lists(st.text("abcd", min_size=1))
)
def test_numbers_stay_and_are_given_once(first: dict[str, int], names: list[str]) -> None:
    known = {name: number for number, name in enumerate(first, 1)}
    given_now = numbers(known, names)
    assert {name: given_now[name] for name in known} == known
    assert len(set(given_now.values())) == len(given_now)
    assert set(given_now) == set(known) | set(names)


def test_a_node_that_comes_back_has_its_number_again() -> None:
    first = numbers({}, ["a", "b", "c"])
    assert numbers(first, ["c", "d"]) == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_a_link_is_the_same_again_and_avoids_what_is_there() -> None:
    link = choose_link(KEY, [])
    assert link == choose_link(KEY, [])
    assert link.subnet_of(LINKS)
    other = choose_link(KEY, [link, IPv4Network("10.0.0.0/8")])
    assert not other.overlaps(link)


def test_no_link_is_left() -> None:
    with pytest.raises(EmbeddedError, match="is taken on this machine"):
        choose_link(KEY, [IPv4Network("198.18.0.0/15")])


def test_more_nodes_than_the_pod_network_holds() -> None:
    with pytest.raises(EmbeddedError, match=r"pod_cidr: 10.244.0.0/22 gives a /24 to 3 nodes, and b-2 is number 4"):
        whole(pod_cidr="10.244.0.0/22")


def test_an_unknown_zone_names_the_known_ones() -> None:
    with pytest.raises(EmbeddedError, match="no zone 'x' in this environment; its zones are a, b, c"):
        whole().zone("x")
