# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test smi_valid."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.servicemesh.platform.plugins.test.smi_valid import smi_valid


def split(weight: Any) -> dict[str, Any]:
    spec = {"service": "web", "backends": [{"service": "web-v1", "weight": weight}]}
    return {"apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit", "metadata": {"name": "s"}, "spec": spec}


@pytest.mark.parametrize("value", [split(80), [split(80), split(0)], []])
def test_valid(value: Any) -> None:
    assert smi_valid(value)


@pytest.mark.parametrize("value", [split(-1), [split(80), split("1000m")], {"kind": "Pod"}, "text", None, [1]])
def test_not_valid(value: Any) -> None:
    assert not smi_valid(value)


def test_unknown_provider() -> None:
    with pytest.raises(AnsibleError, match="smi_valid: 'kuma' is no provider"):
        smi_valid(split(1), "kuma")
