# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that admission changes: webhooks and policies that come, go, and decide otherwise from run to run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness import admission, strategies
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.admission import (
    Canary,
    Mutation,
    Webhook,
    configured,
    marking,
    of_namespace,
    reconfigure,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.batches import (
    objects_to_try,
    profile,
    shown,
    summary,
    try_batch,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.conftest import Try
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import (
    Body,
    Server,
    good,
    object_path,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.strategies import OUR_MANAGER, Case
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.trial import (
    CONFIGURED,
    UNCHANGED,
    Run,
    Trial,
)
from hypothesis import given, settings
from hypothesis import strategies as st

NAMESPACE = "exactness-admission"

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def within(server: Server, place: str) -> Iterator[str]:
    """A namespace that the admission of these tests concerns, and nothing else."""
    server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield NAMESPACE
    server.delete(f"/api/v1/namespaces/{NAMESPACE}")


@pytest.fixture
def canary(server: Server, within: str) -> Canary:
    return Canary(server, within)


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    opened = Webhook(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def config_map(within: str) -> Body:
    metadata = {"name": f"c{next(_NUMBERS)}", "namespace": within, "labels": {"a": "x"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


def action(run: Run) -> str:
    (verdict,) = run.verdicts
    return verdict.action


def annotations(trial: Trial) -> dict[str, str]:
    (live,) = trial.live
    assert live
    return dict(live["metadata"].get("annotations") or {})


def overwriting(value: str) -> Mutation:
    """Sets a value that is ours."""

    def mutation(request: Body, body: Body) -> None:
        marking(value)(request, body)
        body["data"] = {**(body.get("data") or {}), "a": value}

    return mutation


def for_manager(manager: str, then: Mutation) -> Mutation:
    """Acts on the writes of one field manager only, and on the canary."""

    def mutation(request: Body, body: Body) -> None:
        if (request.get("options") or {}).get("fieldManager") in (manager, "canary"):
            then(request, body)

    return mutation


# --- the configuration changes ------------------------------------------------------------------------------------


def test_a_webhook_that_comes_changes_and_goes(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    trial = attempt(config_map)
    webhook.mutation = overwriting("first")
    configuration = webhook.configuration("comes", namespace_selector=of_namespace(NAMESPACE))
    with configured(server, configuration):
        canary.await_mark("first")
        assert action(trial.judge()) == CONFIGURED
        assert action(trial.judge()) == UNCHANGED
        configuration["webhooks"][0]["timeoutSeconds"] = 6
        webhook.mutation = overwriting("second")
        reconfigure(server, configuration)
        canary.await_mark("second")
        assert action(trial.judge()) == CONFIGURED
    canary.await_mark(None)
    assert action(trial.judge()) == CONFIGURED
    assert trial.live[0]["data"] == {"a": "1"}


def test_a_webhook_that_is_there_first(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    webhook.mutation = overwriting("theirs")
    with configured(server, webhook.configuration("first", namespace_selector=of_namespace(NAMESPACE))):
        canary.await_mark("theirs")
        trial = attempt(config_map)
        assert action(trial.judge()) == UNCHANGED
    canary.await_mark(None)
    assert action(trial.judge()) == CONFIGURED


# --- the configuration stays, and the webhook decides otherwise ---------------------------------------------------


def test_a_webhook_gets_a_new_release(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    webhook.mutation = marking("1.0")
    with configured(server, webhook.configuration("release", namespace_selector=of_namespace(NAMESPACE))):
        canary.await_mark("1.0")
        trial = attempt(config_map)
        webhook.mutation = marking("1.1")
        assert action(trial.judge()) == CONFIGURED
        assert annotations(trial) == {"mark": "1.1"}


def test_a_webhook_was_down_at_our_last_run(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    """It is ignored while it does not answer. Here it answers and does nothing, which is the same to us."""
    webhook.mutation = None
    with configured(server, webhook.configuration("down", namespace_selector=of_namespace(NAMESPACE))):
        trial = attempt(config_map)
        webhook.mutation = marking("up")
        canary.await_mark("up")
        assert action(trial.judge()) == CONFIGURED


def test_a_webhook_acts_on_our_writes_only(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    """What it put on was taken off by somebody else; no field of ours, and the configuration is the same."""
    webhook.mutation = for_manager(OUR_MANAGER, marking("ours"))
    with configured(server, webhook.configuration("ours", namespace_selector=of_namespace(NAMESPACE))):
        canary.await_mark("ours")
        trial = attempt(config_map)
        good(server.merge(object_path(config_map), {"metadata": {"annotations": {"mark": None}}}))
        assert annotations(trial) == {}
        assert action(trial.judge()) == CONFIGURED


def test_a_webhook_changes_what_is_ours_when_another_writes(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    """The ownership does not move: managedFields know nothing of what admission does."""
    trial = attempt(config_map)
    owners = trial.live[0]["metadata"]["managedFields"]
    webhook.mutation = for_manager("outsider", overwriting("theirs"))
    with configured(server, webhook.configuration("theirs", namespace_selector=of_namespace(NAMESPACE))):
        canary.await_mark("theirs")
        good(server.merge(object_path(config_map), {"metadata": {"labels": {"other": "x"}}}))
    canary.await_mark(None)
    live = trial.live[0]
    assert live["data"] == {"a": "theirs"}
    assert owners[0] in live["metadata"]["managedFields"]
    assert action(trial.judge()) == CONFIGURED


@pytest.mark.parametrize("matches", ["namespace", "object"])
def test_labels_make_a_webhook_concern_our_object(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body, matches: str
) -> None:
    """The labels of the namespace are no part of the object; its own are written while the webhook does nothing yet."""
    webhook.mutation = marking("chosen")
    name = f"by-{matches}"
    selector = {"matchLabels": {"chosen": "x"}}
    in_namespace = of_namespace(NAMESPACE)
    if matches == "namespace":
        configuration = webhook.configuration(name, namespace_selector=merge_selectors(in_namespace, selector))
        path = f"/api/v1/namespaces/{NAMESPACE}"
    else:
        configuration = webhook.configuration(name, namespace_selector=in_namespace, object_selector=selector)
        path = object_path(config_map)
    with configured(server, configuration):
        if matches == "object":
            server.await_effect(name, lambda: "mark" in look_chosen(canary))
            webhook.mutation = None
        trial = attempt(config_map)
        try:
            good(server.merge(path, {"metadata": {"labels": {"chosen": "x"}}}))
            webhook.mutation = marking("chosen")
            if matches == "namespace":
                canary.await_mark("chosen")
            assert action(trial.judge()) == CONFIGURED
        finally:
            server.merge(path, {"metadata": {"labels": {"chosen": None}}})


def merge_selectors(*selectors: Body) -> Body:
    return {"matchLabels": {name: value for each in selectors for name, value in each["matchLabels"].items()}}


def look_chosen(canary: Canary) -> Body:
    """The annotations of an object with the label."""
    body = canary.look(metadata={"name": "canary", "namespace": NAMESPACE, "labels": {"chosen": "x"}})
    return body["metadata"].get("annotations") or {}


def test_a_webhook_that_concerns_other_kinds_costs_nothing(
    attempt: Try, server: Server, canary: Canary, webhook: Webhook, config_map: Body
) -> None:
    """A mesh injects into pods; all the rest can still be proved."""
    on_pods = [
        {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "configmaps"]}
    ]
    on_pods += [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]
    webhook.mutation = marking("pods")
    with configured(server, webhook.configuration("pods", rules=on_pods, namespace_selector=of_namespace(NAMESPACE))):
        canary.await_mark("pods")
        trial = attempt(config_map)
        run = trial.judge()
        assert action(run) == UNCHANGED
        assert trial.proved(run) == [True]


# --- policies -----------------------------------------------------------------------------------------------------


@pytest.fixture
def policies(server: Server) -> str:
    version = admission.policy_version(server)
    if not version:
        pytest.skip("this API server does not serve mutating admission policies")
    return version


MARK = 'Object{metadata: Object.metadata{annotations: {"mark": %s}}}'


def test_a_policy_that_comes_changes_and_goes(
    attempt: Try, server: Server, canary: Canary, policies: str, config_map: Body
) -> None:
    trial = attempt(config_map)
    policy = admission.policy(policies, "comes.example.com", MARK % '"first"')
    with configured(server, policy, admission.binding(policies, "comes.example.com", NAMESPACE)):
        canary.await_mark("first")
        assert action(trial.judge()) == CONFIGURED
        assert action(trial.judge()) == UNCHANGED
        reconfigure(server, admission.policy(policies, "comes.example.com", MARK % '"second"'))
        canary.await_mark("second")
        assert action(trial.judge()) == CONFIGURED
    canary.await_mark(None)
    assert action(trial.judge()) == UNCHANGED


def test_the_parameters_of_a_policy_change(
    attempt: Try, server: Server, canary: Canary, policies: str, config_map: Body, place: str
) -> None:
    """An object like any other, elsewhere."""
    metadata = {"name": "parameters", "namespace": place}
    parameters = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mark": "first"}}
    server.create(parameters)
    name = "parameters.example.com"
    policy = admission.policy(policies, name, MARK % "params.data.mark", {"apiVersion": "v1", "kind": "ConfigMap"})
    reference = {"name": "parameters", "namespace": place}
    try:
        with configured(server, policy, admission.binding(policies, name, NAMESPACE, reference)):
            canary.await_mark("first")
            trial = attempt(config_map)
            good(server.merge(object_path(parameters), {"data": {"mark": "second"}}))
            canary.await_mark("second")
            assert action(trial.judge()) == CONFIGURED
            assert annotations(trial) == {"mark": "second"}
        canary.await_mark(None)
    finally:
        server.delete(object_path(parameters))


# --- generated ----------------------------------------------------------------------------------------------------

OBJECTS = objects_to_try() // 4
BATCH = 24
KINDS = (strategies.config_maps, strategies.exacts, strategies.deployments, strategies.loosies)


def label(request: Body, body: Body) -> None:
    body["metadata"]["labels"] = {**(body["metadata"].get("labels") or {}), "a": "mutated"}


def deep(request: Body, body: Body) -> None:
    """Changes what may be ours."""
    marking("deep")(request, body)
    if body["kind"] == "ConfigMap":
        body["data"] = {**(body.get("data") or {}), "a": "mutated"}
    elif body["kind"] == "Exact":
        spec = body.setdefault("spec", {})
        spec["set"] = sorted({*(spec.get("set") or ()), "z"})
        spec["free"] = {**(spec.get("free") or {}), "b": 1}
    elif body["kind"] == "Deployment":
        body["spec"]["replicas"] = 4
        for container in body["spec"]["template"]["spec"]["containers"] or ():
            container["imagePullPolicy"] = "Always"


# All of them change nothing when they are done again.
MUTATIONS: dict[str, Mutation | None] = {
    "absent": None,
    "nothing": None,
    "label": label,
    "note": marking("note"),
    "deep": deep,
    "deep for outsiders": for_manager("outsider", deep),
    "note for us": for_manager(OUR_MANAGER, marking("note")),
    "deep for us": for_manager(OUR_MANAGER, deep),
}
ABSENT = "absent"
"""No configuration at all."""


class Phases:
    """Lets the admission be otherwise in each phase of a trial."""

    def __init__(self, server: Server, canary: Canary, webhook: Webhook) -> None:
        self._server, self._canary, self._webhook = server, canary, webhook
        self._configuration = webhook.configuration("generated", namespace_selector=of_namespace(NAMESPACE))
        self._is_configured = False

    def enter(self, name: str) -> None:
        if (name != ABSENT) != self._is_configured:
            self._is_configured = name != ABSENT
            if self._is_configured:
                self._server.create(self._configuration)
            else:
                good(self._server.delete(admission.path_of(self._configuration)))
        self._webhook.mutation = self._mutation(name)
        self._canary.await_mark(None if name == ABSENT else f"phase {name}")

    def _mutation(self, name: str) -> Mutation:
        chosen = MUTATIONS[name]

        def mutation(request: Body, body: Body) -> None:
            if request.get("name") == "canary":
                marking(f"phase {name}")(request, body)
            elif chosen:
                chosen(request, body)

        return mutation


def test_generated_objects_and_admission(
    server: Server, connection: dict[str, Any], canary: Canary, webhook: Webhook
) -> None:
    """One kind of admission at our first runs, another when others write, another at our last run."""
    phases = Phases(server, canary, webhook)
    tally: Counter[str] = Counter()
    complaints: list[str] = []
    mutations = st.sampled_from(sorted(MUTATIONS))

    @settings(profile(max_examples=1 + OBJECTS // BATCH))
    @given(
        st.tuples(mutations, mutations, mutations), st.lists(strategies.cases(KINDS), min_size=BATCH, max_size=BATCH)
    )
    def verdicts_are_right(names: tuple[str, str, str], batch: list[Case]) -> None:
        phases.enter(names[0])
        later = [lambda: phases.enter(names[1]), lambda: phases.enter(names[2])]
        found = try_batch(server, connection, NAMESPACE, batch, tally, *later)
        complaints.extend(f"admission {names}: {each}" for each in found)

    try:
        verdicts_are_right()
    finally:
        phases.enter(ABSENT)
        print(shown(tally))
    assert not complaints, summary(complaints)
