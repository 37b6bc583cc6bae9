# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller tells Prometheus of itself."""

from __future__ import annotations

from typing import Any, Callable

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
except ImportError:  # the program checks for it: see ``arguments.require_packages``
    CollectorRegistry = Any  # type: ignore[assignment, misc]

_QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_PREFIX = "smi_controller"


class Measures:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            f"{_PREFIX}_webhook_requests", "Requests answered", ["webhook", "result"], registry=self.registry
        )
        self.objects = Counter(f"{_PREFIX}_converted_objects", "Objects converted", registry=self.registry)
        self.seconds = Histogram(
            f"{_PREFIX}_webhook_seconds", "Time to answer", ["webhook"], buckets=_QUICK, registry=self.registry
        )
        self.reconciled = Histogram(f"{_PREFIX}_reconcile_seconds", "Time for a namespace", registry=self.registry)
        self.failures = Counter(f"{_PREFIX}_reconcile_failures", "Namespaces to try again", registry=self.registry)
        self.writes = Counter(
            f"{_PREFIX}_writes", "Objects written for the mesh", ["verb", "result"], registry=self.registry
        )
        self.findings = Gauge(f"{_PREFIX}_findings", "Findings that are told", ["namespace"], registry=self.registry)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Tell a value that is asked for whenever somebody looks."""
        Gauge(f"{_PREFIX}_{name}", text, registry=self.registry).set_function(value)
