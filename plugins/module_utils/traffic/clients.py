# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that send: what they are made of (pure).

Each is a Job's, which the cluster ends and removes by itself when nobody else does. They meet the restricted profile of
the Pod Security Standards, and have requests and limits, so that they may run in a namespace with a quota.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import ZONE_LABEL

CONTAINER = "traffic-probe"
PROGRAM = "/traffic-probe"
RUN_LABEL = "servicemesh.platform/traffic-probe"
ZONE_OF_CLIENT = "servicemesh.platform/traffic-zone"
FIELD_MANAGER = "servicemesh.platform/traffic"
GRACE = 30
"""Seconds that a Job gets beyond the time of the probe."""
_USER = 65532


@dataclass(frozen=True)
class Clients:
    """Where and as whom pods that are made run. lifetime: seconds after which they end by themselves."""

    namespace: str
    service_account: str
    image: str
    labels: Mapping[str, str]
    lifetime: int


def job(clients: Clients, name: str, run: str, zone: str) -> Dict[str, Any]:
    """The Job of one zone. run: what tells the pods of this run from those of others."""
    labels = {"app.kubernetes.io/name": CONTAINER, RUN_LABEL: run, ZONE_OF_CLIENT: zone}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": clients.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": clients.lifetime,
            "ttlSecondsAfterFinished": GRACE,
            "template": {"metadata": {"labels": {**clients.labels, **labels}}, "spec": _pod(clients, zone)},
        },
    }


def _pod(clients: Clients, zone: str) -> Dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": clients.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "nodeSelector": {ZONE_LABEL: zone},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": clients.image,
                "args": ["wait"],
                "resources": {
                    "requests": {"cpu": "20m", "memory": "32Mi"},
                    "limits": {"cpu": "500m", "memory": "128Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
