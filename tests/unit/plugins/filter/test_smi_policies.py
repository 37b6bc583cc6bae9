# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter smi_policies as a template calls it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter import smi_policies

FILTER = smi_policies.FilterModule().filters()["smi_policies"]


def test_policies_survive_yaml_unchanged_and_without_anchors() -> None:
    made = FILTER({"split": ["v1alpha4"]}, provider="linkerd", headers="map")
    text = yaml.safe_dump(made)
    assert yaml.safe_load(text) == made
    assert "&id" not in text
    assert [each["kind"] for each in made] == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] * 2


def test_warnings_can_be_left_out_and_no_provider_may_be_written_in_any_way() -> None:
    made = FILTER({"split": ["v1alpha4"]}, provider=None, warnings=False)
    assert [each["spec"].get("validationActions") for each in made] == [None, ["Deny"]]


@pytest.mark.parametrize("versions", ["v1alpha4", ["v1alpha4"], None, 4])
def test_only_a_mapping_will_do(versions: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="needs a mapping of group to versions"):
        FILTER(versions)


def test_what_cannot_be_made_becomes_an_error_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="smi_policies: provider: 'x' is no provider"):
        FILTER({"split": ["v1alpha4"]}, provider="x")
