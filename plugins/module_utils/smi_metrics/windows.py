# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of time: over how many seconds metrics are told. Written as Go writes durations (``30s``, ``1m30s``)."""

from __future__ import annotations

import re

DEFAULT = 30
"""Seconds. The spec's examples and smi-sdk-go have this."""
SHORTEST, LONGEST = 5, 3600
"""Seconds. Less does not hold two scrapes of a common Prometheus; more would make a look at traffic a report."""

_DURATION = re.compile(r"(?:(?P<hours>[0-9]{1,4})h)?(?:(?P<minutes>[0-9]{1,6})m)?(?:(?P<seconds>[0-9]{1,6})s)?")


def parse(text: str) -> int:
    """The seconds of a window. Raises ValueError, which says what to write, for what is none or is out of bounds."""
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no window; write whole seconds, minutes or hours, like 30s, 5m or 1m30s")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not SHORTEST <= total <= LONGEST:
        raise ValueError(
            f"{text} is not between {spell(SHORTEST)} and {spell(LONGEST)}; write one in between, like 30s"
        )
    return total


def spell(seconds: int) -> str:
    """As Go's ``time.Duration.String`` does: ``30s``, ``5m0s``, ``1h0m0s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
