# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the SMI controller as Markdown (pure)."""

from __future__ import annotations

from statistics import median
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.tests.benchmarks.figures import CONTROLLER, Book
from ansible_collections.servicemesh.platform.tests.benchmarks.tables import table

Details = Mapping[str, Any]

TRANSLATION = (
    ("bare: the splits, nobody is asked", "floor_splits", "{:.1f}"),
    ("bare: the HTTPRoutes by server-side apply", "floor_routes", "{:.1f}"),
    ("until the last split is made", "created", "{:.1f}"),
    ("from there until the last HTTPRoute", "behind", "{:.1f}"),
    ("in all", "whole", "{:.1f}"),
    ("CPU s of the controller", "cpu", "{:.1f}"),
    ("its memory at most, MiB", "peak_mib", "{:.0f}"),
    ("server CPU s", "server_cpu", "{:.1f}"),
    ("server CPU s of both bare runs", "floor_server_cpu", "{:.1f}"),
    ("answers to the API server", "answers", "{:,.0f}"),
    ("namespaces looked at", "reconciles", "{:,.0f}"),
    ("HTTPRoutes written", "writes", "{:,.0f}"),
)


def blocks(book: Book) -> Iterator[str]:
    """Everything about the controller that was measured."""
    yield _translation(translations(book))
    conversion, restarts = (book.details.get(f"{CONTROLLER}, {part}") for part in ("conversion", "restarts"))
    if conversion:
        yield _calls(conversion)
        yield _single(conversion)
        yield _lists(conversion)
        yield _cold(conversion)
    if restarts:
        yield _restarts(restarts)


def translations(book: Book) -> List[Details]:
    """What was found out about translations, by the number of namespaces."""
    return [each for part, each in book.details.items() if part.startswith(CONTROLLER) and "whole" in each]


def ratio(details: Details) -> float:
    """How much longer splits and their routes take than both made by somebody who asks nobody."""
    return float(details["whole"]) / (float(details["floor_splits"]) + float(details["floor_routes"]))


def cpu_ratio(details: Details) -> float:
    """The same of the CPU that controller and control plane use: it does not depend on what else the machine does."""
    return (float(details["cpu"]) + float(details["server_cpu"])) / float(details["floor_server_cpu"])


def _translation(found: Sequence[Details]) -> str:
    if not found:
        return ""
    rows = [[title, *(form.format(each[name]) for each in found)] for title, name, form in TRANSLATION]
    rows += [
        ["in all, both bare runs = 1", *(f"{ratio(each):.2f}" for each in found)],
        ["CPU of controller and server, both bare runs = 1", *(f"{cpu_ratio(each):.2f}" for each in found)],
        ["in all, bare HTTPRoutes = 1", *(f"{each['whole'] / each['floor_routes']:.2f}" for each in found)],
    ]
    head = ["s where nothing else is said", *(_spaces(each["namespaces"]) for each in found)]
    return f"### SMI controller: {found[0]['splits']:,} TrafficSplits at once\n\n" + table(head, rows)


def _spaces(number: int) -> str:
    return f"{number} namespace{'s' if number > 1 else ''}"


def _calls(details: Details) -> str:
    rows = []
    for objects, found in details["calls"].items():
        ours, echo = found["controller"], found["echo"]
        rows.append([objects, *_milliseconds(ours), *_milliseconds(echo), f"{ours['p50'] / echo['p50']:.1f}"])
    head = ["objects in a ConversionReview", "ms: p50", "p99", "echo: p50", "p99", "echo = 1"]
    return "### SMI controller: one conversion call\n\n" + table(head, rows)


def _single(details: Details) -> str:
    names = dict.fromkeys(way for found in details["single"].values() for way in found)
    ours, echo = details["single"]["controller"], details["single"]["echo"]
    rows = [[way, *_milliseconds(ours[way]), *_milliseconds(echo[way])] for way in names]
    head = ["one TrafficSplit by the API server", "ms: p50", "p99", "echo: p50", "p99"]
    return "### SMI controller: reading and writing in another version\n\n" + table(head, rows)


def _lists(details: Details) -> str:
    found = {way: each for way, each in details["lists"].items() if way != "asked"}
    rows = [[way, *_milliseconds(each), f"{each['calls']}"] for way, each in found.items()]
    title = f"### SMI controller: lists of {details['splits']:,} TrafficSplits\n\n"
    told = f"\n\nConversion calls for all of these lists together: {details['lists']['asked']:.0f}."
    return title + table(["list, version", "ms: p50", "p99", "runs"], rows) + told


def _cold(details: Details) -> str:
    rows = []
    for way, found in details["cold"].items():
        seconds, asked = found["seconds"], found["asked"]
        spread = f"{min(seconds):.2f} to {max(seconds):.2f} ({len(seconds)})"
        rows.append([way, f"{median(seconds):.2f}", spread, f"{median(asked):,.0f}"])
    head = ["first list after the API server has dropped its caches", "s", "least to most (runs)", "conversion calls"]
    return "### SMI controller: the first list\n\n" + table(head, rows)


def _restarts(details: Details) -> str:
    leads = " and ".join(f"{each:.1f} s" for each in details["leads"])
    rows = [
        ["changes of weights", f"{details['changes']:,}, {details['rate']} a second"],
        ["times killed (SIGKILL) and started again", f"{details['kills']}"],
        ["from a start until it writes (the Lease of the one that was killed has to run out)", leads],
        ["HTTPRoutes that were not right at the last change", f"{details['wrong_at_once']:,}"],
        ["from the last change until all were right", f"{details['right']:.1f} s"],
        ["differences at the end", f"{details['differences']}"],
    ]
    return f"### SMI controller: {details['splits']:,} TrafficSplits, killed while weights change\n\n" + table(
        ["", "measured"], rows
    )


def _milliseconds(found: Dict[str, float]) -> List[str]:
    return [f"{1000 * found[name]:.1f}" for name in ("p50", "p99")]
