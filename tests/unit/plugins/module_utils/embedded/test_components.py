# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.components import (
    KWOK,
    PORT_OWNERS,
    REGISTRY,
    REQUIRES,
    START_ORDER,
    STOP_ORDER,
    Component,
    components,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.kubeconfig import kubeconfig
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.kwok import kwok_configuration
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import (
    NodeSettings,
    Programs,
    Settings,
)

LAYOUT = Layout(Path("/state"))
SETTINGS = Settings("demo", Path("/bin/kube"), "10.96.0.0/16", "10.244.0.0/16")
PORTS = {purpose: 20001 + number for number, purpose in enumerate(PORT_OWNERS)}
ALL = components(SETTINGS, LAYOUT, PORTS)
PROGRAMS = Programs(Path("/bin/nodes"), Path("/bin/runc"), Path("/bin/calico"), Path("/bin/storage"))
REAL = replace(SETTINGS, nodes=[NodeSettings("one", "a", {})], programs=PROGRAMS)
ADDRESS = "198.18.0.2"
WITH_NODES = components(REAL, LAYOUT, PORTS, ADDRESS)


def by_name(name: str, settings: Settings = SETTINGS) -> Component:
    return next(component for component in components(settings, LAYOUT, PORTS) if component.name == name)


def test_what_a_component_requires_starts_before_it_and_stops_after_it() -> None:
    assert [component.name for component in ALL] == [name for name in START_ORDER if name != REGISTRY]
    assert [component.name for component in WITH_NODES] == [name for name in START_ORDER if name != KWOK]
    stops = [name for group in STOP_ORDER for name in group]
    assert sorted(stops) == sorted(START_ORDER)
    for name, required in REQUIRES.items():
        for other in required:
            assert START_ORDER.index(other) < START_ORDER.index(name)
            assert stops.index(other) > stops.index(name)


@pytest.mark.parametrize("component", ALL, ids=lambda component: component.name)
def test_every_address_is_loopback(component: Component) -> None:
    addresses = re.findall(r"\d+\.\d+\.\d+\.\d+(?!/|\d|\.)", " ".join(component.arguments))
    assert set(addresses) <= {"127.0.0.1"}
    assert "127.0.0.1" in addresses


def test_with_real_nodes_everybody_listens_on_the_link() -> None:
    arguments = " ".join(argument for component in WITH_NODES for argument in component.arguments)
    assert "127.0.0.1" not in arguments
    assert f"--bind-address={ADDRESS}" in arguments
    assert {component.probe.address for component in WITH_NODES} == {ADDRESS}


def test_the_registry_is_a_program_of_its_own() -> None:
    registry = WITH_NODES[-1]
    kube = Path("/bin/kube")
    assert registry.command(kube)[2:] == ("/bin/nodes/registry", "serve", "/state/registry/config.json")
    assert registry.probe.healthy == 401
    assert ALL[0].command(kube)[:2] == ("/bin/kube", "etcd")


def test_the_endpoints_of_the_api_server_are_told_where_they_can_be_reached() -> None:
    api_server = {component.name: component for component in WITH_NODES}["kube-apiserver"]
    assert not [argument for argument in api_server.arguments if "endpoint-reconciler-type" in argument]
    assert f"--advertise-address={ADDRESS}" in api_server.arguments
    assert "--endpoint-reconciler-type=none" in by_name("kube-apiserver").arguments


@pytest.mark.parametrize("component", ALL, ids=lambda component: component.name)
def test_every_file_that_is_read_is_an_input(component: Component) -> None:
    named = {Path(argument.partition("=")[2]) for argument in component.arguments if "=/state/" in argument}
    if component.name == "kwok":
        named.add(LAYOUT.kwok_config)
    assert set(component.inputs) == named - {LAYOUT.etcd_data}


def test_the_api_server_is_closed() -> None:
    arguments = by_name("kube-apiserver").arguments
    assert "--anonymous-auth=false" in arguments
    assert "--authorization-mode=Node,RBAC" in arguments
    assert not any("token-auth-file" in argument or "insecure" in argument for argument in arguments)


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_etcd_syncs(durable: bool) -> None:
    settings = Settings("demo", Path("/bin/kube"), "10.96.0.0/16", "10.244.0.0/16", durable=durable)
    assert ("--unsafe-no-fsync=true" in by_name("etcd", settings).arguments) is not durable


def test_the_configuration_of_kwok_is_one_file_even_when_the_state_folder_has_a_comma() -> None:
    # kwok reads a list with commas here; a process runs in the state folder.
    assert "--config=kwok.yaml" in by_name("kwok").arguments


def test_kwok_gets_its_stages() -> None:
    documents = list(yaml.safe_load_all(kwok_configuration("v1.36.3")))
    assert [document["kind"] for document in documents] == ["KwokConfiguration", *["Stage"] * 5]
    assert "@" not in kwok_configuration("v1.36.3").decode()
    initialize = next(document for document in documents if document["metadata"]["name"] == "node-initialize")
    assert '"v1.36.3"' in initialize["spec"]["next"]["statusTemplate"]


def test_a_kubeconfig_is_what_it_was_made_of() -> None:
    content = yaml.safe_load(kubeconfig("demo", "admin", "https://127.0.0.1:1", b"authority", b"certificate", b"key"))
    assert content["current-context"] == content["contexts"][0]["name"] == "admin@demo"
    assert content["contexts"][0]["context"] == {"cluster": "demo", "user": "admin"}
    assert content["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": "YXV0aG9yaXR5",
    }
    assert content["users"][0]["user"] == {"client-certificate-data": "Y2VydGlmaWNhdGU=", "client-key-data": "a2V5"}
