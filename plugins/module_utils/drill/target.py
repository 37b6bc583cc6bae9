# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone of an embedded cluster as the target of a drill.

A note in the state folder says which zone a drill has taken, from before it is taken until it is healed. So the next
drill knows what a killed one has left behind, from what somebody broke on purpose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import List

from ansible_collections.servicemesh.platform.plugins.module_utils.drill.conduct import NotFit
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    read_optional,
    remove_optional,
    write_private,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.zones import (
    CUT,
    HEALED,
    LOST,
    Slowness,
    Zones,
)

NOTE = "zone-drill.json"


@dataclass(frozen=True)
class Target:
    """A zone that can be taken and healed. kind: lost, cut or slow. timeout: seconds for healing."""

    zones: Zones
    zone: str
    kind: str
    slowness: Slowness
    timeout: float

    def plan(self) -> List[str]:
        """What taking the zone would do."""
        if self.kind == LOST:
            return list(self.zones.lose(self.zone, check_mode=True).actions)
        if self.kind == CUT:
            return list(self.zones.cut(self.zone, check_mode=True).actions)
        return list(self.zones.slow(self.zone, self.slowness, check_mode=True).actions)

    def take(self) -> None:
        """Lose, cut or slow the zone."""
        write_private(self._note, json.dumps({"zone": self.zone}).encode())
        if self.kind == LOST:
            self.zones.lose(self.zone)
        elif self.kind == CUT:
            self.zones.cut(self.zone)
        else:
            self.zones.slow(self.zone, self.slowness)

    def heal(self) -> None:
        """Have the zone as it was, with its nodes Ready."""
        self.zones.heal(self.zone, self.timeout)
        remove_optional(self._note)

    def clear(self, check_mode: bool) -> List[str]:
        """Heal what an interrupted drill has left; returns what was done. Raises NotFit for what others have broken."""
        interrupted = self._interrupted()
        broken = {name: self.zones.look(name).state for name in self.zones.names()}
        broken = {name: state for name, state in broken.items() if state != HEALED}
        foreign = [f"zone {name} is {state}" for name, state in broken.items() if name != interrupted]
        if foreign:
            raise NotFit(
                f"the cluster is not fit for a drill: {', '.join(foreign)}. "
                "Heal it first: run site, or embedded_zone with state=healed"
            )
        actions: List[str] = []
        if interrupted in broken:
            actions = list(self.zones.heal(interrupted, self.timeout, check_mode).actions)
        if not check_mode:
            remove_optional(self._note)
        return actions

    @property
    def _note(self) -> Path:
        return self.zones.root / NOTE

    def _interrupted(self) -> str:
        """The zone that a drill has taken and not healed; empty when there is none."""
        content = read_optional(self._note)
        try:
            return str(json.loads(content)["zone"]) if content else ""
        except (ValueError, KeyError, TypeError):
            return ""


def choose(zones: Zones, wanted: str) -> str:
    """The zone to take: the wanted one, else the last. Raises EmbeddedError when there is none of this name."""
    names = zones.names()
    if wanted and wanted not in names:
        raise EmbeddedError(f"zone: there is no zone {wanted!r} in this environment; its zones are {', '.join(names)}")
    return wanted or names[-1]


def is_noted(state_dir: Path) -> bool:
    """Whether a drill has taken a zone of this environment, and not healed it."""
    return (state_dir / NOTE).exists()
