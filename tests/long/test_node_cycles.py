# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real nodes started and removed, again and again: nothing is left, however often."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.servicemesh.platform.tests.support.breakable_nodes import BreakableNodes

CYCLES = 20


def test_twenty_cycles_leave_nothing(tmp_path: Path) -> None:
    nodes = BreakableNodes.at(tmp_path / "state")
    before = nodes.footprint()
    try:
        for _cycle in range(CYCLES):
            nodes.start()
            nodes.remove()
            assert nodes.footprint() == before
            assert not nodes.state_dir.exists()
    finally:
        nodes.remove()
