# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a cluster serves of SMI goes together, with itself and with those who work with it."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import CRD, DEPLOYMENT, Check, Objects
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, by_severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.installation import (
    consumers,
    findings,
    installed,
)


def smi(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about the CRDs of SMI.

    ``consumers`` names those who work with the objects (see smi.consumers), beside those whose Deployments are seen.
    """
    kinds = installed(objects[CRD])
    names = sorted({*consumers(objects[DEPLOYMENT]), *parameters["consumers"]})
    found = by_severity(findings(kinds, names, objects[CRD]))
    yield from found
    if kinds and not found:
        yield passed("smi-crds", "SMI", ", ".join(f"{each.kind.name} {'/'.join(each.served)}" for each in kinds))


CHECK = Check("smi", (CRD, DEPLOYMENT), ("consumers",), smi)
