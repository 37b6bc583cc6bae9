# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences show what a person wrote, and never a secret."""

from __future__ import annotations

import base64
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import (
    diff_applied,
    diff_removed,
    diff_unverified,
    same_content,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import project

OWNED = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:containers": {
            'k:{"name":"web"}': {".": {}, "f:name": {}, "f:image": {}, "f:args": {}},
        },
        "f:finalizers": {'v:"x"': {}},
    },
}


def live(image: str, manager: str = "us", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {
            "name": "web",
            "uid": "u",
            "resourceVersion": "7",
            "labels": {"app": "web", "other": "1"},
            "managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": OWNED}],
            **metadata,
        },
        "spec": {
            "containers": [{"name": "proxy"}, {"name": "web", "image": image, "args": ["a"], "pullPolicy": "Always"}],
            "finalizers": ["x", "y"],
            "defaulted": True,
        },
        "status": {"phase": "Fine"},
    }


WRITTEN = """\
apiVersion: v1
kind: Thing
metadata:
  labels:
    app: web
  name: web
spec:
  containers:
  - args:
    - a
    image: {image}
    name: web
  finalizers:
  - x
"""


def test_shows_what_the_manager_wrote_before_and_after() -> None:
    diff = diff_applied(live("old"), live("new"), "us")
    assert diff["before"] == WRITTEN.format(image="old")
    assert diff["after"] == WRITTEN.format(image="new")
    assert diff["before_header"] == diff["after_header"] == "Thing web"


def test_shows_the_old_values_of_fields_that_are_taken_up() -> None:
    diff = diff_applied(live("old", manager="them"), live("new"), "us")
    assert diff["before"] == WRITTEN.format(image="old")


def test_shows_nothing_before_a_new_object() -> None:
    assert diff_applied(None, live("new"), "us")["before"] == ""


def test_projects_by_index() -> None:
    assert project(["a", "b", "c"], {"i:1": {}}) == ["b"]


def secret(password: str) -> dict[str, Any]:
    owned = {"f:data": {".": {}, "f:password": {}, "f:user": {}}}
    data = {name: base64.b64encode(value.encode()).decode() for name, value in (("password", password), ("user", "u"))}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "managedFields": [{"manager": "us", "operation": "Apply", "fieldsV1": owned}]},
        "data": data,
    }


def test_masks_secrets_but_tells_which_key_changed() -> None:
    diff = diff_applied(secret("one"), secret("two"), "us")
    assert "password: '*** (before)'\n  user: '***'" in diff["before"]
    assert "password: '*** (after)'\n  user: '***'" in diff["after"]
    everything = str([diff, diff_unverified(secret("one"), "s"), diff_removed(secret("one"))])
    assert base64.b64encode(b"one").decode() not in everything
    assert base64.b64encode(b"two").decode() not in everything


def test_tells_bookkeeping_from_content() -> None:
    before = live("a")
    after = live("a", resourceVersion="8", generation=3)
    after["status"] = {"phase": "Other"}
    assert same_content(before, after)
    assert not same_content(before, live("b"))
    assert not same_content(before, live("a", labels={"app": "web"}))
