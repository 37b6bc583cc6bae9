# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real nodes that tests may break, started without a playbook."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    Outcome,
    ensure_absent,
    ensure_started,
    ensure_stopped,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import STATE_VARIABLE
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import (
    NodeSettings,
    Programs,
    Settings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import StateFolder
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import File
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built, built_kube
from ansible_collections.servicemesh.platform.tests.support.nodes import push

NAME = "breakable"
TIMEOUT = 120
NODES = (NodeSettings("one", "a", {}), NodeSettings("two", "b", {}))


def programs() -> Programs:
    """What the role has built."""
    return Programs(
        nodes=built("nodes-*"),
        runc=built("runc-*/runc"),
        calico=built("calico-*"),
        storage=built("local-path-provisioner-*/local-path-provisioner"),
    )


@dataclass(frozen=True)
class BreakableNodes:
    """An environment with a node in each of two zones, and what can be done to it."""

    settings: Settings
    state_dir: Path

    @classmethod
    def at(cls, state_dir: Path) -> BreakableNodes:
        """One that is still to be started."""
        settings = Settings(NAME, built_kube(), "10.96.0.0/16", "10.244.0.0/16", False, NODES, programs())
        return cls(settings, state_dir.resolve())

    def start(self) -> Outcome:
        return ensure_started(self.settings, self.state_dir, TIMEOUT)

    def stop(self) -> Outcome:
        return ensure_stopped(NAME, self.state_dir, TIMEOUT)

    def remove(self) -> Outcome:
        return ensure_absent(NAME, self.state_dir, TIMEOUT)

    def claim(self) -> None:
        """Make a folder with something in it ours."""
        folder = StateFolder(Layout(self.state_dir), NAME)
        with folder.locked(Deadline(TIMEOUT)):
            (self.state_dir / ".servicemesh-embedded-cluster").write_text(json.dumps({"cluster": NAME}))

    def script(self) -> str:
        """A program that starts it, to be killed."""
        start = f"{type(self).__name__}.at(Path({str(self.state_dir)!r})).start()"
        return f"from pathlib import Path; from {__name__} import *; {start}"

    def cluster(self) -> Cluster:
        return Cluster(self.state_dir / "kubeconfig", self.state_dir, built_kube())

    def get(self, *arguments: str) -> Any:
        return json.loads(self.cluster().kubectl("get", "-o", "json", *arguments))

    def pids(self) -> dict[str, int]:
        """The living processes by component."""
        found = {}
        for record in (self.state_dir / "run").glob("*.json"):
            pid = json.loads(record.read_text())["pid"]
            if Path(f"/proc/{pid}/exe").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
                found[record.stem] = pid
        return found

    def footprint(self) -> dict[str, list[str]]:
        """What there is of it on this machine outside of its folder, and every table of nftables."""
        key = key_of(self.state_dir)
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
        return {
            "processes": _running_in(self.state_dir),
            "mounts": [mount for mount in mounts if mount.startswith(str(self.state_dir)) or key in mount],
            "namespaces": [path.name for path in Path("/run/netns").glob(f"*{key}*")],
            "interfaces": [path.name for path in Path("/sys/class/net").glob(f"*{key}*")],
            "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/*{key}*")],
            "tables": tables.splitlines(),
        }

    def push_large(self, size: int) -> str:
        """Put an image of this size, of what cannot be compressed, into the registry; its name on the nodes."""
        file = self.state_dir.parent / "large"
        file.write_bytes(os.urandom(size))
        return push(self.state_dir, "large", [File(file, "large", 0o755)], ["/large"])


def _running_in(state_dir: Path) -> list[str]:
    wanted = f"{STATE_VARIABLE}={state_dir}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            variables = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if wanted in variables.split(b"\0"):
            found.append(entry.name)
    return found
