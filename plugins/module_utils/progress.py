# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a long-running module writes how far it is.

Modules cannot stream. They write one line of text to a file instead, and the action plugin that started them
(`plugins/plugin_utils/progress.py`) shows it.
"""

from __future__ import annotations

import os
from typing import Optional


class Progress:
    """One line of text saying what is being done now; the newest line replaces the one before.

    Writing never fails the work that it tells about: a file that cannot be written means that nothing is shown.
    """

    def __init__(self, path: Optional[str]) -> None:
        """`path`: the file to write, or None to tell nobody."""
        self._path = path

    def say(self, text: str) -> None:
        """Replace the line. Readers see the old line or the new one, never a part."""
        if not self._path:
            return
        fresh = self._path + ".new"
        try:
            with open(fresh, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.replace(fresh, self._path)
        except OSError:
            self._path = None


def read_progress(path: str) -> str:
    """The line that was said last, or an empty string when nothing was said yet."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().strip()
    except OSError:
        return ""
