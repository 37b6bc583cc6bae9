# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue: names as Kubernetes needs them, versions as the spec published them."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import catalogue
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS, Kind


def test_newest_versions_are_those_of_the_last_release() -> None:
    assert catalogue.newest_versions() == {"split": ["v1alpha4"], "access": ["v1alpha3"], "specs": ["v1alpha4"]}


def test_crd_names_are_those_that_consumers_ask_for() -> None:
    assert {kind.crd_name for kind in KINDS} == {
        "trafficsplits.split.smi-spec.io",
        "traffictargets.access.smi-spec.io",
        "httproutegroups.specs.smi-spec.io",
        "tcproutes.specs.smi-spec.io",
        "udproutes.specs.smi-spec.io",
    }


def test_short_names_are_those_of_the_sdk_and_unique() -> None:
    assert [kind.short_name for kind in KINDS] == ["ts", "tt", "htr", "tr", "ur"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_versions_are_listed_oldest_first(kind: Kind) -> None:
    assert list(kind.versions) == sorted(kind.versions, key=catalogue.version_key)


def test_every_kind_belongs_to_one_known_group() -> None:
    assert [kind for group in catalogue.GROUPS for kind in catalogue.kinds_of(group)] == list(KINDS)


def test_metrics_are_an_aggregated_api_and_no_group_of_crds() -> None:
    assert catalogue.kinds_of("metrics") == []
    assert catalogue.METRICS.service_names == ("v1alpha1.metrics.smi-spec.io",)


def test_drafts_stand_apart_from_what_was_published() -> None:
    assert catalogue.TRAFFIC_TARGET.drafts == catalogue.IDENTITY_BINDING.drafts == ("v1alpha4",)
    assert catalogue.TRAFFIC_TARGET.newest == "v1alpha3"
    assert not set(catalogue.DRAFT_KINDS) & set(KINDS)
    assert all(not kind.versions for kind in catalogue.DRAFT_KINDS)


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha", "v2alpha1", "alpha1", ""])
def test_other_versions_have_no_place_in_the_order(version: str) -> None:
    with pytest.raises(ValueError, match="is not an SMI version"):
        catalogue.version_key(version)
