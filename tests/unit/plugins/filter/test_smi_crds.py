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
    with pytest.raises(AnsibleFilterError, match=r"version 'v1alpha1' of split\.smi-spec\.io cannot be served"):
        FILTER({"split": ["v1alpha1"]})


def test_the_documentation_is_yaml_and_names_the_filter() -> None:
    assert yaml.safe_load(smi_crds.DOCUMENTATION)["name"] == "smi_crds"
    assert yaml.safe_load(smi_crds.EXAMPLES)
    assert yaml.safe_load(smi_crds.RETURN)["_value"]["type"] == "list"
