# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads what, and what one cluster has to serve for several of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.bundles import BUNDLES, Bundle, bundle
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import GROUPS, METRICS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.consumers import (
    CONSUMERS,
    Consumer,
    Needs,
    State,
    UnknownConsumer,
    union,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import (
    ConversionMissing,
    crds,
    servable_versions,
)
from hypothesis import given, settings
from hypothesis import strategies as st

DOCUMENT = (Path(__file__).parents[5] / "docs" / "smi.md").read_text(encoding="utf-8")
CLIENT = {"url": "https://webhook.example/convert"}

each_consumer = pytest.mark.parametrize("consumer", CONSUMERS.values(), ids=lambda consumer: consumer.name)
each_bundle = pytest.mark.parametrize("given_bundle", BUNDLES, ids=lambda bundle: bundle.name)


def found(needs: Needs, finding: str) -> list[Finding]:
    return [each for each in needs.findings if each.id == finding]


@each_consumer
def test_what_a_consumer_needs_can_be_served(consumer: Consumer) -> None:
    assert {*consumer.reads, *consumer.writes} <= set(GROUPS)
    for group in GROUPS:
        assert set(consumer.versions(group)) <= set(servable_versions(group))
    assert set(consumer.metrics) <= set(METRICS.versions)
    assert consumer.source


@each_consumer
def test_a_consumer_alone_is_possible_without_conversion(consumer: Consumer) -> None:
    needs = union([consumer.name])
    assert needs.possible
    assert not needs.conversion
    assert all(versions for versions in needs.versions.values())
    assert needs.headers == (consumer.headers or "list")


@each_consumer
def test_a_consumer_can_live_with_the_crds_that_it_brings(consumer: Consumer) -> None:
    if not consumer.bundle:
        return
    own = bundle(consumer.bundle)
    assert own.headers == consumer.headers
    for group in consumer.reads:
        if "spec.smi-spec.io" not in own.note:
            assert set(consumer.versions(group)) <= set(own.served()[group])


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.sampled_from(sorted(CONSUMERS)), unique=True))
def test_every_union_is_what_crds_takes(names: list[str]) -> None:
    needs = union(names)
    for name in names:
        for group in GROUPS:
            assert set(CONSUMERS[name].versions(group)) <= set(needs.versions.get(group, []))
    assert crds(needs.versions, needs.headers, conversion=CLIENT) is not None
    if needs.conversion:
        with pytest.raises(ConversionMissing):
            crds(needs.versions, needs.headers)
    else:
        assert crds(needs.versions, needs.headers) is not None
    assert bool(found(needs, "smi-consumers-conversion")) == needs.conversion
    assert union(list(reversed(names))).versions == needs.versions


def test_flagger_and_linkerd_smi_meet_in_the_first_version() -> None:
    needs = union(["linkerd-smi", "flagger:linkerd"])
    assert needs.versions == {"split": ["v1alpha1"]}
    assert not needs.conversion


def test_a_consumer_that_is_named_twice_counts_once() -> None:
    assert union(["linkerd-smi", "linkerd-smi"]) == union(["linkerd-smi"])


def test_nobody_needs_nothing() -> None:
    assert union([]) == Needs({}, "list", False, [])


def test_two_shapes_of_headers_in_one_version_are_served_untyped() -> None:
    needs = union(["traefik-mesh", "nginx-service-mesh"])
    assert needs.headers == "any"
    assert needs.versions == {"split": ["v1alpha3"], "access": ["v1alpha2"], "specs": ["v1alpha3"]}
    (clash,) = found(needs, "smi-consumers-headers")
    assert "traefik-mesh take headers of an HTTPRouteGroup as a list" in clash.message
    assert "in v1alpha3, which both read" in clash.message
    assert needs.possible


def test_two_shapes_of_headers_in_two_versions_clash_too() -> None:
    (clash,) = found(union(["open-service-mesh", "nginx-service-mesh"]), "smi-consumers-headers")
    assert "in different versions" in clash.message


def test_traefik_mesh_starts_only_with_its_version_as_the_newest() -> None:
    needs = union(["traefik-mesh", "istio-smi-controller"])
    assert not needs.possible
    messages = [finding.message for finding in found(needs, "smi-consumer-wants-the-newest")]
    assert len(messages) == 3
    assert "v1alpha3 is the newest version served of split.smi-spec.io, and others need v1alpha4" in messages[0]
    assert union(["traefik-mesh", "flagger:smi:v1alpha3", "argo-rollouts"]).possible


