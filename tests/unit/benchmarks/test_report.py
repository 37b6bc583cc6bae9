# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From single runs to tables and goals."""

from __future__ import annotations

import json

import pytest
from ansible_collections.servicemesh.platform.tests.benchmarks import document, goals, report
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import (
    ALONE,
    CREATE,
    NOOP,
    PROCESS,
    Book,
    Figure,
    Key,
    Result,
    from_json,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Measurement

EMPTY = Key(ALONE, PROCESS, "empty", 0)


def figure(key: Key, *walls: float, sampled: int = 0) -> Figure:
    return Figure(key, tuple(Measurement(wall=wall, cpu=wall / 2, peak_mib=50) for wall in walls), sampled)


def verdicts(*figures: Figure) -> dict[str, bool | None]:
    """The goals that the figures give, with their verdicts."""
    return {f"{goal.figure} {goal.wanted}": goal.met for goal in goals.goals(Book([Result("part", list(figures))]))}


def test_runs_of_one_thing_in_several_parts_are_one_figure() -> None:
    key = Key(ALONE, CREATE, "kubectl", 300)
    book = Book([Result("first", [figure(key, 3.0)]), Result("again", [figure(key, 1.0, 5.0)])])
    assert book.spread(key) == (1.0, 3.0, 5.0, 3)


def test_a_sample_is_extrapolated_above_an_empty_playbook() -> None:
    key = Key(ALONE, CREATE, "k8s-loop", 300)
    book = Book([Result("part", [figure(EMPTY, 1.0), figure(key, 16.0, sampled=30)])])
    assert book.middle(key) == 1.0 + 15.0 * 10
    assert "30 measured, extrapolated" in report.markdown({}, book.results)


def test_results_survive_being_written() -> None:
    result = Result("part", [figure(EMPTY, 1.0, 2.0)], {"read": 3}, "broke off")
    assert from_json(json.loads(json.dumps(result.as_json()))) == result


@pytest.mark.parametrize(("wall", "met"), [(1.4, True), (1.5, False)])
def test_the_floor_is_the_measure_of_a_creation(wall: float, met: bool) -> None:
    ours, floor = (
        figure(Key(ALONE, CREATE, tool, 3000), each) for tool, each in (("ours-src", wall), ("floor-patches", 1.0))
    )
    assert verdicts(ours, floor)["create 3,000 (src) ≤ 1.4 times the floor"] is met


def test_kubernetes_core_is_taken_at_its_best() -> None:
    ours = figure(Key(ALONE, NOOP, "ours-src", 3000), 1.0)
    slow, fast = (
        figure(Key(ALONE, NOOP, f"k8s-{side}-side", 3000), wall) for side, wall in (("server", 20), ("client", 9))
    )
    assert verdicts(ours, slow, fast)["no-op 3,000 (src) ≥ 10 times faster than kubernetes.core"] is False
    assert verdicts(ours, slow)["no-op 3,000 (src) ≥ 10 times faster than kubernetes.core"] is True


@pytest.mark.parametrize(("wall", "met"), [(21.0, True), (22.0, False)])
def test_growth_is_measured_above_an_empty_playbook(wall: float, met: bool) -> None:
    small, large = (figure(Key(ALONE, NOOP, "ours-src", size), each) for size, each in ((300, 3.0), (3000, wall)))
    assert verdicts(figure(EMPTY, 1.0), small, large)["growth of no-op from 300 to 3,000 ≤ 10 times"] is met


def test_what_was_not_measured_is_no_goal() -> None:
    assert verdicts(figure(EMPTY, 1.0)) == {}


def test_a_part_that_broke_off_is_told() -> None:
    assert "- 3000 helm: exit code 1" in report.markdown({}, [Result("3000 helm", failure="exit code 1\nmore")])


def test_the_document_keeps_what_stands_around_the_figures() -> None:
    text = f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n"
    assert document.with_figures(text, "new\n") == f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n"


def test_the_controller_has_a_place_of_its_own() -> None:
    first, last = document.marks(["controller"])
    text = f"{document.BEGIN}\nold\n{document.END}\n{first}\nold\n{last}\n"
    expected = f"{document.BEGIN}\nold\n{document.END}\n{first}\n\nnew\n\n{last}\n"
    assert document.with_figures(text, "new", ["controller"]) == expected
    assert document.marks(["controller", "smi"]) == (document.BEGIN, document.END)


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold the lines"):
        document.with_figures("nothing", "new")


@pytest.mark.parametrize("topics", [[], ["controller"]])
def test_the_document_has_the_marks(topics: list[str]) -> None:
    assert "new" in document.with_figures(document.DOCUMENT.read_text(), "new", topics)
