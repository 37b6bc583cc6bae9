# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Prometheus has the traffic of a mesh: metrics, labels and what counts as a failure, as data.

Each profile names a counter of requests and a histogram of latencies, and how their labels name the objects on both
sides. A label that is empty, or says ``nobody``, names no object: such series are left out.

``istio``
    The standard metrics of Istio's proxies (istio.io, "Istio Standard Metrics"). Received traffic is that which the
    destination reports. ``destination_workload`` has the name of a workload and not its kind: all workloads are told as
    deployments. Pods are known by the labels ``namespace`` and ``pod`` that scraping adds, which are those of the proxy
    that reports, so there are no edges between pods. Failures: 5xx, no response (0), and the gRPC codes that Linkerd
    counts as failures too.
``linkerd``
    The metrics of Linkerd's proxies (linkerd.io, "Proxy Metrics") with the labels that linkerd-viz adds when it
    scrapes. Only the client knows both sides, so all edges are measured there. Failures: by Linkerd's own
    classification.
``http``
    What applications tell themselves: ``http_requests_total`` and ``http_request_duration_seconds``, by ``code``, with
    ``namespace``, ``pod`` and (where there is one) ``deployment``, ``statefulset`` or ``daemonset`` added when
    scraping. Who asked stands in labels of the same names with ``source_`` before them, as far as the application
    knows; without them there are just no edges. Failures: 5xx.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Mapping, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.model import CLIENT, SERVER

_GRPC_FAILURES = "2|4|13|14|15"
"""UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS: the failures of servers."""


Labels = Mapping[str, Tuple[str, ...]]
"""Per plural of a resource the labels that tell its objects apart: that of the namespace, and that of the name."""


@dataclass(frozen=True)
class View:
    """Series that tell of objects (``subject``), and of those on the other side (``peer``) where they are known.

    ``matchers`` choose them, ``side`` is where they were measured.
    """

    matchers: Tuple[str, ...]
    side: str
    subject: Labels
    peer: Labels = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A mesh. ``milliseconds`` are in one unit of the histogram; failures are patterns (RE2, whole) by label."""

    name: str
    requests: str
    latencies: str
    milliseconds: float
    failures: Tuple[Tuple[str, str], ...]
    received: View
    """What an object receives, from whomever."""
    incoming: View
    """What it receives, by sender."""
    outgoing: View
    """What it sends, by receiver."""
    nobody: str = ""

    @property
    def resources(self) -> Tuple[str, ...]:
        """The plurals of what this profile can tell of."""
        return tuple(self.received.subject)

    def has_edges(self, plural: str) -> bool:
        """Whether both sides are known for this resource."""
        return plural in self.incoming.peer


def _workload_labels(prefix: str = "") -> Labels:
    """The labels ``namespace``, ``pod``, ``deployment`` and so on, each with a prefix."""
    namespace = f"{prefix}namespace"
    kinds = {"pods": "pod", "deployments": "deployment", "statefulsets": "statefulset", "daemonsets": "daemonset"}
    names = {plural: (namespace, f"{prefix}{label}") for plural, label in kinds.items()}
    return {**names, "namespaces": (namespace,)}


def _istio_labels(end: str) -> Labels:
    namespace = f"{end}_workload_namespace"
    return {"deployments": (namespace, f"{end}_workload"), "namespaces": (namespace,)}


_AT_DESTINATION = ('reporter="destination"',)

ISTIO = Profile(
    name="istio",
    requests="istio_requests_total",
    latencies="istio_request_duration_milliseconds_bucket",
    milliseconds=1.0,
    failures=(("response_code", "5..|0"), ("grpc_response_status", _GRPC_FAILURES)),
    received=View(_AT_DESTINATION, SERVER, {"pods": ("namespace", "pod"), **_istio_labels("destination")}),
    incoming=View(_AT_DESTINATION, SERVER, _istio_labels("destination"), _istio_labels("source")),
    outgoing=View(_AT_DESTINATION, SERVER, _istio_labels("source"), _istio_labels("destination")),
    nobody="unknown",
)

_OUTBOUND = ('direction="outbound"',)

LINKERD = Profile(
    name="linkerd",
    requests="response_total",
    latencies="response_latency_ms_bucket",
    milliseconds=1.0,
    failures=(("classification", "failure"),),
    received=View(('direction="inbound"',), SERVER, _workload_labels()),
    incoming=View(_OUTBOUND, CLIENT, _workload_labels("dst_"), _workload_labels()),
    outgoing=View(_OUTBOUND, CLIENT, _workload_labels(), _workload_labels("dst_")),
)

HTTP = Profile(
    name="http",
    requests="http_requests_total",
    latencies="http_request_duration_seconds_bucket",
    milliseconds=1000.0,
    failures=(("code", "5.."),),
    received=View((), SERVER, _workload_labels()),
    incoming=View((), SERVER, _workload_labels(), _workload_labels("source_")),
    outgoing=View((), SERVER, _workload_labels("source_"), _workload_labels()),
)

PROFILES: Dict[str, Profile] = {profile.name: profile for profile in (ISTIO, LINKERD, HTTP)}
