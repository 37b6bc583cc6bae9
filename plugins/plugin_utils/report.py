# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of an environment: a table for the terminal, JSON, and one HTML file that needs nothing outside it."""

from __future__ import annotations

import json
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import (
    Finding,
    Severity,
    by_severity,
    counts,
    worst,
)
from jinja2 import Environment

MARKS = {Severity.OK: "ok", Severity.INFO: "info", Severity.WARNING: "WARNING", Severity.ERROR: "ERROR"}


def summary(findings: Sequence[Finding]) -> str:
    """One line with the number of findings per severity, worst first."""
    counted = counts(findings)
    told = [f"{counted[severity.value]} {severity.value}" for severity in reversed(Severity) if counted[severity.value]]
    return ", ".join(told) or "nothing was checked"


def table(environment: str, findings: Sequence[Finding], width: int | None = None) -> str:
    """What a person reads at the end of a run: the passed checks on a line each, the others with reason and mend."""
    width = width or min(get_terminal_size((120, 24)).columns, 160)
    mark = max([len(text) for text in MARKS.values()])
    component = max([len(finding.component) for finding in findings], default=0)
    lines = [f"{environment}: {summary(findings)}", "-" * width]
    for finding in by_severity(findings):
        head = f"{MARKS[finding.severity]:<{mark}}  {finding.component:<{component}}  "
        texts = [f"{finding.subject}: {finding.message}"]
        if finding.severity is not Severity.OK:
            texts += [f"why: {finding.why}"] * bool(finding.why) + [f"mend: {finding.mend}"] * bool(finding.mend)
        for text in texts:
            for part in wrap(text, max(width - len(head), 20), break_on_hyphens=False):
                lines.append(head + part)
                head = " " * len(head)
    return "\n".join(lines)


def as_json(document: dict[str, Any]) -> str:
    """The report for other programs."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def document(environment: str, made: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report as data; ``made`` is the time of the run, ISO 8601 in UTC."""
    return {
        "environment": environment,
        "made": made,
        "severity": worst(findings).value,
        "counts": counts(findings),
        "findings": [finding.as_dict() for finding in by_severity(findings)],
    }


def as_html(report: dict[str, Any]) -> str:
    """The report as a page that needs no other file; every text is escaped."""
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(PAGE).render(report)


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ environment }}: {{ severity }}</title>
<style>
  :root { color-scheme: light dark; --line: #8884 }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
  h1 { margin-bottom: 0 }
  table { border-collapse: collapse; width: 100%; margin-top: 1.5rem }
  th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; border-bottom: 1px solid var(--line) }
  td p { margin: .2rem 0 0 }
  .tag { color: #fff; border-radius: .3rem; padding: .1rem .5rem; font-size: .85em; white-space: nowrap }
  .ok { background: #2e7d32 } .info { background: #1565c0 }
  .warning { background: #b26a00 } .error { background: #c62828 }
</style>
</head>
<body>
<h1>{{ environment }}</h1>
<p>Verified {{ made }}</p>
<p>
{% for name, count in counts.items() | reverse if count %}
  <span class="tag {{ name }}">{{ count }} {{ name }}</span>
{% endfor %}
</p>
<table>
<thead><tr><th>Severity</th><th>Component</th><th>Check</th><th>Finding</th></tr></thead>
<tbody>
{% for finding in findings %}
<tr>
  <td><span class="tag {{ finding.severity }}">{{ finding.severity }}</span></td>
  <td>{{ finding.component }}</td>
  <td>{{ finding.id }}</td>
  <td><strong>{{ finding.subject }}</strong>: {{ finding.message }}
  {% if finding.severity != "ok" %}
    {% if finding.why %}<p>Why it matters: {{ finding.why }}</p>{% endif %}
    {% if finding.mend %}<p>How to mend it: {{ finding.mend }}</p>{% endif %}
  {% endif %}
  </td>
</tr>
{% endfor %}
</tbody>
</table>
</body>
</html>
"""
