# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TrafficMetrics as a Table of meta.k8s.io/v1: what ``kubectl get`` shows a person."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.quantity import parse
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.model import FAILURES, SUCCESSES

ACCEPTED = "as=Table;v=v1;g=meta.k8s.io"
"""In an Accept header."""

_COLUMNS = (
    ("Name", "string", "name"),
    ("Requests", "string", ""),
    ("Success", "string", ""),
    ("P50", "string", ""),
    ("P90", "string", ""),
    ("P99", "string", ""),
    ("Window", "string", ""),
)
_UNKNOWN = "<none>"


def table(answer: Mapping[str, Any]) -> Dict[str, Any]:
    """A TrafficMetrics or TrafficMetricsList as a Table."""
    objects = answer.get("items", [answer])
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": [
            {"name": name, "type": kind, "format": form, "description": name, "priority": 0}
            for name, kind, form in _COLUMNS
        ],
        "rows": [{"cells": _cells(each), "object": _metadata(each)} for each in objects],
    }


def _cells(each: Mapping[str, Any]) -> List[str]:
    values = {metric["name"]: float(parse(metric["value"])) for metric in each["metrics"]}
    requests = values[SUCCESSES] + values[FAILURES]
    success = f"{values[SUCCESSES] / requests:.1%}" if requests else _UNKNOWN
    latencies = [values.get(f"{quantile}_response_latency") for quantile in ("p50", "p90", "p99")]
    shown = [_UNKNOWN if latency is None else f"{latency:.4g}ms" for latency in latencies]
    return [each["metadata"]["name"], f"{requests:.0f}", success, *shown, each["window"]]


def _metadata(each: Mapping[str, Any]) -> Dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": each["metadata"]}
