# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients of xDS in one pod, without an Envoy: they do what a sidecar does towards istiod (`xds/main.go`)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import File
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.tests.benchmarks import splits
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import MeasurementFailed
from ansible_collections.servicemesh.platform.tests.benchmarks.propagation import BETWEEN, PATIENCE, write
from ansible_collections.servicemesh.platform.tests.benchmarks.splits import Split
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built
from ansible_collections.servicemesh.platform.tests.support.nodes import push

NAME = "clients"
ISTIOD = "istiod.istio-system.svc:15010"
"""Where istiod takes clients without a certificate: who plays sidecars has none."""
SOURCE = Path(__file__).parent / "xds"


def image(state_dir: Path) -> str:
    """Build the program and put it into the registry of the environment; its name on the nodes."""
    program = plan(Program("xds", str(SOURCE), ldflags="-s -w"), "go", Cache(str(built("nodes-*").parents[1])))
    build(program, Progress(None))
    return push(state_dir, "xds", [File(Path(program.path), "xds", 0o755)], ["/xds"])


def pod(image_name: str, given: Split, number: int) -> Dict[str, Any]:
    """The pod with so many clients. It has no sidecar itself."""
    arguments = [ISTIOD, given.namespace, str(number), str(splits.PORT), f"{given.name}-v1.{given.namespace}"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NAME,
            "namespace": given.namespace,
            "labels": {"sidecar.istio.io/inject": "false"},
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": NAME, "image": image_name, "args": arguments}],
        },
    }


def arrivals(session: Session, cluster: Cluster, given: Split, number: int, changes: int) -> List[List[float]]:
    """Seconds until each client has it, for each change of the weights of a split."""
    write(session, given)
    _arrived(cluster, given, number, 0.0)  # all clients have come
    turns = []
    for turn in range(1, changes + 1):
        changed = splits.changed([given], turn)
        begin = write(session, changed)
        turns.append([moment - begin for moment in _arrived(cluster, changed, number, begin)])
    return turns


def _arrived(cluster: Cluster, given: Split, number: int, begin: float) -> List[float]:
    """When each client had the weight of this split, by the lines that they have written."""
    deadline = time.monotonic() + PATIENCE
    moments: Dict[str, float] = {}
    while time.monotonic() < deadline:
        time.sleep(BETWEEN)
        lines = cluster.kubectl("-n", given.namespace, "logs", NAME, f"--tail={2 * number}", check=False).splitlines()
        fields = [line.split() for line in lines if line.count(" ") == 2]
        moments = {
            client: float(moment)
            for client, weight, moment in fields
            if weight == str(given.weight) and float(moment) > begin
        }
        if len(moments) == number:
            return list(moments.values())
    raise MeasurementFailed(f"{len(moments)} of {number} clients hear of a weight within {PATIENCE:.0f} s")
