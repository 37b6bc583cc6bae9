# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what the API server asks answers, webhooks and extension API servers, and how long certificates last."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    API_SERVICE,
    DEPLOYMENT,
    Check,
    Objects,
    condition,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed

_WHY = "The API server asks it. Without an answer {what}."


def serving(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about programs, APIServices and certificates.

    ``deployments`` (namespace/name) and ``processes`` (name to whether it is ready) are the programs, ``api_services``
    the names of APIServices. ``certificates`` have ``subject``, ``days_left`` and ``renewed_at``, the days left at
    which the next run makes a new one.
    """
    deployments = {name_of(each): each for each in objects[DEPLOYMENT]}
    for name in parameters["deployments"]:
        status = (deployments.get(name) or {}).get("status") or {}
        yield _program(f"Deployment {name}", int(status.get("availableReplicas") or 0))
    for name, is_ready in parameters["processes"].items():
        yield _program(f"process {name}", int(bool(is_ready)))
    for name in parameters["api_services"]:
        yield _api_service(name, objects)
    for each in parameters["certificates"]:
        yield _certificate(str(each["subject"]), float(each["days_left"]), float(each["renewed_at"]))


def _program(subject: str, available: int) -> Finding:
    if available:
        return passed("webhook-answers", subject, f"{available} available")
    return Finding(
        "webhook-answers",
        Severity.ERROR,
        subject,
        "nothing of it is available",
        _WHY.format(what="objects can be read in the stored version only, and only policies refuse what is illegal"),
        "See its log, and run the component smi_controller again.",
    )


def _api_service(name: str, objects: Objects) -> Finding:
    found = next((each for each in objects[API_SERVICE] if each["metadata"]["name"] == name), None)
    available = condition(found, "Available") if found else {}
    if available.get("status") == "True":
        return passed("api-service-available", f"APIService {name}", "available")
    reason = str(available.get("message") or ("not looked at yet" if found else "there is none"))
    return Finding(
        "api-service-available",
        Severity.ERROR,
        f"APIService {name}",
        f"not available: {reason}",
        _WHY.format(what="namespaces that are deleted stay, and clients that list all APIs are told of an error"),
        f"Have the program behind it answer, or delete it: kubectl delete apiservice {name}",
    )


def _certificate(subject: str, days_left: float, renewed_at: float) -> Finding:
    if days_left > renewed_at:
        return passed("certificate-lasts", subject, f"{int(days_left)} days left")
    is_over = days_left <= 0
    return Finding(
        "certificate-lasts",
        Severity.ERROR if is_over else Severity.WARNING,
        subject,
        "it has expired" if is_over else f"{int(days_left)} days left",
        _WHY.format(what="neither conversion nor validation works"),
        "Run the component smi_controller, which renews its own; one of somebody else has to be renewed there.",
    )


CHECK = Check(
    "serving", (API_SERVICE, DEPLOYMENT), ("api_services", "certificates", "deployments", "processes"), serving
)
