# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real nodes for tests: an environment of three zones, and pods that talk."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.system_images import ARCHITECTURES
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.images.crane import Access, Crane
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import File, Layout, Platform, Recipe
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import Reference
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built

PROBE = Path(__file__).parents[1] / "nodes" / "probe"
PORT = 8080

Object = dict[str, Any]


@dataclass(frozen=True)
class Environment:
    """A running environment with a real node in each of the zones a, b and c."""

    cluster: Cluster
    probe: str
    """The image of the program `probe`, as pods name it."""

    def get(self, *arguments: str) -> Any:
        """What ``kubectl get`` tells."""
        return json.loads(self.cluster.kubectl("get", "-o", "json", *arguments))

    def pod(self, name: str, namespace: str, *command: str, **spec: Any) -> Object:
        """A pod of the probe."""
        container = {
            "name": "probe",
            "image": self.probe,
            "args": list(command),
            "ports": [{"name": "http", "containerPort": PORT}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **spec},
        }

    def running(self, namespace: str, *objects: Object, timeout: int = 60) -> None:
        """Apply objects and wait until all pods of the namespace are ready."""
        space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        self.cluster.apply(space, *objects)
        ready = ("wait", "--for=condition=Ready", "pod", "--all", f"--timeout={timeout}s")
        self.cluster.kubectl("-n", namespace, *ready)

    def ask(self, namespace: str, pod: str, url: str) -> str:
        """The answer that a pod of the probe gets; the complaint when it gets none."""
        return self.cluster.kubectl("-n", namespace, "exec", pod, "--", "/probe", "get", url, check=False).strip()

    def count(self, namespace: str, pod: str, url: str, times: int, *further: str) -> dict[str, int]:
        """How often a pod of the probe gets each answer: status and text; status 0 is none at all.

        further: the method, and headers as NAME=VALUE.
        """
        command = ("exec", pod, "-c", "probe", "--", "/probe", "count", url, str(times), *further)
        lines = self.cluster.kubectl("-n", namespace, *command).splitlines()
        return {answer: int(number) for number, _space, answer in (line.partition(" ") for line in lines)}

    def remove(self, *namespaces: str) -> None:
        """Remove namespaces, without waiting."""
        self.cluster.kubectl("delete", "namespace", "--wait=false", "--ignore-not-found", *namespaces)


def eventually(seconds: float, true: Callable[[], bool], what: str) -> float:
    """Wait until it is true; the seconds that it took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() < start + seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return time.monotonic() - start


def probe_image(state_dir: Path) -> str:
    """Build the probe and put it into the registry of the environment; its name on the nodes."""
    cache = built("nodes-*").parents[1]
    program = plan(Program("probe", str(PROBE), ldflags="-s -w"), "go", Cache(str(cache)))
    build(program, Progress(None))
    return push(state_dir, "probe", [File(Path(program.path), "probe", 0o755)], ["/probe"])


def push(state_dir: Path, name: str, files: list[File], entrypoint: list[str], architecture: str = "") -> str:
    """Put an image into the registry of the environment; its name on the nodes.

    architecture: of an image that is for other machines, as an index says it; empty for one that is for this machine.
    """
    config = state_dir / "registry" / "docker"
    (endpoint,) = json.loads((config / "config.json").read_text())["auths"]
    crane = str(built("nodes-*/crane"))
    access = Access(program=crane, docker_config=str(config), ca_path=str(state_dir / "pki" / "ca.crt"))
    layout = Layout(state_dir / "test-images" / name)
    machine = Platform(architecture or ARCHITECTURES[platform.machine()])
    descriptor = layout.add(Recipe(files, machine, entrypoint=entrypoint))
    if architecture:
        descriptor = layout.bundle([descriptor])
    layout.close({"": descriptor})
    with Crane(access) as client:
        client.push(layout.root, Reference(endpoint, name, "test", ""))
    return f"{NAME}/{name}@{descriptor['digest']}"
