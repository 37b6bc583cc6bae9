# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter helm_release: from what Helm prints to objects."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.filter.helm_release import helm_release

ONE = """
---
# Source: web/templates/empty.yaml
---
# Source: web/templates/one.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {text: "KEY"}
"""


def test_from_text_to_objects() -> None:
    found = helm_release(ONE, "shop", again=ONE.replace("KEY", "other"))
    ((namespace, one),) = found["stages"]
    assert (namespace["kind"], one["metadata"]) == ("Namespace", {"name": "one", "namespace": "shop"})
    assert found["unsteady"] == ["ConfigMap one"]
    assert helm_release(ONE, "shop", False)["stages"] == [[one]]


@pytest.mark.parametrize(
    ("text", "told"),
    [("a: [", "YAML error"), ("- list", "renders what is no object"), ("kind: X", "renders what is no object")],
)
def test_what_is_no_chart(text: str, told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=told):
        helm_release(text, "shop")
