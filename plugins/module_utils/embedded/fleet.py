# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real nodes of an embedded cluster: look at them, say what has to be done, do it.

A node is one process (`noderun`) that takes everything in the node with it when it ends.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, TypeVar

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import (
    cgroups,
    inotify,
    network,
    registration,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import ComponentError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import Fabric, Node, cgroup
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    is_private,
    make_private_folder,
    read_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import NodeFolder, Surroundings, files
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Processes

COMPONENT_PREFIX = "node-"
POLL_SECONDS = 0.2
RECOVERY_SECONDS = 15.0

Answer = TypeVar("Answer")
AsAdministrator = Callable[[Callable[[Client], Answer]], Answer]


@dataclass
class FleetPlan:
    """What has to be done. start: node -> reason; those that run are stopped first. asking: nodes that wait for a
    serving certificate, which kubelets renew."""

    surplus: List[str] = field(default_factory=list)
    start: Dict[str, str] = field(default_factory=dict)
    running: List[str] = field(default_factory=list)
    asking: Sequence[str] = ()

    def actions(self) -> List[str]:
        return [
            *(f"remove {component}" for component in self.surplus),
            *(
                f"{'restart' if name in self.running else 'start'} {COMPONENT_PREFIX}{name} ({reason})"
                for name, reason in self.start.items()
            ),
            *(f"approve the serving certificate of {COMPONENT_PREFIX}{name}" for name in self.asking),
        ]


class Fleet:
    """The nodes of one environment. around: None when the programs are still to be built, good for check mode only."""

    def __init__(
        self,
        layout: Layout,
        processes: Processes,
        fabric: Fabric,
        around: Optional[Surroundings],
        deadline: Deadline,
    ) -> None:
        self._layout = layout
        self._processes = processes
        self._fabric = fabric
        self._around = around
        self._deadline = deadline

    def names(self) -> List[str]:
        """The nodes."""
        return [node.name for node in self._fabric.nodes]

    def plan(self, look: Callable[[], registration.Registered]) -> FleetPlan:
        """What must be done. look: asks the API server what it knows of the nodes."""
        wanted = {node.component for node in self._fabric.nodes}
        plan = FleetPlan([name for name in recorded(self._layout) if name not in wanted])
        for node in self._fabric.nodes:
            process = self._processes.running(node.component)
            if process is None:
                plan.start[node.name] = "not running"
                continue
            plan.running.append(node.name)
            if process.digest != self._digest(node):
                plan.start[node.name] = "its programs, configuration or network changed since its start"
        settled = [node.name for node in self._fabric.nodes if node.name not in plan.start]
        if settled:
            known, ill = self._ill(settled, look)
            plan.start.update(ill)
            plan.asking = [name for name in known.asking if name in settled and name not in ill]
        return plan

    def act(self, plan: FleetPlan, as_administrator: Callable[..., Any]) -> None:
        """Stop, remove and start nodes, and wait until they are ready."""
        chosen = [node for node in self._fabric.nodes if node.name in plan.start]
        self._processes.stop([*plan.surplus, *(node.component for node in chosen)])
        for component in plan.surplus:
            shutil.rmtree(folder_of(self._layout, component).root, ignore_errors=True)
        if plan.asking:
            as_administrator(lambda client: registration.approve(client, self._fabric.nodes))
        if not chosen:
            return
        inotify.check_room(len(chosen))
        as_administrator(lambda client: registration.register(client, chosen))
        since = datetime.now(timezone.utc).replace(microsecond=0)
        for node in chosen:
            # What a node that was killed left there: the kubelet would wait some seconds for each dead container.
            cgroups.remove(f"{cgroup(self._fabric.key)}/{node.number}")
            self._start(node)
        self._await(chosen, since, as_administrator)

    def _ill(
        self, names: Sequence[str], look: Callable[[], registration.Registered]
    ) -> Tuple[registration.Registered, Dict[str, str]]:
        """What is known, and what is wrong with nodes that run, when it stays wrong for a while."""
        recovery = Deadline(min(RECOVERY_SECONDS, self._deadline.left()))
        while True:
            known = look()
            states = {name: known.states.get(name, "not registered") for name in names}
            ill = {name: state for name, state in states.items() if state}
            if not ill or recovery.passed():
                return known, ill
            time.sleep(POLL_SECONDS)

    def _start(self, node: Node) -> None:
        around = self._surroundings()
        folder = folder_of(self._layout, node.component)
        cni = (folder.cni_configuration.parent, folder.cni_configuration, folder.cni_programs)
        for path in (folder.lib, folder.log, folder.certificates, *cni):
            make_private_folder(path)
        for path, content in files(node, folder, around).items():
            if read_optional(path) != content or not is_private(path):
                write_private(path, content)
        command = (str(around.programs.nodes / "noderun"), str(folder.spec))
        self._processes.start(node.component, command, self._digest(node))

    def _await(self, nodes: Sequence[Node], since: datetime, as_administrator: Callable[..., Any]) -> None:
        waiting = {node.name: node for node in nodes}
        while waiting:
            for node in waiting.values():
                self._check_alive(node)
            states = as_administrator(lambda client: registration.admit(client, list(waiting.values()), since))
            for name in [name for name, node in waiting.items() if states.get(name) == "" and self._serves(node)]:
                del waiting[name]
            if waiting and self._deadline.passed():
                name, node = next(iter(waiting.items()))
                problem = f"is not ready after {self._deadline.seconds:.0f} s: {states.get(name, 'not registered')}"
                raise self._failure(node, problem)
            if waiting:
                time.sleep(POLL_SECONDS)

    def _serves(self, node: Node) -> bool:
        """Whether the kubelet has its serving certificate, without which there is no exec and no log."""
        return (folder_of(self._layout, node.component).certificates / "kubelet-server-current.pem").exists()

    def _check_alive(self, node: Node) -> None:
        process = self._processes.recorded(node.component)
        if process is None or not self._processes.is_alive(process):
            ended = self._processes.how_it_ended(process) if process else "lost its process record"
            raise self._failure(node, f"{ended} while it was started")

    def _failure(self, node: Node, problem: str) -> ComponentError:
        """The log of the kubelet says more than that of the node, once there is one."""
        kubelet = folder_of(self._layout, node.component).log / "kubelet.log"
        log = kubelet if kubelet.exists() else self._layout.log(node.component)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:] if log.exists() else []
        return ComponentError(node.component, problem, log, "\n".join(lines))

    def _digest(self, node: Node) -> str:
        """Everything that a running node was started with."""
        if self._around is None:
            return ""
        folder = folder_of(self._layout, node.component)
        content = {str(path): text.decode() for path, text in files(node, folder, self._around).items()}
        started_with = [content, network.identity(node.namespace)]
        return hashlib.sha256(json.dumps(started_with, sort_keys=True).encode()).hexdigest()

    def _surroundings(self) -> Surroundings:
        if self._around is None:
            raise ValueError("a node cannot be started without its programs")
        return self._around


def recorded(layout: Layout) -> List[str]:
    """The components that are nodes and have a process record."""
    return sorted(path.stem for path in layout.run.glob(f"{COMPONENT_PREFIX}*.json"))


def folder_of(layout: Layout, component: str) -> NodeFolder:
    """The folder of a node."""
    return NodeFolder(layout.nodes / component[len(COMPONENT_PREFIX) :])


def machine_memory() -> int:
    """The memory of this machine in bytes (MemTotal of /proc/meminfo)."""
    first = Path("/proc/meminfo").read_text(encoding="ascii").split("\n", 1)[0]
    return int(first.split()[1]) * 1024
