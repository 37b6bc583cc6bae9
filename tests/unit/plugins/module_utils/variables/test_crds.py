# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for the variables of the role crds, and that its files agree with one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import newest_versions
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.crds import derived, problems
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

ROLE = Path(__file__).parents[5] / "roles" / "crds"
INVENTORY = Inventory("demo", {}, {})
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"][
    "options"
]


def found(**variables: Any) -> list[str]:
    return [str(problem) for problem in problems({**DEFAULTS, **variables}, INVENTORY)]


def test_the_defaults_are_right() -> None:
    assert found() == []


def test_consumers_that_go_together() -> None:
    assert found(crds_smi_consumers=["flagger:smi:v1alpha3", "istio-smi-controller"]) == []
    webhook = {"url": "https://convert.example.com/convert"}
    assert found(crds_smi_consumers=["linkerd-smi", "flagger:smi:v1alpha3"], crds_smi_conversion=webhook) == []


def test_another_component_may_convert() -> None:
    every = {"split": ["v1alpha1", "v1alpha4"]}
    assert found(crds_smi_versions=every, crds_smi_conversion_by="smi_controller") == []
    told = derived({**DEFAULTS, "crds_smi_versions": every, "crds_smi_conversion_by": "smi_controller"}, INVENTORY)
    assert told["smi_conversion_manager"] == "servicemesh.platform/smi_controller"
    assert crds(told["smi_served"], told["smi_headers"], told["smi_conversion"])[0]["spec"]["conversion"]


def test_what_consumers_need_is_served() -> None:
    told = derived({**DEFAULTS, "crds_smi_consumers": ["flagger:smi:v1alpha3"]}, INVENTORY)
    assert told["smi_served"] == {"split": ["v1alpha3"]}
    assert (told["smi_conversion"], told["smi_conversion_manager"]) == ({}, "")


def test_the_newest_versions_are_the_default() -> None:
    assert DEFAULTS["crds_smi_versions"] == newest_versions()


def test_each_choice_of_version_has_its_pinned_module() -> None:
    folders = {folder.name for folder in (ROLE / "files").glob("gateway-api-*")}
    assert {f"gateway-api-{version}" for version in OPTIONS["crds_gateway_api_version"]["choices"]} == folders


@pytest.mark.parametrize(
    ("variables", "variable", "expected"),
    [
        ({"crds_smi_versions": {"split": ["v1alpha9"]}}, "crds_smi_versions.split is ['v1alpha9']", "v1alpha4"),
        ({"crds_smi_versions": {"splitt": ["v1alpha4"]}}, "crds_smi_versions.splitt", "split, access, specs"),
        (
            {"crds_smi_versions": {"split": ["v1alpha1", "v1alpha4"]}},
            "crds_smi_versions.split is ['v1alpha1', 'v1alpha4']",
            "conversion",
        ),
        ({"crds_smi_consumers": ["nobody"]}, "crds_smi_consumers is ['nobody']", "open-service-mesh"),
        ({"crds_smi_consumers": ["linkerd-smi", "flagger:smi:v1alpha3"]}, "crds_smi_consumers.split", "conversion"),
        (
            {"crds_smi_conversion": {"url": "https://convert"}, "crds_smi_conversion_by": "smi_controller"},
            "crds_smi_conversion is",
            "smi_controller",
        ),
        ({"crds_gateway_api_minimum": "newest"}, "crds_gateway_api_minimum is 'newest'", "1.4.1"),
        (
            {"crds_gateway_api": "require", "crds_gateway_api_source": "/bundle.yaml"},
            "crds_gateway_api_source is '/bundle.yaml'",
            "crds_gateway_api: install",
        ),
    ],
)
def test_a_problem_names_variable_value_and_what_is_allowed(
    variables: dict[str, Any], variable: str, expected: str
) -> None:
    (problem,) = found(**variables)
    assert variable in problem
    assert expected in problem


def test_all_problems_are_told_at_once() -> None:
    assert len(found(crds_smi_versions={"split": ["x"], "access": ["y"]}, crds_gateway_api_minimum="")) == 3
