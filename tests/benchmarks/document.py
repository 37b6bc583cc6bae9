# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the report into `docs/performance.md`, between two marks."""

from __future__ import annotations

from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- figures: written by `make bench ARGS=docs` -->"
END = "<!-- end of the figures -->"


def update(report: str) -> None:
    """Replace what stands between the marks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(with_figures(text, report), encoding="utf-8")


def with_figures(text: str, report: str) -> str:
    """The text with the report between the marks. Raises ValueError when a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/performance.md must hold the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{report.strip()}\n\n{END}{after}"
