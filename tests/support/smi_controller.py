# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMI controller as a local process beside a cluster, and the objects that lead the API server to it."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.tests.support.authority import Authority

PROGRAM = "ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller"
NAMESPACE = "smi-system"
OURS = "tests.servicemesh.platform/smi-controller"
"""The label of namespaces that go with the stage."""
ALL_VERSIONS = {
    "split": ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
    "access": ["v1alpha1", "v1alpha2", "v1alpha3"],
    "specs": ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
}
READY = 20.0
"""Seconds for a controller to answer."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def eventually(true: Callable[[], Any], what: str, seconds: float = 15.0) -> float:
    """Wait until it is true; returns after how many seconds that was."""
    begin = time.monotonic()
    while not true():
        assert time.monotonic() < begin + seconds, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - begin


class Cluster(Protocol):
    """A cluster as tests and benchmarks reach it."""

    @property
    def kubeconfig(self) -> Path: ...

    def kubectl(self, *args: str, check: bool = True, stdin: str = "") -> str: ...

    def apply(self, *objects: dict[str, object]) -> None: ...


class Controller:
    """One process of the program."""

    def __init__(self, kubeconfig: Path, folder: Path, port: int, *options: str, program: str = PROGRAM) -> None:
        self.port = port
        self.probe_port = free_port()
        self._log = folder / f"controller-{port}-{time.monotonic_ns()}.log"
        self._command = [
            sys.executable,
            "-m",
            program,
            f"--kubeconfig={kubeconfig}",
            "--bind=127.0.0.1",
            f"--port={port}",
            f"--probe-port={self.probe_port}",
            f"--certificates={folder / 'certificates'}",
            *options,
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Controller:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd="/")
        eventually(self.is_ready, f"the controller answers:\n{self.log()}", READY)
        return self

    def is_ready(self) -> bool:
        """Whether it wants to be asked."""
        is_running = self.process is not None and self.process.poll() is None
        assert is_running, f"the controller has ended:\n{self.log()}"
        try:
            return bool(self._probe("readyz"))
        except OSError:
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self._probe("metrics").splitlines() if line.partition("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def leads(self) -> bool:
        """Whether it is the one that writes."""
        return self.metric("smi_controller_leads") == 1

    def end(self, how: int = signal.SIGTERM) -> int:
        """End it; returns its exit code. It may have ended already."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.process = None
        return code

    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def _probe(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.probe_port}/{path}", timeout=5) as answer:
            return str(answer.read().decode())


class Stage:
    """A cluster with all versions of SMI, an authority, and the way from the API server to a local port."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.authority = Authority()
        self.port = free_port()
        self.authority.write(folder / "certificates")

    def namespace(self, name: str) -> str:
        """Make a namespace that goes with the stage, at the latest."""
        metadata = {"name": name, "labels": {OURS: ""}}
        self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        return name

    def client_config(self, path: str) -> dict[str, Any]:
        """Where the API server asks."""
        bundle = base64.b64encode(self.authority.pem.encode()).decode()
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": bundle}

    def definitions(self) -> list[dict[str, Any]]:
        """The CRDs that serve all versions, through the controller."""
        return crds(ALL_VERSIONS, conversion=self.client_config("/convert"))

    def webhook(self, failure_policy: str = "Ignore") -> dict[str, Any]:
        """The validating webhook."""
        groups = sorted({kind.api_group for kind in KINDS})
        rule = {
            "apiGroups": groups,
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": [kind.plural for kind in KINDS],
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "smi-controller"},
            "webhooks": [
                {
                    "name": "validate.smi.servicemesh.platform",
                    "clientConfig": self.client_config("/validate"),
                    "rules": [rule],
                    "failurePolicy": failure_policy,
                    "sideEffects": "NoneOnDryRun",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": 5,
                }
            ],
        }

    def controller(self, *options: str, port: int | None = None) -> Controller:
        """A controller that has not been started; without ``port`` it is the one that the API server asks."""
        return Controller(self.cluster.kubeconfig, self.folder, port or self.port, *options)

    def get(self, *arguments: str) -> Any:
        """What kubectl gets."""
        return json.loads(self.cluster.kubectl("get", "-o", "json", "--show-managed-fields", *arguments))

    def items(self, *arguments: str) -> list[Any]:
        """The items of a list that kubectl gets."""
        found: list[Any] = self.get(*arguments)["items"]
        return found


@contextmanager
def staged(cluster: Cluster, folder: Path, further: Sequence[Path] = ()) -> Iterator[Stage]:
    """A stage with the CRDs in files or folders further to those of SMI; all of it is gone afterwards."""
    stage = Stage(cluster, folder)
    with ExitStack() as stack:
        for path in further:
            cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
            stack.callback(cluster.kubectl, "delete", "--ignore-not-found", "-f", str(path))
        space: dict[str, object] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.apply(space, *stage.definitions())
        names = [each["metadata"]["name"] for each in stage.definitions()]
        stack.callback(_remove, stage, names)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *(f"crd/{name}" for name in names))
        yield stage


def _remove(stage: Stage, names: Sequence[str]) -> None:
    """Remove what the stage has brought, with a controller: to delete objects the API server converts them."""
    stage.cluster.kubectl("delete", "validatingwebhookconfiguration", "smi-controller", "--ignore-not-found")
    last = stage.controller("--mesh=none").start()
    try:
        # One after the other: who deletes both at once waits for minutes now and then.
        stage.cluster.kubectl("delete", "namespace", "-l", OURS, "--wait", "--timeout=120s")
        stage.cluster.kubectl("delete", "crd", "--wait", "--timeout=120s", *names)
    finally:
        last.end()
    # The namespace stays: the next stage would meet it while it goes.
    stage.cluster.kubectl("delete", "lease", "smi-controller", "-n", NAMESPACE, "--ignore-not-found")
