# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``crds``."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.gateway_api import parse_version
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.consumers import UnknownConsumer, union
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import CannotServe, crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

TO_COME: Dict[str, Any] = {"url": "https://conversion-webhook"}
"""Stands for the webhook of another component: the definitions that have it need that."""


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the CRDs that are wanted."""
    if variables["crds_smi_conversion"] and variables["crds_smi_conversion_by"]:
        yield Problem(
            "crds_smi_conversion",
            variables["crds_smi_conversion"],
            f"the webhook is that of {variables['crds_smi_conversion_by']}; leave this or crds_smi_conversion_by out",
        )
    yield from _smi(variables)
    yield from _minimum(variables["crds_gateway_api_minimum"])
    source, mode = variables["crds_gateway_api_source"], variables["crds_gateway_api"]
    if source and mode != "install":
        yield Problem(
            "crds_gateway_api_source",
            source,
            f"nothing is installed from it while crds_gateway_api is {mode}; write crds_gateway_api: install or leave "
            "the source out",
        )


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """What is served; the webhook that the definitions name, and the field manager of the component whose it is."""
    by, consumers = variables["crds_smi_conversion_by"], variables["crds_smi_consumers"]
    needs = union(consumers) if consumers else None
    return {
        "smi_served": needs.versions if needs else variables["crds_smi_versions"],
        "smi_headers": needs.headers if needs else LIST,
        "smi_conversion": _webhook(variables),
        "smi_conversion_manager": f"servicemesh.platform/{by}" if by else "",
    }


def _webhook(variables: Mapping[str, Any]) -> Dict[str, Any]:
    return TO_COME if variables["crds_smi_conversion_by"] else dict(variables["crds_smi_conversion"])


def _smi(variables: Mapping[str, Any]) -> Iterator[Problem]:
    consumers, conversion = variables["crds_smi_consumers"], _webhook(variables)
    if not consumers:
        yield from _versions("crds_smi_versions", variables["crds_smi_versions"], LIST, conversion)
        return
    try:
        needs = union(consumers)
    except UnknownConsumer as error:
        yield Problem("crds_smi_consumers", consumers, str(error))
        return
    for finding in needs.findings:
        if finding.severity is Severity.ERROR:
            yield Problem("crds_smi_consumers", consumers, f"{finding.subject}: {finding.message}. {finding.mend}")
    if needs.possible:
        yield from _versions("crds_smi_consumers", needs.versions, needs.headers, conversion)


def _versions(
    variable: str, versions: Mapping[str, Any], headers: str, conversion: Mapping[str, Any]
) -> Iterator[Problem]:
    for group, wanted in versions.items():
        try:
            crds({group: wanted}, headers, conversion or None)
        except CannotServe as error:
            yield Problem(f"{variable}.{group}", wanted, str(error))


def _minimum(minimum: str) -> Iterator[Problem]:
    try:
        parse_version(minimum)
    except ValueError:
        yield Problem(
            "crds_gateway_api_minimum", minimum, "write the lowest bundle version that will do, like 1.4 or 1.4.1"
        )
