# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with images, each with what to do about it."""

from __future__ import annotations


class ImageError(Exception):
    """Something about an image failed. `str()` of it says what is wrong and how to mend it, ready to be shown."""

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(problem, mend)
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return "\n".join(part for part in (self.problem, self.mend) if part)


class MissingFile(ImageError):
    """A file that goes into an image is not there."""
