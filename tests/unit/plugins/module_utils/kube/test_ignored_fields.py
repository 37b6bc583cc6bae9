# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that are left to others."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import (
    IgnoredField,
    without_ignored,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey

KEY = ObjectKey("apps", "Deployment", "shop", "web")


def body() -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "annotations": {"a.b/c": "1", "d": "2"}},
        "spec": {"replicas": 2, "webhooks": [{"name": "x", "clientConfig": {"caBundle": "y"}}, {"name": "z"}]},
    }


def test_leaves_out_what_is_named_and_nothing_else() -> None:
    given = body()
    ignored = [
        IgnoredField("Deployment", "spec.replicas"),
        IgnoredField("Deployment", "spec.webhooks.clientConfig.caBundle"),
        IgnoredField("Deployment", r"metadata.annotations.a\.b/c"),
        IgnoredField("Deployment", "spec.not.there"),
        IgnoredField("StatefulSet", "spec"),
        IgnoredField("Deployment", "spec", name="other"),
        IgnoredField("Deployment", "spec", namespace="other"),
    ]
    assert without_ignored(given, KEY, ignored) == {
        "metadata": {"name": "web", "annotations": {"d": "2"}},
        "spec": {"webhooks": [{"name": "x", "clientConfig": {}}, {"name": "z"}]},
    }
    assert given == body()


def test_hands_through_an_object_that_has_none() -> None:
    given = body()
    assert without_ignored(given, KEY, [IgnoredField("Service", "spec")]) is given
