# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded cluster as a whole: look at it, say what has to be done, do it.

`ensure_started`, `ensure_stopped` and `ensure_absent` are the three wanted states. A start goes in rounds of inspect,
plan and act until the plan is empty, so the last inspection proves what the run reports, and a component that could not
survive the restart of another one is found and restarted too. Nothing is written in check mode.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import hashlib
import http.client
import ipaddress
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import (
    binary,
    bootstrap,
    cgroups,
    host,
    network,
    pki,
    registration,
    system_images,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.components import (
    API_SERVER,
    CONTROLLER_MANAGER,
    ETCD,
    KWOK,
    PORT_OWNERS,
    PROXY,
    REGISTRY,
    SCHEDULER,
    STOP_GROUPS,
    Component,
    components,
    control_plane,
    gateway,
    kind_of,
    port_purposes,
    proxy_configuration,
    registry_of,
    requires,
    server_url,
    start_order,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import (
    ComponentError,
    EmbeddedError,
    UnavailableError,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import (
    Fabric,
    cgroup,
    choose_link,
    fabric,
    key_of,
    numbers,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    is_private,
    make_private_folder,
    read_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fleet import (
    COMPONENT_PREFIX,
    Fleet,
    FleetPlan,
    machine_memory,
    recorded,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.health import Health, ask
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.kubeconfig import kubeconfig
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.kwok import kwok_configuration
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import Reservation
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import TERM_SECONDS, Processes
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import Registry
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import (
    Settings,
    check_name,
    check_settings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.supervised import recorded_processes
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.cluster import HIGH_AVAILABILITY_ZONES

RUNNING = "running"
UNHEALTHY = "unhealthy"
OUTDATED = "outdated"
STOPPED = "stopped"

START_GROUPS: Tuple[Tuple[str, ...], ...] = (
    (ETCD,),
    (API_SERVER,),
    (PROXY,),
    (CONTROLLER_MANAGER, SCHEDULER, KWOK, REGISTRY),
)
ROUNDS = 4
POLL_SECONDS = 0.1
# How long a living component may be unhealthy, when what it needs is healthy, before it is restarted.
RECOVERY_SECONDS = 15.0
# Without etcd the API server's shutdown would hang; nothing can be lost any more.
TERM_SECONDS_WITHOUT_ETCD = 1.0

Answer = TypeVar("Answer")

# Whose certificate goes into which kubeconfig.
COMPONENT_CREDENTIALS = {CONTROLLER_MANAGER: "controller-manager", SCHEDULER: "scheduler", KWOK: "kwok"}
NODE_CREDENTIALS = {name: name for name in ("kubelet-bootstrap", "kube-proxy", "calico")}
ADMIN_CREDENTIAL = "admin"
SUPER_ADMIN_CREDENTIAL = "super-admin"


@dataclass(frozen=True)
class ComponentView:
    """A component as a user sees it: running, unhealthy, outdated or stopped. pid, port: 0 when there is none."""

    name: str
    state: str
    pid: int
    port: int
    log: str


@dataclass(frozen=True)
class Outcome:
    """What a run found and did (in check mode: would do).

    kubeconfig: a path. server: a URL, empty before the first start. running: whether the API server answers now.
    registry: that of an environment with real nodes.
    """

    kubeconfig: str
    server: str
    version: str
    running: bool
    before: Sequence[ComponentView]
    after: Sequence[ComponentView]
    actions: Sequence[str]
    registry: Optional[Registry] = None

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def components(self) -> List[Dict[str, object]]:
        """The components as plain data."""
        return [asdict(view) for view in self.after]


@dataclass
class _Plan:
    """What stands and what has to be done. start: component -> reason; those that run are stopped first."""

    ports: Mapping[str, int]
    components: Sequence[Component]
    views: Sequence[ComponentView] = ()
    replaced_ports: Mapping[str, int] = field(default_factory=dict)
    certificates: Dict[str, str] = field(default_factory=dict)
    files: List[Path] = field(default_factory=list)
    start: Dict[str, str] = field(default_factory=dict)
    rules: List[bootstrap.Object] = field(default_factory=list)
    network: List[str] = field(default_factory=list)
    images: List[str] = field(default_factory=list)
    fleet: FleetPlan = field(default_factory=FleetPlan)

    def actions(self) -> List[str]:
        states = {view.name: view.state for view in self.views}
        return [
            *self.network,
            *(f"choose another port for {purpose} ({port} is taken)" for purpose, port in self.replaced_ports.items()),
            *(f"issue certificate {name} ({reason})" for name, reason in self.certificates.items()),
            *(f"write {path}" for path in self.files),
            *(
                f"{'start' if states[name] == STOPPED else 'restart'} {name} ({reason})"
                for name, reason in self.start.items()
            ),
            *(f"apply {bootstrap.describe(rule)}" for rule in self.rules),
            *self.images,
            *self.fleet.actions(),
        ]


def ensure_started(settings: Settings, state_dir: Path, timeout: float, check_mode: bool = False) -> Outcome:
    """Bring the cluster up, or repair what does not run as it should. timeout: seconds for everything."""
    check_settings(settings)
    deadline = Deadline(timeout)
    settings = replace(settings, binary=_binary(settings, check_mode))
    folder = StateFolder(Layout(state_dir.resolve()), settings.name)
    if not folder.exists() and settings.binary:
        # A wrong binary is told before a folder is made.
        binary.kubernetes_version(settings.binary)
    with _entered(folder, deadline, check_mode):
        return _Start(settings, folder, deadline, check_mode).run()


def ensure_stopped(name: str, state_dir: Path, timeout: float, check_mode: bool = False) -> Outcome:
    """End all processes of the cluster and keep its data. timeout: seconds to wait for another run to end."""
    check_name(name)
    folder = StateFolder(Layout(state_dir.resolve()), name)
    if not folder.exists():
        return _stop(folder, check_mode)
    with _entered(folder, Deadline(timeout), check_mode):
        return _stop(folder, check_mode)


def ensure_absent(name: str, state_dir: Path, timeout: float, check_mode: bool = False) -> Outcome:
    """End all processes of the cluster and remove its state folder. timeout as for `ensure_stopped`."""
    check_name(name)
    folder = StateFolder(Layout(state_dir.resolve()), name)
    if not folder.layout.root.exists():
        return replace(_stop(folder, check_mode), before=(), after=())
    with _entered(folder, Deadline(timeout), check_mode):
        outcome = _stop(folder, check_mode)
        if not check_mode:
            folder.remove()
    actions = [*outcome.actions, f"remove {folder.layout.root}"]
    return replace(outcome, actions=actions, after=())


@contextlib.contextmanager
def _entered(folder: StateFolder, deadline: Deadline, check_mode: bool) -> Iterator[None]:
    """Refuse what is not ours before anything is written; hold the lock. Check mode leaves a folder as it is."""
    ours = folder.exists()
    if check_mode and not ours:
        yield
        return
    with folder.locked(deadline):
        if not check_mode:
            folder.claim()
        yield


def _stop(folder: StateFolder, check_mode: bool) -> Outcome:
    """End the components in order, then what has lost its record."""
    layout = folder.layout
    processes = Processes(layout)
    memory = Memory()
    # Stopping must work with a broken memory too: it is only needed to tell where the cluster was.
    with contextlib.suppress(EmbeddedError):
        memory = folder.recall()
    names = _recorded_components(layout, memory.sets)
    before = _views_of_processes(names, layout, processes, memory.ports)
    running = [view.name for view in before if view.pid]
    supervised, nodes = recorded_processes(layout), recorded(layout)
    stopped = [name for group in STOP_GROUPS for kind in group for name in names if kind_of(name) == kind]
    actions = [f"stop {name}" for name in (*supervised, *nodes, *stopped) if name in running]
    if not check_mode:
        processes.stop(supervised)
        processes.stop(nodes)
        _stop_components(layout, processes, names)
    actions += _stop_strays(processes, check_mode)
    actions += _remove_network(layout, check_mode)
    after = [replace(view, state=STOPPED, pid=0) for view in before]
    return Outcome(
        kubeconfig=str(layout.kubeconfig),
        server=server_url(memory.ports, memory.address) if memory.ports else "",
        version=memory.version,
        running=check_mode and gateway(memory.sets) in running,
        before=before,
        after=after,
        actions=actions,
    )


def _recorded_components(layout: Layout, sets: Sequence[str]) -> List[str]:
    """What there is or was of the control plane. sets: as remembered, which may be lost."""
    names = list(start_order(sets))
    kinds = {kind for group in STOP_GROUPS for kind in group}
    found = sorted(path.stem for path in layout.run.glob("*.json"))
    return names + [name for name in found if kind_of(name) in kinds and name not in names]


def _views_of_processes(
    names: Sequence[str], layout: Layout, processes: Processes, ports: Mapping[str, int]
) -> List[ComponentView]:
    views = []
    for name in (*names, *recorded(layout), *recorded_processes(layout)):
        process = processes.running(name)
        state, pid = (RUNNING, process.pid) if process else (STOPPED, 0)
        views.append(ComponentView(name, state, pid, ports.get(_purpose(name), 0), str(layout.log(name))))
    return views


def _purpose(name: str) -> str:
    """Whose port a component listens on."""
    return API_SERVER if name == PROXY else kind_of(name)


def _remove_network(layout: Layout, check_mode: bool) -> List[str]:
    """Remove what real nodes leave on this machine: namespaces, the link and cgroups."""
    key = key_of(layout.root)
    found = [f"remove namespace {name}" for name in network.namespaces(key)]
    found += [f"remove {folder}" for folder in cgroups.find(cgroup(key))]
    if found and not check_mode:
        network.remove(key)
        cgroups.remove(cgroup(key))
    return found


def _stop_components(layout: Layout, processes: Processes, names: Sequence[str]) -> None:
    stores = [path.stem for path in layout.run.glob(f"{ETCD}*.json")]
    for group in STOP_GROUPS:
        members = [name for name in names if kind_of(name) in group]
        serves = any(kind_of(name) == API_SERVER for name in members)
        hangs = serves and not any(processes.running(name) for name in stores)
        processes.stop(members, TERM_SECONDS_WITHOUT_ETCD if hangs else TERM_SECONDS)


def _stop_strays(processes: Processes, check_mode: bool) -> List[str]:
    """End processes without a record, in the order of components."""
    strays = processes.strays()
    order = [name for group in STOP_GROUPS for name in group]
    actions = []

    def place(stray: Tuple[int, str]) -> Tuple[int, int]:
        kind = kind_of(stray[1])
        return (order.index(kind) if kind in order else -1, stray[0])  # nodes come first

    for pid, component in sorted(strays.items(), key=place):
        actions.append(f"stop stray {component} (process {pid})")
        if not check_mode:
            processes.stop_stray(pid)
    return actions


class _Start:
    """One run towards `started`."""

    def __init__(self, settings: Settings, folder: StateFolder, deadline: Deadline, check_mode: bool) -> None:
        self._settings = settings
        self._folder = folder
        self._layout = folder.layout
        self._deadline = deadline
        self._check_mode = check_mode
        self._processes = Processes(folder.layout)
        self._known = folder.recall()
        self._memory = self._remembered(self._known)
        self._names = control_plane(settings, self._memory.sets)
        self._gateway = gateway(self._memory.sets)
        self._fabric = self._network()
        self._sites = self._fabric.sites if self._fabric else ()
        self._address = self._memory.address
        self._certificates = pki.certificates(
            settings.name,
            settings.service_cidr,
            self._address,
            nodes=bool(settings.nodes),
            members=[str(site.address) for site in self._sites],
        )
        self._credentials = self._kubeconfig_credentials()
        self._actions: List[str] = []

    def run(self) -> Outcome:
        if self._sites and not self._check_mode:
            host.check_proxy()
        self._clear_strays()
        before: Sequence[ComponentView] = ()
        for _round in range(ROUNDS):
            with self._reserved() as reservation:
                plan = self._plan(reservation)
                before = before or plan.views
                todo = plan.actions()
                self._note(todo)
                if self._check_mode or not todo:
                    return self._outcome(before, plan)
                self._act(plan)
        raise EmbeddedError(f"the cluster did not settle in {ROUNDS} rounds; the last one had to: {'; '.join(todo)}")

    # What stands

    def _remembered(self, known: Memory) -> Memory:
        """The memory that this run will leave; refuses networks that would not fit the data in etcd."""
        for option, before, now in (
            ("service_cidr", known.service_cidr, self._settings.service_cidr),
            ("pod_cidr", known.pod_cidr, self._settings.pod_cidr),
        ):
            if before and before != now:
                raise EmbeddedError(
                    f"{option}: this cluster was made with {before} and cannot be changed to {now}; "
                    "keep the old value, or remove the cluster first (state=absent)"
                )
        identity, version = self._identity(known)
        return Memory(
            self._settings.service_cidr,
            self._settings.pod_cidr,
            dict(known.ports),
            identity,
            version,
            *self._places(known),
        )

    def _places(self, known: Memory) -> Tuple[str, Dict[str, int], Dict[str, int], List[str]]:
        """The link, the numbers of zones and nodes, and the zones with a control plane of their own.

        Refuses to change the kind of nodes, or of the control plane.
        """
        nodes = self._settings.nodes
        if known.ports and bool(known.link) != bool(nodes):
            kinds = ("real nodes", "nodes that kwok plays")
            before, now = kinds if known.link else kinds[::-1]
            raise EmbeddedError(
                f"nodes: this cluster was made with {before} and cannot be changed to {now}; "
                "keep it as it is, or remove the cluster first (state=absent)"
            )
        if known.ports and bool(known.sets) != self._settings.high_availability:
            raise EmbeddedError(
                f"high_availability: this cluster was made with {str(bool(known.sets)).lower()} and cannot be changed; "
                "keep it as it is, or remove the cluster first (state=absent)"
            )
        if not nodes:
            return "", {}, {}, []
        key = key_of(self._layout.root)
        link = known.link or str(choose_link(key, network.host_networks(key)))
        zones = numbers(known.zones, (node.zone for node in nodes))
        sets = sorted(zones, key=lambda zone: zones[zone])[:HIGH_AVAILABILITY_ZONES]
        chosen = (known.sets or sets) if self._settings.high_availability else []
        return link, zones, numbers(known.nodes, (node.name for node in nodes)), chosen

    def _network(self) -> Optional[Fabric]:
        memory, settings = self._memory, self._settings
        if not settings.nodes:
            return None
        link = ipaddress.IPv4Network(memory.link)
        key = key_of(self._layout.root)
        return fabric(key, link, settings.nodes, memory.zones, memory.nodes, settings.pod_cidr, memory.sets)

    def _kubeconfig_credentials(self) -> Dict[str, str]:
        """The certificate in the kubeconfig of each component."""
        kinds = {kind_of(name) for name in self._names}
        own = {name: used for name, used in COMPONENT_CREDENTIALS.items() if name in kinds}
        return {**own, **NODE_CREDENTIALS} if self._settings.nodes else own

    def _identity(self, known: Memory) -> Tuple[binary.Identity, str]:
        """Identity and version of the binary; the binary is only run when it is not the known one."""
        if not self._settings.binary:
            return {}, known.version
        identity = binary.identity(self._settings.binary)
        if identity == known.binary and known.version:
            return identity, known.version
        return identity, binary.kubernetes_version(self._settings.binary)

    def _clear_strays(self) -> None:
        """Processes without a record hold ports and data; they can only be there when a record is missing or dead."""
        nodes = [node.component for node in self._fabric.nodes] if self._fabric else []
        if not all(self._processes.running(name) for name in (*self._names, *nodes)):
            self._note(_stop_strays(self._processes, self._check_mode))

    def _reserved(self) -> Reservation:
        purposes = port_purposes(self._settings)
        listening = {kind_of(name) for name in self._names if self._processes.running(name)}
        listening |= {API_SERVER} if PROXY in listening else set()
        free = {purpose for purpose in purposes if PORT_OWNERS[purpose] not in listening}
        return Reservation(self._memory.ports, purposes, free)

    def _plan(self, reservation: Reservation) -> _Plan:
        ports = reservation.ports
        wanted = components(self._settings, self._layout, ports, self._address, self._sites)
        plan = _Plan(ports, wanted, replaced_ports=reservation.replaced)
        plan.network = network.examine(self._fabric) if self._fabric else []
        plan.images = self._unpublished(plan.ports)
        plan.certificates = pki.examine(self._layout, self._certificates, _now())
        plan.files = self._stale_files(plan)
        states, details = self._states(plan)
        plan.views = [self._view(name, states[name], self._memory.ports) for name in self._names]
        plan.start = {name: details[name] for name in self._names if name in details}
        plan.rules = self._missing_rules(states, plan)
        self._plan_fleet(states, plan)
        return plan

    def _plan_fleet(self, states: Mapping[str, str], plan: _Plan) -> None:
        """Nodes are only asked for when the API server can tell, else the next round does."""

        fleet, fabric = self._fleet(), self._fabric
        if not (fleet and fabric):
            return

        def look() -> registration.Registered:
            if states[self._gateway] != RUNNING or plan.certificates or plan.network:
                return registration.Registered(dict.fromkeys(self._memory.nodes, ""))
            return self._as_super_admin(plan.ports, lambda client: registration.look(client, fabric.nodes))

        plan.fleet = fleet.plan(look)
        views = [self._node_view(name, plan.fleet) for name in fleet.names()]
        plan.views = [*plan.views, *views]

    def _node_view(self, name: str, fleet: FleetPlan) -> ComponentView:
        state = RUNNING if name in fleet.running else STOPPED
        if name in fleet.running and name in fleet.start:
            state = OUTDATED
        return self._view(f"{COMPONENT_PREFIX}{name}", state, {})

    def _fleet(self) -> Optional[Fleet]:
        if not self._fabric:
            return None
        around = self._surroundings()
        return Fleet(self._layout, self._processes, self._fabric, around, self._deadline)

    def _surroundings(self) -> Optional[Surroundings]:
        settings, layout = self._settings, self._layout
        if not (settings.binary and settings.programs and self._fabric):
            return None
        memory = machine_memory()
        return Surroundings(
            key=self._fabric.key,
            state=layout.root,
            kube=settings.binary,
            programs=settings.programs,
            images=system_images.archive_of(layout.root, settings.programs),
            registry_hosts=registry_of(layout, self._memory.ports.get(REGISTRY, 0), self._address).hosts,
            authority=layout.certificate(pki.CLUSTER_AUTHORITY),
            kubeconfigs={name: layout.component_kubeconfig(name) for name in NODE_CREDENTIALS},
            dns=ipaddress.IPv4Network(settings.service_cidr)[10],
            pod_cidr=settings.pod_cidr,
            memory=memory // len(self._fabric.nodes),
            machine_memory=memory,
        )

    def _states(self, plan: _Plan) -> Tuple[Dict[str, str], Dict[str, str]]:
        """State of each component, and the reason for each that has to be (re)started."""
        states: Dict[str, str] = {}
        reasons: Dict[str, str] = {}
        written = {path for name in plan.certificates for path in pki.files_of(self._layout, name)} | set(plan.files)
        for component in plan.components:
            process = self._processes.running(component.name)
            changing = sorted(written.intersection(component.inputs))
            if process is None:
                states[component.name], reasons[component.name] = STOPPED, "not running"
            elif changing:
                names = ", ".join(str(path.relative_to(self._layout.root)) for path in changing)
                states[component.name], reasons[component.name] = OUTDATED, f"{names} changes"
            elif process.digest != self._digest(component):
                states[component.name] = OUTDATED
                reasons[component.name] = "its binary, command line or files changed since its start"
        for component in plan.components:
            if component.name not in states:
                needs = [states.get(name, RUNNING) for name in requires(component.name, self._memory.sets)]
                health = self._health(component, patient=all(state == RUNNING for state in needs))
                states[component.name] = RUNNING if health.healthy else UNHEALTHY
                if not health.healthy and all(state == RUNNING for state in needs):
                    reasons[component.name] = health.detail
        return states, reasons

    def _health(self, component: Component, patient: bool) -> Health:
        """Ask; when `patient`, give a living component time to recover before it counts as unhealthy."""
        health = ask(component.probe)
        recovery = Deadline(min(RECOVERY_SECONDS, self._deadline.left()))
        while patient and not health.healthy and not recovery.passed():
            if not self._processes.running(component.name):
                return Health(False, "not running")
            time.sleep(POLL_SECONDS)
            health = ask(component.probe)
        return health

    def _view(self, name: str, state: str, ports: Mapping[str, int]) -> ComponentView:
        process = self._processes.running(name)
        return ComponentView(
            name, state, process.pid if process else 0, ports.get(_purpose(name), 0), str(self._layout.log(name))
        )

    def _missing_rules(self, states: Mapping[str, str], plan: _Plan) -> List[bootstrap.Object]:
        if not self._layout.etcd_data.exists():
            return bootstrap.access_rules(bool(self._fabric))
        needed = {self._gateway, *requires(API_SERVER, ())} if not self._sites else {self._gateway}
        if any(states[name] != RUNNING for name in needed) or plan.certificates:
            return []
        return self._as_super_admin(plan.ports, self._rules_that_miss)

    def _rules_that_miss(self, client: Client) -> List[bootstrap.Object]:
        return bootstrap.missing_access_rules(client, bool(self._fabric))

    # The files besides certificates

    def _registry(self, ports: Mapping[str, int]) -> Optional[Registry]:
        return registry_of(self._layout, ports[REGISTRY], self._address) if self._fabric else None

    def _files(self) -> List[Path]:
        own = [self._layout.component_kubeconfig(component) for component in self._credentials]
        kwok = [] if self._fabric else [self._layout.kwok_config]
        proxy = [self._layout.proxy_config] if self._sites else []
        return [*own, *kwok, *proxy, self._layout.kubeconfig]

    def _stale_files(self, plan: _Plan) -> List[Path]:
        stale = [path for path in self._files() if self._is_stale(path, plan)]
        registry = self._registry(plan.ports)
        return [*stale, *registry.stale()] if registry else stale

    def _is_stale(self, path: Path, plan: _Plan) -> bool:
        credential = self._credential(path)
        if credential in plan.certificates or (credential and pki.CLUSTER_AUTHORITY in plan.certificates):
            return True
        present = read_optional(path)
        return present is None or not is_private(path) or present != self._content(path, plan.ports)

    def _credential(self, path: Path) -> str:
        """The certificate that a kubeconfig holds; empty for other files."""
        by_path = {self._layout.component_kubeconfig(name): used for name, used in self._credentials.items()}
        by_path[self._layout.kubeconfig] = ADMIN_CREDENTIAL
        return by_path.get(path, "")

    def _content(self, path: Path, ports: Mapping[str, int]) -> bytes:
        if path == self._layout.proxy_config:
            return proxy_configuration(self._layout, ports[API_SERVER], self._address, self._sites)
        credential = self._credential(path)
        if not credential:
            return kwok_configuration(self._memory.version)
        return kubeconfig(
            self._settings.name,
            credential,
            server_url(ports, self._address),
            self._layout.certificate(pki.CLUSTER_AUTHORITY).read_bytes(),
            self._layout.certificate(credential).read_bytes(),
            self._layout.key(credential).read_bytes(),
        )

    # What is done

    def _act(self, plan: _Plan) -> None:
        self._remember(plan.ports)
        pki.issue(self._layout, self._certificates, plan.certificates, _now())
        if self._fabric:
            network.ensure(self._fabric)
        if self._settings.programs:
            system_images.ensure_archive(self._layout.root, self._settings.programs)
        self._write(plan)
        _stop_components(self._layout, self._processes, list(plan.start))
        for group in START_GROUPS:
            members = [component for component in plan.components if kind_of(component.name) in group]
            if not self._bring_up(members, plan):
                return
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            publishing = beside.submit(self._publish, plan)
            self._act_on_nodes(plan)
            publishing.result()

    def _act_on_nodes(self, plan: _Plan) -> None:
        fleet = self._fleet()
        if fleet:
            fleet.act(plan.fleet, lambda call: self._as_super_admin(plan.ports, call))

    def _unpublished(self, ports: Mapping[str, int]) -> List[str]:
        """What of the system's images the registry lacks, in words."""
        registry, programs = self._registry(ports), self._settings.programs
        if not registry or (programs and system_images.is_published(self._layout.root, registry, programs)):
            return []
        return [f"put {name} into the registry" for name in system_images.PUBLISHED]

    def _publish(self, plan: _Plan) -> None:
        registry, programs = self._registry(plan.ports), self._settings.programs
        if not (plan.images and registry and programs):
            return
        try:
            system_images.publish(self._layout.root, registry, programs)
        except ImageError as error:
            raise EmbeddedError(f"the registry does not take the system's images: {error}") from None

    def _write(self, plan: _Plan) -> None:
        make_private_folder(self._layout.kubeconfigs)
        registry = self._registry(plan.ports)
        for path in plan.files:
            if registry and path in registry.paths():
                registry.write(path)
            else:
                write_private(path, self._content(path, plan.ports))

    def _remember(self, ports: Mapping[str, int]) -> None:
        self._memory.ports = dict(ports)
        if self._memory != self._known:
            self._folder.remember(self._memory)
            self._known = replace(self._memory)

    def _bring_up(self, members: Sequence[Component], plan: _Plan) -> bool:
        """Start those of `members` that the plan starts and wait for all; False when an old one does not recover."""
        started = [component for component in members if component.name in plan.start]
        for component in started:
            command = (*self._enter(component), *component.command(self._settings.binary))
            self._processes.start(component.name, command, self._digest(component))
        self._await_started(started)
        survivors = [component for component in members if component not in started]
        if not all(self._health(component, patient=True).healthy for component in survivors):
            return False
        names = [component.name for component in members]
        if self._gateway in names:
            self._apply_rules(plan.ports)
        managers = [one.name for one in started if kind_of(one.name) == CONTROLLER_MANAGER]
        if managers:
            self._await_controllers(plan.ports, managers)
        return True

    def _enter(self, component: Component) -> Tuple[str, ...]:
        """What leads a process into its namespace."""
        if not self._fabric:
            return ()
        return network.enter(component.namespace or self._fabric.router)

    def _await_started(self, started: Sequence[Component]) -> None:
        waiting = {component.name: component for component in started}
        while waiting:
            for component in list(waiting.values()):
                health = ask(component.probe)
                self._check_alive(component.name)
                if health.healthy:
                    del waiting[component.name]
                elif self._deadline.passed():
                    raise self._failure(component.name, f"is not healthy after {self._timeout()}: {health.detail}")
            if waiting:
                time.sleep(POLL_SECONDS)

    def _check_alive(self, name: str) -> None:
        process = self._processes.recorded(name)
        if process is None or not self._processes.is_alive(process):
            ended = self._processes.how_it_ended(process) if process else "lost its process record"
            raise self._failure(name, f"{ended} while it was started")

    def _apply_rules(self, ports: Mapping[str, int]) -> None:
        def apply(client: Client) -> None:
            for rule in self._rules_that_miss(client):
                self._note([f"apply {bootstrap.describe(rule)}"])
                bootstrap.apply_access_rule(client, rule)

        self._as_super_admin(ports, apply)

    def _await_controllers(self, ports: Mapping[str, int], managers: Sequence[str]) -> None:
        while not self._as_super_admin(ports, bootstrap.has_default_service_account):
            for name in managers:
                self._check_alive(name)
            if self._deadline.passed():
                raise self._failure(managers[0], f"has not made the default service account after {self._timeout()}")
            time.sleep(POLL_SECONDS)

    def _as_super_admin(self, ports: Mapping[str, int], call: Callable[[Client], Answer]) -> Answer:
        """The answer of `call`; it is made again while the API server finds its way back to etcd."""
        credential = SUPER_ADMIN_CREDENTIAL
        authority = self._layout.certificate(pki.CLUSTER_AUTHORITY)
        certificate, key = self._layout.certificate(credential), self._layout.key(credential)
        while True:
            try:
                with Client(ports[API_SERVER], authority, certificate, key, address=self._address) as client:
                    return call(client)
            except (OSError, http.client.HTTPException, UnavailableError) as error:
                if self._deadline.passed():
                    raise self._failure(self._gateway, f"does not answer the super-administrator: {error}") from None
            time.sleep(POLL_SECONDS)

    def _failure(self, component: str, problem: str) -> ComponentError:
        last_lines = self._processes.last_lines(component)
        return ComponentError(component, problem, self._layout.log(component), last_lines)

    def _timeout(self) -> str:
        return f"{self._deadline.seconds:.0f} s"

    def _digest(self, component: Component) -> str:
        """Everything that a running process read at its start, so that a change is noticed later."""
        inputs = {str(path): _file_digest(path) for path in component.inputs}
        started_with = [self._memory.binary, component.name, component.program, component.arguments, inputs]
        if self._fabric:
            started_with.append(network.identity(component.namespace or self._fabric.router))
        return hashlib.sha256(json.dumps(started_with, sort_keys=True).encode()).hexdigest()

    def _note(self, actions: Sequence[str]) -> None:
        self._actions += [action for action in actions if action not in self._actions]

    def _outcome(self, before: Sequence[ComponentView], plan: _Plan) -> Outcome:
        """The last plan shows what stands; in check mode that is what was found, and all would run in the end."""
        ports = self._memory.ports
        return Outcome(
            kubeconfig=str(self._layout.kubeconfig),
            server=server_url(ports, self._address) if ports else "",
            version=self._memory.version,
            running=any(view.name == self._gateway and view.state == RUNNING for view in plan.views),
            before=before,
            after=[replace(view, state=RUNNING) for view in plan.views],
            actions=list(self._actions),
            registry=self._registry(plan.ports),
        )


def _binary(settings: Settings, check_mode: bool) -> Optional[Path]:
    """The binary; None in check mode when the task before this one has told that it would build it."""
    if check_mode and not (settings.binary and settings.binary.exists()):
        return None
    if not settings.binary:
        raise EmbeddedError("binary is required for state=started: the path of the multi-call binary 'kube'")
    return settings.binary.resolve()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _file_digest(path: Path) -> str:
    content = read_optional(path)
    return hashlib.sha256(content).hexdigest() if content is not None else ""
