# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Istio's control plane serves its mesh."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio import (
    INJECTOR,
    NAMESPACE,
    istio,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import DEPLOYMENT
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding

ASKED: dict[str, Any] = {
    "namespace": "istio-system",
    "deployment": "istiod",
    "plays": False,
    "lacks_filters": False,
    "authority": {"problem": "", "days_left": 400.0, "root_days_left": 3000.0},
}
READY = {"metadata": {"namespace": "istio-system", "name": "istiod"}, "status": {"readyReplicas": 3}}


def injector(bundle: str, service: str = "istiod") -> dict[str, Any]:
    client = {"service": {"namespace": "istio-system", "name": service}, "caBundle": bundle}
    return {"metadata": {"name": f"injector-of-{service}"}, "webhooks": [{"clientConfig": client}]}


def found(
    deployments: list[Any] | None = None,
    injectors: list[Any] | None = None,
    spaces: list[Any] | None = None,
    **asked: Any,
) -> dict[str, Finding]:
    objects = {
        DEPLOYMENT: [READY] if deployments is None else deployments,
        INJECTOR: [injector("LS0t")] if injectors is None else injectors,
        NAMESPACE: spaces or [],
    }
    return {each.id: each for each in istio(objects, {**ASKED, **asked})}


def severities(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: each.severity.value for name, each in findings.items()}


def test_all_is_well() -> None:
    assert severities(found()) == {"istiod-runs": "ok", "sidecar-injector": "ok", "mesh-authority": "ok"}


@pytest.mark.parametrize("deployments", [[], [{**READY, "status": {}}]])
def test_no_istiod_is_an_error(deployments: list[Any]) -> None:
    assert found(deployments)["istiod-runs"].severity.value == "error"


def test_an_injector_without_a_certificate_is_an_error_and_that_of_another_istiod_no_business() -> None:
    assert found(injectors=[injector("")])["sidecar-injector"].severity.value == "error"
    assert "sidecar-injector" not in found(injectors=[injector("", "istiod-canary")])


def test_where_kwok_plays_the_pods_nothing_can_be_expected() -> None:
    told = severities(found([], [], plays=True))
    assert told == {"istiod-runs": "info", "mesh-authority": "ok"}


@pytest.mark.parametrize(("days", "severity"), [(61.0, "ok"), (60.0, "warning"), (0.0, "error"), (-1.0, "error")])
def test_an_authority_near_its_end(days: float, severity: str) -> None:
    told = found(authority={"problem": "", "days_left": days, "root_days_left": 3000.0})
    assert told["mesh-authority"].severity.value == severity
    assert "mesh-root" not in told


@pytest.mark.parametrize(("days", "severity"), [(180.0, "warning"), (0.0, "error")])
def test_a_root_near_its_end(days: float, severity: str) -> None:
    told = found(authority={"problem": "", "days_left": min(days, 100.0), "root_days_left": days})
    assert told["mesh-root"].severity.value == severity


def test_an_authority_that_cannot_sign_is_an_error_that_says_why() -> None:
    told = found(authority={"problem": "tls.crt is missing", "days_left": 0, "root_days_left": 0})["mesh-authority"]
    assert (told.severity.value, told.message) == ("error", "tls.crt is missing")


def test_images_without_the_filters_of_istio_are_told() -> None:
    assert "mesh_images" in found(lacks_filters=True)["istio-metrics"].mend


@pytest.mark.parametrize(
    ("labels", "annotations", "twice"),
    [
        ({"istio-injection": "enabled"}, {}, False),
        ({"istio-injection": "disabled", "istio.io/rev": "canary"}, {}, False),
        ({"istio-injection": "enabled", "istio.io/rev": "canary"}, {}, True),
        ({"istio-injection": "enabled"}, {"linkerd.io/inject": "enabled"}, True),
    ],
)
def test_namespaces_of_two_injectors(labels: dict[str, str], annotations: dict[str, str], twice: bool) -> None:
    space = {"metadata": {"name": "shop", "labels": labels, "annotations": annotations}}
    assert ("injected-twice" in found(spaces=[space])) is twice


def leading(name: str, service: str, asked: str, path: str = "/inject") -> dict[str, Any]:
    """An injector for namespaces with the label istio.io/rev, or istio-injection: enabled, as the chart writes it."""
    client = {"service": {"namespace": "istio-system", "name": service, "path": path}, "caBundle": "LS0t"}
    absent = {"key": "istio-injection", "operator": "DoesNotExist"}
    terms = [{"key": "istio.io/rev", "operator": "In", "values": [asked]}, absent]
    if asked == "default":
        terms = [{"key": "istio-injection", "operator": "In", "values": ["enabled"]}]
    opted_out = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
    webhook = {
        "clientConfig": client,
        "namespaceSelector": {"matchExpressions": terms},
        "objectSelector": {"matchExpressions": [opted_out]},
    }
    return {"metadata": {"name": name}, "webhooks": [webhook]}


@pytest.mark.parametrize(
    ("second", "labels", "twice"),
    [
        (leading("tag-default", "istiod-canary", "default"), {"istio-injection": "enabled"}, True),
        (leading("tag-stable", "istiod-canary", "stable"), {"istio.io/rev": "stable"}, True),
        (leading("tag-stable", "istiod-canary", "stable"), {"istio-injection": "enabled"}, False),
        (leading("canary", "istiod-canary", "canary"), {"istio.io/rev": "canary"}, False),
        # Two ways to the same istiod are one, and what does something else to pods is no injector.
        (leading("again", "istiod-stable", "stable"), {"istio.io/rev": "stable"}, False),
        (leading("other", "other", "stable", "/mutate"), {"istio.io/rev": "stable"}, False),
    ],
)
def test_a_label_that_two_istiods_answer(second: dict[str, Any], labels: dict[str, str], twice: bool) -> None:
    space = {"metadata": {"name": "shop", "labels": labels}}
    first = [leading("default", "istiod", "default"), leading("stable", "istiod-stable", "stable")]
    told = found(injectors=[*first, second], spaces=[space])
    assert ("injected-twice" in told) is twice
    if twice:
        assert f"and {second['metadata']['name']}" in told["injected-twice"].message
