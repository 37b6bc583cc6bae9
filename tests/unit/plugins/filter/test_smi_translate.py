# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter smi_translate as a template calls it, with the example of its documentation."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter import smi_translate

FILTER = smi_translate.FilterModule().filters()["smi_translate"]


def test_the_example_of_the_documentation() -> None:
    example = yaml.safe_load(smi_translate.EXAMPLES)[0]["vars"]
    made = FILTER([example["split"]], "gateway-api", services=[example["service"]])
    assert made["findings"] == []
    assert [ref["weight"] for ref in made["objects"][0]["spec"]["rules"][0]["backendRefs"]] == [80, 20]
    assert yaml.safe_load(yaml.safe_dump(made)) == made


def test_findings_are_plain_data() -> None:
    example = yaml.safe_load(smi_translate.EXAMPLES)[0]["vars"]
    made = FILTER([example["split"]], "gateway-api")
    assert [(found["id"], found["severity"]) for found in made["findings"]] == [
        ("smi-translation-ports-unknown", "error")
    ]


@pytest.mark.parametrize(
    ("given", "target", "options", "complaint"),
    [
        ({}, "istio", {}, "its input is no list"),
        ([], "istio", {"services": "x"}, "services is no list"),
        ([], "consul", {}, "'consul' is no target"),
    ],
)
def test_wrong_arguments_are_refused(given: Any, target: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AnsibleFilterError, match=complaint):
        FILTER(given, target, **options)
