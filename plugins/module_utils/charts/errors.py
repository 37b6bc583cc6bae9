# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a chart, with what to do about it."""

from __future__ import annotations


class ChartError(Exception):
    """A chart cannot be had. `str()` of it says what is wrong and how to mend it, ready to be shown."""

    def __init__(self, problem: str, mend: str, passes: bool = False) -> None:
        """passes: whether it may go away by itself."""
        super().__init__(problem, mend)
        self.passes = passes

    def __str__(self) -> str:
        return "\n".join(self.args)
