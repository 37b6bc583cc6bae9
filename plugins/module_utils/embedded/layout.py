# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand below the state folder of an embedded cluster (pure: paths only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths below `root`, an absolute path without symbolic links."""

    root: Path

    @property
    def marker(self) -> Path:
        """The file that says: this folder was made by, and belongs to, an embedded cluster."""
        return self.root / ".servicemesh-embedded-cluster"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def memory(self) -> Path:
        """What is remembered between two runs: ports, networks, version."""
        return self.root / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """The folder of the components' own kubeconfigs."""
        return self.root / "kubeconfigs"

    @property
    def etcd_data(self) -> Path:
        return self.root / "etcd"

    def etcd_member_data(self, zone: str) -> Path:
        """The data of the member in a zone, when there are three."""
        return self.etcd_data / zone

    @property
    def run(self) -> Path:
        """The folder of the process records (pid files)."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def nodes(self) -> Path:
        """The folder of the real nodes."""
        return self.root / "nodes"

    @property
    def registry(self) -> Path:
        """The folder of the registry that real nodes pull from."""
        return self.root / "registry"

    @property
    def supervised(self) -> Path:
        """The folder of what supervised processes are started with."""
        return self.root / "processes"

    def supervised_settings(self, name: str) -> Path:
        """What the supervisor of the process `name` reads."""
        return self.supervised / f"{name}.json"

    def supervised_status(self, name: str) -> Path:
        """What the supervisor of the process `name` writes."""
        return self.supervised / f"{name}.status"

    @property
    def proxy_config(self) -> Path:
        """What HAProxy reads, in front of a control plane of three."""
        return self.root / "haproxy.cfg"

    @property
    def kwok_config(self) -> Path:
        return self.root / "kwok.yaml"

    def certificate(self, name: str) -> Path:
        """The certificate `name`, for example `apiserver` or `etcd/ca`."""
        return self.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key of the certificate `name`, or the service-account key (`sa`)."""
        return self.pki / f"{name}.key"

    def public_key(self, name: str) -> Path:
        return self.pki / f"{name}.pub"

    def component_kubeconfig(self, component: str) -> Path:
        return self.kubeconfigs / component

    def process_record(self, component: str) -> Path:
        return self.run / f"{component}.json"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def previous_log(self, component: str) -> Path:
        """The log of the process before the present one."""
        return self.logs / f"{component}.log.previous"

    def is_input(self, path: Path) -> bool:
        """Whether a component reads `path` at its start, so that a changed content asks for a restart."""
        return self.pki in path.parents or self.kubeconfigs in path.parents
