# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMI controller under load: many splits at once, lists in another version, restarts while weights change."""

from __future__ import annotations

import json
import random
import signal
import time
from functools import partial
from itertools import count
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.tests.benchmarks import echo_webhook, splits, steady
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.beside import (
    Client,
    Ground,
    cpu_seconds,
    ground,
    peak_mib,
    started,
    until,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import CONTROLLER, Result, latency
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import MeasurementFailed
from ansible_collections.servicemesh.platform.tests.benchmarks.splits import Split
from ansible_collections.servicemesh.platform.tests.support.smi_controller import Controller, free_port

NAMESPACES = (1, 20)
MANY = 20
"""Namespaces, where their number is not what is measured."""
PATHS = {splits.STORED: splits.SPLITS, splits.ANOTHER: splits.OTHERS}
LISTS, KUBECTL_LISTS, SINGLES, COLD = 30, 5, 150, 3
CALLS: Mapping[int, int] = {1: 300, 100: 60, 500: 30}
"""Objects in a ConversionReview, and how many such are sent."""
RATE = 50
"""Changes of weights a second."""
KILLS = (8.0, 26.0)
"""Seconds after the first change at which the controller is killed."""
DOWN = 2.0
"""Seconds until it is started again."""
CHANGING = 36.0
"""Seconds for which weights change: after the last start, nobody writes yet when they end."""
PATIENCE = 300.0
"""Seconds after which a translation is given up."""
CONVERSIONS = "smi_controller_webhook_seconds_count"


def parts(selection: Selection) -> List[Part]:
    """A part for each question, each with a cluster of its own."""
    if CONTROLLER not in selection.only:
        return []
    number = selection.splits
    seconds = 40 + number * 0.07
    translate = [
        Part(f"{CONTROLLER}, {each} namespaces", seconds, partial(_translate, number, each)) for each in NAMESPACES
    ]
    return [
        *translate,
        Part(f"{CONTROLLER}, conversion", seconds, partial(_convert, number)),
        Part(f"{CONTROLLER}, restarts", 110 + number * 0.02, partial(_restarts, number)),
    ]


def _translate(number: int, namespaces: int, bench: Bench) -> Result:
    given = splits.splits(number, namespaces)
    name = f"controller-{namespaces}"
    with ground(bench, name) as place:
        _prepare(place, given)
        bare_splits = place.run(f"{name}-floor-splits", splits.creations(given))
        bare_routes = place.run(f"{name}-floor-routes", splits.applications(given))
        for path in (splits.SPLITS, splits.ROUTES):
            place.empty(path, _namespaces(given))
        place.serve_all()
        with started(_controller(place)) as program:
            _ready(place, program)
            details = _made(place, program, given, name)
    details.update(floor_splits=bare_splits.wall, floor_routes=bare_routes.wall)
    details.update(floor_server_cpu=bare_splits.server_cpu + bare_routes.server_cpu)
    return Result(f"{CONTROLLER}, {namespaces} namespaces", details={"namespaces": namespaces, **details})


def _made(place: Ground, program: Controller, given: Sequence[Split], name: str) -> Dict[str, Any]:
    """Make all splits at once, and wait for the last route."""
    before = _counters(program)
    server_before, begin = place.cluster.cpu(), time.monotonic()
    created = place.run(f"{name}-splits", splits.creations(given))
    behind = until(lambda: place.client.count(splits.ROUTES) >= len(given), "all routes are there", PATIENCE)
    whole = time.monotonic() - begin
    server_cpu = place.cluster.cpu() - server_before
    place.cluster.settle()  # what the API server has converted for its caches comes later
    counted = {each: value - before[each] for each, value in _counters(program).items()}
    _all_right(place, given)
    return {
        "splits": len(given),
        "created": created.wall,
        "behind": behind,
        "whole": whole,
        "server_cpu": server_cpu,
        "peak_mib": peak_mib(program),
        **counted,
    }


def _counters(program: Controller) -> Dict[str, float]:
    return {
        "cpu": cpu_seconds(program),
        "answers": program.metric(CONVERSIONS),
        "reconciles": program.metric("smi_controller_reconcile_seconds_count"),
        "writes": program.metric("smi_controller_writes_total"),
    }


def _convert(number: int, bench: Bench) -> Result:
    given = splits.splits(number, MANY)
    with ground(bench, "controller-convert") as place:
        place.cluster.send(splits.preparations(given)[0])
        place.cluster.send(splits.creations(given))
        place.serve_all()
        echo = Controller(place.stage.cluster.kubeconfig, place.stage.folder, free_port(), program=echo_webhook.PROGRAM)
        with started(place.stage.controller("--mesh=none")) as controller, started(echo):
            programs = {"echo": echo, "controller": controller}
            details = {
                "calls": _calls(place, programs, given),
                "single": {name: _single(place, program, given) for name, program in programs.items()},
                "lists": _lists(place, programs),
                "cold": _cold(place, programs),
            }
    return Result(f"{CONTROLLER}, conversion", details={"splits": number, **details})


def _calls(place: Ground, programs: Mapping[str, Controller], given: Sequence[Split]) -> Dict[str, Any]:
    """The programs asked directly, in turn, as the API server asks them."""
    folder = place.bench.scratch("controller-authority")
    authority = folder / "ca.crt"
    authority.write_text(place.stage.authority.pem, encoding="utf-8")
    clients = {
        name: Client({"host": "127.0.0.1", "port": program.port, "authority": str(authority)})
        for name, program in programs.items()
    }
    found: Dict[str, Any] = {}
    for objects, times in CALLS.items():
        body = json.dumps(splits.review(given[:objects]))
        taken = _in_turn(
            {name: partial(client.send, "POST", "/convert", body) for name, client in clients.items()}, times
        )
        found[str(min(objects, len(given)))] = _latencies(taken)
    return found


def _single(place: Ground, program: Controller, given: Sequence[Split]) -> Dict[str, Any]:
    """Single splits read and written in both versions while the API server asks the program."""
    _lead_to(place, program, given[0])
    place.cluster.settle()
    turns = count(1)

    def write(version: str) -> None:
        place.client.send(*splits.change(splits.changed(given, next(turns)), version))

    ways: Dict[str, Callable[[], Any]] = {}
    for version in (splits.STORED, splits.ANOTHER):
        ways[f"read {version}"] = partial(place.client.send, "GET", splits.path_of(given[0], version))
        ways[f"write {version}"] = partial(write, version)
    return _latencies(_in_turn(ways, SINGLES))


def _lists(place: Ground, programs: Mapping[str, Controller]) -> Dict[str, Any]:
    """Lists in both versions, in turn, and how often any program was asked for them."""
    place.cluster.settle()
    before = sum(map(_asked, programs.values()))
    ways: Dict[str, Callable[[], Any]] = {}
    for version, path in PATHS.items():
        ways[f"whole {version}"] = partial(place.client.send, "GET", path)
        ways[f"pages {version}"] = partial(_pages, place.client, path)
    taken = _in_turn(ways, LISTS)
    raw = {
        f"kubectl {version}": partial(place.stage.cluster.kubectl, "get", "--raw", path)
        for version, path in PATHS.items()
    }
    taken.update(_in_turn(raw, KUBECTL_LISTS))
    return {"asked": sum(map(_asked, programs.values())) - before, **_latencies(taken)}


def _cold(place: Ground, programs: Mapping[str, Controller]) -> Dict[str, Any]:
    """The first list in each version after the API server has lost what it knew: for a change of the CRD drops that."""
    found: Dict[str, Any] = {}
    for _turn in range(COLD):
        # By turns, so that each patch is a change.
        for version, path in PATHS.items():
            for name, program in programs.items():
                place.cluster.settle()
                before = _asked(program)
                watch = place.watch(splits.SPLITS)
                place.lead_to(program)
                watch.read()  # until the API server drops it
                taken = until(partial(place.answers, path), f"{path} is served", PATIENCE)
                place.cluster.settle()
                runs = found.setdefault(f"{name} {version}", {"seconds": [], "asked": []})
                runs["seconds"].append(taken)
                runs["asked"].append(_asked(program) - before)
    return found


def _lead_to(place: Ground, program: Controller, split: Split) -> None:
    """Have the API server ask the program, and see that it does."""
    before = _asked(program)
    place.lead_to(program)

    def is_asked() -> bool:
        return place.answers(splits.path_of(split, splits.ANOTHER)) and _asked(program) > before

    until(is_asked, "the program is asked", 60)


def _asked(program: Controller) -> float:
    """How often a program was asked for a conversion."""
    return program.metric(CONVERSIONS) + program.metric(echo_webhook.REQUESTS)


def _latencies(taken: Mapping[str, Sequence[float]]) -> Dict[str, Any]:
    return {way: latency(each) for way, each in taken.items()}


def _pages(client: Client, path: str) -> None:
    """A list as kubectl reads it."""
    token = ""
    while True:
        page = json.loads(client.send("GET", f"{path}?limit=500&continue={token}"))
        token = page["metadata"].get("continue", "")
        if not token:
            return


def _in_turn(ways: Mapping[str, Callable[[], Any]], times: int) -> Dict[str, List[float]]:
    """The seconds that each of the ways took, one after the other in a new order each time."""
    taken: Dict[str, List[float]] = {name: [] for name in ways}
    for each in ways.values():
        each()
    names = list(ways)
    for _turn in range(times):
        random.shuffle(names)
        for name in names:
            begin = time.perf_counter()
            ways[name]()
            taken[name].append(time.perf_counter() - begin)
    return taken


def _restarts(number: int, bench: Bench) -> Result:
    given = splits.splits(number, MANY)
    with ground(bench, "controller-restarts") as place:
        _prepare(place, given)
        place.serve_all()
        with started(_controller(place)) as program:
            _ready(place, program)
            place.cluster.send(splits.creations(given))
            until(lambda: place.client.count(splits.ROUTES) >= number, "all routes are there", PATIENCE)
            details = _killed(place, program, given)
    return Result(f"{CONTROLLER}, restarts", details={"splits": number, "rate": RATE, **details})


def _killed(place: Ground, program: Controller, given: Sequence[Split]) -> Dict[str, Any]:
    """Kill the controller again and again while weights change; then wait for the last weight of each split."""
    changing = steady.Changes(place.cluster.server, given, RATE, CHANGING)
    begin = time.monotonic()
    changing.start()
    leads = []
    for moment in KILLS:
        time.sleep(max(begin + moment - time.monotonic(), 0))
        program.end(signal.SIGKILL)
        time.sleep(DOWN)
        program.start()
        leads.append(until(program.leads, "the controller leads", 60))
    last = changing.join()
    wrong = len(_wrong(place, last))
    right = until(lambda: not _wrong(place, last), "all routes have the last weights of their splits", PATIENCE)
    time.sleep(2 * DOWN)
    return {
        "changes": changing.sent,
        "kills": len(KILLS),
        "leads": leads,
        "wrong_at_once": wrong,
        "right": right,
        "differences": len(_wrong(place, last)),
    }


def _prepare(place: Ground, given: Sequence[Split]) -> None:
    for wave in splits.preparations(given):
        place.cluster.send(wave)
    place.cluster.settle()


def _controller(place: Ground) -> Controller:
    return place.stage.controller("--mesh=gateway-api")


def _ready(place: Ground, program: Controller) -> None:
    """The controller writes, the API server asks it, and nothing else goes on."""
    until(program.leads, "the controller leads", 60)
    place.stage.cluster.apply(place.stage.webhook())
    place.cluster.settle()


def _wrong(place: Ground, given: Sequence[Split]) -> List[splits.Name]:
    return splits.differences(given, place.client.items(splits.ROUTES))


def _all_right(place: Ground, given: Sequence[Split]) -> None:
    wrong = _wrong(place, given)
    if wrong:
        raise MeasurementFailed(f"{len(wrong)} routes are not as their splits say, {wrong[0]} among them")


def _namespaces(given: Sequence[Split]) -> List[str]:
    return list(dict.fromkeys(split.namespace for split in given))
