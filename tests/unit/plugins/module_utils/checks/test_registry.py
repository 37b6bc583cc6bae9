# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for checks by name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks import registry
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import CRD, NODE

ZONES = {"check": "zones", "nodes": [], "region": "", "zones": []}


def test_what_is_asked_for_wrongly_is_told() -> None:
    asked = [{"check": "none"}, {"check": ["zones"]}, {}, {**ZONES, "extra": 1}, ZONES]
    told = registry.complaints(asked)
    assert [text.partition(";")[0] for text in told] == [
        "check: 'none' is not known",
        "check: ['zones'] is not known",
        "check: None is not known",
        "check zones: parameter extra is not known",
    ]


def test_each_kind_is_needed_once() -> None:
    version = {"check": "gateway_api", "minimum": "1.4", "channel": "standard"}
    assert registry.needs([ZONES, ZONES, version]) == {NODE, CRD}


@pytest.mark.parametrize(
    "check",
    [
        {**ZONES, "nodes": [{"name": "x"}]},
        {**ZONES, "nodes": "text"},
        {**ZONES, "zones": 5},
        {"check": "scaling", "workloads": [{}]},
    ],
)
def test_parameters_that_a_check_cannot_use_are_a_value_error(check: dict[str, Any]) -> None:
    objects: dict[Any, Any] = {kind: [] for kind in registry.needs([check])}
    with pytest.raises(ValueError, match=rf"check {check['check']} cannot be run with these parameters \("):
        registry.run([check], objects)
