# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of cases, run against the Gateway API and against Istio's own: the same objects, the same behaviour."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.statistics import binomial_p, holm
from ansible_collections.servicemesh.platform.tests.mesh.cases import (
    APIS,
    BACKEND,
    CASES,
    CLIENTS,
    DENIED,
    FRIEND,
    GATEWAY_API,
    NEAR,
    NEIGHBOUR,
    OUTSIDE,
    REFUSED,
    SPACE,
    STRANGER,
    V1,
    V2,
    Case,
    Object,
    Request,
)
from ansible_collections.servicemesh.platform.tests.mesh.conftest import SHOP
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

KINDS = (
    "trafficsplits.split.smi-spec.io,traffictargets.access.smi-spec.io,"
    "httproutegroups.specs.smi-spec.io,tcproutes.specs.smi-spec.io"
)
SIGNIFICANCE = 0.0001
"""How seldom a right case may be called wrong."""
FEW, ENOUGH, MANY = 3, 30, 400
"""Requests where all get the same answer, until shares are seen, and to judge shares."""
AT_ONCE = 4
BEFORE = [
    *(Request({BACKEND: 1}, client=client) for client in (FRIEND, STRANGER, NEIGHBOUR)),
    *(Request({version: 1}, service=version) for version in (V1, V2)),
]
"""What comes of requests without SMI objects."""


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest, playbooks: Playbooks) -> Iterator[str]:
    """What the controller translates for. The inventory has it translate for the Gateway API."""
    name: str = request.param
    if name == GATEWAY_API:
        yield name
        return
    run = playbooks.run("site", site_components="smi_controller", smi_controller_mesh=name)
    assert run.code == 0, run.output
    yield name
    assert playbooks.run("site", site_components="smi_controller").code == 0


@pytest.fixture(scope="module")
def space(mesh: Environment) -> Iterator[Environment]:
    """The Services with their pods, and who asks."""
    labels = mesh.get("namespace", SHOP)["metadata"]["labels"]
    injected = {key: value for key, value in labels.items() if "istio" in key}
    mesh.cluster.apply(_namespace(SPACE, injected), _namespace(NEAR, injected), _namespace(OUTSIDE, {}))
    for name in (BACKEND, V1, V2):
        mesh.cluster.apply(*_pod(mesh, SPACE, name, "serve"), _service(name))
    for client in CLIENTS:
        mesh.cluster.apply(*_pod(mesh, client.namespace, client.name, "wait"))
    for namespace in (SPACE, NEAR, OUTSIDE):
        mesh.cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    yield mesh
    mesh.remove(SPACE, NEAR, OUTSIDE)


@pytest.fixture
def blank(space: Environment) -> Environment:
    """No SMI objects, and no trace of them in any proxy."""
    space.cluster.kubectl("-n", SPACE, "delete", KINDS, "--all")
    eventually(90, lambda: all(map(_fits, BEFORE, _asked(space, BEFORE))), "the proxies know of no SMI objects")
    return space


def _namespace(name: str, labels: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _pod(mesh: Environment, namespace: str, name: str, command: str) -> tuple[Object, Object]:
    """A pod of the probe with a service account of its own."""
    account: Object = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }
    return account, mesh.pod(name, namespace, command, serviceAccountName=name)


def _service(name: str) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def _ask(mesh: Environment, request: Request, times: int) -> Counter[str]:
    """What has come of so many requests, as the table names it; other answers go by their status and text."""
    client, headers = request.client, [f"{name}={value}" for name, value in request.headers.items()]
    url = f"http://{request.service}.{SPACE}{request.path}"
    found: Counter[str] = Counter()
    for answer, often in mesh.count(client.namespace, client.name, url, times, request.method, *headers).items():
        status, _space, text = answer.partition(" ")
        found[{"200": text, DENIED: DENIED, "0": REFUSED}.get(status, answer)] += often
    return found


def _asked(mesh: Environment, requests: list[Request] | tuple[Request, ...], many: int = ENOUGH) -> list[Counter[str]]:
    """What has come of each; many: how often one with shares is sent."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        times = [many if len(request.comes) > 1 else FEW for request in requests]
        return list(pool.map(_ask, [mesh] * len(requests), requests, times))


def _fits(request: Request, found: Counter[str]) -> bool:
    return set(found) == {name for name, weight in request.comes.items() if weight}


def _p_value(request: Request, found: Counter[str]) -> float:
    """How likely counts are that are no more likely than these, by the first of two backends."""
    name, weight = next(iter(request.comes.items()))
    return binomial_p(found[name], found.total(), weight / sum(request.comes.values()))


def _told(mesh: Environment) -> list[str]:
    """What the Events of the controller say of the targets that there are."""
    targets = mesh.get("-n", SPACE, "traffictargets.access.smi-spec.io")["items"]
    there = {one["metadata"]["uid"] for one in targets}
    events = mesh.get("-n", SPACE, "events", "--field-selector=reason=NotTranslated")["items"]
    return [event["message"] for event in events if event["involvedObject"].get("uid") in there]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case(api: str, blank: Environment, case: Case, record_property: Callable[[str, object], None]) -> None:
    blank.cluster.kubectl(
        "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": case.objects})
    )
    if api in case.events:
        eventually(30, lambda: any(case.events[api] in message for message in _told(blank)), "an Event tells it")
    if api not in case.carried_out_by:
        denied = [found for found in _asked(blank, case.requests) if DENIED in found]
        assert not denied, "an Event tells that nobody is denied anything"
        return
    seen: list[Counter[str]] = []

    def carried_out() -> bool:
        seen[:] = _asked(blank, case.requests)
        return all(map(_fits, case.requests, seen))

    try:
        eventually(90, carried_out, "it is carried out")
    except AssertionError:
        wrong = [pair for pair in zip(case.requests, seen) if not _fits(*pair)]
        pytest.fail(f"still otherwise: {wrong}")
    judged = _asked(blank, case.requests, MANY)
    record_property("seen", [dict(found) for found in judged])
    assert all(map(_fits, case.requests, judged)), judged
    p_values = [_p_value(request, found) for request, found in zip(case.requests, judged) if len(request.comes) > 1]
    assert all(p > SIGNIFICANCE for p in holm(p_values)), judged


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_shows_when_it_is_not_carried_out(case: Case) -> None:
    assert not all(request.is_as_before for request in case.requests)
    assert set(case.events) | set(case.carried_out_by) == set(APIS)
