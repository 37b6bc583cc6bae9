# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CRDs, without a server: which versions go together, and our own conventions."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DRAFT_KINDS,
    HTTP_ROUTE_GROUP,
    KINDS,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    Kind,
    newest_versions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import (
    CannotServe,
    ConversionMissing,
    UnknownVersion,
    crd,
    crds,
    headers_of,
    servable_versions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import ANY, HEADER_SHAPES, fields
from hypothesis import assume, given
from hypothesis import strategies as st

CLIENT = {"service": {"name": "webhook", "namespace": "smi", "path": "/convert", "port": 443}, "caBundle": "Cg=="}
SERVABLE = {group: servable_versions(group) for group in ("split", "access", "specs")}

some_versions = st.dictionaries(st.sampled_from(sorted(SERVABLE)), st.none()).flatmap(
    lambda groups: st.fixed_dictionaries(
        {group: st.lists(st.sampled_from(SERVABLE[group]), min_size=1, unique=True) for group in groups}
    )
)


@given(some_versions)
def test_crds_have_one_storage_version_the_newest_that_is_published(versions: Any) -> None:
    for definition in crds(versions, conversion=CLIENT):
        served = [version["name"] for version in definition["spec"]["versions"]]
        stored = [version["name"] for version in definition["spec"]["versions"] if version["storage"]]
        drafts = ["v1alpha4"] if definition["spec"]["group"] == "access.smi-spec.io" else []
        assert stored == ([version for version in served if version not in drafts] or served)[-1:]
        assert served == sorted(served)
        assert all(version["served"] for version in definition["spec"]["versions"])


@given(some_versions)
def test_crds_serve_what_is_asked_and_nothing_else(versions: Any) -> None:
    definitions = crds(versions, conversion=CLIENT)
    made = {definition["spec"]["group"].split(".")[0] for definition in definitions}
    assert made == set(versions)
    for definition in definitions:
        group = definition["spec"]["group"].split(".")[0]
        assert {version["name"] for version in definition["spec"]["versions"]} <= set(versions[group])


def test_names_of_a_crd_agree_with_each_other() -> None:
    for definition in crds(newest_versions()):
        spec = definition["spec"]
        assert definition["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
        assert spec["names"]["listKind"] == spec["names"]["kind"] + "List"
        assert spec["names"]["singular"] == spec["names"]["kind"].lower()
        assert spec["names"]["categories"] == ["smi"]
        assert spec["scope"] == "Namespaced"


def test_conversion_is_left_to_its_owner() -> None:
    assert all("conversion" not in definition["spec"] for definition in crds(newest_versions()))


def test_the_order_that_versions_are_asked_in_does_not_matter() -> None:
    assert crds({"split": ["v1alpha4", "v1alpha4"]}) == [crd(TRAFFIC_SPLIT, ["v1alpha4"])]
    assert crds({"split": ["v1alpha4", "v1alpha3"]}) == [crd(TRAFFIC_SPLIT, ["v1alpha3", "v1alpha4"])]


@pytest.mark.parametrize(
    ("kind", "served"),
    [
        (TRAFFIC_SPLIT, ["v1alpha3", "v1alpha4"]),
        (HTTP_ROUTE_GROUP, ["v1alpha3", "v1alpha4"]),
        (TCP_ROUTE, ["v1alpha1", "v1alpha2"]),
        *((kind, [version]) for kind in KINDS for version in kind.versions),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_versions_with_the_same_fields_go_together_without_conversion(kind: Kind, served: list[str]) -> None:
    assert "conversion" not in crd(kind, served)["spec"]
    assert "conversion" not in crd(kind, served, conversion=CLIENT)["spec"], "a webhook that nobody needs can only fail"


@pytest.mark.parametrize(
    ("kind", "served", "together"),
    [
        (TRAFFIC_SPLIT, ["v1alpha1", "v1alpha2"], "v1alpha3 with v1alpha4"),
        (TRAFFIC_SPLIT, ["v1alpha2", "v1alpha3"], "v1alpha3 with v1alpha4"),
        (TRAFFIC_SPLIT, list(TRAFFIC_SPLIT.versions), "v1alpha3 with v1alpha4"),
        (TRAFFIC_TARGET, ["v1alpha1", "v1alpha2"], "none"),
        (TRAFFIC_TARGET, ["v1alpha2", "v1alpha3"], "none"),
        (HTTP_ROUTE_GROUP, ["v1alpha1", "v1alpha2"], "v1alpha3 with v1alpha4"),
        (HTTP_ROUTE_GROUP, ["v1alpha2", "v1alpha3"], "v1alpha3 with v1alpha4"),
        (TCP_ROUTE, ["v1alpha2", "v1alpha3"], "v1alpha1 with v1alpha2"),
        (TCP_ROUTE, ["v1alpha3", "v1alpha4"], "v1alpha1 with v1alpha2"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_versions_that_differ_need_the_webhook(kind: Kind, served: list[str], together: str) -> None:
    with pytest.raises(ConversionMissing, match=f"{', '.join(served)} of {kind.name} .*Without conversion.*{together}"):
        crd(kind, served)
    assert crd(kind, served, conversion=CLIENT)["spec"]["conversion"] == {
        "strategy": "Webhook",
        "webhook": {"clientConfig": CLIENT, "conversionReviewVersions": ["v1"]},
    }


def test_the_draft_is_served_when_it_is_asked_for_and_stored_where_nothing_else_is() -> None:
    assert [made["spec"]["names"]["kind"] for made in crds({"access": ["v1alpha3"]})] == ["TrafficTarget"]
    target, binding = crds({"access": ["v1alpha3", "v1alpha4"]}, conversion=CLIENT)
    listed = {each["name"]: (each["served"], each["storage"]) for each in target["spec"]["versions"]}
    assert listed == {"v1alpha3": (True, True), "v1alpha4": (True, False)}
    assert target["spec"]["conversion"]["strategy"] == "Webhook"
    assert binding["metadata"]["name"] == "identitybindings.access.smi-spec.io"
    assert "conversion" not in binding["spec"]
    with pytest.raises(ConversionMissing, match="v1alpha3, v1alpha4 of TrafficTarget"):
        crds({"access": ["v1alpha3", "v1alpha4"]})
    alone, _binding = crds({"access": ["v1alpha4"]})
    assert [each["storage"] for each in alone["spec"]["versions"]] == [True]


def test_short_names_can_be_left_out() -> None:
    assert all(made["spec"]["names"]["shortNames"] for made in crds(newest_versions()))
    assert all("shortNames" not in made["spec"]["names"] for made in crds(newest_versions(), short_names=False))


@pytest.mark.parametrize("kind", [*KINDS, *DRAFT_KINDS], ids=lambda kind: kind.name)
def test_each_version_has_columns_that_point_at_its_own_fields(kind: Kind) -> None:
    for version in crd(kind, kind.all_versions, conversion=CLIENT)["spec"]["versions"]:
        paths = [column["jsonPath"].lstrip(".") for column in version["additionalPrinterColumns"]]
        assert paths.pop() == "metadata.creationTimestamp"
        known = fields(kind, version["name"])
        assert [path for path in paths if not any(field.startswith(path) for field in known)] == []


def test_versions_can_stay_listed_for_what_is_stored_in_them() -> None:
    (made,) = crds({"split": ["v1alpha4"]}, unserved={"split": ["v1alpha1", "v1alpha4"], "access": ["v1alpha1"]})
    listed = {each["name"]: (each["served"], each["storage"]) for each in made["spec"]["versions"]}
    assert listed == {"v1alpha1": (False, False), "v1alpha4": (True, True)}
    assert "conversion" not in made["spec"]


def test_what_stays_listed_is_converted_when_somebody_can() -> None:
    (made,) = crds({"split": ["v1alpha4"]}, conversion=CLIENT, unserved={"split": ["v1alpha1"]})
    assert made["spec"]["conversion"]["strategy"] == "Webhook"


def test_another_shape_of_headers_is_refused() -> None:
    with pytest.raises(CannotServe, match="headers has no shape 'dict'; write one of: list, map, any"):
        crds(newest_versions(), headers="dict")


@pytest.mark.parametrize("shape", HEADER_SHAPES)
def test_the_shape_of_headers_can_be_read_from_a_crd(shape: str) -> None:
    made = crd(HTTP_ROUTE_GROUP, HTTP_ROUTE_GROUP.versions, headers=shape, conversion=CLIENT)
    assert [headers_of(made, version) for version in HTTP_ROUTE_GROUP.versions] == [None, shape, shape, shape]
    assert headers_of(made, "v1beta1") is None


def test_the_crds_of_others_take_any_headers_where_they_type_nothing() -> None:
    """As Traefik Mesh lists its old versions."""
    node = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {"spec": {"versions": [{"name": "v1alpha2", "schema": {"openAPIV3Schema": node}}]}}
    assert headers_of(definition, "v1alpha2") == ANY


def test_nothing_asked_nothing_made() -> None:
    assert crds({}) == []


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({"splits": ["v1alpha4"]}, r"no API group 'splits'; write one of: split, access, specs"),
        ({"metrics": ["v1alpha1"]}, r"no API group 'metrics'; metrics are served by an APIService, never by a CRD"),
        (
            {"split": ["v1alpha9"]},
            r"version 'v1alpha9' of split\.smi-spec\.io cannot be served; write some of: v1alpha1, v1alpha2",
        ),
        ({"access": ["v1alpha5"]}, r"version 'v1alpha5' of access\.smi-spec\.io cannot be served; write.*v1alpha4"),
        ({"specs": "v1alpha4"}, r"specs: 'v1alpha4' is no list of versions"),
        ({"specs": []}, r"specs: \[\] is no list of versions"),
        ({"specs": None}, r"specs: None is no list of versions"),
        ({"specs": 4}, r"specs: 4 is no list of versions"),
        ({"specs": {"v1alpha4": True}}, r"specs: \{'v1alpha4': True\} is no list of versions"),
        ({"specs": [4]}, r"version 4 of specs\.smi-spec\.io cannot be served"),
    ],
)
def test_what_cannot_be_served_is_named_with_what_can(versions: Any, message: str) -> None:
    with pytest.raises(UnknownVersion, match=message):
        crds(versions)


@given(st.dictionaries(st.text(), st.lists(st.text()), min_size=1))
def test_any_other_input_is_refused_in_words(versions: Any) -> None:
    assume(any(group not in SERVABLE or not set(wanted) <= set(SERVABLE[group]) for group, wanted in versions.items()))
    with pytest.raises(UnknownVersion, match="write "):
        crds(versions)
