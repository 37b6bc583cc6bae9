# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which other Kubernetes there is to try."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "tests/long/kubernetes-1.35"


def version_in(source: Path) -> str:
    """The version of Kubernetes that a folder builds; its go.mod is the one place that states it."""
    found = re.search(r"k8s[.]io/kubernetes v([0-9.]+)", (source / "go.mod").read_text(encoding="utf-8"))
    assert found, source
    return found.group(1)


OTHER = version_in(SOURCE)
