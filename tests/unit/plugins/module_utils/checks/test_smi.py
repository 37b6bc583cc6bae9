# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import CRD, DEPLOYMENT
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.registry import run
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds


def found(versions: dict[str, list[str]], *consumers: str) -> dict[str, Severity]:
    definitions: list[Any] = [
        {**crd, "status": {"storedVersions": [crd["spec"]["versions"][-1]["name"]]}} for crd in crds(versions)
    ]
    objects = {CRD: definitions, DEPLOYMENT: []}
    return {each.id: each.severity for each in run([{"check": "smi", "consumers": list(consumers)}], objects)}


def test_what_goes_together() -> None:
    assert found({"split": ["v1alpha4"]}) == {"smi-crds": Severity.OK}


def test_a_consumer_whose_version_is_not_served() -> None:
    assert found({"split": ["v1alpha4"]}, "flagger:smi:v1alpha3")["smi-info-not-served"] is Severity.ERROR


def test_a_consumer_that_has_ended() -> None:
    assert found({"split": ["v1alpha1"]}, "linkerd-smi")["smi-consumer-ended"] is Severity.WARNING


def test_nothing_is_said_where_there_is_no_smi() -> None:
    assert run([{"check": "smi", "consumers": []}], {CRD: [], DEPLOYMENT: []}) == []
