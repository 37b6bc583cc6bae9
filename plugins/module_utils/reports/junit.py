# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as JUnit XML, as readers of continuous integration take it: a test case per rule and object."""

from __future__ import annotations

import re
from typing import Sequence
from xml.etree import ElementTree

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.reports.located import Located

_NOT_XML = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def junit(name: str, located: Sequence[Located]) -> str:
    """The report as text. An error is a failure; a warning or an info is a passed case that tells of it."""
    failures = sum(each.finding.severity is Severity.ERROR for each in located)
    numbers = {"tests": str(len(located)), "failures": str(failures), "errors": "0", "skipped": "0", "time": "0"}
    root = ElementTree.Element("testsuites", {"name": name, **numbers})
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **numbers})
    for each in located:
        _case(suite, each)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, located: Located) -> None:
    finding = located.finding
    attributes = {"classname": finding.id, "name": _clean(f"{finding.subject} {finding.message}"), "time": "0"}
    if located.file:
        attributes["file"] = _clean(located.file)
    if located.line:
        attributes["line"] = str(located.line)
    case = ElementTree.SubElement(suite, "testcase", attributes)
    place = f"{located.file}:{located.line}" if located.line else located.file
    told = [place, f"{finding.subject}: {finding.message}", finding.why, finding.mend]
    text = _clean("\n".join(filter(None, told)))
    if finding.severity is Severity.ERROR:
        failure = ElementTree.SubElement(case, "failure", {"message": _clean(finding.message), "type": finding.id})
        failure.text = text
    elif finding.severity is not Severity.OK:
        ElementTree.SubElement(case, "system-out").text = f"{finding.severity.value}: {text}"


def _clean(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
