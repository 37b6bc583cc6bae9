# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that break and servers that turn us away: everything is done, once, and told as what it was."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any, Callable

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import patience
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import session as session_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed, ConnectionFailed

from .proxy import AFTER, BEFORE, MIDWAY, Fault, Pipe, Proxy, burst, every

OBJECTS = 40

Members = Callable[[], "dict[str, str]"]


def actions(outcome: Any) -> Counter[str]:
    return Counter(change.action for change in outcome.changes)


def status(code: int, reason: str, message: str) -> dict[str, Any]:
    """A Status as the API server answers it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


@pytest.fixture
def three_runs(run: Any, make: Any, applyset: Any, members: Members) -> Callable[[dict[str, Any]], None]:
    """Create objects, change some and remove others, and find nothing to do, through the connection given."""

    def check(connection: dict[str, Any]) -> None:
        def objects(value: str, number: int = OBJECTS) -> list[Any]:
            return [make.config_map(f"c{index:02}", a=value if index % 2 else "") for index in range(number)]

        left = {f"ConfigMap/c{index:02}" for index in range(OBJECTS * 3 // 4)}
        created = run(*objects("1"), connection=connection, applyset=applyset)
        assert actions(created) == {"created": OBJECTS}
        changed = run(*objects("2", OBJECTS * 3 // 4), connection=connection, applyset=applyset)
        # Of 30 that stay half have another value, and 10 have left.
        assert actions(changed) == {"configured": 15, "unchanged": 15, "deleted": 10}
        before = members()
        assert before.keys() == left
        unchanged = run(*objects("2", OBJECTS * 3 // 4), connection=connection, applyset=applyset)
        assert not unchanged.changed
        assert actions(unchanged) == {"unchanged": 30}
        assert members() == before

    return check


@pytest.mark.parametrize("cut", [BEFORE, MIDWAY, AFTER])
def test_every_fifth_connection_is_cut(three_runs: Any, proxy: Proxy, cut: str) -> None:
    proxy.plan = every(5, Fault(cut=cut))
    three_runs(proxy.connection)
    assert len(proxy.faults) > 20
    if cut != BEFORE:
        # A deletion that was done although its answer was lost: it must not count as one of somebody else.
        assert {"PATCH", "DELETE"} <= {seen.method for seen in proxy.faults}


@pytest.mark.parametrize(
    ("fault", "methods"),
    [
        (
            Fault(status=409, body=status(409, "Conflict", "the object has been modified; please apply your changes")),
            "P",
        ),
        (Fault(status=429, headers={"Retry-After": "1"}, body=status(429, "TooManyRequests", "too many")), "GPD"),
        (Fault(status=500, body=status(500, "InternalError", "Internal error occurred: something")), "GPD"),
        (Fault(status=502, body=b"<html>Bad Gateway"), "GPD"),
        (Fault(status=503, headers={"Retry-After": "1"}, body=b"no server is available"), "GPD"),
        (Fault(status=504, body=status(504, "Timeout", "the request did not complete within 60s")), "GPD"),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Fault) else "",
)
def test_bursts_of_refusals(three_runs: Any, proxy: Proxy, fault: Fault, methods: str) -> None:
    chosen = tuple(name for name in ("GET", "PATCH", "DELETE") if name[0] in methods)
    plans = [burst(start, 12, fault, chosen) for start in (15, 45)]
    proxy.plan = lambda seen: next((found for found in [plan(seen) for plan in plans] if found), None)
    three_runs(proxy.connection)
    assert len(proxy.faults) == 24


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    three_runs: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "READ_TIMEOUT", 1.0)
    proxy.plan = burst(20, 4, Fault(delay=2.5))
    three_runs(proxy.connection)
    assert len(proxy.faults) == 4


def test_tls_connections_that_are_cut_anywhere(three_runs: Any, cluster: Any) -> None:
    """In the handshake, in the middle of a record, between two requests; the lengths are those of every run."""
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    host, _colon, port = content["clusters"][0]["cluster"]["server"].rpartition("//")[2].rpartition(":")
    chance = random.Random(7)
    ranges = itertools.cycle([(300, 2_000), (10_000, 60_000), (10_000, 60_000)])  # a handshake takes some 3,000 bytes
    pipe = Pipe(host, int(port), (chance.randint(*each) for each in ranges))
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{pipe.port}"
    try:
        three_runs({"kubeconfig": content})
    finally:
        pipe.close()
    assert pipe.cuts > 10


def test_a_lasting_failure_ends_in_time_and_is_told(
    run: Any, make: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 1.0)
    monkeypatch.setattr(patience, "DOUBT", 0.5)
    down = Fault(status=503, body=status(503, "ServiceUnavailable", "the server is down for long"))
    proxy.plan = lambda seen: down if seen.method == "PATCH" else None
    with pytest.raises(ApplyFailed, match="the server is down for long"):
        run(make.config_map("a"), connection=proxy.connection)
    assert 3 <= len(proxy.faults) <= 8
    proxy.plan = lambda seen: Fault(cut=BEFORE) if seen.method == "PATCH" else None
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        run(make.config_map("a"), connection=proxy.connection)
