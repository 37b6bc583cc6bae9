# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How objects are written: kinds, layouts, shapes of headers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    KINDS,
    TCP_ROUTE,
    TRAFFIC_TARGET,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import (
    LIST,
    MAP,
    UnknownObject,
    fields_of,
    header_pairs,
    headers_as,
    identify,
    is_flat,
)

FLAT = {
    (TRAFFIC_TARGET, "v1alpha1"),
    (HTTP_ROUTE_GROUP, "v1alpha1"),
    (HTTP_ROUTE_GROUP, "v1alpha2"),
    (TCP_ROUTE, "v1alpha1"),
    (TCP_ROUTE, "v1alpha2"),
}


def test_which_versions_have_their_fields_beside_metadata() -> None:
    assert {(kind, version) for kind in KINDS for version in kind.versions if is_flat(kind, version)} == FLAT


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_fields_are_found_in_every_version(kind: Any) -> None:
    for version in kind.versions:
        fields = {"x": 1}
        head = {"apiVersion": f"{kind.api_group}/{version}", "kind": kind.name, "metadata": {}, "status": {}}
        body = {**head, **(fields if is_flat(kind, version) else {"spec": fields})}
        assert identify(body) == (kind, version)
        assert fields_of(body) == fields


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "None of no API group is no SMI object"),
        ({"apiVersion": "v1", "kind": "Service"}, "Service of v1 is no SMI object"),
        ({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "TCPRoute"}, "TCPRoute of gateway.networking"),
        ({"apiVersion": "specs.smi-spec.io/v1alpha3", "kind": "UDPRoute"}, "no version 'v1alpha3'; write one of: v1a"),
        ({"apiVersion": "access.smi-spec.io/v1alpha5", "kind": "TrafficTarget"}, "no version 'v1alpha5'"),
        ({"apiVersion": "access.smi-spec.io/v1alpha3", "kind": "IdentityBinding"}, "no version 'v1alpha3'; write one"),
        ({"apiVersion": 7, "kind": ["TrafficSplit"]}, "is no SMI object"),
    ],
)
def test_what_is_no_object_of_smi(body: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownObject, match=message):
        identify(body)


@pytest.mark.parametrize(
    ("headers", "pairs"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ([{"x": "1"}, {"y": "2"}], [("x", "1"), ("y", "2")]),
        ([{"x": "1", "y": "2"}], [("x", "1"), ("y", "2")]),
        ({"x": "1", "y": "2"}, [("x", "1"), ("y", "2")]),
        ([{"x": "1"}, {"x": "2"}], [("x", "1"), ("x", "2")]),
    ],
)
def test_headers_in_either_shape(headers: Any, pairs: list[tuple[str, str]]) -> None:
    assert header_pairs(headers) == pairs


@pytest.mark.parametrize("headers", [7, "x", ["x"], [["x", "1"]], {"x": 1}, [{"x": None}], {1: "x"}, True])
def test_what_is_no_headers(headers: Any) -> None:
    with pytest.raises(ValueError, match=r"headers (is neither|holds something else)"):
        header_pairs(headers)


def test_headers_are_written_in_a_shape() -> None:
    pairs = [("x", "1"), ("y", "2")]
    assert headers_as(pairs, LIST) == [{"x": "1"}, {"y": "2"}]
    assert headers_as(pairs, MAP) == {"x": "1", "y": "2"}
    with pytest.raises(ValueError, match="named twice"):
        headers_as([*pairs, ("x", "3")], MAP)
