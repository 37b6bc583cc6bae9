# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh on real nodes: from a TrafficSplit to the proxies, and how long it takes to see whether they are in step."""

from __future__ import annotations

import contextlib
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import is_true
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.mesh_sync.look import Aim, look
from ansible_collections.servicemesh.platform.tests.benchmarks import crowd, splits
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.beside import until
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import MESH, Result, latency
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command, measure
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import environment, program
from ansible_collections.servicemesh.platform.tests.benchmarks.propagation import APPLY, MANAGER, propagation
from ansible_collections.servicemesh.platform.tests.benchmarks.splits import Split
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster, built_kube

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE, NAME = "bench-mesh", "split"
PROXIES, CHANGES, LOOKS = 10, 100, 20
CROWDS, CROWD_CHANGES = (100, 500), 40
"""Simulated clients, beside the proxies, and how often a split changes for them."""
PATIENCE = 300.0
Object = Dict[str, Any]


def parts(selection: Selection) -> List[Part]:
    """One part, on an environment of its own unless one that stands is named."""
    return [Part(MESH, 600, partial(_run, selection.mesh))] if MESH in selection.only else []


def _run(given: str, bench: Bench) -> Result:
    with _environment(given, bench) as kubeconfig, open_session({"kubeconfig": kubeconfig}, PROXIES) as session:
        try:
            details = _measured(session)
            return Result(MESH, details={**details, "crowds": _crowds(session, Path(kubeconfig))})
        finally:
            session.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


@contextlib.contextmanager
def _environment(given: str, bench: Bench) -> Iterator[str]:
    """The kubeconfig of a mesh: the given one, else that of the demo, made for this."""
    if given:
        yield given
        return
    folder = bench.scratch(MESH)
    try:
        measure(_playbook("site", folder), bench.log("mesh-site"))
        yield str(folder / "environment" / "kubeconfig")
    finally:
        measure(_playbook("teardown", folder), bench.log("mesh-teardown"))


def _playbook(name: str, folder: Path) -> Command:
    own = {"cluster_state_dir": str(folder / "environment"), "report_dir": str(folder / "reports")}
    arguments = [program("ansible-playbook"), "-i", str(ROOT / "inventories" / "demo")]
    arguments += [f"servicemesh.platform.{name}", "-e", json.dumps({**own, "cluster_embedded_durable": False})]
    return Command(arguments, folder, environment(folder))


def _measured(session: Session) -> Dict[str, Any]:
    given = Split(NAMESPACE, NAME)
    for each in (_namespace(), *splits.services(given), _deployment(session)):
        _apply(session, each)
    until(lambda: len(_ready(session)) == PROXIES, "all pods are ready", PATIENCE)
    load = os.getloadavg()[0]
    turns = propagation(session, given, _ready(session), CHANGES)
    aim = Aim("istio-system", [NAMESPACE], 15014, 15000, True)
    return {
        "proxies": PROXIES,
        **_told(turns),
        "look": latency([_seconds(session, aim) for _turn in range(LOOKS)]),
        "load": load,
    }


def _crowds(session: Session, kubeconfig: Path) -> Dict[str, Any]:
    """The same for many clients that no Envoy is behind, the proxies still there."""
    given = Split(NAMESPACE, NAME)
    cluster = Cluster(kubeconfig, kubeconfig.parent, built_kube())
    name = crowd.image(kubeconfig.parent)
    found = {}
    for number in CROWDS:
        cluster.apply(crowd.pod(name, given, number))
        load = os.getloadavg()[0]
        turns = crowd.arrivals(session, cluster, given, number, CROWD_CHANGES)
        found[str(number)] = {**_told(turns), "load": load}
        cluster.kubectl("-n", NAMESPACE, "delete", "pod", crowd.NAME)
    return found


def _told(turns: Sequence[Sequence[float]]) -> Dict[str, Any]:
    return {
        "changes": len(turns),
        "one": latency([seconds for turn in turns for seconds in turn]),
        "last": latency([max(turn) for turn in turns]),
    }


def _seconds(session: Session, aim: Aim) -> float:
    begin = time.monotonic()
    look(session, aim)
    return time.monotonic() - begin


def _ready(session: Session) -> List[str]:
    """The pods that are ready."""
    return [
        str(pod["metadata"]["name"])
        for pod in session.list_objects(f"/api/v1/namespaces/{NAMESPACE}/pods")
        if is_true(pod, "Ready")
    ]


def _apply(session: Session, body: Object) -> None:
    metadata = body["metadata"]
    group = "/apis/apps/v1" if body["kind"] == "Deployment" else "/api/v1"
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    path = f"{group}{place}/{body['kind'].lower()}s/{metadata['name']}"
    session.request("PATCH", path, MANAGER, body, APPLY)


def _namespace() -> Object:
    labels = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _deployment(session: Session) -> Object:
    """Pods of the program that the environment has anyway."""
    model = session.get_json("/apis/apps/v1/namespaces/shop/deployments/backend")
    container = {key: model["spec"]["template"]["spec"]["containers"][0][key] for key in ("name", "image", "env")}
    labels = {"app": NAMESPACE}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "server", "namespace": NAMESPACE},
        "spec": {
            "replicas": PROXIES,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
