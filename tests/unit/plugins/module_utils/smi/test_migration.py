# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a migration: what is touched, and what must not be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.migration import Found, leftovers, plan

PROFILE = "web.shop.svc.cluster.local"
ROUTE = {"kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "shop"}, "spec": {}}


def split(service: str = "web", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": service, "namespace": "shop", **metadata},
        "spec": {"service": service, "backends": [{"service": f"{service}-v1", "weight": 1}]},
    }


def translate(objects: Any) -> tuple[list[dict[str, Any]], list[Finding]]:
    metadata = {"name": objects[0]["metadata"]["name"], "namespace": "shop"}
    return [{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata}], []


def profile(spec: dict[str, Any], name: str = PROFILE, manager: str = "adaptor", **metadata: Any) -> dict[str, Any]:
    fields = [{"manager": manager, "operation": "Update"}]
    return {
        "kind": "ServiceProfile",
        "metadata": {"name": name, "namespace": "shop", "managedFields": fields, **metadata},
        "spec": spec,
    }


@pytest.mark.parametrize(
    "metadata",
    [
        {"ownerReferences": [{"kind": "Canary", "name": "web"}]},
        {"managedFields": [{"manager": "flagger"}]},
        {"managedFields": [{"manager": "rollouts-controller"}]},
    ],
)
def test_what_a_controller_writes_is_left_and_others_are_migrated(metadata: dict[str, Any]) -> None:
    made = plan(Found([split(**metadata), split("api")]), translate)
    assert [each.id for each in made.findings] == ["smi-migrate-controlled"]
    assert [each.root for each in made.works] == [("shop", "api")]


def test_a_route_of_others_stops_its_root() -> None:
    attached = {
        **ROUTE,
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"parentRefs": [{"kind": "Service", "name": "web"}]},
    }
    for foreign in (ROUTE, attached):
        made = plan(Found([split()], routes=[foreign]), translate)
        assert [each.id for each in made.findings] == ["smi-migrate-foreign-route"]
        assert not made.works


@pytest.mark.parametrize("spec", [{}, {"dstOverrides": [{"authority": "x", "weight": "1"}]}])
def test_a_profile_of_linkerd_smi_goes(spec: dict[str, Any]) -> None:
    gone, kept = leftovers(("shop", "web"), [split()], [profile(spec), profile({}, "web2.shop.svc.cluster.local")])
    assert [each["metadata"]["name"] for each in gone] == [PROFILE]
    assert not kept


@pytest.mark.parametrize(
    "users",
    [
        profile({"routes": [{"name": "x"}]}),
        profile({}, manager="kubectl-create"),
        profile({}, annotations={"smi.linkerd.io/skip": ""}),
    ],
)
def test_a_profile_of_a_user_stays(users: dict[str, Any]) -> None:
    gone, kept = leftovers(("shop", "web"), [split()], [users])
    assert not gone
    assert [each.id for each in kept] == ["smi-migrate-profile-kept"]
