# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter smi_convert: one object or a list, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter.smi_convert import EXAMPLES, smi_convert
from jinja2.nativetypes import NativeEnvironment

SPLIT = {
    "apiVersion": "split.smi-spec.io/v1alpha2",
    "kind": "TrafficSplit",
    "metadata": {"name": "backend"},
    "spec": {"service": "backend", "backends": [{"service": "backend-v1", "weight": 80}]},
}


def test_one_object_and_a_list() -> None:
    expected = {**SPLIT, "apiVersion": "split.smi-spec.io/v1alpha4"}
    assert smi_convert(SPLIT, "v1alpha4") == expected
    assert smi_convert([SPLIT, SPLIT], "v1alpha4") == [expected, expected]


@pytest.mark.parametrize(
    ("objects", "options", "message"),
    [
        ("text", {}, "needs an object or a list of objects, not 'text'"),
        ([7], {}, "7 is no object"),
        (SPLIT, {"version": "v1"}, "TrafficSplit has no version 'v1'"),
        (SPLIT, {"headers": "set"}, "'set' is no shape of headers; write list or map"),
        ({"apiVersion": "v1", "kind": "Service"}, {}, "Service of v1 is no SMI object"),
        ({**SPLIT, "metadata": "x"}, {}, "TrafficSplit: metadata: 'x' is no mapping; write one"),
    ],
)
def test_what_is_refused(objects: Any, options: dict[str, str], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        smi_convert(objects, **{"version": "v1alpha4", **options})


def example(number: int) -> Any:
    """What the template of an example gives."""
    task = yaml.safe_load(EXAMPLES)[number]
    environment = NativeEnvironment(autoescape=False)
    environment.filters["servicemesh.platform.smi_convert"] = smi_convert
    return environment.from_string(task["ansible.builtin.debug"]["msg"]).render(task["vars"])


def test_the_example_keeps_the_ratio() -> None:
    assert [backend["weight"] for backend in example(0)["spec"]["backends"]] == [1500, 500]


def test_the_example_writes_headers_as_a_mapping() -> None:
    (group,) = example(1)
    assert group["apiVersion"] == "specs.smi-spec.io/v1alpha3"
    assert group["spec"]["matches"][0]["headers"] == {"user-agent": "Mozilla/.*"}
