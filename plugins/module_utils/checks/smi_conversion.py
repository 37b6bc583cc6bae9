# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether CustomResourceDefinitions have the webhook that converts between their versions."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import CRD, Check, Objects
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed


def smi_conversion(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about each of ``definitions``, CRDs by name.

    ``service`` has the namespace and the name of the Service that has to be asked: where it is not, that is an error.
    Empty when any webhook will do, and somebody else has to see to it.
    """
    live = {each["metadata"]["name"]: each for each in objects[CRD]}
    for name in parameters["definitions"]:
        conversion = (live.get(name) or {}).get("spec", {}).get("conversion") or {}
        if conversion.get("strategy") == "Webhook" and parameters["service"] in ("", _service(conversion)):
            served = [each["name"] for each in live[name]["spec"]["versions"] if each["served"]]
            yield passed("smi-conversion", f"CustomResourceDefinition {name}", f"converts between {', '.join(served)}")
            continue
        yield Finding(
            "smi-conversion",
            Severity.ERROR if parameters["service"] else Severity.WARNING,
            f"CustomResourceDefinition {name}",
            f"the webhook {parameters['service']} does not convert" if parameters["service"] else "it has no webhook",
            "Without conversion only the version that is stored can be served: others would lose fields.",
            "Run the component smi_controller, which has the webhook.",
        )


def _service(conversion: Mapping[str, Any]) -> str:
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service") or {}
    return f"{service.get('namespace')}/{service.get('name')}"


CHECK = Check("smi_conversion", (CRD,), ("definitions", "service"), smi_conversion)
