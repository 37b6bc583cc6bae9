# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What objects of any version say, and which field is told when they do not."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import (
    Backend,
    HTTPRouteGroup,
    InvalidObject,
    Match,
    PortRoute,
    Rule,
    Subject,
    TrafficSplit,
    TrafficTarget,
    parse,
)


def obj(api: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": api.replace("/", ".smi-spec.io/"),
        "kind": kind,
        "metadata": {"name": "a", "namespace": "shop"},
        **fields,
    }


def test_a_split() -> None:
    spec = {
        "service": "web.shop.svc",
        "backends": [{"service": "v1", "weight": "500m"}],
        "matches": [{"name": "admin"}],
    }
    split = parse(obj("split/v1alpha3", "TrafficSplit", spec=spec))
    assert split == TrafficSplit("a", "shop", "web.shop.svc", (Backend("v1", Fraction(1, 2)),), ("admin",))
    assert isinstance(split, TrafficSplit)
    assert split.root == "web"


@pytest.mark.parametrize("headers", [{"x": "1", "y": "2"}, [{"x": "1"}, {"y": "2"}]])
@pytest.mark.parametrize("version", ["v1alpha2", "v1alpha4"])
def test_a_route_group_in_both_layouts_and_shapes(version: str, headers: Any) -> None:
    matches = [
        {"name": "m", "pathRegex": "/a", "methods": ["GET"], "headers": headers},
        {"name": "n", "methods": ["*"]},
    ]
    fields: dict[str, Any] = {"matches": matches} if version == "v1alpha2" else {"spec": {"matches": matches}}
    found = parse(obj(f"specs/{version}", "HTTPRouteGroup", **fields))
    assert found == HTTPRouteGroup("a", "shop", (Match("m", "/a", ("GET",), (("x", "1"), ("y", "2"))), Match("n")))


def test_port_routes() -> None:
    assert parse(obj("specs/v1alpha1", "TCPRoute")) == PortRoute("TCPRoute", "a", "shop")
    body = obj("specs/v1alpha4", "UDPRoute", spec={"matches": {"ports": [53]}})
    assert parse(body) == PortRoute("UDPRoute", "a", "shop", (53,))


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_a_target_in_both_layouts(version: str) -> None:
    rules = [{"kind": "HTTPRouteGroup", "name": "r", "matches": ["m"]}]
    fields = {
        "destination": {"kind": "ServiceAccount", "name": "api", "port": 80},
        "sources": [{"kind": "ServiceAccount", "name": "web", "namespace": "front"}],
        "specs" if version == "v1alpha1" else "rules": rules,
    }
    found = parse(obj(f"access/{version}", "TrafficTarget", **(fields if version == "v1alpha1" else {"spec": fields})))
    assert found == TrafficTarget(
        "a",
        "shop",
        Subject("ServiceAccount", "api", "shop"),
        (Rule("HTTPRouteGroup", "r", ("m",)),),
        (Subject("ServiceAccount", "web", "front"),),
        80,
    )


@pytest.mark.parametrize(
    ("api", "kind", "spec", "message"),
    [
        ("split/v1alpha4", "TrafficSplit", {}, "service: None is no name"),
        ("split/v1alpha4", "TrafficSplit", {"service": "a", "backends": 7}, "backends: 7 is no list"),
        ("split/v1alpha4", "TrafficSplit", {"service": "a", "backends": [7]}, r"backends\[0\]: 7 is no mapping"),
        (
            "split/v1alpha4",
            "TrafficSplit",
            {"service": "a", "backends": [{"service": "b", "weight": "x"}]},
            r"backends\[0\]\.weight: 'x' is no quantity",
        ),
        ("specs/v1alpha4", "HTTPRouteGroup", {"matches": [{"name": "a", "headers": 7}]}, r"matches\[0\]\.headers: "),
        ("specs/v1alpha4", "TCPRoute", {"matches": {"ports": ["a"]}}, r"matches\.ports\[0\]: 'a' is no whole number"),
        ("access/v1alpha3", "TrafficTarget", {}, "destination: None is no mapping"),
    ],
)
def test_what_is_wrong_is_told_by_field(api: str, kind: str, spec: Any, message: str) -> None:
    with pytest.raises(InvalidObject, match=rf"^{kind} shop/a: {message}"):
        parse(obj(api, kind, spec=spec))
