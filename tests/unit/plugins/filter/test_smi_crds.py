# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter smi_crds as a template calls it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter import smi_crds

FILTER = smi_crds.FilterModule().filters()["smi_crds"]


def test_definitions_survive_yaml_unchanged_and_without_anchors() -> None:
    made = FILTER({"split": ["v1alpha4"], "access": ["v1alpha3"], "specs": ["v1alpha4"]})
    text = yaml.safe_dump(made)
    assert yaml.safe_load(text) == made
    assert "&id" not in text
    assert [definition["spec"]["names"]["kind"] for definition in made] == [
        "TrafficSplit",
        "TrafficTarget",
        "HTTPRouteGroup",
        "TCPRoute",
        "UDPRoute",
    ]


@pytest.mark.parametrize("versions", ["v1alpha4", ["v1alpha4"], None, 4])
def test_only_a_mapping_will_do(versions: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="needs a mapping of group to versions"):
        FILTER(versions)


def test_an_unknown_version_becomes_an_error_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match=r"version 'v1alpha9' of split\.smi-spec\.io cannot be served"):
        FILTER({"split": ["v1alpha9"]})


def test_versions_that_differ_need_a_conversion_webhook() -> None:
    with pytest.raises(AnsibleFilterError, match=r"smi_crds: .*conversion webhook"):
        FILTER({"split": ["v1alpha1", "v1alpha2"]}, conversion={})
    client = {"url": "https://webhook.example/convert"}
    (made,) = FILTER({"split": ["v1alpha1", "v1alpha2"]}, conversion=client)
    assert made["spec"]["conversion"]["webhook"]["clientConfig"] == client


def test_arguments_reach_the_definitions() -> None:
    made = FILTER({"specs": ["v1alpha4"]}, headers="map", short_names=False, unserved={"specs": ["v1alpha3"]})
    assert all("shortNames" not in definition["spec"]["names"] for definition in made)
    group = made[0]["spec"]["versions"]
    assert [(version["name"], version["served"]) for version in group] == [("v1alpha3", False), ("v1alpha4", True)]
    match = group[1]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["matches"]["items"]
    assert match["properties"]["headers"]["type"] == "object"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"headers": "dict"}, "headers has no shape 'dict'; write one of: list, map, any"),
        ({"conversion": "https://webhook"}, "conversion is 'https://webhook'; write a mapping"),
        ({"unserved": ["v1alpha1"]}, r"unserved is \['v1alpha1'\]; write a mapping"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        FILTER({"specs": ["v1alpha4"]}, **arguments)


def test_the_documentation_is_yaml_and_names_the_filter() -> None:
    assert yaml.safe_load(smi_crds.DOCUMENTATION)["name"] == "smi_crds"
    assert yaml.safe_load(smi_crds.EXAMPLES)
    assert yaml.safe_load(smi_crds.RETURN)["_value"]["type"] == "list"
