# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program tells Prometheus of itself."""

from __future__ import annotations

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
except ImportError:  # the program checks for it: see ``serving.arguments.require_packages``
    CollectorRegistry = None  # type: ignore[assignment, misc]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Telemetry:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "smi_metrics_requests",
            "Requests, by what was asked for and the status of the answer.",
            ["resource", "code"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "smi_metrics_request_duration_seconds",
            "Seconds for an answer, by what was asked for.",
            ["resource"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.query_seconds = Histogram(
            "smi_metrics_prometheus_query_duration_seconds",
            "Seconds for a query of Prometheus, by whether it gave an answer.",
            ["outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.reviews = Counter(
            "smi_metrics_reviews",
            "Reviews that the API server was asked for (who somebody is, and what they may do), by outcome.",
            ["review", "outcome"],
            registry=self.registry,
        )
        self.authentication_read = Gauge(
            "smi_metrics_authentication_read_timestamp_seconds",
            "When extension-apiserver-authentication was last read.",
            registry=self.registry,
        )
