# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking and translating many SMI objects in one task. No cluster takes part."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List

from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import ALONE, SMI, Figure, Key, Result
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import measure
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.playbook import one_host, playbook

OBJECTS = 10_000
RUNS = 3
FILE = "objects.yaml"
TASKS: Dict[str, Dict[str, Any]] = {
    "smi-validate": {"src": [FILE]},
    "smi-validate-gateway-api": {"src": [FILE], "translate_to": "gateway-api"},
    "smi-validate-istio": {"src": [FILE], "translate_to": "istio"},
}


def parts(selection: Selection) -> List[Part]:
    """One part, for one size."""
    return [Part("smi", 60, _run)] if "smi" in selection.only else []


def _run(bench: Bench) -> Result:
    figures = []
    for name, options in TASKS.items():
        folder = bench.scratch(name)
        (folder / FILE).write_text("\n---\n".join(map(json.dumps, _objects())), encoding="utf-8")
        task = {"servicemesh.platform.smi_validate": {**options, "fail_on": "never"}, "no_log": True}
        command = playbook(folder, folder, [task], {}, one_host())
        runs = tuple(measure(command, bench.log(f"{name}-{number}")) for number in range(RUNS))
        figures.append(Figure(Key(ALONE, SMI, name, OBJECTS), runs))
    return Result("smi", figures)


def _objects() -> Iterator[Dict[str, Any]]:
    """Splits, targets and their routes, for services with their accounts: five objects of SMI for each service."""
    for index in range(OBJECTS // 5):
        yield from _smi(f"shop-{index % 50}", f"service-{index}")
        yield from _around(f"shop-{index % 50}", f"service-{index}")


def _smi(namespace: str, name: str) -> Iterator[Dict[str, Any]]:
    account = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    backends = [{"service": f"{name}-{version}", "weight": weight} for version, weight in (("v1", 80), ("v2", 20))]
    match = {"name": "api", "pathRegex": "/api/.*", "methods": ["GET", "POST"], "headers": [{"x-canary": "yes"}]}
    rules = [{"kind": "HTTPRouteGroup", "name": name, "matches": ["api"]}, {"kind": "TCPRoute", "name": name}]
    yield _object("split.smi-spec.io/v1alpha2", "TrafficSplit", namespace, name, service=name, backends=backends)
    yield _object("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", namespace, name, matches=[match])
    yield _object("specs.smi-spec.io/v1alpha4", "TCPRoute", namespace, name, matches={"ports": [8080]})
    yield _object("specs.smi-spec.io/v1alpha4", "UDPRoute", namespace, name, matches={"ports": [53]})
    yield _object(
        "access.smi-spec.io/v1alpha3",
        "TrafficTarget",
        namespace,
        name,
        destination=account,
        rules=rules,
        sources=[account],
    )


def _around(namespace: str, name: str) -> Iterator[Dict[str, Any]]:
    for each in (name, f"{name}-v1", f"{name}-v2"):
        yield _object("v1", "Service", namespace, each, ports=[{"port": 8080, "name": "http"}], selector={"app": each})
    pod = _object("v1", "Pod", namespace, name, serviceAccountName=name)
    yield {**pod, "metadata": {**pod["metadata"], "labels": {"app": name}}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _object(api_version: str, kind: str, namespace: str, name: str, **spec: Any) -> Dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
