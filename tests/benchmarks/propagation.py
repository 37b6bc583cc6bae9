# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From applying a TrafficSplit until every proxy of a mesh has it, by the proxies' own clock.

Envoy tells when it took a route configuration over, to the millisecond. So it is asked seldom, and the asking does not
take part in what is measured. The clocks are one: proxies and this program run on one machine.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial
from typing import Any, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.forward import Forward, Port
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.tests.benchmarks import splits
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import MeasurementFailed
from ansible_collections.servicemesh.platform.tests.benchmarks.splits import Split

APPLY = "application/apply-patch+yaml"
MANAGER = {"fieldManager": "benchmark", "force": "true"}
ADMIN = 15000
ROUTES = f"/config_dump?resource=dynamic_route_configs&name_regex=%5E{splits.PORT}%24"
PATIENCE = 60.0
BETWEEN = 0.7
"""Seconds from one change to the next: more than those for which the SMI controller and istiod collect changes."""


def propagation(session: Session, given: Split, pods: Sequence[str], changes: int) -> List[List[float]]:
    """Seconds until each proxy of these pods of the split's namespace has it, for each change of its weights."""
    with ExitStack() as stack:
        proxies = [
            stack.enter_context(Forward(session.connection, Port(given.namespace, pod, ADMIN), PATIENCE))
            for pod in pods
        ]
        turns = [_change(session, splits.changed([given], turn), proxies) for turn in range(changes + 1)]
    return turns[1:]  # the first one makes the split


def _change(session: Session, given: Split, proxies: Sequence[Forward]) -> List[float]:
    begin = write(session, given)
    taken = map_parallel(partial(_arrival, given), proxies, len(proxies))
    return [moment - begin for moment in taken]


def write(session: Session, given: Split) -> float:
    """Write a split; when that was begun."""
    path = f"/apis/{splits.GROUP}/{splits.STORED}/namespaces/{given.namespace}/trafficsplits/{given.name}"
    body = splits.manifest(given)
    begin = time.time()
    session.request("PATCH", path, MANAGER, body, APPLY)
    return begin


def _arrival(given: Split, proxy: Forward) -> float:
    """When it took it over."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        time.sleep(BETWEEN)
        for each in proxy.get(ROUTES).json().get("configs") or ():
            if weight_in(each["route_config"], given) == given.weight:
                return moment_of(each["last_updated"])
    raise MeasurementFailed(f"a proxy does not hear of a weight within {PATIENCE:.0f} s")


def weight_in(config: Mapping[str, Any], given: Split) -> int:
    """The weight that a proxy gives the first backend; 0 when it knows of none."""
    clusters = [
        cluster
        for host in config.get("virtual_hosts") or ()
        for route in host.get("routes") or ()
        for cluster in ((route.get("route") or {}).get("weighted_clusters") or {}).get("clusters") or ()
    ]
    first = f"||{given.name}-v1.{given.namespace}."
    return next((int(cluster.get("weight", 0)) for cluster in clusters if first in cluster["name"]), 0)


def moment_of(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
