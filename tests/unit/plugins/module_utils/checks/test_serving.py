# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of what the API server asks, and of conversion webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.beside import beside
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import API_SERVICE, CRD, DEPLOYMENT
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.serving import serving
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.smi_conversion import smi_conversion
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding

NOTHING: dict[str, Any] = {"deployments": [], "processes": {}, "api_services": [], "certificates": []}
API = "v1alpha1.metrics.smi-spec.io"
SPLITS = "trafficsplits.split.smi-spec.io"


def found(objects: dict[Any, list[Any]] | None = None, **asked: Any) -> list[Finding]:
    return list(serving({DEPLOYMENT: [], API_SERVICE: [], **(objects or {})}, {**NOTHING, **asked}))


def severities(findings: list[Finding]) -> list[str]:
    return [each.severity.value for each in findings]


def test_a_program_is_available_or_not() -> None:
    there = {"metadata": {"namespace": "smi-system", "name": "smi-controller"}, "status": {"availableReplicas": 2}}
    names = ["smi-system/smi-controller", "smi-system/smi-metrics"]
    assert severities(found({DEPLOYMENT: [there]}, deployments=names)) == ["ok", "error"]
    assert severities(found(processes={"smi-controller": True, "smi-metrics": False})) == ["ok", "error"]


def test_a_program_beside_the_cluster_is_ready_or_not() -> None:
    well, ill = beside({}, {"processes": {"prometheus": True, "other": False}})
    assert severities([well, ill]) == ["ok", "error"]
    assert "logs/process-other.log" in ill.mend


@pytest.mark.parametrize(
    ("api_services", "severity", "message"),
    [
        ([], "error", "there is none"),
        ([{"metadata": {"name": API}}], "error", "not looked at yet"),
        ([{"metadata": {"name": API}, "status": {"conditions": [{"type": "Available", "status": "True"}]}}], "ok", ""),
        (
            [
                {
                    "metadata": {"name": API},
                    "status": {"conditions": [{"type": "Available", "status": "False", "message": "no endpoints"}]},
                }
            ],
            "error",
            "no endpoints",
        ),
    ],
)
def test_an_api_service_tells_why_it_is_not_available(api_services: Any, severity: str, message: str) -> None:
    (finding,) = found({API_SERVICE: api_services}, api_services=[API])
    assert finding.severity.value == severity
    assert message in finding.message


def test_a_certificate_is_told_of_before_it_expires() -> None:
    certificates = [
        {"subject": "Secret a", "days_left": days_left, "renewed_at": 30} for days_left in ("90.5", 29.9, -0.1)
    ]
    assert severities(found(certificates=certificates)) == ["ok", "warning", "error"]


def test_a_crd_has_the_webhook_that_is_meant() -> None:
    service = {"namespace": "smi-system", "name": "smi-controller"}
    converted = {
        "metadata": {"name": SPLITS},
        "spec": {
            "versions": [{"name": "v1alpha4", "served": True}],
            "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": service}}},
        },
    }
    plain = {**converted, "spec": {**converted["spec"], "conversion": {"strategy": "None"}}}
    for crd, service_name, severity in (
        (converted, "smi-system/smi-controller", "ok"),
        (converted, "", "ok"),
        (converted, "osm-system/osm-bootstrap", "error"),
        (plain, "smi-system/smi-controller", "error"),
        (plain, "", "warning"),
    ):
        (finding,) = smi_conversion({CRD: [crd]}, {"definitions": [SPLITS], "service": service_name})
        assert finding.severity.value == severity
    assert severities(list(smi_conversion({CRD: []}, {"definitions": [SPLITS], "service": "a/b"}))) == ["error"]
