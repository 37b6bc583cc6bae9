# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports, read back."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.junit import junit
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.located import Located, RuleText
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.sarif import sarif

WRONG = Finding("a-rule", Severity.ERROR, "TrafficSplit shop/<s>", 'is "bad" \x00&', "why", "mend")
BAD = Located(WRONG, "a b/c.yaml", 7)
MILD = Located(Finding("b-rule", Severity.WARNING, "x", "mild"))
FINE = Located(Finding("b-rule", Severity.OK, "x", "fine"))
ALL = [BAD, MILD, FINE]


def test_junit() -> None:
    root = ElementTree.fromstring(junit("smi", ALL))
    assert root.tag == "testsuites"
    (suite,) = root
    assert [suite.get(name) for name in ("name", "tests", "failures", "errors")] == ["smi", "3", "1", "0"]
    bad, mild, fine = suite
    assert (bad.get("classname"), bad.get("file"), bad.get("line")) == ("a-rule", "a b/c.yaml", "7")
    failure = bad.find("failure")
    assert failure is not None
    assert failure.get("type") == "a-rule"
    assert failure.text == 'a b/c.yaml:7\nTrafficSplit shop/<s>: is "bad" \ufffd&\nwhy\nmend'
    assert mild.find("failure") is None
    assert mild.findtext("system-out") == "warning: x: mild"
    assert list(fine) == []


def test_sarif() -> None:
    rules = [RuleText("a-rule", "A", "help a", "error"), RuleText("b-rule", "B", "help b", "info")]
    report = json.loads(sarif("tool", "https://example.com", rules, ALL))
    assert report["version"] == "2.1.0"
    (run,) = report["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], [rule["id"] for rule in driver["rules"]]) == ("tool", ["a-rule", "b-rule"])
    assert driver["rules"][0]["help"] == {"text": "help a"}
    bad, mild, fine = run["results"]
    assert [each["level"] for each in run["results"]] == ["error", "warning", "none"]
    assert [each["kind"] for each in run["results"]] == ["fail", "fail", "pass"]
    assert all(driver["rules"][each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    assert bad["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/c.yaml"},
        "region": {"startLine": 7},
    }
    assert "physicalLocation" not in mild["locations"][0]
    assert fine["message"]["text"] == "x: fine"


def test_an_absolute_path_is_a_reference_of_its_own_in_sarif() -> None:
    """Microsoft's validator refuses a relative reference that begins with a slash (SARIF1004)."""
    finding = Finding("a-rule", Severity.ERROR, "x", "wrong")
    report = json.loads(
        sarif(
            "tool",
            "https://example.com",
            [RuleText("a-rule", "A", "a", "error")],
            [Located(finding, "/srv/a b.yaml", 1)],
        )
    )
    (location,) = report["runs"][0]["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "file:///srv/a%20b.yaml"}
