# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody carries out TrafficTargets."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.smi_targets import TARGETS, smi_targets
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding


def target(name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": name}}


def found(mesh: str, *names: str, versions: int = 1) -> list[Finding]:
    """versions: in how many the cluster serves each of them."""
    served = {kind: [target(name) for name in names] if at < versions else [] for at, kind in enumerate(TARGETS)}
    return list(smi_targets(served, {"mesh": mesh}))


@pytest.mark.parametrize("versions", [1, len(TARGETS)])
def test_with_the_gateway_api_it_is_told_that_nobody_is_denied_and_what_denies(versions: int) -> None:
    (told,) = found("gateway-api", "a", "b", versions=versions)
    assert told.severity.value == "warning"
    assert told.message == "2 of them are not carried out, and nobody is denied anything by them: shop/a, shop/b"
    assert "smi_controller_mesh" in told.mend


def test_of_many_only_the_first_are_named() -> None:
    (told,) = found("gateway-api", *"abcdefg")
    assert told.message.startswith("7 of them")
    assert told.message.endswith("shop/e, ...")


@pytest.mark.parametrize("mesh", ["istio", "linkerd", "none"])
def test_where_another_translation_is_chosen_there_is_nothing_to_tell(mesh: str) -> None:
    assert found(mesh, "a") == []


def test_without_targets_there_is_nothing_to_tell() -> None:
    assert found("gateway-api") == []
