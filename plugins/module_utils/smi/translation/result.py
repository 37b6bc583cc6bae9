# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a translation gives: objects and findings; how both are made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity

COMPONENT = "smi-translation"
ANNOTATION = "smi.servicemesh.platform/translated-from"
"""The SMI object that an object was made from: ``TrafficSplit/checkout``."""
LABEL = "smi.servicemesh.platform/translated"
"""The kind of that object in small letters, to select what was translated."""

_LONGEST_NAME = 253
_DIGEST = 10


@dataclass
class Translation:
    """Objects to apply, and what they do not say that the SMI objects said."""

    objects: List[Dict[str, Any]] = field(default_factory=list)
    findings: List[Finding] = field(default_factory=list)

    def add(
        self, identifier: str, severity: Severity, subject: str, message: str, why: str = "", mend: str = ""
    ) -> None:
        """Add a finding whose id is ``smi-translation-<identifier>``."""
        name = f"{COMPONENT}-{identifier}"
        self.findings.append(Finding(name, severity, subject, message, why, mend, COMPONENT))

    def error(self, identifier: str, subject: str, message: str, mend: str = "", why: str = "") -> None:
        """A finding about traffic that would be treated differently."""
        self.add(identifier, Severity.ERROR, subject, message, why, mend)

    def warning(self, identifier: str, subject: str, message: str, mend: str = "", why: str = "") -> None:
        """A finding about what the target says less strictly, or what else has to be there."""
        self.add(identifier, Severity.WARNING, subject, message, why, mend)

    def info(self, identifier: str, subject: str, message: str, mend: str = "", why: str = "") -> None:
        """A finding about an assumption, or about what needed no translation."""
        self.add(identifier, Severity.INFO, subject, message, why, mend)


class Type(NamedTuple):
    """The API version and the kind of an object to make."""

    api_version: str
    kind: str


def named(*parts: Any) -> str:
    """A name of these parts; what is longer than Kubernetes takes ends with a digest of it instead."""
    name = "-".join(map(str, parts))
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: _LONGEST_NAME - _DIGEST - 1].rstrip('-.')}-{digest}"


def make(made: Type, namespace: str, name: str, origin: str, spec: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """An object that says what it was made from; ``origin`` is ``Kind/name``."""
    return {
        "apiVersion": made.api_version,
        "kind": made.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {LABEL: origin.partition("/")[0].lower()},
            "annotations": {ANNOTATION: origin},
        },
        "spec": dict(spec or {}),
    }
