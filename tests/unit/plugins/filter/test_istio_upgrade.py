# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter.istio_upgrade import istio_upgrade

ISTIOD = {"metadata": {"name": "istiod", "labels": {}}}
SHOP = {"metadata": {"name": "shop"}}


def test_it_gives_the_plan() -> None:
    found = istio_upgrade([ISTIOD], "green", [SHOP])
    assert found["origin"] == "default"
    assert found["waves"][0]["namespaces"] == ["shop"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([ISTIOD], "green", [SHOP], "shop"), "mesh_upgrade_waves is 'shop'; write a list of lists of namespaces"),
        (([ISTIOD], "green", [SHOP], ["shop"]), "mesh_upgrade_waves is .'shop'.; write a list of lists"),
        (("istiod", "green", [SHOP]), "istio_upgrade needs a list of objects, not 'istiod'"),
        (([ISTIOD], "green", [SHOP], [["other"]]), "mesh_upgrade_waves: other"),
    ],
)
def test_what_it_cannot_take_is_told(arguments: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        istio_upgrade(*arguments)
