# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node is started with."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import Node
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import (
    CNI_CONFIGURATION,
    CNI_PROGRAMS,
    NodeFolder,
    Surroundings,
    files,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Programs

GIB = 2**30
STATE = Path("/state")
NODE = Node("one", "a", {}, 1, IPv4Address("198.19.1.2"), IPv4Network("10.244.1.0/24"), "servicemesh-0123456789-1")
AROUND = Surroundings(
    key="0123456789",
    state=STATE,
    kube=Path("/bin/kubernetes/kube"),
    programs=Programs(Path("/bin/nodes"), Path("/bin/runc/runc"), Path("/bin/calico"), Path("/bin/storage/storage")),
    images=STATE / "images.tar",
    registry_hosts=STATE / "registry/hosts",
    authority=STATE / "pki/ca.crt",
    kubeconfigs={name: STATE / "kubeconfigs" / name for name in ("kubelet-bootstrap", "kube-proxy", "calico")},
    dns=IPv4Address("10.96.0.10"),
    pod_cidr="10.244.0.0/16",
    memory=8 * GIB,
    machine_memory=24 * GIB,
)
FOLDER = NodeFolder(STATE / "nodes/one")
FILES = {path.name: content.decode() for path, content in files(NODE, FOLDER, AROUND).items()}


def services() -> dict[str, Any]:
    return {service["name"]: service for service in json.loads(FILES["node.json"])["services"]}


def test_services_start_in_an_order_in_which_each_finds_the_one_before() -> None:
    assert list(services()) == ["containerd", "images", "kubelet", "kube-proxy", "felix"]
    assert services()["images"]["after"].endswith("containerd.sock")
    assert [name for name, service in services().items() if service["once"]] == ["images"]


def test_nothing_but_its_own_folder_is_the_node_s_to_write() -> None:
    spec = json.loads(FILES["node.json"])
    assert {bind["source"] for bind in spec["binds"]} == {
        f"{FOLDER.root}/{name}" for name in ("lib", "log", "resolv.conf")
    }
    assert spec["cgroup"] == "servicemesh-0123456789/1"
    # Settings of the whole machine are shown to the node, not changed.
    assert set(spec["kernel"]) == {"vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"}
    assert set(spec["sysctls"]) == {"net/ipv4/ip_forward"}


def test_the_kubelet_leaves_the_rest_of_the_machine_alone() -> None:
    kubelet = yaml.safe_load(FILES["kubelet.yaml"])
    assert kubelet["systemReserved"] == {"memory": f"{16 * 1024}Mi"}
    assert kubelet["rotateCertificates"] is True
    assert kubelet["serverTLSBootstrap"] is True
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}


def test_pods_get_addresses_of_the_node_s_network() -> None:
    calico, portmap = json.loads(FILES["10-pods.conflist"])["plugins"]
    assert calico["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert portmap["type"] == "portmap"


def test_others_may_add_a_plugin_without_touching_the_machine() -> None:
    # A DaemonSet has the same paths on all nodes, and /var/lib is the node's own.
    assert f'conf_dir = "{CNI_CONFIGURATION}"' in FILES["containerd.toml"]
    assert f'"{CNI_PROGRAMS}"]' in FILES["containerd.toml"]
    (written,) = [path for path in files(NODE, FOLDER, AROUND) if path.name == "10-pods.conflist"]
    own = Path("/var/lib") / written.parent.relative_to(FOLDER.lib)
    assert own == Path(CNI_CONFIGURATION)


def test_the_registry_is_found_where_it_is() -> None:
    assert 'config_path = "/state/registry/hosts"' in FILES["containerd.toml"]
