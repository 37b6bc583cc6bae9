# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the SMI controller, and the rights that follow from its mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.outputs import ALL_OUTPUTS, OUTPUTS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import PROFILES
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import smi_controller
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

ROLE = Path(__file__).parents[5] / "roles" / "smi_controller"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
INVENTORY = Inventory("demo", {}, {})
DIGEST = "@sha256:" + "a" * 64
IMAGE = f"registry.example.com/smi{DIGEST}"
PEM = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"


def typed(**variables: Any) -> dict[str, Any]:
    """The variables as the role gets them; text from a survey among them."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    validated = ArgumentSpecValidator(OPTIONS).validate(
        {**defaults, **{f"smi_controller_{name}": value for name, value in variables.items()}}
    )
    assert not validated.error_messages
    found: dict[str, Any] = validated.validated_parameters
    return found


def told(**variables: Any) -> list[str]:
    return [str(problem) for problem in smi_controller.problems(typed(**variables), INVENTORY)]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"replicas": "3", "policies": "false", "renew_certificates": "true", "certificate_days": "60"},
        {"image": IMAGE},
        {"image_base": f"registry.example.com/python{DIGEST}", "image_python_version": "3.12"},
        {"prometheus": "http://prometheus.monitoring.svc:9090/prometheus"},
        {"prometheus": "embedded"},
        {"certificate_secret": "from-the-pki", "ca_bundle": PEM},
        {"namespace": "kube-system", "create_namespace": False},
        {"registry": "registry.example.com/mesh", "registry_username": "u", "registry_password": "p"},
    ],
)
def test_good_ones(variables: dict[str, Any]) -> None:
    assert told(**variables) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"namespace": "SMI"}, "smi_controller_namespace is 'SMI': write a DNS label"),
        ({"namespace": "kube-system"}, "smi_controller_create_namespace: false"),
        ({"trust_domain": "cluster_local"}, "smi_controller_trust_domain is 'cluster_local'"),
        ({"replicas": "0"}, "smi_controller_replicas is 0: write 1 or more"),
        (
            {"image": "registry.example.com/smi:v1"},
            "smi_controller_image is 'registry.example.com/smi:v1': write it with",
        ),
        ({"image": "smi"}, "smi_controller_image is 'smi'"),
        ({"image_base": f"registry.example.com/python{DIGEST}"}, "smi_controller_image_python_version is ''"),
        ({"image_python_version": "3.12"}, "smi_controller_image_python_version is '3.12'"),
        ({"registry_ca": "/ca.pem"}, "name the registry that smi_controller_registry_ca is for"),
        ({"registry": "registry.example.com", "registry_username": "u"}, "set name and password, or none of them"),
        ({"registry": "registry"}, "smi_controller_registry is 'registry'"),
        ({"prometheus": "prometheus:9090"}, "smi_controller_prometheus is 'prometheus:9090': write its URL"),
        ({"prometheus": "http://prometheus:x"}, "smi_controller_prometheus is 'http://prometheus:x'"),
        ({"certificate_days": 0, "renew_before_days": 0}, "smi_controller_certificate_days is 0"),
        ({"renew_before_days": 90}, "smi_controller_renew_before_days is 90: write fewer days"),
        ({"authority_days": 90}, "smi_controller_authority_days is 90: write more days"),
        ({"certificate_secret": "pki"}, "smi_controller_certificate_secret is 'pki': write it together with"),
        ({"ca_bundle": PEM}, "smi_controller_certificate_secret is '': write it together with"),
        ({"certificate_secret": "pki", "ca_bundle": "MII="}, "smi_controller_ca_bundle is 'MII='"),
        ({"certificate_secret": "smi-controller-tls", "ca_bundle": PEM}, "choose another name"),
        ({"resources": {"limits": {"memory": "much"}}}, "smi_controller_resources.limits.memory is 'much'"),
    ],
)
def test_a_problem_names_the_variable_and_what_is_right(variables: dict[str, Any], expected: str) -> None:
    problems = told(**variables)
    assert any(expected in problem for problem in problems), problems


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    (problem,) = told(prometheus="https://reader:secret@prometheus.example.com")
    assert "secret" not in problem
    assert "leave user and password out" in problem


def test_the_password_of_the_registry_is_not_registered() -> None:
    given = typed(registry="registry.example.com", registry_username="u", registry_password="p")
    assert smi_controller.derived(given, INVENTORY)["registry_password"] == ""


def test_the_choices_are_those_of_the_programs() -> None:
    assert sorted(OPTIONS["smi_controller_mesh"]["choices"]) == sorted(OUTPUTS)
    assert sorted(OPTIONS["smi_controller_prometheus_profile"]["choices"]) == sorted(PROFILES)


@pytest.mark.parametrize("mesh", sorted(OUTPUTS))
def test_it_writes_the_translations_for_its_mesh_only(mesh: str) -> None:
    rules = smi_controller.rules(mesh)

    def may(verb: str) -> set[tuple[str, str]]:
        named = [rule for rule in rules if verb in rule["verbs"]]
        return {(group, plural) for rule in named for group in rule["apiGroups"] for plural in rule["resources"]}

    wanted = {(each.group, each.plural) for each in OUTPUTS[mesh]}
    assert may("create") == may("patch") == wanted | {("", "events")}
    assert may("delete") == {(each.group, each.plural) for each in ALL_OUTPUTS}
    assert not may("update")
    assert not any("secrets" in rule["resources"] or "*" in rule["resources"] for rule in rules)
