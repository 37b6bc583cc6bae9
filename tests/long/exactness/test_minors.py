# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of the verdicts with many generated objects, on API servers of two minors.

SERVICEMESH_EXACTNESS_OBJECTS says how many objects (default 10,500 for each minor).
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.batches import VARIABLE
from ansible_collections.servicemesh.platform.tests.long.exactness.minors import OTHER, ROOT

OBJECTS = "10500"


@pytest.mark.parametrize("minor", ["pinned", OTHER])
def test_verdicts(minor: str, request: Any) -> None:
    """In a process of its own, which starts a control plane of its own."""
    binary = request.getfixturevalue("kube_binary" if minor == "pinned" else "other_binary")
    environment = {VARIABLE: OBJECTS, **os.environ, "SERVICEMESH_KUBE_BINARY": str(binary)}
    tests = str(ROOT / "tests/integration/kube/exactness")
    done = subprocess.run([sys.executable, "-m", "pytest", "-s", tests], cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, f"with Kubernetes {minor} the verdicts are not those of the server; see above"
