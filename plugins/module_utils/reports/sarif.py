# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as SARIF 2.1.0, which code hosts and editors show beside the lines.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import Any, Dict, Sequence
from urllib.parse import quote

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.located import Located, RuleText

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"ok": "none", "info": "note", "warning": "warning", "error": "error"}


def sarif(tool: str, information_uri: str, rules: Sequence[RuleText], located: Sequence[Located]) -> str:
    """The report as text. Every finding has one of the rules; passed checks are results of kind pass."""
    index = {rule.id: number for number, rule in enumerate(rules)}
    driver = {"name": tool, "informationUri": information_uri, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, index) for each in located],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: RuleText) -> Dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _result(located: Located, index: Dict[str, int]) -> Dict[str, Any]:
    finding = located.finding
    logical = {"fullyQualifiedName": finding.subject, "kind": "object"}
    location: Dict[str, Any] = {"logicalLocations": [logical]}
    if located.file:
        location["physicalLocation"] = _physical(located)
    told = [f"{finding.subject}: {finding.message}", finding.why, finding.mend]
    return {
        "ruleId": finding.id,
        "ruleIndex": index[finding.id],
        "kind": "pass" if finding.severity is Severity.OK else "fail",
        "level": _LEVELS[finding.severity.value],
        "message": {"text": "\n".join(filter(None, told))},
        "locations": [location],
    }


def _physical(located: Located) -> Dict[str, Any]:
    # An absolute path alone would be a reference relative to a host, which readers of SARIF refuse (rule SARIF1004).
    scheme = "file://" if located.file.startswith("/") else ""
    physical: Dict[str, Any] = {"artifactLocation": {"uri": scheme + quote(located.file)}}
    if located.line:
        physical["region"] = {"startLine": located.line}
    return physical
