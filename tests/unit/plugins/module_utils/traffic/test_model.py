# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client has written, as outcomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import (
    NOWHERE,
    Place,
    TrafficError,
    is_good,
    merge,
    read,
)
from hypothesis import given
from hypothesis import strategies as st

PODS = {f"backend-{version}-6d4cf56db6-x7x2p": Place("", f"backend-{version}", "b") for version in ("v1", "v2")}
XFCC = 'By=spiffe://cluster.local/ns/shop/sa/backend;Hash=0a;Subject=\\"\\";URI=spiffe://cluster.local/ns/shop/sa/asker'


def told(*replies: tuple[str, str, str], unsent: int = 0) -> str:
    """The text of a client that has got each of these replies once, after a millisecond."""
    named = [dict(zip(("status", "text", "error"), reply)) for reply in replies]
    requests = [[number, 1000] for number in range(len(named))]
    return json.dumps({"replies": named, "requests": requests, "unsent": unsent})


@pytest.mark.parametrize(
    "text",
    [
        '{"pod":"backend-v2-6d4cf56db6-x7x2p","protocol":"HTTP/1.1"}\n',
        '{\n  "hostname": "backend-v2-6d4cf56db6-x7x2p"\n}\n',
        "ServiceVersion=\nHostname=backend-v2-6d4cf56db6-x7x2p\nURL=/",
        "backend-v2-6d4cf56db6-x7x2p By=spiffe://a",
    ],
)
def test_answers_that_hold_the_name_of_their_pod(text: str) -> None:
    (one,) = read(told(("200", text, "")), "a", PODS).outcomes
    assert (one.client_zone, one.place.backend, one.place.zone, one.milliseconds) == ("a", "backend-v2", "b", 1.0)


def test_a_part_of_a_name_is_not_the_name() -> None:
    (one,) = read(told(("200", "x-backend-v2-6d4cf56db6-x7x2p", "")), "a", PODS).outcomes
    assert one.place == NOWHERE


def test_who_asked_is_the_uri_of_the_header() -> None:
    (one,) = read(told(("200", f'{{"client_certificate":"{XFCC}"}}', "")), "a", PODS).outcomes
    assert one.peer == "spiffe://cluster.local/ns/shop/sa/asker"


def test_what_a_client_has_written_itself_does_not_count() -> None:
    (one,) = read(told(("200", f"URI=spiffe://forged,{XFCC}", "")), "a", PODS).outcomes
    assert one.peer == "spiffe://cluster.local/ns/shop/sa/asker"


def test_no_answer_has_its_reason() -> None:
    traffic = read(told(("", "", "connection refused"), unsent=3), "a", PODS)
    (one,) = traffic.outcomes
    assert (one.status, one.reason, one.is_answered) == ("unanswered", "connection refused", False)
    assert traffic.unsent == {"a": 3}


def test_an_answer_that_is_not_good_says_why() -> None:
    (one,) = read(told(("403", "RBAC: access denied\n", "")), "a", PODS).outcomes
    assert (one.status, one.reason, one.is_answered) == ("403", "RBAC: access denied", True)


@pytest.mark.parametrize(
    ("status", "good"),
    [("200", True), ("301", True), ("OK", True), ("answered", True), ("404", False), ("UNAVAILABLE", False)],
)
def test_what_is_good(status: str, good: bool) -> None:
    assert is_good(status) == good


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"replies": []}',
        '{"replies": [], "requests": [[0, 1]], "unsent": 0}',
        '{"replies": [1], "requests": [], "unsent": 0}',
        '{"replies": [], "requests": [["x", 1]], "unsent": 0}',
    ],
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(TrafficError, match="zone a wrote what traffic-probe does not write"):
        read(text, "a", PODS)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_other_json_is_refused(value: Any) -> None:
    with pytest.raises(TrafficError):
        read(json.dumps(value), "a", PODS)


def test_clients_of_one_zone_and_of_several_are_one_traffic() -> None:
    parts = [read(told(("200", "", ""), unsent=1), zone, PODS) for zone in ("a", "b", "b")]
    merged = merge(parts)
    assert len(merged.outcomes) == 3
    assert (merged.unsent, merged.zones) == ({"a": 1, "b": 2}, ["a", "b"])
