# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long, and at what pace, a request is repeated."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import api_error
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.patience import (
    DOUBT,
    PATIENCE,
    SETTLING,
    Backoff,
    seconds_for,
)


@pytest.mark.parametrize(
    ("status", "reason", "message", "seconds"),
    [
        (429, "TooManyRequests", "too many requests", PATIENCE),
        (500, "ServerTimeout", "cannot be completed at this time", PATIENCE),
        (500, "", "etcdserver: leader changed", PATIENCE),
        (500, "", "etcdserver: request timed out", PATIENCE),
        (500, "", "rpc error: code = Unavailable desc = connection error", PATIENCE),
        (500, "", "rpc error: code = Unknown desc = something", DOUBT),
        (500, "InternalError", "Internal error occurred", DOUBT),
        (500, "", "conversion webhook for example.com/v1, Kind=A failed: Post: refused", 0),
        (500, "", "failed to create typed patch object (shop/a; v1, Kind=A): .spec.b: field not declared in schema", 0),
        (503, "ServiceUnavailable", "the server is currently unable to handle the request", PATIENCE),
        (504, "Timeout", "the request did not complete", PATIENCE),
        (409, "AlreadyExists", 'configmaps "a" already exists', PATIENCE),
        (409, "Conflict", "the UID in the precondition (1) does not match the UID in record (2)", 0),
        (403, "Forbidden", "x is forbidden: not yet ready to handle request", DOUBT),
        (403, "Forbidden", 'User "u" cannot patch resource', 0),
        (400, "BadRequest", "bad", 0),
    ],
)
def test_how_long(status: int, reason: str, message: str, seconds: float) -> None:
    assert seconds_for(api_error(status, {"reason": reason, "message": message}), "PATCH", {"metadata": {}}) == seconds


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"metadata": {"resourceVersion": "7"}}, 0),
        ([{"op": "test", "path": "/metadata/resourceVersion", "value": "7"}], 0),
        ([{"op": "remove", "path": "/metadata/labels/a"}], PATIENCE),
    ],
)
def test_who_insists_on_a_version_is_told_of_another(body: Any, seconds: float) -> None:
    conflict = api_error(409, {"reason": "Conflict", "message": "the object has been modified"})
    assert seconds_for(conflict, "PATCH", body) == seconds


def test_who_creates_is_told_that_it_exists() -> None:
    exists = api_error(409, {"reason": "AlreadyExists", "message": 'leases "a" already exists'})
    assert seconds_for(exists, "POST", {}) == 0


def test_a_server_that_started_long_ago_means_what_it_forbids() -> None:
    forbidden = api_error(403, {"reason": "Forbidden", "message": "no"})
    now = time.monotonic()
    assert seconds_for(forbidden, "GET", None, now - SETTLING / 2) == SETTLING
    assert seconds_for(forbidden, "GET", None, now - SETTLING * 2) == 0


def test_pauses_grow_and_differ() -> None:
    backoffs = [Backoff() for _number in range(20)]
    pauses = [[backoff.pause(1000) or 0 for _attempt in range(8)] for backoff in backoffs]
    for one in pauses:
        assert 0.05 <= one[0] <= 0.1
        assert all(pause <= 2.0 for pause in one)
        assert one[-1] >= 1.0
    assert len({one[0] for one in pauses}) > 10


def test_the_server_is_given_the_time_that_it_asks_for() -> None:
    assert 7.0 < (Backoff().pause(30, retry_after=7) or 0) < 7.2
    assert Backoff().pause(30, retry_after=31) is None


def test_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    backoff: Any = Backoff()
    assert backoff.pause(5)
    now = 106.0
    assert backoff.pause(5) is None
    assert backoff.pause(5, since=104.0)
    assert backoff.pause(30)
