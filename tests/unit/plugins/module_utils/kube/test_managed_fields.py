# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a label is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applies_label

LABEL = "example.com/part-of"


def entry(operation: str, *labels: str) -> dict[str, Any]:
    fields = {f"f:{label}": {} for label in labels}
    return {"manager": "m", "operation": operation, "fieldsV1": {"f:metadata": {"f:labels": fields}}}


@pytest.mark.parametrize(
    ("entries", "applied"),
    [
        ([entry("Apply", "a", LABEL)], True),
        ([entry("Update", LABEL), entry("Apply", LABEL)], True),
        ([entry("Update", LABEL)], False),
        ([entry("Apply", "a")], False),
        ([{"manager": "m", "operation": "Apply", "fieldsV1": {}}], False),
        ([{"manager": "m", "operation": "Apply"}], False),
        ([], False),
        (None, False),
    ],
)
def test_a_label_is_applied_by_who_owns_it_through_an_apply(entries: Any, applied: bool) -> None:
    assert applies_label({"managedFields": entries}, LABEL) is applied
    assert not applies_label({}, LABEL)
