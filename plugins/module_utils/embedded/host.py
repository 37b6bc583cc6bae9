# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine must have to run real nodes, and what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cgroups import ROOT
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError

# Program -> the package it is in, on Debian and its descendants.
PROGRAMS = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "nft": "nftables",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "gcc": "gcc",
    "pkg-config": "pkg-config",
}
# What the role installs packages with.
INSTALLER = "apt-get"
# Only with high availability.
PROXY_PROGRAM = "haproxy"
PROXY_PACKAGE = "haproxy"
SECCOMP_HEADER = "/usr/include/seccomp.h"
SECCOMP_PACKAGE = "libseccomp-dev"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# capabilities(7)
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
# Tried in a network namespace that goes away with the process.
NETWORK_TRIALS: Dict[str, Sequence[str]] = {
    "bridges (module bridge)": ("ip", "link", "add", "type", "bridge"),
    "pairs of interfaces (module veth)": ("ip", "link", "add", "type", "veth"),
    "nftables (module nf_tables)": ("nft", "add", "table", "inet", "trial"),
    "sets of addresses (module ip_set)": ("ipset", "create", "trial", "hash:net"),
}
TRIAL_SECONDS = 10


@dataclass(frozen=True)
class Host:
    """What is in the way of real nodes.

    lacks: what only an administrator can change. packages: what can be installed.
    """

    lacks: Sequence[str]
    packages: Sequence[str]

    @property
    def fit(self) -> bool:
        """Whether real nodes can run here, once the packages are installed."""
        return not self.lacks


def check_proxy() -> None:
    """Raise EmbeddedError when the proxy of a highly available control plane is not installed."""
    for package in missing_proxy():
        raise EmbeddedError(f"high_availability: {PROXY_PROGRAM} is not installed; install the package {package}")


def missing_proxy() -> List[str]:
    """The package of that proxy when it is not there."""
    return [] if shutil.which(PROXY_PROGRAM, path=PATH) else [PROXY_PACKAGE]


def examine() -> Host:
    """Look at this machine. Changes nothing."""
    packages = missing_packages()
    if os.geteuid() != 0:
        return Host(["root: the play runs as another user"], packages)
    lacks = [f"the capability {name}" for name in _missing_capabilities()]
    lacks += [f"{name} namespaces" for name in NAMESPACES if not Path("/proc/self/ns", name).exists()]
    lacks += [f"the cgroup controller {name}" for name in missing_controllers(ROOT)]
    if packages and not shutil.which(INSTALLER, path=PATH):
        lacks.append(f"what Debian calls {', '.join(packages)} (install it by the means of this system)")
    if not _knows_overlay():
        lacks.append("the file system overlay (module overlay)")
    if not lacks:
        lacks += _failed_trials()
    return Host(lacks, packages)


def missing_packages(exists: Callable[[str], bool] = os.path.exists) -> List[str]:
    """The packages of programs and headers that are not there."""
    found = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=PATH)}
    if not exists(SECCOMP_HEADER):
        found.add(SECCOMP_PACKAGE)
    return sorted(found)


def missing_controllers(root: Path) -> List[str]:
    """The cgroup controllers that are not mounted at `root`, in version 2 or in hierarchies of version 1."""
    unified = root / "cgroup.controllers"
    if unified.exists():
        present = unified.read_text(encoding="ascii").split()
    else:
        present = [name for folder in root.glob("*") for name in folder.name.split(",")]
    return [name for name in CONTROLLERS if name not in present]


def _missing_capabilities() -> List[str]:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]


def _knows_overlay() -> bool:
    if "\toverlay\n" in Path("/proc/filesystems").read_text(encoding="ascii"):
        return True
    modprobe = shutil.which("modprobe", path=PATH)
    return bool(modprobe) and _succeeds([str(modprobe), "--dry-run", "overlay"])


def _failed_trials() -> List[str]:
    """What the kernel cannot do, as far as the programs to try it with are there."""
    present = {what: command for what, command in NETWORK_TRIALS.items() if shutil.which(command[0], path=PATH)}
    return [what for what, command in present.items() if not _succeeds(["unshare", "--net", *command])]


def _succeeds(command: Sequence[str]) -> bool:
    environment = {"PATH": PATH}
    done = subprocess.run(command, capture_output=True, check=False, timeout=TRIAL_SECONDS, env=environment)
    return done.returncode == 0
