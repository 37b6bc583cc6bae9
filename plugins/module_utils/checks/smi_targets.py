# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody carries out the TrafficTargets of a cluster."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import Check, Kind, Objects, name_of
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import TRAFFIC_TARGET

TARGETS = tuple(Kind(f"{TRAFFIC_TARGET.api_group}/{each}", TRAFFIC_TARGET.name) for each in TRAFFIC_TARGET.versions)
"""In every version, for nobody knows here which of them a cluster serves."""
SHOWN = 5


def smi_targets(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding where the translation for ``mesh``, that of the SMI controller, has nothing for targets."""
    names = sorted({name_of(each) for kind in TARGETS for each in objects[kind]})
    if parameters["mesh"] != "gateway-api" or not names:
        return
    told = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    yield Finding(
        "smi-targets",
        Severity.WARNING,
        "TrafficTargets",
        f"{len(names)} of them are not carried out, and nobody is denied anything by them: {told}",
        "The Gateway API, to which the SMI controller translates, cannot say who may send what to whom.",
        "Where they are to hold, set smi_controller_mesh to the mesh itself: istio, or linkerd. See docs/mesh.md, "
        '"SMI on it".',
    )


CHECK = Check("smi_targets", TARGETS, ("mesh",), smi_targets)
