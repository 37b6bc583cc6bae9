# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real node is made of: its services and their configuration, as data (pure).

The program `noderun` (in the role `cluster`) reads the specification that stands here and is the machine: it makes the
namespaces, mounts, and keeps containerd, kubelet, kube-proxy and Felix running. Felix, from Calico, enforces
NetworkPolicy; Calico's CNI plugin names interfaces as Felix expects them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import Node, cgroup
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME as REGISTRY_NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Programs

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
POD_MTU = 1500
CLUSTER_DOMAIN = "cluster.local"
SANDBOX_IMAGE = f"{REGISTRY_NAME}/pause:1"
VOLUMES_IMAGE = f"{REGISTRY_NAME}/volumes:1"
# The kubelet refuses to run when the machine has other values; see protectKernelDefaults in its configuration.
KERNEL = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}
SYSCTLS = {"net/ipv4/ip_forward": "1"}
# A node counts as lost when its lease was not renewed for the grace period of the controller manager (20 s).
LEASE_SECONDS = 12
STATUS_SECONDS = 3
# As the node sees them: a folder of its own, where others may add a plugin and name it in the configuration.
CNI_CONFIGURATION, CNI_PROGRAMS = "/var/lib/cni/net.d", "/var/lib/cni/bin"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class NodeFolder:
    """Where a node keeps its things: `root` for what is written at every start, `var` for what it writes itself."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "node.json"

    @property
    def lib(self) -> Path:
        """/var/lib of the node."""
        return self.root / "lib"

    @property
    def cni_configuration(self) -> Path:
        return self.lib / "cni/net.d"

    @property
    def cni_programs(self) -> Path:
        """Those that are not of the node itself."""
        return self.lib / "cni/bin"

    @property
    def log(self) -> Path:
        """/var/log of the node."""
        return self.root / "log"

    @property
    def certificates(self) -> Path:
        """The certificates that the kubelet gets for itself."""
        return self.root / "pki"

    def file(self, name: str) -> Path:
        return self.root / name


@dataclass(frozen=True)
class Surroundings:
    """What a node knows of the environment.

    state: the state folder. kube: the multi-call binary. images: the archive of images to load. registry_hosts: how
    registries are reached, for containerd. memory: bytes that pods may use on the node, out of `machine_memory`.
    """

    key: str
    state: Path
    kube: Path
    programs: Programs
    images: Path
    registry_hosts: Path
    authority: Path
    kubeconfigs: Mapping[str, Path]
    dns: IPv4Address
    pod_cidr: str
    memory: int
    machine_memory: int


def files(node: Node, folder: NodeFolder, around: Surroundings) -> Dict[Path, bytes]:
    """The files that the node's services read, by path."""
    texts = {
        folder.file("containerd.toml"): _containerd(around),
        folder.file("kubelet.yaml"): _document(_kubelet(folder, around)),
        folder.file("kube-proxy.yaml"): _document(_kube_proxy(around)),
        folder.cni_configuration / "10-pods.conflist": _document(_cni(node, around)),
        folder.file("resolv.conf"): "",
        folder.spec: _document(_spec(node, folder, around)),
    }
    return {path: text.encode() for path, text in texts.items()}


def _document(content: Dict[str, Any]) -> str:
    """JSON is YAML too."""
    return json.dumps(content, indent=1) + "\n"


def _spec(node: Node, folder: NodeFolder, around: Surroundings) -> Dict[str, Any]:
    return {
        "hostname": node.name,
        "network_namespace": f"/run/netns/{node.namespace}",
        "cgroup": f"{cgroup(around.key)}/{node.number}",
        "binds": [
            {"source": str(folder.lib), "target": "/var/lib"},
            {"source": str(folder.log), "target": "/var/log"},
            {"source": str(folder.file("resolv.conf")), "target": "/etc/resolv.conf"},
        ],
        "tmpfs": ["/run"],
        "keep": [str(folder) for folder in (around.state, around.kube.parent, *around.programs.folders)],
        "kernel": KERNEL,
        "sysctls": SYSCTLS,
        "services": _services(node, folder, around),
    }


