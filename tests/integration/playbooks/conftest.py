# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's environment, for tests that bring it up in their own way."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks


@pytest.fixture
def playbooks(tmp_path: Path) -> Playbooks:
    """The demo's inventory in a folder of its own; nothing runs yet."""
    fresh = Playbooks(tmp_path)
    fresh.write()
    return fresh
