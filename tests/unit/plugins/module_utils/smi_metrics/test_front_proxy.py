# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to believe who asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import front_proxy
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.front_proxy import NotUsable, User

PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
CERTIFICATE = {"subject": ((("organizationName", "kubernetes"),), (("commonName", "front-proxy-client"),))}


def config_map(**changes: Any) -> dict[str, Any]:
    """The ConfigMap as kube-apiserver writes it, with changes by the end of the key."""
    data = {
        "client-ca-file": PEM,
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-client-ca-file": PEM,
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-username-headers": '["X-Remote-User"]',
    }
    data.update({f"requestheader-{key.replace('_', '-')}": value for key, value in changes.items()})
    return {"data": data}


def test_the_user_stands_in_the_headers() -> None:
    found = front_proxy.parse(config_map(uid_headers='["X-Remote-Uid"]'))
    headers = [
        ("x-remote-user", "jane"),
        ("X-Remote-Group", "a"),
        ("x-remote-group", "b"),
        ("X-Remote-Uid", "42"),
        ("X-Remote-Extra-Example.com%2fScopes", "one"),
        ("X-Remote-Extra-Example.com%2FScopes", "two"),
        ("X-Other", "c"),
    ]
    assert found.user(headers) == User("jane", "42", ("a", "b"), (("example.com/scopes", ("one", "two")),))


def test_without_a_name_there_is_nobody() -> None:
    found = front_proxy.parse(config_map())
    assert found.user([("X-Remote-Group", "system:masters")]) is None
    assert found.user([("X-Remote-User", "")]) is None


def test_headers_are_looked_at_in_the_order_of_the_configuration() -> None:
    found = front_proxy.parse(config_map(username_headers=json.dumps(["X-First", "X-Second"])))
    user = found.user([("X-Second", "second"), ("X-First", "first")])
    assert user is not None
    assert user.name == "first"


@pytest.mark.parametrize(
    ("allowed", "certificate", "believed"),
    [
        ('["front-proxy-client"]', CERTIFICATE, True),
        ('["someone", "front-proxy-client"]', CERTIFICATE, True),
        ('["someone"]', CERTIFICATE, False),
        ("[]", CERTIFICATE, True),
        ('["front-proxy-client"]', {"subject": ()}, False),
        ("[]", None, False),
        ("[]", {}, False),
    ],
)
def test_names_that_are_allowed(allowed: str, certificate: Any, believed: bool) -> None:
    assert front_proxy.parse(config_map(allowed_names=allowed)).believes(certificate) is believed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_ca_file": ""}, "has no requestheader-client-ca-file: start kube-apiserver with"),
        ({"username_headers": "[]"}, "names no requestheader-username-headers"),
        ({"allowed_names": "front-proxy-client"}, "requestheader-allowed-names: not a list in JSON"),
        ({"group_headers": '{"a": 1}'}, "requestheader-group-headers: not a list of texts"),
    ],
)
def test_what_cannot_be_used_is_told(changes: dict[str, str], message: str) -> None:
    with pytest.raises(NotUsable, match=message):
        front_proxy.parse(config_map(**changes))


@pytest.mark.parametrize(
    ("user", "groups"),
    [
        (User("jane", groups=("a",)), ("a", "system:authenticated")),
        (User("jane", groups=("system:authenticated",)), ("system:authenticated",)),
        (User("system:anonymous", groups=("system:unauthenticated",)), ("system:unauthenticated",)),
        (User("system:anonymous"), ()),
    ],
)
def test_who_is_known_is_authenticated(user: User, groups: tuple[str, ...]) -> None:
    assert front_proxy.with_own_group(user).groups == groups


def test_a_user_is_told_to_a_review_as_far_as_it_is_known() -> None:
    assert User("jane").as_dict() == {"user": "jane"}
    full = User("jane", "42", ("a",), (("scopes", ("x",)),))
    assert full.as_dict() == {"user": "jane", "uid": "42", "groups": ["a"], "extra": {"scopes": ["x"]}}
