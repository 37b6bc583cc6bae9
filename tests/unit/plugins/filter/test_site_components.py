# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choice of components."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter.site_components import site_components

KNOWN = ["cluster", "crds", "tenancy"]


@pytest.mark.parametrize("nothing", [None, "", [], " "])
def test_nothing_asked_for_means_all(nothing: Any) -> None:
    assert site_components(nothing, KNOWN) == KNOWN


@pytest.mark.parametrize("asked", [["tenancy", "cluster"], "tenancy,cluster", "tenancy, cluster"])
def test_the_order_is_that_of_all_components(asked: Any) -> None:
    assert site_components(asked, KNOWN) == ["cluster", "tenancy"]


def test_a_slip_of_the_pen() -> None:
    with pytest.raises(AnsibleFilterError, match="no component 'tenance'; did you mean tenancy"):
        site_components("tenance", KNOWN)
