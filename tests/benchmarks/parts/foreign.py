# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that changes nothing, with nothing else in the cluster and then among many objects that are not ours.

They are of the very kinds that our set has, so that the server must tell them apart.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any, Dict, Iterator, List, Tuple

import yaml
from ansible_collections.servicemesh.platform.tests.benchmarks import floor, workload
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.cluster import ControlPlane
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import BEFORE_CROWD, CROWD, Result
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import measure
from ansible_collections.servicemesh.platform.tests.benchmarks.parts.tenants import Stage
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.floor import Lists
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Job, Tool
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.ours import FromFile
from ansible_collections.servicemesh.platform.tests.benchmarks.proxy import counting_proxy

SIZE = 3000
TOOLS: Tuple[Tool, ...] = (FromFile(), Lists())
NAMESPACES = 100
RUNS = 4
KINDS = ("NetworkPolicy", "ServiceAccount", "RoleBinding")
"""A ResourceQuota too many in a namespace would slow down every later object there."""


def parts(selection: Selection) -> List[Part]:
    """One part: both halves need the same cluster."""
    size = SIZE if SIZE in selection.sizes else min(selection.sizes)
    seconds = 60 + size * 0.01 + selection.foreign * 0.003
    return [Part("foreign", seconds, partial(_run, size, selection.foreign))] if "foreign" in selection.only else []


def _run(size: int, foreign: int, bench: Bench) -> Result:
    with bench.cluster("foreign") as cluster:
        before = Stage(bench, cluster, size, "foreign-before", BEFORE_CROWD)
        before.run(FromFile(), workload.tenants(size), size)
        before.run(FromFile(), workload.tenants(size), 0)
        figures = before.again(TOOLS, RUNS)
        read = _bytes(bench, cluster, size, "before")
        _fill(cluster, foreign)
        figures += before.moved_to(CROWD).again(TOOLS, RUNS)
        read_in_crowd = _bytes(bench, cluster, size, "after")
    details = {"size": size, "foreign": foreign, "read": read, "read_in_crowd": read_in_crowd}
    return Result("foreign", figures, details)


def _bytes(bench: Bench, cluster: ControlPlane, size: int, when: str) -> Dict[str, int]:
    """What each client reads in one run; not timed, because the proxy takes time too."""
    read = {}
    for tool in TOOLS:
        folder = bench.scratch(f"foreign-bytes-{when}-{tool.name}")
        with counting_proxy(cluster.server["port"]) as counter:
            job = Job(workload.tenants(size), _behind(cluster, counter.port), folder, bench.programs)
            measure(tool.command(job), bench.log(folder.name))
            read[tool.name] = counter.read
    return read


def _behind(cluster: ControlPlane, port: int) -> ControlPlane:
    """The cluster as it is reached through a proxy."""
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    file = cluster.scratch / f"kubeconfig-{port}"
    file.touch(mode=0o600)
    file.write_text(json.dumps(kubeconfig), encoding="utf-8")
    return replace(cluster, kubeconfig=file, server={**cluster.server, "port": port})


def _fill(cluster: ControlPlane, number: int) -> None:
    """Put `number` objects of somebody else into the cluster."""
    made = list(_foreign(number))
    for wave in (True, False):
        cluster.send([_post(item) for item in made if (item["kind"] == "Namespace") == wave])


def _foreign(number: int) -> Iterator[Dict[str, Any]]:
    """Objects as tenants have them, in namespaces and with labels of others."""
    tenant = workload.objects(workload.tenants(workload.OBJECTS_PER_TENANT))
    patterns = [item for item in tenant if item["kind"] in KINDS]
    namespaces = min(NAMESPACES, number)
    for index in range(namespaces):
        yield _renamed(tenant[0], f"foreign-{index}", "")
    for index in range(number - namespaces):
        yield _renamed(patterns[index % len(patterns)], f"foreign-{index}", f"foreign-{index % namespaces}")


def _renamed(item: Dict[str, Any], name: str, namespace: str) -> Dict[str, Any]:
    metadata: Dict[str, Any] = {"name": name, "labels": {"app.kubernetes.io/part-of": "somebody-else"}}
    return {**item, "metadata": {**metadata, "namespace": namespace} if namespace else metadata}


def _post(item: Dict[str, Any]) -> floor.Request:
    return ("POST", workload.path_of(item).rpartition("/")[0], json.dumps(item))
