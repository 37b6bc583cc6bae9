# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is room for more nodes among the inotify instances of a user (inotify(7)), a limit of the machine.

What runs out of them does not say so: a containerd without its plugin for Kubernetes, a kubelet that ends at once.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError

SETTING = "fs.inotify.max_user_instances"
LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
# Measured: kubelet 5 or 6, containerd 2, kube-proxy 1, and a pod of the system that watches a file.
OF_A_NODE = 10


def check_room(nodes: int) -> None:
    """Raise EmbeddedError when so many nodes more would not find enough instances."""
    limit = int(LIMIT.read_text(encoding="ascii"))
    left, needed = limit - _used(), nodes * OF_A_NODE
    if left < needed:
        raise EmbeddedError(
            f"{SETTING} is {limit}, of which {max(left, 0)} are left, and {nodes} nodes need {needed}; "
            f"remove another environment, or raise it: sysctl -w {SETTING}=1024"
        )


def _used() -> int:
    """The instances of all processes of this user."""
    return sum(_used_by(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _used_by(process: Path) -> int:
    """Those of one process; none when it has ended, or is that of somebody else."""
    used = 0
    with suppress(OSError):
        if process.stat().st_uid == os.geteuid():
            for descriptor in os.listdir(process / "fd"):
                with suppress(FileNotFoundError):
                    used += os.readlink(process / "fd" / descriptor) == "anon_inode:inotify"
    return used
