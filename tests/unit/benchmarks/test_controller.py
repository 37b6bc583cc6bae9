# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload of the SMI controller, what is told of it, and the floor that it is compared with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.conversion import review
from ansible_collections.servicemesh.platform.tests.benchmarks import controller_tables, goals, splits
from ansible_collections.servicemesh.platform.tests.benchmarks.echo_webhook import converted
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import Book, Result, latency

GIVEN = splits.splits(250, 3)
TRANSLATION = {
    "namespaces": 3,
    "splits": 250,
    "floor_splits": 2.0,
    "floor_routes": 3.0,
    "created": 4.0,
    "behind": 5.0,
    "whole": 9.0,
    "cpu": 6.0,
    "peak_mib": 90.0,
    "server_cpu": 7.0,
    "floor_server_cpu": 6.0,
    "answers": 750.0,
    "reconciles": 12.0,
    "writes": 251.0,
}
RESTARTS = {
    "splits": 250,
    "rate": 50,
    "changes": 900,
    "kills": 2,
    "leads": [15.0, 16.0],
    "wrong_at_once": 40,
    "right": 2.5,
    "differences": 0,
}


def with_weight(route: dict[str, Any], weight: int) -> dict[str, Any]:
    """The route with another weight of its first backend."""
    changed: dict[str, Any] = json.loads(json.dumps(route))
    changed["spec"]["rules"][0]["backendRefs"][0]["weight"] = weight
    return changed


def test_the_splits_break_no_rule_among_their_services() -> None:
    around = Surroundings.of([each for split in GIVEN for each in splits.services(split)], ["Service"])
    assert check([splits.manifest(split) for split in GIVEN], around) == []


def test_the_splits_are_spread_evenly() -> None:
    spread = [sum(split.namespace == f"splits-{index}" for split in GIVEN) for index in range(3)]
    assert sorted(spread) == [83, 83, 84]
    assert len({(split.namespace, split.name) for split in GIVEN}) == 250


def test_every_split_becomes_one_route_with_its_weights() -> None:
    made = splits.routes(GIVEN)
    assert len(made) == 250
    assert splits.differences(GIVEN, made) == []


def test_what_is_missing_changed_or_too_much_differs() -> None:
    first, second, *rest = splits.routes(GIVEN[:5])
    names = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in (first, second)]
    assert splits.differences(GIVEN[:5], [second, *rest]) == [names[0]]
    assert splits.differences(GIVEN[:5], [first, with_weight(second, 77), *rest]) == [names[1]]
    assert splits.differences(GIVEN[1:5], [first, second, *rest]) == [names[0]]


def test_every_change_is_one() -> None:
    before = {split.name: split.weight for split in GIVEN}
    for turn in range(3 * len(GIVEN)):
        split = splits.changed(GIVEN, turn)
        assert split.weight != before[split.name]
        assert 1 <= split.weight <= 99
        before[split.name] = split.weight


def test_a_change_is_written_in_the_version_asked_for() -> None:
    method, path, body = splits.change(GIVEN[0], splits.ANOTHER)
    assert (method, path.partition("?")[0]) == ("PATCH", splits.path_of(GIVEN[0], splits.ANOTHER))
    assert json.loads(body or "")["apiVersion"] == f"{splits.GROUP}/{splits.ANOTHER}"


def test_the_echo_answers_as_the_controller_but_converts_nothing() -> None:
    asked = splits.review(GIVEN[:3])
    echo, ours = json.loads(converted(json.dumps(asked).encode())), review(asked)
    for answer in (echo, ours):
        assert answer["response"]["uid"] == asked["request"]["uid"]
        versions = {each["apiVersion"] for each in answer["response"]["convertedObjects"]}
        assert versions == {f"{splits.GROUP}/{splits.ANOTHER}"}
    assert ours["response"]["convertedObjects"][0] == convert(splits.manifest(GIVEN[0]), splits.ANOTHER)


def test_percentiles_are_calls_that_were_made() -> None:
    assert latency([float(each) for each in range(100, 0, -1)]) == {"p50": 50.0, "p99": 99.0, "calls": 100}
    assert latency([3.0]) == {"p50": 3.0, "p99": 3.0, "calls": 1}


def test_a_translation_is_told_against_both_floors_together() -> None:
    book = Book([Result("controller, 3 namespaces", details=TRANSLATION)])
    (goal,) = goals.goals(book)
    assert (goal.met, goal.measured) == (None, "2.17 times the CPU, 1.80 times the time")


@pytest.mark.parametrize(("differences", "met"), [(0, True), (1, False)])
def test_no_difference_is_allowed_after_restarts(differences: int, met: bool) -> None:
    book = Book([Result("controller, restarts", details={**RESTARTS, "differences": differences})])
    (goal,) = goals.goals(book)
    assert goal.met is met


def test_the_tables_tell_what_was_measured() -> None:
    call = {"p50": 0.002, "p99": 0.004, "calls": 30}
    conversion = {
        "splits": 250,
        "calls": {"1": {"controller": call, "echo": {**call, "p50": 0.001}}},
        "single": {"controller": {"read v1alpha2": call}, "echo": {"read v1alpha2": call}},
        "lists": {"asked": 0.0, "whole v1alpha2": call},
        "cold": {"echo v1alpha2": {"seconds": [1.0, 3.0, 2.0], "asked": [750.0, 750.0, 750.0]}},
    }
    results = [
        Result("controller, 3 namespaces", details=TRANSLATION),
        Result("controller, conversion", details=conversion),
        Result("controller, restarts", details=RESTARTS),
    ]
    text = "\n".join(controller_tables.blocks(Book(results)))
    assert "| in all, both bare runs = 1 | 1.80 |" in text
    assert "| 1 | 2.0 | 4.0 | 1.0 | 4.0 | 2.0 |" in text
    assert "| echo v1alpha2 | 2.00 | 1.00 to 3.00 (3) | 750 |" in text
    assert "| from the last change until all were right | 2.5 s |" in text


def test_without_figures_there_are_no_tables() -> None:
    assert [each for each in controller_tables.blocks(Book([])) if each] == []
