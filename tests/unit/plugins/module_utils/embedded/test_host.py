# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine lacks is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import host


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("cpu cpuset io memory pids", []),
        ("cpu io pids", ["cpuset", "memory"]),
    ],
)
def test_controllers_of_the_unified_hierarchy(tmp_path: Path, content: str, missing: list[str]) -> None:
    (tmp_path / "cgroup.controllers").write_text(content)
    assert host.missing_controllers(tmp_path) == missing


def test_controllers_of_version_1_may_be_mounted_together(tmp_path: Path) -> None:
    for name in ("cpu,cpuacct", "memory", "pids"):
        (tmp_path / name).mkdir()
    assert host.missing_controllers(tmp_path) == ["cpuset"]


def test_packages_are_named_once() -> None:
    missing = host.missing_packages(exists=lambda _path: False)
    assert host.SECCOMP_PACKAGE in missing
    assert missing == sorted(set(missing))
