# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Losing, cutting, slowing and healing a zone of an embedded cluster with real nodes.

Everything is found on disk and in the kernel: which nodes there are by their process records, where each stands and how
it is started by its specification. So a zone can be healed whoever broke it and however the run that did so ended. The
records of killed nodes stay, and `embedded_cluster` with state=started heals too.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import cgroups, network, pki, registration
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.components import (
    API_SERVER,
    IN_ZONES,
    member,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import (
    ComponentError,
    EmbeddedError,
    UnavailableError,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import (
    Fabric,
    Node,
    Zone,
    fabric,
    key_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fleet import folder_of, recorded
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Process, Processes
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registration import problem_of
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import NodeSettings, check_name
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder

HEALED = "healed"
LOST = "lost"
CUT = "cut"
SLOW = "slow"
DAMAGED = "damaged"
"""Some of its nodes run, some do not: nobody asked for that."""

KILL_SECONDS = 10.0
POLL_SECONDS = 0.1
MOST_DELAY = 60_000.0
"""Milliseconds. More is no slow zone but a lost one."""
SAME = 0.01
"""Milliseconds or percent by which a setting may differ: the kernel rounds them."""


@dataclass(frozen=True)
class Slowness:
    """delay: milliseconds that a packet waits on its way in, and again on its way out. loss: percent of packets."""

    delay: float = 0.0
    loss: float = 0.0

    def check(self, delay_option: str, loss_option: str) -> None:
        """Raise EmbeddedError when this cannot be had. The options are what the two are called for the user."""
        if not 0 <= self.delay <= MOST_DELAY:
            raise EmbeddedError(f"{delay_option}: {self.delay:g} is not from 0 to {MOST_DELAY:g} milliseconds")
        if not 0 <= self.loss <= 100:
            raise EmbeddedError(f"{loss_option}: {self.loss:g} is not from 0 to 100 percent")
        if not (self.delay or self.loss):
            raise EmbeddedError(f"{delay_option}, {loss_option}: both are 0, which slows nothing; raise one of them")

    def __str__(self) -> str:
        return f"{self.delay:g} ms of delay and {self.loss:g} % of loss each way"


class NodeView(NamedTuple):
    """A node as a user sees it. pid: 0 when it does not run."""

    name: str
    pid: int


@dataclass(frozen=True)
class ZoneView:
    """How a zone is: healed, lost, cut, slow or damaged."""

    name: str
    is_cut: bool
    slowness: Optional[Slowness]
    nodes: Sequence[NodeView]

    @property
    def state(self) -> str:
        dead = [node for node in self.nodes if not node.pid]
        if dead:
            return LOST if len(dead) == len(self.nodes) else DAMAGED
        if self.is_cut:
            return CUT
        return SLOW if self.slowness else HEALED

    def described(self) -> Dict[str, Any]:
        """For a diff: process ids would differ without saying anything."""
        nodes = {node.name: "running" if node.pid else "not running" for node in self.nodes}
        line = "cut" if self.is_cut else str(self.slowness) if self.slowness else "open"
        return {"state": self.state, "network": line, "nodes": nodes}


@dataclass(frozen=True)
class Change:
    """What a verb found and did; in check mode, what it would do."""

    before: ZoneView
    after: ZoneView
    actions: Sequence[str]


class _Step(NamedTuple):
    """Something to do, in words and in deed."""

    text: str
    act: Callable[[], None]


@dataclass(frozen=True)
class _Machine:
    """What the specification of a node says. command: what starts it. cgroup: below each hierarchy."""

    name: str
    address: ipaddress.IPv4Address
    command: Tuple[str, ...]
    cgroup: str


@contextlib.contextmanager
def opened(name: str, state_dir: Path, timeout: float) -> Iterator[Zones]:
    """The zones of the embedded cluster `name`, with the lock of its state folder held.

    timeout: seconds to wait for another run to end. Raises EmbeddedError when the cluster has no real nodes or is not
    running.
    """
    check_name(name)
    folder = StateFolder(Layout(state_dir.resolve()), name)
    if not folder.exists():
        raise EmbeddedError(f"state_dir: there is no embedded cluster in {state_dir}; start it first (run site)")
    with folder.locked(Deadline(timeout)):
        yield Zones(folder)


class Zones:
    """The zones of one cluster. Made by `opened`."""

    def __init__(self, folder: StateFolder) -> None:
        self._layout = folder.layout
        self._processes = Processes(folder.layout)
        self._memory = folder.recall()
        _check_kind(self._memory)
        self._machines = {component: _machine(self._layout, component) for component in recorded(self._layout)}
        self._fabric = _fabric(self._layout, self._memory, list(self._machines.values()))
        if not self._machines or not network.namespace_file(self._fabric.router).exists():
            raise EmbeddedError("the cluster is stopped; start it first (run site)")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self._layout.kubeconfig

    @property
    def root(self) -> Path:
        """The state folder."""
        return self._layout.root

    def names(self) -> List[str]:
        """The zones, in the order in which they were made."""
        return [zone.name for zone in self._fabric.zones]

    def look(self, zone_name: str) -> ZoneView:
        """How the zone is. Raises EmbeddedError, with the names of the zones, when there is none of this name."""
        zone = self._fabric.zone(zone_name)
        gate = _link(self._fabric, zone.gate)
        nodes = [NodeView(node.name, self._pid(node)) for node in self._nodes(zone)]
        return ZoneView(zone.name, "UP" not in gate.get("flags", ()), _slowness(self._fabric, zone), nodes)

    def lose(self, zone_name: str, check_mode: bool = False) -> Change:
        """Power loss: the nodes end without a goodbye, on the network neither."""
        before = self.look(zone_name)
        zone = self._fabric.zone(zone_name)
        running = [node for node in self._nodes(zone) if self._pid(node)]
        steps = self._cut(zone, before)
        if running:
            names = ", ".join(node.component for node in running)
            steps.append(_Step(f"kill {names}", partial(self._kill, running)))
        members = [name for name in self._members(zone) if self._processes.running(name)]
        if members:
            steps.append(_Step(f"kill {', '.join(members)}", partial(self._kill_members, members)))
        steps += self._without_strays(zone)
        return self._change(before, steps, check_mode)

    def cut(self, zone_name: str, check_mode: bool = False) -> Change:
        """Partition: the nodes go on and reach each other, but nothing else."""
        before = self.look(zone_name)
        self._refuse(before, CUT, (LOST, DAMAGED))
        return self._change(before, self._cut(self._fabric.zone(zone_name), before), check_mode)

    def slow(self, zone_name: str, slowness: Slowness, check_mode: bool = False) -> Change:
        """Delay and loss on all that goes into or out of the zone."""
        before = self.look(zone_name)
        self._refuse(before, SLOW, (LOST, DAMAGED, CUT))
        zone = self._fabric.zone(zone_name)
        text = f"slow zone {zone.name}: {slowness}"
        step = _Step(text, partial(network.slow, self._fabric, zone, slowness.delay, slowness.loss))
        return self._change(before, [] if _same(before.slowness, slowness) else [step], check_mode)

    def heal(self, zone_name: str, timeout: float, check_mode: bool = False) -> Change:
        """Undo everything, start dead nodes again, and wait until all nodes of the zone are Ready.

        timeout: seconds until then; raises EmbeddedError when they pass.
        """
        deadline = Deadline(timeout)
        before = self.look(zone_name)
        zone = self._fabric.zone(zone_name)
        dead = [node for node in self._nodes(zone) if not self._pid(node)]
        steps = self._without_strays(zone)
        if before.is_cut or before.slowness:
            steps.append(_Step(f"heal the network of zone {zone.name}", partial(network.heal, self._fabric, zone)))
        ended = [name for name in self._members(zone) if not self._processes.running(name)]
        steps += [_Step(f"start {name} (not running)", partial(self._processes.restart, name)) for name in ended]
        steps += [_Step(f"start {node.component} (not running)", partial(self._start, node)) for node in dead]
        began = datetime.now(timezone.utc).replace(microsecond=0)
        change = self._change(before, steps, check_mode)
        if not check_mode:
            self._await_ready(self._nodes(zone), began if steps else None, deadline)
        return change

    # What the verbs are made of

    def _change(self, before: ZoneView, steps: Sequence[_Step], check_mode: bool) -> Change:
        for step in steps:
            if not check_mode:
                step.act()
        return Change(before, before if check_mode else self.look(before.name), [step.text for step in steps])

    def _refuse(self, view: ZoneView, wanted: str, states: Sequence[str]) -> None:
        if view.state in states:
            raise EmbeddedError(
                f"zone {view.name} is {view.state} and cannot become {wanted}; heal it first (state={HEALED})"
            )

    def _cut(self, zone: Zone, view: ZoneView) -> List[_Step]:
        if view.is_cut:
            return []
        return [_Step(f"take zone {zone.name} off the network", partial(network.cut, self._fabric, zone))]

    def _nodes(self, zone: Zone) -> List[Node]:
        return [node for node in self._fabric.nodes if node.zone == zone.name]

    def _members(self, zone: Zone) -> List[str]:
        """The control plane of the zone; empty when the only one is outside of all zones."""
        return [member(kind, zone.name) for kind in IN_ZONES] if zone.name in self._memory.sets else []

    def _pid(self, node: Node) -> int:
        process = self._processes.running(node.component)
        return process.pid if process else 0

    def _without_strays(self, zone: Zone) -> List[_Step]:
        """Nodes that were started by a run that did not live to write it down."""
        mine = {node.component for node in self._nodes(zone)}
        strays = {pid: name for pid, name in self._processes.strays().items() if name in mine}
        return [
            _Step(f"stop stray {name} (process {pid})", partial(self._processes.stop_stray, pid))
            for pid, name in strays.items()
        ]

    def _kill(self, nodes: Sequence[Node]) -> None:
        """SIGKILL at once to all. The records stay: they say which nodes there are and what they were started with."""
        processes = [process for process in (self._processes.running(node.component) for node in nodes) if process]
        self._kill_all(processes, [node.component for node in nodes])
        for node in nodes:
            self._without_cgroups(node)

    def _kill_members(self, names: Sequence[str]) -> None:
        """SIGKILL at once to the control plane of a zone. The records stay here too."""
        self._kill_all([process for process in map(self._processes.running, names) if process], names)

    def _kill_all(self, processes: Sequence[Process], names: Sequence[str]) -> None:
        for process in processes:
            self._kill_process(process)
        deadline = Deadline(KILL_SECONDS)
        while any(self._processes.is_alive(process) for process in processes):
            if deadline.passed():
                raise EmbeddedError(f"{', '.join(names)} did not end within {KILL_SECONDS:.0f} s of SIGKILL")
            time.sleep(POLL_SECONDS)

    def _kill_process(self, process: Process) -> None:
        if self._processes.is_alive(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def _without_cgroups(self, node: Node) -> None:
        """Wait until nothing of the node runs any more, and remove its cgroups, which a reboot would do.

        The kubelet asks for the containers of those that it finds, and waits some seconds for each.
        """
        cgroups.remove(self._machines[node.component].cgroup)

    def _start(self, node: Node) -> None:
        """As it was started before, so that its digest, too, is the same."""
        machine = self._machines[node.component]
        before = self._processes.recorded(node.component)
        if not Path(machine.command[0]).exists():
            raise EmbeddedError(
                f"{machine.command[0]} is gone; state=started of the cluster builds and starts it again"
            )
        self._without_cgroups(node)
        self._processes.start(node.component, machine.command, before.digest if before else "")

    # Whether the nodes are ready

    def _await_ready(self, nodes: Sequence[Node], since: Optional[datetime], deadline: Deadline) -> None:
        """Ask until all are ready. since: an older report of a node tells of the time before it was healed."""
        while True:
            for node in nodes:
                self._check_alive(node)
            problems = self._problems(nodes, since)
            if not problems:
                return
            if deadline.passed():
                told = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
                raise EmbeddedError(f"not ready after {deadline.seconds:.0f} s: {told}")
            time.sleep(POLL_SECONDS)

    def _check_alive(self, node: Node) -> None:
        process = self._processes.recorded(node.component)
        if process is None or not self._processes.is_alive(process):
            ended = self._processes.how_it_ended(process) if process else "lost its process record"
            log, lines = self._layout.log(node.component), self._processes.last_lines(node.component)
            raise ComponentError(node.component, f"{ended} while it was started", log, lines)

    def _problems(self, nodes: Sequence[Node], since: Optional[datetime]) -> Dict[str, str]:
        """What is wrong with each node that is not ready. Its kubelet may need a new certificate, too."""
        try:
            with self._client() as client:
                registration.approve(client, nodes)
                found = {node.name: _read_node(client, node.name) for node in nodes}
        except (OSError, http.client.HTTPException, UnavailableError) as error:
            return {"the API server": f"does not answer: {error}"}
        problems = {name: problem_of(body, since) for name, body in found.items()}
        return {name: problem for name, problem in problems.items() if problem}

    def _client(self) -> Client:
        """As the super-administrator: a cluster whose access rules are broken can be healed too."""
        layout, port = self._layout, self._memory.ports[API_SERVER]
        certificate, key = layout.certificate("super-admin"), layout.key("super-admin")
        authority = layout.certificate(pki.CLUSTER_AUTHORITY)
        return Client(port, authority, certificate, key, address=str(self._fabric.control_plane))


def _read_node(client: Client, name: str) -> Optional[Dict[str, Any]]:
    status, content = client.request("GET", f"{registration.NODES}/{name}")
    if status == 404:
        return None
    if status != 200:
        raise UnavailableError(f"the API server answers {status} to GET {registration.NODES}/{name}")
    found: Dict[str, Any] = json.loads(content)
    return found


def _check_kind(memory: Memory) -> None:
    if not memory.ports:
        raise EmbeddedError("the cluster was never started; start it first (run site)")
    if not memory.link:
        raise EmbeddedError(
            "the nodes of this cluster are played by kwok, and a zone of them cannot be lost; "
            "make a new environment with real nodes (cluster_embedded_nodes: kubelet)"
        )


def _machine(layout: Layout, component: str) -> _Machine:
    """Read the specification of a node, which `node.files` has written."""
    path = folder_of(layout, component).spec
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
        commands = {service["name"]: service["command"] for service in spec["services"]}
        flags = dict(argument.partition("=")[::2] for argument in commands["kubelet"])
        noderun = Path(commands["containerd"][0]).with_name("noderun")
        address = ipaddress.IPv4Address(flags["--node-ip"])
        return _Machine(spec["hostname"], address, (str(noderun), str(path)), spec["cgroup"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(f"{path} cannot be read ({error!r}); state=started of the cluster writes it anew") from None


def _fabric(layout: Layout, memory: Memory, machines: Sequence[_Machine]) -> Fabric:
    """The network as it was made: the zone of a node is told by its address."""
    key, link = key_of(layout.root), ipaddress.IPv4Network(memory.link)
    samples = [NodeSettings(str(number), zone, {}) for number, zone in enumerate(memory.zones, 1)]
    numbers = {sample.name: int(sample.name) for sample in samples}
    empty = fabric(key, link, samples, memory.zones, numbers, memory.pod_cidr)
    settings = [
        NodeSettings(machine.name, zone.name, {})
        for zone in sorted(empty.zones, key=lambda zone: zone.number)
        for machine in machines
        if machine.address in zone.network
    ]
    return fabric(key, link, settings, memory.zones, memory.nodes, memory.pod_cidr, memory.sets)


def _link(place: Fabric, interface: str) -> Mapping[str, Any]:
    """An interface of the router; empty when there is none."""
    links = _ask(["ip", "-j", "-n", place.router, "link", "show"])
    return next((link for link in links if link["ifname"] == interface), {})


def _ask(command: Sequence[str]) -> List[Dict[str, Any]]:
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=network.COMMAND_SECONDS)
    if done.returncode:
        raise EmbeddedError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    answer: List[Dict[str, Any]] = json.loads(done.stdout or "[]")
    return [entry for entry in answer if entry]


def _slowness(place: Fabric, zone: Zone) -> Optional[Slowness]:
    """What netem does on the way into the zone; None without it."""
    rules = _ask(["tc", "-j", "-n", place.router, "qdisc", "show", "dev", zone.gate])
    return next((slowness_of(rule.get("options", {})) for rule in rules if rule.get("kind") == "netem"), None)


def slowness_of(options: Mapping[str, Any]) -> Slowness:
    """From what `tc -j qdisc show` tells of netem: the delay in seconds, the loss as a part of one (tc/q_netem.c)."""
    delay, loss = options.get("delay") or {}, options.get("loss-random") or {}
    return Slowness(float(delay.get("delay", 0.0)) * 1000, float(loss.get("loss", 0.0)) * 100)


def _same(present: Optional[Slowness], wanted: Slowness) -> bool:
    if present is None:
        return False
    return abs(present.delay - wanted.delay) < SAME and abs(present.loss - wanted.loss) < SAME
