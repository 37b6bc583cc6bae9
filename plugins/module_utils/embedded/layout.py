# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand below the state folder of an embedded cluster (pure: paths only)."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Paths below `root`, an absolute path without symbolic links."""

    root: str

    @property
    def marker(self) -> str:
        """The file that says: this folder was made by, and belongs to, an embedded cluster."""
        return os.path.join(self.root, ".servicemesh-embedded-cluster")

    @property
    def lock(self) -> str:
        return os.path.join(self.root, "lock")

    @property
    def memory(self) -> str:
        """What is remembered between two runs: ports, networks, version."""
        return os.path.join(self.root, "cluster.json")

    @property
    def kubeconfig(self) -> str:
        """The administrator's kubeconfig."""
        return os.path.join(self.root, "kubeconfig")

    @property
    def pki(self) -> str:
        return os.path.join(self.root, "pki")

    @property
    def kubeconfigs(self) -> str:
        """The folder of the components' own kubeconfigs."""
        return os.path.join(self.root, "kubeconfigs")

    @property
    def etcd_data(self) -> str:
        return os.path.join(self.root, "etcd")

    @property
    def run(self) -> str:
        """The folder of the process records (pid files)."""
        return os.path.join(self.root, "run")

    @property
    def logs(self) -> str:
        return os.path.join(self.root, "logs")

    @property
    def kwok_config(self) -> str:
        return os.path.join(self.root, "kwok.yaml")

    def certificate(self, name: str) -> str:
        """The certificate `name`, for example `apiserver` or `etcd/ca`."""
        return os.path.join(self.pki, name + ".crt")

    def key(self, name: str) -> str:
        """The private key of the certificate `name`, or the service-account key (`sa`)."""
        return os.path.join(self.pki, name + ".key")

    def public_key(self, name: str) -> str:
        return os.path.join(self.pki, name + ".pub")

    def component_kubeconfig(self, component: str) -> str:
        return os.path.join(self.kubeconfigs, component)

    def process_record(self, component: str) -> str:
        return os.path.join(self.run, component + ".json")

    def log(self, component: str) -> str:
        return os.path.join(self.logs, component + ".log")

    def previous_log(self, component: str) -> str:
        """The log of the process before the present one."""
        return self.log(component) + ".previous"

    def is_input(self, path: str) -> bool:
        """Whether a component reads `path` at its start, so that a changed content asks for a restart."""
        return path == self.kwok_config or path.startswith((self.pki + os.sep, self.kubeconfigs + os.sep))
