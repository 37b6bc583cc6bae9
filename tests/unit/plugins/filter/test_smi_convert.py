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
    ],
)
def test_what_is_refused(objects: Any, options: dict[str, str], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        smi_convert(objects, **{"version": "v1alpha4", **options})


def test_the_example_keeps_the_ratio() -> None:
    (task,) = yaml.safe_load(EXAMPLES)
    found = smi_convert(task["vars"]["split"], "v1alpha3")
    assert [backend["weight"] for backend in found["spec"]["backends"]] == [1500, 500]
