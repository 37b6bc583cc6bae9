# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about things that are written somewhere: in which file, on which line."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding


@dataclass(frozen=True)
class Located:
    """A finding, and the file and line (from 1; 0 for none) of what it is about. An empty file is none."""

    finding: Finding
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class RuleText:
    """A rule as a report tells of it. ``level`` is a severity of findings.Severity."""

    id: str
    title: str
    help: str
    level: str
