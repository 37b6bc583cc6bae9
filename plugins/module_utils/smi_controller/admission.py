# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validating webhook: what breaks a rule by itself or among the other objects is not let in.

What is not there yet (a service, a route, an account) is a warning only: whoever applies a folder of files
applies them in any order. The policies refuse single objects by most of the same rules without this program.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.conversion import NotAReview

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"
_LONGEST_WARNING = 250
"""Characters: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response"""


def asked(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked in an AdmissionReview. Raises NotAReview."""
    found = request.get("request")
    if request.get("kind") != KIND or request.get("apiVersion") != API_VERSION or not isinstance(found, Mapping):
        raise NotAReview(f"this is no {KIND} of {API_VERSION} with a request")
    return found


def answer(request: Mapping[str, Any], refused: Sequence[Finding], warned: Sequence[Finding]) -> Dict[str, Any]:
    """The AdmissionReview that answers what was asked."""
    response: Dict[str, Any] = {"uid": request.get("uid"), "allowed": not refused}
    if refused:
        message = "; ".join(_told(each) for each in refused)
        response["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if warned:
        response["warnings"] = [_shortened(_told(each)) for each in warned]
    return {"apiVersion": API_VERSION, "kind": KIND, "response": response}


def refusals(obj: Mapping[str, Any], around: Surroundings, provider: str) -> List[Finding]:
    """Why the object cannot be let in, whatever is still to come."""
    return _errors(check([obj], replace(around, known=frozenset()), provider))


def warnings(obj: Mapping[str, Any], around: Surroundings, provider: str, refused: Sequence[Finding]) -> List[Finding]:
    """What else is to be said about it: what it names and is not there."""
    found = [each for each in check([obj], around, provider) if each.severity in (Severity.ERROR, Severity.WARNING)]
    return [each for each in found if each not in refused]


def _errors(findings: Sequence[Finding]) -> List[Finding]:
    return [each for each in findings if each.severity is Severity.ERROR]


def _told(finding: Finding) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in (finding.message, finding.why, finding.mend) if part)


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST_WARNING else f"{message[: _LONGEST_WARNING - 3]}..."
