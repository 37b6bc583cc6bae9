# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what stands is what is asked for: the dry run of an apply, as findings."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import replace
from typing import Iterator, List, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import (
    CREATED,
    DELETED,
    UNCHANGED,
    Change,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge_in
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed, ApplySetRefused
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

SHOWN_LINES = 6
WHY = "Somebody else changed it, or the last run did not come to its end."
MEND = "Run site again with this component; --check --diff shows ahead what that changes."


def drift(request: Request, session: Session) -> List[Finding]:
    """Findings about each object that an apply would change, and one about all those that it would not."""
    changes: Sequence[Change]
    failures: Sequence[str] = []
    try:
        changes = converge_in(session, replace(request, dry_run=True, diff=True)).changes
    except ApplyFailed as error:
        changes, failures = error.done, error.failures
    except ApplySetRefused as error:
        changes, failures = error.done, [f"ApplySet {(request.applyset or {}).get('name')}: {error}"]
    findings = [_refused(failure) for failure in failures]
    findings += [finding for change in changes for finding in _finding(change)]
    unchanged = Counter(change.key.kind for change in changes if change.action == UNCHANGED)
    if unchanged:
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(unchanged.items()))
        findings.append(passed("as-asked", "objects", f"as they are asked for: {told}"))
    return findings


def _refused(failure: str) -> Finding:
    subject, _colon, message = failure.partition(": ")
    return Finding(
        "refused", Severity.ERROR, subject, message, "The environment cannot be made what it should be.", MEND
    )


def _finding(change: Change) -> Iterator[Finding]:
    subject = str(change.key)
    if change.action == CREATED:
        yield Finding("missing", Severity.ERROR, subject, "it is asked for and does not exist", WHY, MEND)
    elif change.action == DELETED:
        yield Finding("left-over", Severity.WARNING, subject, "it is not asked for any more and still there", WHY, MEND)
    elif change.action != UNCHANGED:
        yield Finding(
            "differs", Severity.ERROR, subject, f"it differs from what is asked for: {_lines(change)}", WHY, MEND
        )


def _lines(change: Change) -> str:
    """The changed lines; the sign tells what stands (-) and what is asked for (+)."""
    diff = change.diff or {"before": "", "after": ""}
    compared = difflib.unified_diff(diff["before"].splitlines(), diff["after"].splitlines(), n=0)
    _headers = [next(compared, ""), next(compared, "")]
    lines = [f"{line[0]} {' '.join(line[1:].split())}" for line in compared if line[0] in "+-"]
    shown = "; ".join(lines[:SHOWN_LINES])
    return f"{shown}; and {len(lines) - SHOWN_LINES} more lines" if len(lines) > SHOWN_LINES else shown
