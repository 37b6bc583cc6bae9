# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh embedded control plane for a measurement, and looks at it that are not part of what is measured."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence
from urllib.parse import quote

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    ADMIN_CREDENTIAL,
    ensure_absent,
    ensure_started,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.components import API_SERVER
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
from ansible_collections.servicemesh.platform.tests.benchmarks import floor, workload

NAME = "benchmark"
START_TIMEOUT = 180
QUIET_CORES = 0.25
"""The control plane counts as quiet below this; what it does on its own when nobody asks is about a tenth of a core."""
QUIET_LIMIT = 60
"""Seconds after which a measurement begins although the control plane is still busy."""
SAMPLE_SECONDS = 1.0
PAGE = 500

Seen = Dict[str, str]


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane.

    pids: of its processes. server: how `floor` reaches it. scratch: a folder for what clients keep about this cluster,
    such as cached discovery, so that a client's first run on it is a first run.
    """

    kubeconfig: Path
    pids: Sequence[int]
    server: Dict[str, Any]
    scratch: Path

    def cpu(self) -> float:
        """User and system seconds of all its processes since their start."""
        return sum(_cpu_seconds(pid) for pid in self.pids)

    def settle(self) -> None:
        """Wait until the control plane is quiet, so that what it does later about one run is not counted to the next.

        Some of it goes on longer: the controllers take 20 namespaces a second, which costs little each second.
        """
        deadline = time.monotonic() + QUIET_LIMIT
        while time.monotonic() < deadline:
            before = self.cpu()
            time.sleep(SAMPLE_SECONDS)
            if self.cpu() - before < QUIET_CORES * SAMPLE_SECONDS:
                return

    def look(self) -> Seen:
        """The objects of the workload, each with a digest of what clients write of it."""
        seen: Seen = {}
        for collection in workload.COLLECTIONS:
            for item in self._items(f"{collection}?labelSelector={quote(workload.SELECTOR)}"):
                metadata = item["metadata"]
                key = f"{collection}/{metadata.get('namespace', '')}/{metadata['name']}"
                metadata = {name: metadata.get(name) for name in ("uid", "labels", "annotations")}
                content = {**item, "metadata": metadata, "status": None}
                seen[key] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return seen

    def send(self, requests: Sequence[floor.Request]) -> None:
        """Send requests in bulk, to prepare something."""
        floor.send(self.server, requests)

    def _items(self, path: str) -> Iterator[Dict[str, Any]]:
        token = ""
        while True:
            page = f"{path}&limit={PAGE}&continue={quote(token)}"
            answer = json.loads(floor.send(self.server, [("GET", page, None)], keep=True)[0])
            yield from answer["items"]
            token = answer["metadata"].get("continue", "")
            if not token:
                return


def difference(before: Seen, after: Seen) -> int:
    """How many objects came, went, or are not what they were."""
    return sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())


@contextlib.contextmanager
def control_plane(binary: Path, folder: Path) -> Iterator[ControlPlane]:
    """A control plane with nothing in it, in `folder`; it is gone afterwards.

    etcd does not wait for the disk (`--unsafe-no-fsync`): the disk of the machine is not what is to be measured, and
    the faster the server is, the more a client's own time shows.
    """
    state = folder / "cluster"
    settings = Settings(NAME, binary, "10.96.0.0/16", "10.244.0.0/16", durable=False)
    try:
        outcome = ensure_started(settings, state, START_TIMEOUT)
        layout = Layout(state.resolve())
        views = {view.name: view for view in outcome.after}
        server = {
            "host": "127.0.0.1",
            "port": views[API_SERVER].port,
            "authority": str(layout.certificate("ca")),
            "certificate": str(layout.certificate(ADMIN_CREDENTIAL)),
            "key": str(layout.key(ADMIN_CREDENTIAL)),
        }
        scratch = folder / "scratch"
        scratch.mkdir()
        pids = [view.pid for view in outcome.after if view.pid]
        yield ControlPlane(Path(outcome.kubeconfig), pids, server, scratch)
    finally:
        ensure_absent(NAME, state, START_TIMEOUT)


def _cpu_seconds(pid: int) -> float:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
