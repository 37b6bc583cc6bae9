# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: measures, compares, and writes the tables.

Every part writes its figures when it is through, and the report with them, so a run that is interrupted keeps what it
had.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import ensure_absent
from ansible_collections.servicemesh.platform.tests.benchmarks import cluster, document, report
from ansible_collections.servicemesh.platform.tests.benchmarks.bench import Announcer, Bench, Part, Selection
from ansible_collections.servicemesh.platform.tests.benchmarks.figures import Result
from ansible_collections.servicemesh.platform.tests.benchmarks.machine import machine
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import MeasurementFailed
from ansible_collections.servicemesh.platform.tests.benchmarks.parts import (
    controller,
    environments,
    foreign,
    mesh,
    process,
    site,
    smi,
    tenants,
)
from ansible_collections.servicemesh.platform.tests.benchmarks.programs import kubernetes, programs

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / ".build" / "bench"
STATE = OUTPUT / "state"
TOPICS = ("create", "noop", "change", "prune", "foreign", "site", "environments", "smi", "controller", "mesh")
USUAL = TOPICS[:-1]
"""What is measured unless topics are named: a mesh wants root, and programs that take ten minutes to build."""
COMPARED = {"create", "noop", "change", "prune"}
"""Topics for which the peers are needed."""
LEFTOVERS = (("*/cluster", cluster.NAME), ("*/environment", "demo"), ("*/environment", "istio"))
STOP_SECONDS = 60


def main() -> int:
    """Measure what the arguments ask for; or put the last report into the documentation."""
    arguments = _arguments()
    if arguments.action == "docs":
        document.update((OUTPUT / "report.md").read_text(encoding="utf-8"), arguments.only)
        return 0
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with (OUTPUT / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("another benchmark is running in this checkout; wait for it: two would measure each other")
        _clear()
        try:
            return _measure(_parts(arguments), with_helm=_needs_helm(arguments))
        finally:
            _clear()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("action", nargs="?", choices=("run", "docs"), default="run")
    parser.add_argument("--only", nargs="+", choices=TOPICS, default=USUAL, help="what to measure")
    parser.add_argument("--sizes", nargs="+", type=int, choices=sorted(tenants.PLANS), default=sorted(tenants.PLANS))
    parser.add_argument("--tools", nargs="+", choices=sorted(tenants.BY_NAME), default=sorted(tenants.BY_NAME))
    parser.add_argument("--foreign", type=int, default=50_000, help="objects that are not ours")
    parser.add_argument("--environments", type=int, default=20)
    parser.add_argument("--splits", type=int, default=2000, help="TrafficSplits for the SMI controller")
    parser.add_argument("--mesh", default="", help="kubeconfig of an environment with Istio that stands")
    return parser.parse_args()


def _needs_helm(arguments: argparse.Namespace) -> bool:
    return "helm" in arguments.tools and not COMPARED.isdisjoint(arguments.only)


def _parts(arguments: argparse.Namespace) -> List[Part]:
    selection = Selection(
        only=frozenset(arguments.only),
        sizes=frozenset(arguments.sizes),
        tools=frozenset(arguments.tools),
        foreign=arguments.foreign,
        environments=arguments.environments,
        splits=arguments.splits,
        mesh=arguments.mesh,
    )
    modules = (process, tenants, foreign, site, environments, smi, controller, mesh)
    return [part for module in modules for part in module.parts(selection)]


def _measure(parts: List[Part], with_helm: bool) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    folder = OUTPUT / time.strftime("run-%Y%m%d-%H%M%S")
    (folder / "parts").mkdir(parents=True)
    bench = Bench(folder, STATE, kubernetes(), programs(with_helm))
    about = machine(bench.binary, bench.programs)
    announcer = Announcer(parts)
    results: List[Result] = []
    for index, part in enumerate(parts):
        announcer.say(index)
        results.append(_one(part, bench))
        (folder / "parts" / f"{index:02d}.json").write_text(json.dumps(results[-1].as_json(), indent=1), "utf-8")
        _write_report(about, results)
    announcer.end()
    print((OUTPUT / "report.md").read_text(encoding="utf-8"))
    print(f"The same in {OUTPUT}/report.md and, with every single run, in {OUTPUT}/report.json.")
    return int(any(result.failure for result in results))


def _one(part: Part, bench: Bench) -> Result:
    """The result of a part; one that fails does not take the others with it."""
    try:
        return part.run(bench)
    except (MeasurementFailed, OSError, RuntimeError, ValueError) as error:
        print(f"{part.name}: {error}", file=sys.stderr, flush=True)
        return Result(part.name, failure=f"{type(error).__name__}: {error}")


def _write_report(about: Dict[str, str], results: List[Result]) -> None:
    (OUTPUT / "report.md").write_text(report.markdown(about, results), encoding="utf-8")
    (OUTPUT / "report.json").write_text(json.dumps(report.as_json(about, results), indent=1), encoding="utf-8")


def _clear() -> None:
    """End and remove what a benchmark has left, also one that was killed."""
    for pattern, name in LEFTOVERS:
        for state in STATE.glob(pattern):
            ensure_absent(name, state, STOP_SECONDS)
    shutil.rmtree(STATE, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
