# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for what a user chooses."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import (
    Settings,
    check_settings,
    first_service_address,
)
from hypothesis import given
from hypothesis import strategies as st

GOOD = Settings("demo", Path("/bin/kube"), "10.96.0.0/16", "10.244.0.0/16")


def test_the_defaults_are_good() -> None:
    check_settings(GOOD)


@pytest.mark.parametrize("name", ["", "Demo", "-demo", "demo-", "de_mo", "d" * 64, "demo\n"])
def test_names_are_dns_labels(name: str) -> None:
    with pytest.raises(EmbeddedError, match="name: "):
        check_settings(replace(GOOD, name=name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pod_cidr": "10.244.0.1/16"}, "pod_cidr: '10.244.0.1/16' is not an IPv4 network .*host bits"),
        ({"pod_cidr": "10.244.0.0/25"}, "pod_cidr: 10.244.0.0/25 must have a prefix length from 8 to 24, not 25"),
        ({"service_cidr": "10.0.0.0/8"}, "service_cidr: 10.0.0.0/8 must have a prefix length from 12 to 28, not 8"),
        ({"service_cidr": "fd00::/108"}, "service_cidr: 'fd00::/108' is not an IPv4 network"),
        ({"service_cidr": "10.244.128.0/20"}, "overlap"),
    ],
)
def test_wrong_networks_are_told(changes: dict[str, str], message: str) -> None:
    with pytest.raises(EmbeddedError, match=message):
        check_settings(replace(GOOD, **changes))


@given(st.integers(0, 2**32 - 1), st.integers(12, 28))
def test_the_first_service_address_is_in_the_network(address: int, prefix: int) -> None:
    network = ipaddress.ip_network((address, prefix), strict=False)
    assert ipaddress.ip_address(first_service_address(str(network))) == network[1]
