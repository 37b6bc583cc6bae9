# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the tests."""

from __future__ import annotations

from typing import Any

ALL_PATHS = {"path": {"type": "PathPrefix", "value": "/"}}


def service(name: str, namespace: str, port: int = 8080) -> dict[str, Any]:
    """A Service with one HTTP port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"name": "http", "port": port}], "selector": {"app": name}},
    }


def split(name: str, namespace: str, version: str = "v1alpha2", service: str = "", **weights: Any) -> dict[str, Any]:
    """A TrafficSplit over the services ``<name>-<key>``."""
    root = service or name
    backends = [{"service": f"{root}-{key}", "weight": weight} for key, weight in weights.items()]
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"service": root, "backends": backends},
    }


def services(root: str, namespace: str, *keys: str) -> list[dict[str, Any]]:
    """The Services of a split."""
    return [service(root, namespace), *(service(f"{root}-{key}", namespace) for key in keys)]


def weights(route: dict[str, Any]) -> list[tuple[str, int]]:
    """The backends of the only rule of an HTTPRoute."""
    (rule,) = route["spec"]["rules"]
    return [(each["name"], each["weight"]) for each in rule["backendRefs"]]
