# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run beside an embedded cluster, each under a supervisor (`supervisor.py`) of its own.

The supervisor is the recorded process. It leads a session with the program in it, so both are found by the state
folder, and end with the cluster.
"""

from __future__ import annotations

import hashlib
import http.client
import inspect
import json
import os
import re
import shutil
import ssl
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import SplitResult, urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import network, supervisor
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.deadline import Deadline
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import ComponentError, EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import key_of, namespace_prefix
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    make_private_folder,
    read_optional,
    remove_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.health import ANSWER_TIMEOUT, Health
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import LOOPBACK, Reservation
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.processes import Process, Processes
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import check_name
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import DNS_LABEL

COMPONENT_PREFIX = "process-"
POLL_SECONDS = 0.1
# How long a program that runs may be unready before it is restarted.
RECOVERY_SECONDS = 15.0
# How long a program without a ready_url must have run to be ready.
STEADY_SECONDS = 1.0
_ADDRESS = "{address}"
_PORT = re.compile(r"\{port:([^{}]*)\}")
_PORT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_COMPILED = "__pycache__"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Wanted:
    """A program as it shall run.

    {port:NAME} in command, environment and ready_url stands for a port, {address} for where it listens. ready_url:
    empty for none. authority: the PEM file that the certificate of ready_url comes from. triggers: plain data.
    watched: files and folders. with_control_plane: it runs in the network of the control plane, where real nodes and
    their pods reach it and it reaches them.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_url: str = ""
    authority: Optional[Path] = None
    triggers: Any = None
    watched: Sequence[Path] = ()
    with_control_plane: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run found and did (in check mode: would do). pid: of the supervisor; 0 when there is none.

    before, after: for people, as a difference.
    """

    address: str
    ports: Mapping[str, int]
    pid: int
    ready: bool
    log: Path
    actions: Sequence[str]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def recorded_processes(layout: Layout) -> List[str]:
    """The components that are supervised programs and have a process record."""
    return sorted(path.stem for path in layout.run.glob(f"{COMPONENT_PREFIX}*.json"))


def ensure_present(wanted: Wanted, cluster: str, state_dir: Path, timeout: float, check_mode: bool = False) -> Outcome:
    """Have the program run as wanted and be ready. timeout: seconds for everything. Raises EmbeddedError."""
    _check(wanted, cluster, check_mode)
    deadline = Deadline(timeout)
    folder = StateFolder(Layout(state_dir.resolve()), cluster)
    memory = folder.recall()
    one = _Supervised(wanted, folder.layout, memory, deadline, check_mode)
    if folder.exists():
        with folder.locked(deadline):
            return one.ensure()
    if check_mode:
        return one.ensure()
    raise EmbeddedError(
        f"state_dir: {folder.layout.root} has no embedded cluster; start it first (embedded_cluster with state=started)"
    )


def ensure_absent(name: str, cluster: str, state_dir: Path, timeout: float, check_mode: bool = False) -> Outcome:
    """End the program. timeout: seconds to wait for another run to end. Raises EmbeddedError."""
    _check_names(name, cluster)
    folder = StateFolder(Layout(state_dir.resolve()), cluster)
    layout, component = folder.layout, COMPONENT_PREFIX + name
    if not folder.exists():
        return Outcome("", {}, 0, False, layout.log(component), [], {}, {})
    with folder.locked(Deadline(timeout)):
        processes = Processes(layout)
        before = _view(layout, name, processes.running(component))
        strays = [pid for pid, found in processes.strays().items() if found == component]
        actions = [f"stop {name}"] if before or strays else []
        if not check_mode:
            processes.stop([component])
            _stop_strays(processes, strays)
            _forget(layout, name)
        after = before if check_mode and not actions else {}
        return Outcome("", {}, 0, False, layout.log(component), actions, before, after)


class _Supervised:
    """One run towards a program that runs."""

    def __init__(self, wanted: Wanted, layout: Layout, memory: Memory, deadline: Deadline, check_mode: bool) -> None:
        self._layout = layout
        self._cluster_ports = memory.ports
        apart = wanted.with_control_plane and memory.link
        self._address = memory.address if apart else LOOPBACK
        self._namespace = namespace_prefix(key_of(layout.root)) if apart else ""
        self._wanted = _at(wanted, self._address)
        self._deadline = deadline
        self._check_mode = check_mode
        self._component = COMPONENT_PREFIX + wanted.name
        self._processes = Processes(layout)

    def ensure(self) -> Outcome:
        running = self._processes.running(self._component)
        known = _recall(self._layout, self._wanted.name)
        purposes = _port_names(self._wanted)
        remembered = {**self._ports_of_the_cluster(), **(known.get("ports") or {})}
        with Reservation(remembered, purposes, set() if running else set(purposes)) as reservation:
            ports = {name: reservation.ports[name] for name in purposes}
            parts = self._parts(ports)
            health, reason = self._examine(running, known, parts, ports)
            before = _view(self._layout, self._wanted.name, running)
            if reason and not self._check_mode:
                self._start({**(known.get("ports") or {}), **ports}, ports, parts)
                running = self._processes.running(self._component)
                health = Health(True)
        verb = "restart" if before else "start"
        return Outcome(
            address=self._address,
            ports=ports,
            pid=running.pid if running else 0,
            ready=bool(running) and health.healthy,
            log=self._layout.log(self._component),
            actions=[f"{verb} {self._wanted.name} ({reason})"] if reason else [],
            before=before,
            after={"command": self._filled(self._wanted.command, ports), "state": "running"},
        )

    def _examine(
        self, running: Optional[Process], known: Mapping[str, Any], parts: Mapping[str, str], ports: Mapping[str, int]
    ) -> Tuple[Health, str]:
        """How it is, and why it has to be started; empty when it has not."""
        if running is None:
            return Health(False, "not running"), "not running"
        changed = [name for name, digest in parts.items() if (known.get("parts") or {}).get(name) != digest]
        if changed or running.digest != _digest(parts):
            what = ", ".join(changed) or "its settings"
            return self._health(ports), f"changed since its start: {what}"
        health = self._health(ports)
        recovery = Deadline(min(RECOVERY_SECONDS, self._deadline.left()))
        while not health.healthy and not recovery.passed():
            time.sleep(POLL_SECONDS)
            health = self._health(ports)
        return health, "" if health.healthy else health.detail

    def _start(self, remembered: Mapping[str, int], ports: Mapping[str, int], parts: Mapping[str, str]) -> None:
        """Start the program, after its predecessor has ended, and wait until it is ready."""
        layout, name = self._layout, self._wanted.name
        self._processes.stop([self._component])
        _stop_strays(self._processes, [p for p, found in self._processes.strays().items() if found == self._component])
        make_private_folder(layout.supervised)
        settings, status = layout.supervised_settings(name), layout.supervised_status(name)
        content = {
            "command": self._filled(self._wanted.command, ports),
            "environment": {key: _fill(value, ports) for key, value in self._wanted.environment.items()},
            "ports": dict(remembered),
            "parts": dict(parts),
        }
        remove_optional(status)
        write_private(settings, json.dumps(content).encode())
        program = layout.supervised / "supervisor.py"
        write_private(program, inspect.getsource(supervisor).encode())
        command = (*self._enter(), sys.executable, "-I", str(program), str(settings), str(status))
        process = self._processes.start(self._component, command, _digest(parts))
        self._await_ready(process, ports)

    def _enter(self) -> Tuple[str, ...]:
        """What leads it into its namespace. Raises EmbeddedError when that is not there."""
        if not self._namespace:
            return ()
        if not network.identity(self._namespace):
            raise EmbeddedError(
                f"the network of the embedded cluster in {self._layout.root} is not there; "
                "start it first (embedded_cluster with state=started)"
            )
        return network.enter(self._namespace)

    def _ports_of_the_cluster(self) -> Dict[str, int]:
        """What no program may choose: nobody listens on them here where the control plane has a network of its own."""
        return {f"the cluster's {purpose}": port for purpose, port in self._cluster_ports.items()}

    def _await_ready(self, process: Process, ports: Mapping[str, int]) -> None:
        deadline = Deadline(self._deadline.seconds)  # the end of its predecessor may have taken long
        while True:
            health = self._health(ports)
            if health.healthy:
                return
            if not self._processes.is_alive(process):
                raise self._failure(f"has no supervisor: it {self._processes.how_it_ended(process)}")
            if deadline.passed():
                raise self._failure(f"is not ready after {deadline.seconds:.0f} s: {health.detail}")
            time.sleep(POLL_SECONDS)

    def _health(self, ports: Mapping[str, int]) -> Health:
        """Whether the program that runs now is ready: another one may answer on its port before it has failed."""
        status = _json(self._layout.supervised_status(self._wanted.name))
        if not status.get("pid"):
            ends = status.get("ends", 0)
            return Health(False, f"it ended {ends} times" if ends > 1 else "it does not run")
        ran = time.monotonic() - status["began"]
        if self._wanted.ready_url:
            return ask(_fill(self._wanted.ready_url, ports), self._wanted.authority)
        return Health(ran >= STEADY_SECONDS, f"it runs for {ran:.1f} s")

    def _parts(self, ports: Mapping[str, int]) -> Dict[str, str]:
        """The digests of all that the program is started with, in words for people."""
        environment = {key: _fill(value, ports) for key, value in self._wanted.environment.items()}
        return {
            "command": _digest(self._filled(self._wanted.command, ports)),
            "environment": _digest(environment),
            "triggers": _digest(self._wanted.triggers),
            "watched files": _digest({str(path): self._content(path) for path in self._wanted.watched}),
            "supervisor": _digest(inspect.getsource(supervisor)),
            "network": network.identity(self._namespace) if self._namespace else "",
        }

    def _content(self, path: Path) -> List[List[str]]:
        """What is in a file, or in the files below a folder, as digests."""
        if not path.exists():
            if self._check_mode:
                return []
            raise EmbeddedError(f"watch_files: {path} is not there; name files and folders that are")
        found = [path] if path.is_file() else sorted(_below(path))
        return [[str(one.relative_to(path)), hashlib.sha256(one.read_bytes()).hexdigest()] for one in found]

    @staticmethod
    def _filled(command: Sequence[str], ports: Mapping[str, int]) -> List[str]:
        return [_fill(word, ports) for word in command]

    def _failure(self, problem: str) -> ComponentError:
        log = self._layout.log(self._component)
        return ComponentError(self._wanted.name, problem, log, self._processes.last_lines(self._component))


def ask(url: str, authority: Optional[Path], timeout: float = ANSWER_TIMEOUT) -> Health:
    """Ask once, past all proxies. authority: whom a certificate must come from; None for those of the system."""
    parts = urlsplit(url)
    connection = _connection(parts, authority, timeout)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return Health(False, f"no answer from {url}: {error}")
    finally:
        connection.close()
    return Health(status == 200, f"{url} answers {status}")


def _connection(parts: SplitResult, authority: Optional[Path], timeout: float) -> http.client.HTTPConnection:
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        return http.client.HTTPSConnection(str(parts.hostname), parts.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)


def _check(wanted: Wanted, cluster: str, check_mode: bool) -> None:
    _check_names(wanted.name, cluster)
    if not wanted.command or not wanted.command[0]:
        raise EmbeddedError("command: it is empty; name a program and its arguments")
    if not check_mode and not _is_there(wanted.command[0]):
        raise EmbeddedError(
            f"command: {wanted.command[0]!r} cannot be run; name a program that is there, with its path"
        )
    for key in wanted.environment:
        if not _VARIABLE.fullmatch(key):
            raise EmbeddedError(f"environment: {key!r} is no name of a variable; write letters, digits and '_'")
        if key.startswith(supervisor.MARKS):
            raise EmbeddedError(f"environment: {key} marks processes of the cluster; use another name")
    for name in _port_names(wanted):
        if not _PORT_NAME.fullmatch(name):
            raise EmbeddedError(
                f"command: {{port:{name}}} names no port; write lower-case letters, digits or '-', as {{port:https}}"
            )
    _check_url(wanted)


def _check_url(wanted: Wanted) -> None:
    if not wanted.ready_url:
        return
    parts = urlsplit(_PORT.sub("1", wanted.ready_url.replace(_ADDRESS, LOOPBACK)))
    try:
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise EmbeddedError(
            f"ready_url: {wanted.ready_url!r} is not usable; write for example http://127.0.0.1:{{port:probe}}/readyz"
        )


def _is_there(program: str) -> bool:
    """Whether a program is there, for a process that has nothing of the user's environment."""
    return shutil.which(program, path=os.defpath) is not None


