# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs on one set: one after the other, whichever way one of them ends."""

from __future__ import annotations

import itertools
import re
import threading
import time
from typing import Any, Callable

import pytest

from .proxy import Fault, Proxy
from .runs import LEASE, Run

OBJECTS = 60


@pytest.fixture
def request_for(connection: Any, make: Any, applyset: Any) -> Callable[..., dict[str, Any]]:
    """A request for a state of the set; the states share two thirds of their objects, with different values."""

    def build(state: str, **options: Any) -> dict[str, Any]:
        start = {"a": 0, "b": OBJECTS // 3}[state]
        definitions = [make.config_map(f"c{index:03}", state=state) for index in range(start, start + OBJECTS)]
        return {"connection": connection, "definitions": definitions, "applyset": applyset, **options}

    return build


@pytest.fixture
def states(live: Any, namespace: str) -> Callable[[], dict[str, str]]:
    """Which state each object is in."""

    def look() -> dict[str, str]:
        found = live.get("configmaps", "-n", namespace)["items"]
        return {item["metadata"]["name"]: item["data"]["state"] for item in found if "state" in item["data"]}

    return look


def wholly(state: str) -> dict[str, str]:
    start = {"a": 0, "b": OBJECTS // 3}[state]
    return {f"c{index:03}": state for index in range(start, start + OBJECTS)}


def test_two_at_the_same_moment_do_not_mix(request_for: Any, states: Any) -> None:
    with Run(**request_for("a")) as first, Run(**request_for("b")) as second:
        results = {"a": first.result(), "b": second.result()}
    assert all("counts" in result for result in results.values()), results
    assert states() in (wholly("a"), wholly("b"))
    last = "a" if states() == wholly("a") else "b"
    # Who came second found the whole work of the other, and nothing else.
    assert results[last]["counts"] == {"created": 20, "configured": 40, "deleted": 20}


def test_who_does_not_wait_is_told_who_is_at_work(request_for: Any, states: Any, proxy: Proxy) -> None:
    go_on = hold_after_some(proxy)
    with Run(**request_for("a", connection=proxy.connection)) as first:
        await_some(states)
        with Run(**request_for("b", lock_timeout=0)) as second:
            refused = second.result()
        assert refused["error"] == "Locked"
        holder = rf"\S+@\S+, process {first.process.pid} \(\w+\), for \d+ s, last heard of \d+ s ago"
        assert re.search(holder, refused["message"]), refused["message"]
        assert "lock_timeout" in refused["message"]
        go_on.set()
        assert first.result()["counts"] == {"created": OBJECTS}
    assert states() == wholly("a")


def test_the_lease_of_a_run_that_was_killed_is_taken_over(request_for: Any, states: Any, proxy: Proxy) -> None:
    hold_after_some(proxy)
    with Run(**request_for("a", connection=proxy.connection)) as first:
        await_some(states)
        assert first.kill()
    assert 0 < len(states()) < OBJECTS
    begin = time.monotonic()
    with Run(**request_for("b")) as second:
        assert "counts" in second.result()
    assert time.monotonic() - begin < LEASE + 10
    assert states() == wholly("b")


def test_who_stood_still_for_too_long_writes_nothing_any_more(request_for: Any, states: Any, proxy: Proxy) -> None:
    proxy.plan = lambda seen: Fault(delay=0.5) if seen.method == "PATCH" else None
    with Run(**request_for("a", connection=proxy.connection)) as first:
        await_some(states)
        first.freeze()
        with Run(**request_for("b")) as second:
            assert "counts" in second.result()
        assert states() == wholly("b")
        sent = writes(proxy)
        first.thaw()
        lost = first.result()
        assert lost["error"] == "Locked"
        assert "stood still" in lost["message"]
    assert states() == wholly("b")
    assert writes(proxy) == sent


def test_no_lease_stays_behind(request_for: Any, live: Any, applyset: Any) -> None:
    with Run(**request_for("a")) as only:
        assert "counts" in only.result()
    leases = live.get("leases", "-n", applyset["namespace"])["items"]
    assert f"applyset-{applyset['name']}" not in [item["metadata"]["name"] for item in leases]


def writes(proxy: Proxy) -> int:
    """How many requests came that change objects of the set."""
    return sum(seen.method in ("PATCH", "DELETE") and "/configmaps/" in seen.path for seen in proxy.seen)


def hold_after_some(proxy: Proxy) -> threading.Event:
    """Let some objects be applied, and the others when the event is set."""
    go_on = threading.Event()
    numbers = itertools.count()
    held = Fault(until=go_on)
    proxy.plan = lambda seen: held if seen.method == "PATCH" and next(numbers) > OBJECTS // 3 else None
    return go_on


def await_some(states: Callable[[], dict[str, str]]) -> None:
    """Until some of the objects are there."""
    deadline = time.monotonic() + 20
    while not states():
        assert time.monotonic() < deadline
        time.sleep(0.1)
