# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of findings."""

from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import (
    Finding,
    Severity,
    by_severity,
    counts,
    passed,
    worst,
)
from hypothesis import given
from hypothesis import strategies as st

FINDINGS = st.builds(
    Finding, st.text(), st.sampled_from(Severity), st.text(), st.text(), st.text(), st.text(), st.text()
)


@given(FINDINGS)
def test_a_finding_survives_the_way_through_plain_data(finding: Finding) -> None:
    assert Finding.from_dict(finding.as_dict()) == finding


@given(st.lists(FINDINGS))
def test_the_worst_comes_first(findings: list[Finding]) -> None:
    ordered = by_severity(findings)
    assert sorted(map(repr, ordered)) == sorted(map(repr, findings))
    assert [finding.severity.rank for finding in ordered] == sorted((f.severity.rank for f in findings), reverse=True)
    assert not ordered or worst(findings) is ordered[0].severity
    assert sum(counts(findings).values()) == len(findings)


def test_nothing_checked_is_not_bad() -> None:
    assert worst([]) is Severity.OK
    assert passed("c", "s", "m").severity is Severity.OK
