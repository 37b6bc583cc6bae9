# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the report into `docs/performance.md`, between two marks. Some topics have a place and a run of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence, Tuple

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- figures: written by `make bench ARGS=docs` -->"
END = "<!-- end of the figures -->"
APART = ("controller", "mesh")
"""Topics with a place of their own: `--only` one of them puts the report of a run there that was about it alone."""


def update(report: str, topics: Sequence[str] = ()) -> None:
    """Replace what stands between the marks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(with_figures(text, report, topics), encoding="utf-8")


def marks(topics: Sequence[str]) -> Tuple[str, str]:
    """The lines before and after the figures of a run about these topics."""
    if len(topics) == 1 and topics[0] in APART:
        topic = topics[0]
        written = f'<!-- figures of {topic}: written by `make bench ARGS="docs --only {topic}"` -->'
        return written, f"<!-- end of the figures of {topic} -->"
    return BEGIN, END


def with_figures(text: str, report: str, topics: Sequence[str] = ()) -> str:
    """The text with the report between the marks. Raises ValueError when a mark is missing."""
    first, last = marks(topics)
    before, begin, rest = text.partition(first)
    _old, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"docs/performance.md must hold the lines {first!r} and {last!r}")
    return f"{before}{begin}\n\n{report.strip()}\n\n{end}{after}"
