# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversion webhook through a real API server: what is written in one version is the same after any other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS, Kind
from ansible_collections.servicemesh.platform.tests.support.smi_controller import ALL_VERSIONS, Controller, Stage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes import client, config

pytestmark = pytest.mark.usefixtures("converter")

NAMESPACE = "default"
NAMES = st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
MATCH_NAMES = st.lists(NAMES, min_size=1, max_size=3, unique=True)
HEADERS = st.lists(st.tuples(NAMES, st.sampled_from([".*", "a|b", "x-[0-9]+"])), max_size=2)
METHODS = st.lists(st.sampled_from(["GET", "POST", "*"]), min_size=1, max_size=2, unique=True)


@pytest.fixture(scope="module")
def converter(stage: Stage) -> Iterator[Controller]:
    """A controller that only converts."""
    started = stage.controller("--mesh=none").start()
    yield started
    started.end()


@pytest.fixture(scope="module")
def api(stage: Stage, converter: Controller) -> client.CustomObjectsApi:
    """The API server."""
    return client.CustomObjectsApi(config.new_client_from_config(str(stage.cluster.kubeconfig)))


def versions_of(kind: Kind) -> list[str]:
    """The versions that are served of a kind."""
    return [version for version in kind.versions if version in ALL_VERSIONS[kind.group]]


@st.composite
def splits(draw: st.DrawFn, version: str) -> dict[str, Any]:
    weights = (
        st.sampled_from(["10m", "500m", "1", "1500m", "2", "80"]) if version == "v1alpha1" else st.integers(0, 1000)
    )
    backends = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    spec: dict[str, Any] = {
        "service": draw(NAMES),
        "backends": [{"service": name, "weight": draw(weights)} for name in backends],
    }
    if version in ("v1alpha3", "v1alpha4") and draw(st.booleans()):
        spec["matches"] = [{"kind": "HTTPRouteGroup", "name": name} for name in draw(MATCH_NAMES)]
    return {"spec": spec}


@st.composite
def targets(draw: st.DrawFn, version: str) -> dict[str, Any]:
    destination: dict[str, Any] = {"kind": "ServiceAccount", "name": draw(NAMES), "namespace": NAMESPACE}
    if version == "v1alpha1" or (version == "v1alpha2" and draw(st.booleans())):
        destination["port"] = draw(st.integers(1, 65535))
    rules = [{"kind": "HTTPRouteGroup", "name": draw(NAMES), "matches": draw(MATCH_NAMES)}]
    sources = [{"kind": "ServiceAccount", "name": name, "namespace": draw(NAMES)} for name in draw(MATCH_NAMES)]
    fields = {"destination": destination, "sources": sources, "specs" if version == "v1alpha1" else "rules": rules}
    return fields if version == "v1alpha1" else {"spec": fields}


@st.composite
def groups(draw: st.DrawFn, version: str) -> dict[str, Any]:
    matches = []
    for name in draw(MATCH_NAMES):
        match: dict[str, Any] = {"name": name, "pathRegex": "/" + name, "methods": draw(METHODS)}
        headers = draw(HEADERS)
        if version != "v1alpha1" and headers:
            match["headers"] = [{key: value} for key, value in headers]
        matches.append(match)
    return {"matches": matches} if version in ("v1alpha1", "v1alpha2") else {"spec": {"matches": matches}}


@st.composite
def port_routes(draw: st.DrawFn, version: str) -> dict[str, Any]:
    if version in ("v1alpha1", "v1alpha2"):
        return {}
    if version == "v1alpha3":
        return {"spec": {}}
    ports = draw(st.lists(st.integers(1, 65535), max_size=3, unique=True))
    return {"spec": {"matches": {"ports": ports} if ports else {}}}


MADE = {"TrafficSplit": splits, "TrafficTarget": targets, "HTTPRouteGroup": groups, "TCPRoute": port_routes}
PAIRS = [
    pytest.param(kind, one, other, id=f"{kind.plural}-{one}-{other}")
    for kind in KINDS
    if kind.name in MADE
    for one, other in itertools.permutations(versions_of(kind), 2)
]


def content(obj: dict[str, Any]) -> dict[str, Any]:
    """What a person has written of an object."""
    return {name: value for name, value in obj.items() if name not in ("metadata", "apiVersion", "kind")}


@pytest.mark.parametrize(("kind", "one", "other"), PAIRS)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_written_in_one_read_and_written_back_in_another(
    api: client.CustomObjectsApi, kind: Kind, one: str, other: str, data: st.DataObject
) -> None:
    body = data.draw(MADE[kind.name](one))
    obj = {
        "apiVersion": f"{kind.api_group}/{one}",
        "kind": kind.name,
        "metadata": {"name": "example", "namespace": NAMESPACE},
        **body,
    }
    there = (kind.api_group, one, NAMESPACE, kind.plural)
    elsewhere = (kind.api_group, other, NAMESPACE, kind.plural)
    written = api.create_namespaced_custom_object(*there, obj)
    try:
        read = api.get_namespaced_custom_object(*elsewhere, "example")
        assert read["apiVersion"] == f"{kind.api_group}/{other}"
        api.replace_namespaced_custom_object(*elsewhere, "example", read)
        again = api.get_namespaced_custom_object(*there, "example")
        assert content(again) == content(written)
    finally:
        api.delete_namespaced_custom_object(*there, "example")


def test_a_udp_route_has_one_version_and_needs_no_conversion(stage: Stage, api: client.CustomObjectsApi) -> None:
    route = {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "UDPRoute",
        "metadata": {"name": "dns", "namespace": NAMESPACE},
        "spec": {"matches": {"ports": [53]}},
    }
    stage.cluster.apply(route)
    assert stage.get("udproutes.specs.smi-spec.io", "dns", "-n", NAMESPACE)["spec"] == route["spec"]


def test_what_cannot_be_said_in_a_version_is_refused_with_the_object_and_the_field(stage: Stage) -> None:
    far = {
        "apiVersion": "split.smi-spec.io/v1alpha1",
        "kind": "TrafficSplit",
        "metadata": {"name": "far", "namespace": NAMESPACE},
        "spec": {
            "service": "far",
            "backends": [{"service": "a", "weight": "1n"}, {"service": "b", "weight": "9000000000000000000"}],
        },
    }
    told = stage.cluster.kubectl("create", "-f", "-", check=False, stdin=json.dumps(far))
    assert "TrafficSplit default/far" in told
    assert "backends" in told
