# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks there are, by name."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.checks import (
    beside,
    gateway_api,
    gateway_api_install,
    istio,
    istio_access,
    istio_cni,
    istio_release,
    istio_share,
    scaling,
    serving,
    smi,
    smi_conversion,
    smi_targets,
    zones,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import Check, Kind, Objects
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding

CHECKS: Dict[str, Check] = {
    check.name: check
    for check in (
        beside.CHECK,
        gateway_api.CHECK,
        gateway_api_install.CHECK,
        istio.CHECK,
        istio_access.CHECK,
        istio_cni.CHECK,
        istio_release.CHECK,
        istio_share.CHECK,
        scaling.CHECK,
        serving.CHECK,
        smi.CHECK,
        smi_conversion.CHECK,
        smi_targets.CHECK,
        zones.CHECK,
    )
}


def complaints(asked: Iterable[Mapping[str, Any]]) -> List[str]:
    """What is wrong with the checks that are asked for: unknown names, parameters that lack or are too many."""
    found = []
    for each in asked:
        name = each.get("check")
        if not isinstance(name, str) or name not in CHECKS:
            found.append(f"check: {name!r} is not known; known are {', '.join(sorted(CHECKS))}")
            continue
        given, wanted = set(each) - {"check"}, set(CHECKS[name].parameters)
        found += [f"check {name}: parameter {parameter} is missing" for parameter in sorted(wanted - given)]
        found += [f"check {name}: parameter {parameter} is not known" for parameter in sorted(given - wanted)]
    return found


def needs(asked: Iterable[Mapping[str, Any]]) -> Set[Kind]:
    """The kinds of objects that the checks look at, each once."""
    return {kind for each in asked for kind in CHECKS[each["check"]].needs}


def run(asked: Iterable[Mapping[str, Any]], objects: Objects) -> List[Finding]:
    """The findings of all checks that are asked for, in their order. ValueError when a check cannot be run."""
    return [finding for each in asked for finding in _run(CHECKS[each["check"]], each, objects)]


def _run(check: Check, parameters: Mapping[str, Any], objects: Objects) -> List[Finding]:
    try:
        return list(check.run(objects, parameters))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"check {check.name} cannot be run with these parameters ({error!r})") from error