def test_open_service_mesh_takes_other_versions_away() -> None:
    needs = union(["open-service-mesh", "flagger:linkerd"])
    assert not needs.possible
    (finding,) = found(needs, "smi-consumer-replaces-crds")
    assert "do not serve split v1alpha1" in finding.message
    assert union(["open-service-mesh", "flagger:osm"]).possible


def test_crds_that_come_with_a_product_would_take_versions_away() -> None:
    (finding,) = found(union(["linkerd-smi", "flagger:smi:v1alpha3"]), "smi-consumer-brings-crds")
    assert finding.subject == "linkerd-smi"
    assert "do not serve split v1alpha3" in finding.message


def test_who_writes_for_nobody_is_told_who_could_read() -> None:
    (finding,) = found(union(["argo-rollouts"]), "smi-consumer-unread")
    assert "writes v1alpha1 of split.smi-spec.io, and none of the consumers reads it" in finding.message
    assert "linkerd-smi" in finding.mend
    assert not found(union(["argo-rollouts", "smi-adapter-istio"]), "smi-consumer-unread")


@pytest.mark.parametrize("name", ["istio", "linkerd", "consul"])
def test_meshes_that_read_no_smi_are_told(name: str) -> None:
    (finding,) = found(union([name]), "smi-consumer-none")
    assert finding.severity == Severity.WARNING


@pytest.mark.parametrize("name", ["smi-metrics", "nginx-service-mesh"])
def test_metrics_are_never_a_group_to_serve(name: str) -> None:
    needs = union([name])
    assert "metrics" not in needs.versions
    assert "v1alpha1.metrics.smi-spec.io itself" in found(needs, "smi-consumer-metrics")[0].message


def test_what_has_ended_is_told() -> None:
    ended = {name for name in CONSUMERS if found(union([name]), "smi-consumer-ended")}
    assert ended == {each.name for each in CONSUMERS.values() if each.state in (State.ARCHIVED, State.DEPRECATED)}
    assert "linkerd-smi" in ended
    assert "flagger:linkerd" not in ended


def test_nobody_takes_split_v1alpha4_but_the_controller_of_the_sdk() -> None:
    assert [each.name for each in CONSUMERS.values() if "v1alpha4" in each.versions("split")] == [
        "istio-smi-controller"
    ]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownConsumer, match=r"'flagger' is no known consumer.*flagger:linkerd.*traefik-mesh"):
        union(["flagger"])


@each_consumer
def test_the_documentation_names_every_consumer(consumer: Consumer) -> None:
    assert f"`{consumer.name}`" in DOCUMENT


def test_the_documentation_names_every_finding() -> None:
    needs = [union(list(CONSUMERS)), *(union([name]) for name in CONSUMERS)]
    ids = {finding.id for each in needs for finding in each.findings}
    assert len(ids) == 10
    assert [name for name in ids if f"`{name}`" not in DOCUMENT] == []


@each_bundle
def test_a_bundle_lists_what_smi_has_and_stores_what_it_serves(given_bundle: Bundle) -> None:
    for listed in given_bundle.crds:
        # smi-sdk-go v0.5.0 lists versions of UDPRoute that never were.
        known = {*listed.kind.versions, *listed.kind.drafts}
        assert set(listed.served) <= known
        assert listed.storage in listed.served
        assert not set(listed.served) & set(listed.unserved)


def test_tagged_releases_of_the_sdk_install_nowhere_any_more() -> None:
    tagged = [each for each in BUNDLES if each.name.startswith("smi-sdk-go-")]
    assert len(tagged) == 5
    assert not any(each.installable for each in tagged)
    assert bundle("smi-sdk-go").installable


def test_only_linkerd_smi_stores_another_version_than_the_newest_served() -> None:
    odd = [each.name for each in BUNDLES for listed in each.crds if listed.storage != listed.served[-1]]
    assert odd == ["linkerd-smi"]


def test_only_the_bundle_of_the_controller_sdk_converts() -> None:
    assert [each.name for each in BUNDLES if each.conversion] == ["smi-controller-sdk"]
