# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what became of requests to findings, tests and a table."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.counting import count, peers, table
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import Outcome, Place, Traffic
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.verdict import Wanted, compare, findings
from hypothesis import given, settings
from hypothesis import strategies as st

SUBJECT = "Service shop/backend"


def answers(number: int, backend: str, zone: str = "a", status: str = "200", **more: Any) -> list[Outcome]:
    return [Outcome(zone, status, 1.0, Place(f"{backend}-x", backend, "b"), **more)] * number


def silence(number: int, reason: str, zone: str = "a") -> list[Outcome]:
    return [Outcome(zone, "unanswered", 2000.0, reason=reason)] * number


def wanted(status: str = "", mtls: Optional[bool] = None, significance: float = 0.001, **weights: float) -> Wanted:
    return Wanted({name.replace("_", "-"): weight for name, weight in weights.items()}, status, mtls, significance)


def judged(expected: Wanted, *outcomes: list[Outcome], policies: tuple[str, ...] = ()) -> list[tuple[str, Severity]]:
    traffic = Traffic([one for part in outcomes for one in part])
    found = findings(SUBJECT, traffic, expected, compare(traffic, expected), policies)
    assert all(finding.component == "traffic" and finding.message for finding in found)
    assert all(finding.why and finding.mend for finding in found if finding.severity is not Severity.OK)
    return [(finding.id, finding.severity) for finding in found]


OK, ERROR, WARNING = Severity.OK, Severity.ERROR, Severity.WARNING
SPLIT = wanted(v1=80, v2=20)


def test_a_split_as_it_should_be() -> None:
    assert judged(SPLIT, answers(165, "v1"), answers(35, "v2")) == [("traffic-status", OK), ("traffic-weights", OK)]


def test_a_split_that_is_another_one() -> None:
    found = judged(SPLIT, answers(100, "v1"), answers(100, "v2"))
    assert found == [("traffic-status", OK), ("traffic-weights", ERROR)]


def test_one_zone_that_is_behind_is_found_among_right_ones() -> None:
    right = [answers(160, "v1", zone) + answers(40, "v2", zone) for zone in "ab"]
    traffic = Traffic([*right[0], *right[1], *answers(200, "v1", "c")])
    failed = [test for test in compare(traffic, SPLIT) if test.corrected < SPLIT.significance]
    assert {test.zone for test in failed} >= {"c"}
    assert not {"a", "b"} & {test.zone for test in failed}


def test_two_backends_are_one_question_and_three_are_three() -> None:
    two = compare(Traffic(answers(8, "v1") + answers(2, "v2")), SPLIT)
    assert [(test.zone, test.backend) for test in two] == [("a", "v1")]
    three = compare(Traffic(answers(8, "v1") + answers(2, "v2") + answers(5, "v3")), wanted(v1=1, v2=1, v3=1))
    assert [test.backend for test in three] == ["v1", "v2", "v3"]


def test_weight_0_is_nothing_at_all() -> None:
    expected = wanted(v1=0, v2=100)
    assert judged(expected, answers(100, "v2")) == [("traffic-status", OK), ("traffic-weights", OK)]
    found = judged(expected, answers(999, "v2"), answers(1, "v1"))
    assert ("traffic-zero-weight", ERROR) in found


def test_a_backend_without_weight_leaves_nothing_that_is_well() -> None:
    gone = wanted(v1=100, v2=0)
    found = judged(gone, answers(97, "v1"), answers(3, "v2"))
    assert found == [("traffic-status", OK), ("traffic-zero-weight", ERROR)]
    found = judged(wanted(v1=50, v2=50, v3=0), answers(50, "v1"), answers(50, "v2"), answers(1, "v3"))
    assert ("traffic-weights", OK) not in found
    assert ("traffic-zero-weight", ERROR) in judged(gone, answers(97, "v1"), answers(3, "v2", status="503"))


def test_strangers_and_answers_that_name_nobody() -> None:
    assert ("traffic-backends", ERROR) in judged(SPLIT, answers(80, "v1"), answers(20, "v2"), answers(1, "v3"))
    assert ("traffic-backends", ERROR) in judged(SPLIT, answers(80, "v1"), answers(20, "v2"), answers(1, ""))
    assert judged(SPLIT, answers(10, "")) == [("traffic-status", OK), ("traffic-weights", ERROR)]


