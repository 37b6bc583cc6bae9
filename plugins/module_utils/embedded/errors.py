# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with an embedded cluster."""

from __future__ import annotations

from pathlib import Path


class EmbeddedError(Exception):
    """The embedded cluster cannot be brought into the wanted state; the message says where, what and what to do."""


class UnavailableError(EmbeddedError):
    """The API server cannot answer just now; asking again may help."""


class ComponentError(EmbeddedError):
    """A component died or did not become healthy in time."""

    def __init__(self, component: str, problem: str, log_file: Path, last_lines: str) -> None:
        self.component = component
        self.problem = problem
        self.log_file = log_file
        super().__init__(f"{component} {problem}; last lines of {log_file}:\n{last_lines or '(the log is empty)'}")
