# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of a finding and of a report: what a check saw, why it matters, how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Dict, Iterable, List, Mapping


class Severity(str, Enum):
    """How bad a finding is, mildest first."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Position in the order of severity; higher is worse."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Finding:
    """One result of a check.

    A passed check is a finding too (severity ``ok``, empty ``mend``): a report that is silent
    about what it looked at cannot be told from one that looked at nothing.
    """

    id: str
    severity: Severity
    subject: str
    message: str
    why: str = ""
    mend: str = ""
    component: str = ""

    def as_dict(self) -> Dict[str, str]:
        """The finding as plain strings, for module results and JSON."""
        return {**asdict(self), "severity": self.severity.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """The reverse of :meth:`as_dict`."""
        return cls(**{**data, "severity": Severity(data["severity"])})


def passed(check: str, subject: str, message: str) -> Finding:
    """The finding of a check that saw nothing wrong."""
    return Finding(check, Severity.OK, subject, message)


def worst(findings: Iterable[Finding]) -> Severity:
    """The highest severity among ``findings``; ``ok`` when there are none."""
    return max((finding.severity for finding in findings), key=lambda severity: severity.rank, default=Severity.OK)


def counts(findings: Iterable[Finding]) -> Dict[str, int]:
    """Number of findings per severity, every severity present."""
    result = {severity.value: 0 for severity in Severity}
    for finding in findings:
        result[finding.severity.value] += 1
    return result


def by_severity(findings: Iterable[Finding]) -> List[Finding]:
    """Findings with the worst first, otherwise in the order they were made."""
    return sorted(findings, key=lambda finding: -finding.severity.rank)