def test_few_answers_are_said_to_be_few() -> None:
    assert ("traffic-few", WARNING) in judged(SPLIT, answers(8, "v1"), answers(2, "v2"))
    assert ("traffic-few", WARNING) not in judged(SPLIT, answers(20, "v1"), answers(5, "v2"))


def test_a_status_that_is_expected() -> None:
    denied = answers(10, "", status="403", reason="RBAC: access denied")
    assert judged(wanted(status="403"), denied) == [("traffic-status", OK)]
    assert judged(wanted(), denied) == [("traffic-status", ERROR)]
    assert judged(wanted(status="403"), answers(10, "v1")) == [("traffic-status", ERROR)]


def test_no_answer_may_be_what_is_expected() -> None:
    assert judged(wanted(status="unanswered"), silence(5, "connection reset")) == [("traffic-status", OK)]
    assert judged(wanted(status="unanswered"), answers(1, "v1"))[0] == ("traffic-status", ERROR)


def test_each_reason_has_its_finding_and_policies_are_named_where_they_may_matter() -> None:
    traffic = Traffic(silence(3, "no connection in time") + silence(2, "connection refused", "b"))
    refused, blocked = findings(SUBJECT, traffic, wanted(), [], ["shop/deny"])
    assert "2 of 5 requests got no answer: connection refused (zone b: 2)" in refused.message
    assert "shop/deny" not in refused.mend
    assert "3 of 5 requests got no answer: no connection in time (zone a: 3)" in blocked.message
    assert "shop/deny" in blocked.mend


def test_answers_that_are_missing_do_not_shift_the_shares() -> None:
    found = judged(SPLIT, answers(80, "v1"), answers(20, "v2"), silence(100, "connection reset"))
    assert found == [("traffic-unanswered", ERROR), ("traffic-weights", OK)]


@pytest.mark.parametrize(
    ("mtls", "with_peer", "without", "severity"),
    [(True, 5, 0, OK), (True, 4, 1, ERROR), (False, 0, 5, OK), (False, 1, 4, ERROR), (True, 0, 0, ERROR)],
)
def test_mutual_tls(mtls: bool, with_peer: int, without: int, severity: Severity) -> None:
    found = judged(wanted(mtls=mtls), answers(with_peer, "v1", peer="spiffe://td/x"), answers(without, "v1"))
    assert ("traffic-mtls", severity) in found


def test_what_was_not_sent_is_told() -> None:
    (_status, unsent) = findings(SUBJECT, Traffic(answers(1, "v1"), {"a": 4, "b": 0}), wanted(), [], [])
    assert (unsent.id, unsent.severity) == ("traffic-unsent", WARNING)
    assert "4 requests were not sent, for the time was up (zone a: 4)" in unsent.message


def test_nothing_sent_is_no_success() -> None:
    assert judged_nothing() == [("traffic-status", ERROR), ("traffic-weights", ERROR), ("traffic-unsent", WARNING)]


def judged_nothing() -> list[tuple[str, Severity]]:
    traffic = Traffic([], {"a": 10})
    found = findings(SUBJECT, traffic, SPLIT, compare(traffic, SPLIT), [])
    return [(finding.id, finding.severity) for finding in found]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["v1", "v2", "v3", ""])), max_size=40))
def test_every_request_is_counted_once(sent: list[tuple[str, str]]) -> None:
    traffic = Traffic([Outcome(zone, "200", 1.0, Place("", backend, "")) for zone, backend in sent])
    counts = count(traffic)
    assert sum(one.requests for one in counts) == len(sent)
    assert len({one.group for one in counts}) == len(counts)
    for test in compare(traffic, wanted(v1=1, v2=2, v3=3)):
        assert 0 <= test.hits <= test.requests
        assert 0 <= test.p_value <= test.corrected <= 1


def test_the_table_is_for_people() -> None:
    lines = table(count(Traffic(answers(3, "v1") + silence(1, "connection refused"))))
    assert [line.split() for line in lines[1:]] == [
        ["a", "-", "-", "unanswered:", "connection", "refused", "1", "25.0%", "2000.0", "2000.0", "2000.0"],
        ["a", "v1", "b", "200", "3", "75.0%", "1.0", "1.0", "1.0"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_peers_are_counted() -> None:
    outcomes = answers(2, "v1", peer="spiffe://b") + answers(1, "v1", peer="spiffe://a") + answers(4, "v1")
    assert peers(outcomes) == {"spiffe://a": 1, "spiffe://b": 2}
