# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``autoscaling``."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import (
    dns_label,
    dns_subdomain,
    unique,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

PERCENTAGE = re.compile(r"(100|[1-9]?[0-9])%")


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the workloads that are to be scaled."""
    workloads = variables["autoscaling_workloads"]
    names = [f"{workload['kind']} {workload['namespace']}/{workload['name']}" for workload in workloads]
    yield from unique("autoscaling_workloads", names)
    for workload, name in zip(workloads, names):
        yield from _workload(f"autoscaling_workloads[{name}]", workload)


def _workload(path: str, workload: Mapping[str, Any]) -> Iterator[Problem]:
    yield from dns_subdomain(f"{path}.name", workload["name"])
    yield from dns_label(f"{path}.namespace", workload["namespace"])
    if workload["min_replicas"] < 1:
        yield Problem(f"{path}.min_replicas", workload["min_replicas"], "write 1 or more")
    if workload["max_replicas"] < workload["min_replicas"]:
        least = workload["min_replicas"]
        yield Problem(f"{path}.max_replicas", workload["max_replicas"], f"write at least min_replicas, {least}")
    if not 1 <= workload["cpu_utilization"] <= 100:
        yield Problem(f"{path}.cpu_utilization", workload["cpu_utilization"], "write a percentage from 1 to 100")
    if workload["max_skew"] < 1:
        yield Problem(f"{path}.max_skew", workload["max_skew"], "write 1 or more")
    yield from _budget(f"{path}.max_unavailable", workload["max_unavailable"])


def _budget(path: str, value: str) -> Iterator[Problem]:
    if value.isdigit() and int(value) > 0:
        return
    if PERCENTAGE.fullmatch(value) and value != "0%":
        return
    yield Problem(path, value, "write a number of pods above 0 or a percentage such as 25%; 0 would block every drain")
