# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with the SMI and Gateway APIs, and programs beside it that its API server asks."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import download, read_pin
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import TRAFFIC_SPLIT
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.tests.benchmarks import floor, splits
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench
from ansible_collections.servicemesh.platform.tests.benchmarks.cluster import ControlPlane
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import (
    Command,
    Measurement,
    MeasurementFailed,
    measure,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import environment
from ansible_collections.servicemesh.platform.tests.benchmarks.programs import go
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, Stage

GATEWAY_API = Path(__file__).resolve().parents[2] / "roles" / "crds" / "files" / "gateway-api-1.7"
POLL = 0.02
"""Seconds between two looks."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl of the control plane's own program."""

    binary: Path
    kubeconfig: Path

    def kubectl(self, *args: str, check: bool = True, stdin: str = "") -> str:
        """What it writes. Raises CalledProcessError when it fails and ``check``."""
        command = [str(self.binary), "kubectl", "--kubeconfig", str(self.kubeconfig), *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)
        if check and done.returncode:
            raise MeasurementFailed(f"kubectl {' '.join(args)}: {done.stderr}")
        return done.stdout

    def apply(self, *objects: Dict[str, object]) -> None:
        """Apply objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(items))


class Client:
    """One connection that is kept open. ``server`` as `floor` has it; certificate and key may be left out."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        context = ssl.create_default_context(cafile=server["authority"])
        if "certificate" in server:
            context.load_cert_chain(server["certificate"], server["key"])
        self._connection = http.client.HTTPSConnection(server["host"], server["port"], context=context)

    def send(self, method: str, path: str, body: str | bytes | None = None) -> bytes:
        """The answer. Raises MeasurementFailed when it is a refusal."""
        try:
            answer, content = self._exchange(method, path, body)
        except ConnectionError:  # the server closes what was quiet for long; nothing here does harm when done twice
            self._connection.close()
            answer, content = self._exchange(method, path, body)
        if answer.status >= 400:
            raise MeasurementFailed(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def _exchange(self, method: str, path: str, body: str | bytes | None) -> Tuple[http.client.HTTPResponse, bytes]:
        self._connection.request(method, path, body, {"Content-Type": floor.TYPES.get(method, "application/json")})
        answer = self._connection.getresponse()
        return answer, answer.read()

    def open(self, path: str) -> http.client.HTTPResponse:
        """The answer to a GET while it still comes."""
        self._connection.request("GET", path)
        return self._connection.getresponse()

    def items(self, path: str) -> List[Dict[str, Any]]:
        """All objects of a collection."""
        found: List[Dict[str, Any]] = json.loads(self.send("GET", path))["items"]
        return found

    def count(self, path: str) -> int:
        """How many objects are in a collection, without reading them."""
        found = json.loads(self.send("GET", f"{path}?limit=1"))
        return len(found["items"]) + int(found["metadata"].get("remainingItemCount", 0))


@dataclass(frozen=True)
class Ground:
    """A cluster that serves splits. client: of the harness itself."""

    bench: Bench
    cluster: ControlPlane
    stage: Stage
    client: Client

    def serve_stored(self) -> None:
        """Serve the stored version only: nobody has to be asked for anything."""
        self.stage.cluster.apply(*crds({"split": [splits.STORED]}))
        self._established()

    def serve_all(self) -> None:
        """Serve all versions, by way of who listens on the port of the stage."""
        self.stage.cluster.apply(*self.stage.definitions())
        self._established()

    def lead_to(self, program: Controller) -> None:
        """Have the API server ask another program for conversions."""
        url = f"https://127.0.0.1:{program.port}/convert"
        patch = {"spec": {"conversion": {"webhook": {"clientConfig": {"url": url}}}}}
        self.stage.cluster.kubectl("patch", "crd", TRAFFIC_SPLIT.crd_name, "--type=merge", "-p", json.dumps(patch))

    def run(self, name: str, requests: Sequence[floor.Request]) -> Measurement:
        """Send requests from a process of its own."""
        folder = self.bench.scratch(name)
        server, waves = folder / "server.json", folder / "requests.json"
        server.write_text(json.dumps(self.cluster.server), encoding="utf-8")
        waves.write_text(json.dumps([requests]), encoding="utf-8")
        arguments = [sys.executable, "-I", floor.__file__, str(server), str(waves)]
        command = Command(arguments, folder, environment(self.cluster.scratch))
        return measure(command, self.bench.log(name), self.cluster.cpu)

    def empty(self, path: str, namespaces: Sequence[str]) -> None:
        """Take all objects out of a collection."""
        root, _slash, plural = path.rpartition("/")
        for each in namespaces:
            self.client.send("DELETE", f"{root}/namespaces/{each}/{plural}")
        until(lambda: self.client.count(path) == 0, "all are gone", 60)

    def answers(self, path: str) -> bool:
        """Whether a path can be read by now."""
        try:
            return bool(self.client.send("GET", path))
        except MeasurementFailed:
            return False

    def watch(self, path: str) -> http.client.HTTPResponse:
        """A watch on a collection, from now on."""
        version = json.loads(self.client.send("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
        return Client(self.cluster.server).open(f"{path}?watch=true&resourceVersion={version}")

    def _established(self) -> None:
        self.stage.cluster.kubectl(
            "wait", "--for=condition=Established", "--timeout=30s", "crd", TRAFFIC_SPLIT.crd_name
        )
        until(lambda: self.answers(splits.SPLITS), "splits are served", 30)


@contextlib.contextmanager
def ground(bench: Bench, name: str) -> Iterator[Ground]:
    """A fresh cluster with the CRDs of the Gateway API, and those of SMI in the stored version."""
    with bench.cluster(name) as cluster:
        kubectl = Kubectl(bench.binary, cluster.kubeconfig)
        module = download(read_pin(str(GATEWAY_API), "sigs.k8s.io/gateway-api"), go(), Cache.at(), Progress(None))
        kubectl.kubectl("apply", "--server-side", "-f", f"{module}/config/crd/standard")
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "smi-system"}})
        made = Ground(bench, cluster, Stage(kubectl, bench.scratch(f"{name}-programs")), Client(cluster.server))
        made.serve_stored()
        yield made


@contextlib.contextmanager
def started(program: Controller) -> Iterator[Controller]:
    """The program, running; it is ended afterwards, whatever came of it."""
    program.start()
    try:
        yield program
    finally:
        program.end()


def cpu_seconds(program: Controller) -> float:
    """User and system seconds of a program since its start."""
    return program.metric("process_cpu_seconds_total")


def peak_mib(program: Controller) -> float:
    """The most memory that it has had resident so far."""
    status = Path(f"/proc/{_pid(program)}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0


def until(true: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait until it is true; the seconds that it took. Raises MeasurementFailed."""
    begin = time.monotonic()
    while not true():
        if time.monotonic() > begin + seconds:
            raise MeasurementFailed(f"not within {seconds:.0f} s: {what}")
        time.sleep(POLL)
    return time.monotonic() - begin


def _pid(program: Controller) -> int:
    if program.process is None:
        raise MeasurementFailed("the program does not run")
    return program.process.pid
