# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    Kind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crd
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.storage import (
    CannotMove,
    Move,
    most_complete,
    moved,
    moves,
    owners,
    readable,
    staged,
    waiting,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP

WEBHOOK = {"url": "https://localhost"}


def live(kind: Kind, *served: str, stored: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    definition = crd(kind, served, conversion=WEBHOOK, **options)
    return {**definition, "status": {"storedVersions": list(stored or served[-1:])}}


def move_of(there: dict[str, Any], wanted: dict[str, Any]) -> Move:
    (found,) = moves({there["metadata"]["name"]: there}, [wanted])
    return found


def listed(spec: dict[str, Any]) -> list[tuple[str, bool, bool]]:
    return [(each["name"], each["served"], each["storage"]) for each in spec["versions"]]


NEWEST = crd(TRAFFIC_SPLIT, ["v1alpha4"])


def test_nothing_is_moved_that_is_stored_as_wanted() -> None:
    name = TRAFFIC_SPLIT.crd_name
    assert moves({}, [NEWEST]) == []
    assert moves({name: live(TRAFFIC_SPLIT, "v1alpha1", "v1alpha4")}, [NEWEST]) == []
    assert [each.former for each in moves({name: live(TRAFFIC_SPLIT, "v1alpha4")}, [NEWEST], [name])] == [[]]


def test_definitions_of_others_are_left_aside() -> None:
    other = {"metadata": {"name": "services.example.org"}, "spec": {"versions": []}}
    assert moves({"services.example.org": other}, [other]) == []


def test_the_former_version_stays_listed_until_it_is_trimmed() -> None:
    found = move_of(live(TRAFFIC_SPLIT, "v1alpha1"), NEWEST)
    assert (found.former, found.target) == (["v1alpha1"], "v1alpha4")
    assert listed(staged(found)) == [("v1alpha1", False, False), ("v1alpha4", True, True)]
    assert listed(waiting(found)["spec"]) == [("v1alpha1", False, False), ("v1alpha4", True, True)]
    assert staged(found)["conversion"] == {"strategy": "None"}


def test_only_the_new_version_is_served_while_objects_are_moved() -> None:
    found = move_of(live(TRAFFIC_SPLIT, "v1alpha1"), live(TRAFFIC_SPLIT, "v1alpha1", "v1alpha4"))
    assert listed(staged(found)) == [("v1alpha1", False, False), ("v1alpha4", True, True)]
    assert listed(waiting(found)["spec"]) == [("v1alpha1", True, False), ("v1alpha4", True, True)]


@pytest.mark.parametrize(
    ("there", "is_readable"),
    [
        (live(TRAFFIC_SPLIT, "v1alpha1"), True),
        (live(TRAFFIC_SPLIT, "v1alpha1", "v1alpha2", stored=("v1alpha1",)), True),
        (live(TRAFFIC_SPLIT, "v1alpha1", "v1alpha2", stored=("v1alpha1", "v1alpha2")), False),
        (live(TRAFFIC_SPLIT, "v1alpha2", stored=("v1alpha1", "v1alpha2"), unserved=("v1alpha1",)), False),
    ],
    ids=["one", "one of two", "a webhook stands between", "one is not served"],
)
def test_what_can_be_read_as_it_is_stored(there: dict[str, Any], is_readable: bool) -> None:
    found = move_of(there, NEWEST)
    assert found.is_readable is is_readable
    spec = readable(found)
    assert {name for name, served, _stored in listed(spec) if served} >= set(found.stored)
    assert spec["conversion"] == {"strategy": "None"}


def test_versions_that_smi_does_not_have_are_refused() -> None:
    there = live(TRAFFIC_TARGET, "v1alpha3", stored=("v1alpha3", "v1alpha5"))
    with pytest.raises(CannotMove, match=r"^traffictargets.* stored in v1alpha5 .* which SMI does not have"):
        moves({TRAFFIC_TARGET.crd_name: there}, [crd(TRAFFIC_TARGET, ["v1alpha3"])])


def test_what_is_stored_in_the_draft_goes_as_far_as_a_release_can_say_it() -> None:
    there = live(TRAFFIC_TARGET, "v1alpha4")
    found = move_of(there, crd(TRAFFIC_TARGET, ["v1alpha3", "v1alpha4"], conversion=WEBHOOK))
    assert (found.stored, found.target) == (("v1alpha4",), "v1alpha3")
    account = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
    fields = {"destination": account, "rules": [{"kind": "TCPRoute", "name": "all"}], "sources": [account]}
    head = {"apiVersion": "access.smi-spec.io/v1alpha4", "kind": "TrafficTarget", "metadata": {"name": "t"}}
    assert moved(found, {**head, "spec": fields})["apiVersion"] == "access.smi-spec.io/v1alpha3"
    binding = {**account, "kind": "IdentityBinding"}
    with pytest.raises(CannotMove, match=r"TrafficTarget default/t: cannot be stored in v1alpha3: spec.sources"):
        moved(found, {**head, "spec": {**fields, "sources": [binding]}})


def test_another_shape_of_headers_is_a_move() -> None:
    name, wanted = HTTP_ROUTE_GROUP.crd_name, crd(HTTP_ROUTE_GROUP, ["v1alpha4"], LIST)
    assert moves({name: live(HTTP_ROUTE_GROUP, "v1alpha4", headers=LIST)}, [wanted]) == []
    assert move_of(live(HTTP_ROUTE_GROUP, "v1alpha4", headers=MAP), wanted).headers == LIST


def split(version: str, *weights: Any, **spec: Any) -> dict[str, Any]:
    backends = [{"service": f"web-{number}", "weight": weight} for number, weight in enumerate(weights)]
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"service": "web", "backends": backends, **spec},
    }