def _check_names(name: str, cluster: str) -> None:
    if not DNS_LABEL.fullmatch(name):
        raise EmbeddedError(
            f"name: {name!r} is not usable; write 1 to 63 lower-case letters, digits or '-', "
            "beginning and ending with a letter or digit"
        )
    try:
        check_name(cluster)
    except EmbeddedError as error:
        raise EmbeddedError(f"cluster: {error}") from None


def _port_names(wanted: Wanted) -> List[str]:
    """The names of the ports, in the order in which they are used first."""
    texts = (*wanted.command, *wanted.environment.values(), wanted.ready_url)
    return list(dict.fromkeys(name for text in texts for name in _PORT.findall(text)))


def _at(wanted: Wanted, address: str) -> Wanted:
    """The same with the address instead of its placeholder."""
    return replace(
        wanted,
        command=[word.replace(_ADDRESS, address) for word in wanted.command],
        environment={key: value.replace(_ADDRESS, address) for key, value in wanted.environment.items()},
        ready_url=wanted.ready_url.replace(_ADDRESS, address),
    )


def _fill(text: str, ports: Mapping[str, int]) -> str:
    return _PORT.sub(lambda found: str(ports[found.group(1)]), text)


def _below(folder: Path) -> Iterator[Path]:
    """All files in a folder, without what Python has compiled."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != _COMPILED]
        yield from (Path(root, name) for name in names)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _json(path: Path) -> Dict[str, Any]:
    """The object in a file; empty when it is not there or broken."""
    try:
        found = json.loads(read_optional(path) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _recall(layout: Layout, name: str) -> Dict[str, Any]:
    """What the last run has left: ports, and the digests of what the program was started with."""
    return _json(layout.supervised_settings(name))


def _forget(layout: Layout, name: str) -> None:
    """Keep nothing but the ports."""
    ports = _recall(layout, name).get("ports")
    if ports:
        write_private(layout.supervised_settings(name), json.dumps({"ports": ports}).encode())
    remove_optional(layout.supervised_status(name))


def _view(layout: Layout, name: str, running: Optional[Process]) -> Dict[str, Any]:
    """A program that runs, for a difference; empty when it does not."""
    return {"command": _recall(layout, name).get("command"), "state": "running"} if running else {}


def _stop_strays(processes: Processes, strays: Iterable[int]) -> None:
    for pid in strays:
        processes.stop_stray(pid)
