# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with Go, each with what to do about it."""

from __future__ import annotations


class GoError(Exception):
    """Something about Go failed. `str()` of it says what is wrong and how to mend it, ready to be shown."""

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(problem, mend)
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return "\n".join(part for part in (self.problem, self.mend) if part)


class ToolchainError(GoError):
    """There is no Go that is new enough, and none could be installed."""


class BuildError(GoError):
    """A program could not be built."""


class ModuleError(GoError):
    """A Go module could not be had, or is not what go.sum says."""