def test_the_reading_that_shows_most_is_how_an_object_is_stored() -> None:
    matches = [{"kind": "HTTPRouteGroup", "name": "routes"}]
    older, newer = split("v1alpha2", 1), split("v1alpha4", 1, matches=matches)
    assert most_complete([older, newer]) is newer
    assert most_complete([split("v1alpha1", 1), split("v1alpha4", 1)])["apiVersion"].endswith("v1alpha4")
    assert most_complete([split("v1alpha1", "500m"), split("v1alpha4", "500m")])["apiVersion"].endswith("v1alpha1")


def test_a_spec_that_a_flat_version_shows_is_not_its_own() -> None:
    spec = {"spec": {"matches": [{"name": "read"}]}}
    head = {"kind": "HTTPRouteGroup", "metadata": {"name": "routes"}}
    readings: list[dict[str, Any]] = [
        {"apiVersion": f"specs.smi-spec.io/{version}", **head, **spec} for version in ("v1alpha1", "v1alpha4")
    ]
    assert most_complete(readings)["apiVersion"].endswith("v1alpha4")


def test_what_the_new_version_would_refuse_or_drop_is_told_before() -> None:
    found = move_of(live(TRAFFIC_SPLIT, "v1alpha1"), NEWEST)
    assert moved(found, split("v1alpha1", "500m", 1))["spec"]["backends"][0]["weight"] == 500
    with pytest.raises(
        CannotMove, match=r"TrafficSplit shop/web: cannot be stored in v1alpha4: spec.note: is no field"
    ):
        moved(found, split("v1alpha1", 1, note="mine"))
    with pytest.raises(CannotMove, match=r"spec.backends\[0\].weight: 'half' is no integer"):
        moved(found, split("v1alpha1", "half"))


def entry(version: str, group: str = "access.smi-spec.io", **fields: Any) -> dict[str, Any]:
    tree = {"f:metadata": {"f:labels": {}}, **{f"f:{name}": below for name, below in fields.items()}}
    return {"manager": "gitops", "operation": "Apply", "apiVersion": f"{group}/{version}", "fieldsV1": tree}


def test_owners_keep_their_fields_where_the_new_version_has_them() -> None:
    up = move_of(live(TRAFFIC_TARGET, "v1alpha1"), crd(TRAFFIC_TARGET, ["v1alpha3"]))
    down = move_of(live(TRAFFIC_TARGET, "v1alpha3"), crd(TRAFFIC_TARGET, ["v1alpha1"]))
    flat = entry("v1alpha1", sources={}, specs={})
    nested = entry("v1alpha3", spec={"f:sources": {}, "f:rules": {}})
    assert owners(up, [flat]) == [nested]
    assert owners(down, [nested]) == [flat]
    others = [entry("v1alpha3", spec={}), entry("v1", group="example.org"), {"apiVersion": "v1"}]
    assert owners(up, others) == others
