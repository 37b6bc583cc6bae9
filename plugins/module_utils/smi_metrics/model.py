# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TrafficMetrics and TrafficMetricsList as JSON.

Source: smi-spec, traffic-metrics v1alpha1, and the Go types of smi-sdk-go (``pkg/apis/metrics/v1alpha1``). Where they
differ, what clients decode counts: latencies are in milliseconds with the unit ``ms``, as the SDK writes them, and not
in the seconds of the text. ``edge.side`` is of the text only; the SDK's types ignore it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import (
    API_VERSION,
    KIND,
    LIST_KIND,
    Reference,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.windows import spell

QUANTILES: Tuple[Tuple[str, float], ...] = (
    ("p99_response_latency", 0.99),
    ("p90_response_latency", 0.90),
    ("p50_response_latency", 0.50),
)
SUCCESSES, FAILURES = "success_count", "failure_count"
MILLISECONDS = "ms"

TO, FROM = "to", "from"
CLIENT, SERVER = "client", "server"


@dataclass(frozen=True)
class Edge:
    """``direction`` is that of the traffic, seen from the resource, and ``side`` where it was measured.

    Without a ``peer`` it is all the traffic that the resource receives.
    """

    direction: str
    side: str
    peer: Optional[Reference] = None

    def as_dict(self) -> Dict[str, Any]:
        peer = self.peer.as_dict() if self.peer else {}
        return {"direction": self.direction, "side": self.side, "resource": peer}


@dataclass(frozen=True)
class Interval:
    """The time that metrics are about: ``seconds`` up to ``end`` (seconds since 1970)."""

    end: float
    seconds: int

    def as_dict(self) -> Dict[str, str]:
        return {"timestamp": timestamp(self.end), "window": spell(self.seconds)}


@dataclass
class Traffic:
    """What was measured. Latencies are milliseconds by the names of QUANTILES; one without a measurement is absent."""

    successes: float = 0.0
    failures: float = 0.0
    latencies: Dict[str, float] = field(default_factory=dict)

    def as_list(self) -> List[Dict[str, str]]:
        """The field ``metrics``, in the order of the spec."""
        latencies = [
            {"name": name, "unit": MILLISECONDS, "value": quantity(self.latencies[name])}
            for name, _quantile in QUANTILES
            if name in self.latencies
        ]
        counts = {SUCCESSES: self.successes, FAILURES: self.failures}
        return [*latencies, *({"name": name, "value": quantity(count)} for name, count in counts.items())]


def traffic_metrics(reference: Reference, edge: Edge, interval: Interval, traffic: Traffic) -> Dict[str, Any]:
    """A TrafficMetrics."""
    namespace = {"namespace": reference.namespace} if reference.resource.namespaced else {}
    return {
        "kind": KIND,
        "apiVersion": API_VERSION,
        "metadata": {"name": reference.name, **namespace, "creationTimestamp": timestamp(interval.end)},
        "resource": reference.as_dict(),
        "edge": edge.as_dict(),
        **interval.as_dict(),
        "metrics": traffic.as_list(),
    }


def traffic_metrics_list(reference: Reference, items: Iterable[Mapping[str, Any]]) -> Dict[str, Any]:
    """A TrafficMetricsList: all objects of a kind, or the edges of one object."""
    return {
        "kind": LIST_KIND,
        "apiVersion": API_VERSION,
        "metadata": {},
        "resource": reference.as_dict(),
        "items": list(items),
    }


def quantity(value: float) -> str:
    """A number as a Kubernetes quantity, exact to a thousandth. Raises ValueError for what is no number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no quantity")
    thousandths = round(value * 1000)
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)


def timestamp(seconds: float) -> str:
    """As metav1.Time: UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