def _services(node: Node, folder: NodeFolder, around: Surroundings) -> List[Dict[str, Any]]:
    kube, programs = str(around.kube), around.programs
    path = f"PATH={programs.nodes}:{PATH}"
    return [
        _service(
            "containerd", [str(programs.nodes / "containerd"), "--config", str(folder.file("containerd.toml"))], path
        ),
        _service(
            "images",
            [str(programs.nodes / "ctr"), "--namespace=k8s.io", "images", "import", str(around.images)],
            path,
            after=CONTAINERD_SOCKET,
            once=True,
        ),
        _service(
            "kubelet",
            [
                kube,
                "kubelet",
                f"--config={folder.file('kubelet.yaml')}",
                f"--kubeconfig={folder.certificates / 'kubeconfig'}",
                f"--bootstrap-kubeconfig={around.kubeconfigs['kubelet-bootstrap']}",
                f"--cert-dir={folder.certificates}",
                f"--hostname-override={node.name}",
                f"--node-ip={node.address}",
                "--v=1",
            ],
            path,
        ),
        _service(
            "kube-proxy",
            [kube, "kube-proxy", f"--config={folder.file('kube-proxy.yaml')}", f"--hostname-override={node.name}"],
            path,
        ),
        _service(
            "felix",
            [str(programs.calico / "calico-felix"), "--config-file=/dev/null"],
            path,
            environment=_felix(node, around),
        ),
    ]


def _service(
    name: str,
    command: List[str],
    path: str,
    after: str = "",
    once: bool = False,
    environment: Optional[Mapping[str, str]] = None,
) -> Dict[str, Any]:
    further = [f"{key}={value}" for key, value in (environment or {}).items()]
    return {
        "name": name,
        "command": command,
        "environment": [path, "HOME=/root", *further],
        "log": f"/var/log/{name}.log",
        "after": after,
        "once": once,
    }


def _containerd(around: Surroundings) -> str:
    return f"""\
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{SANDBOX_IMAGE}"

[plugins."io.containerd.cri.v1.images".registry]
  config_path = "{around.registry_hosts}"

[plugins."io.containerd.cri.v1.runtime"]
  # A machine in a container may not lower the score (CAP_SYS_RESOURCE).
  restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{around.programs.calico}", "{around.programs.nodes}", "{CNI_PROGRAMS}"]
  conf_dir = "{CNI_CONFIGURATION}"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "{around.programs.runc}"
  SystemdCgroup = false

[plugins."io.containerd.nri.v1.nri"]
  disable = true
"""


def _kubelet(folder: NodeFolder, around: Surroundings) -> Dict[str, Any]:
    reserved = max(around.machine_memory - around.memory, 0)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(around.authority)},
        },
        "authorization": {"mode": "Webhook"},
        "rotateCertificates": True,
        "serverTLSBootstrap": True,
        "clusterDNS": [str(around.dns)],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(folder.file("resolv.conf")),
        "nodeStatusUpdateFrequency": f"{STATUS_SECONDS}s",
        "nodeLeaseDurationSeconds": LEASE_SECONDS,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "systemReserved": {"memory": f"{reserved // 2**20}Mi"},
        "enforceNodeAllocatable": ["pods"],
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }


def _kube_proxy(around: Surroundings) -> Dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": around.pod_cidr,
        "clientConnection": {"kubeconfig": str(around.kubeconfigs["kube-proxy"])},
        # These are settings of the whole machine, which stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
    }


def _cni(node: Node, around: Surroundings) -> Dict[str, Any]:
    calico = {
        "type": "calico",
        "datastore_type": "kubernetes",
        "nodename": node.name,
        "nodename_file_optional": True,
        "log_level": "warning",
        "log_file_path": "/var/log/calico-cni.log",
        "mtu": POD_MTU,
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni-addresses",
            "ranges": [[{"subnet": str(node.pods)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
        "policy": {"type": "k8s"},
        "kubernetes": {"kubeconfig": str(around.kubeconfigs["calico"])},
    }
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [calico, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def _felix(node: Node, around: Surroundings) -> Dict[str, str]:
    return {
        "KUBECONFIG": str(around.kubeconfigs["calico"]),
        "DATASTORE_TYPE": "kubernetes",
        "FELIX_DATASTORETYPE": "kubernetes",
        "FELIX_FELIXHOSTNAME": node.name,
        "FELIX_BPFENABLED": "false",
        "FELIX_IPV6SUPPORT": "false",
        "FELIX_DEFAULTENDPOINTTOHOSTACTION": "ACCEPT",
        "FELIX_IPTABLESBACKEND": "NFT",
        "FELIX_LOGFILEPATH": "none",
        "FELIX_LOGSEVERITYSYS": "none",
        "FELIX_LOGSEVERITYSCREEN": "Warning",
        "FELIX_USAGEREPORTINGENABLED": "false",
        "FELIX_XDPENABLED": "false",
        "FELIX_REMOVEEXTERNALROUTES": "false",
        "FELIX_HEALTHENABLED": "false",
    }
