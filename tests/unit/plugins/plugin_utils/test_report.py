# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as table, JSON and page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.plugin_utils.report import as_html, as_json, document, table

BAD = Finding(
    "quota", Severity.ERROR, "Quota a/<b>", "is 5 & should be 4", "Teams starve.", "kubectl edit quota", "tenancy"
)
FINDINGS = [passed("zone-ready", "Zone a", "2 ready nodes"), BAD]


class Page(HTMLParser):
    """Collects the text and whatever would be loaded from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.loaded: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_table_has_the_worst_first_and_mends_for_what_is_wrong() -> None:
    lines = table("demo", FINDINGS, width=80).splitlines()
    assert lines[0] == "demo: 1 error, 1 ok"
    assert lines[2].startswith("ERROR")
    assert "mend: kubectl edit quota" in lines[4]
    assert lines[-1].startswith("ok")
    assert max(map(len, lines)) <= 80


def test_the_page_stands_alone_and_escapes_what_it_shows() -> None:
    page = Page(as_html(document("demo", "2026-01-01T00:00:00+00:00", FINDINGS)))
    assert page.loaded == []
    assert "Quota a/<b>" in page.text
    assert "How to mend it: kubectl edit quota" in page.text


def test_the_json_holds_every_finding() -> None:
    report = json.loads(as_json(document("demo", "2026-01-01T00:00:00+00:00", FINDINGS)))
    assert report["severity"] == "error"
    assert [Finding.from_dict(finding) for finding in report["findings"]] == [BAD, FINDINGS[0]]
