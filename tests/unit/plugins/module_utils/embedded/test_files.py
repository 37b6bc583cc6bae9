# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private files, whatever the umask is."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.files import (
    make_private_folder,
    write_private,
)


@pytest.fixture(params=[0o000, 0o077], ids=["open", "closed"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_only_the_owner_gets_in(tmp_path: Path) -> None:
    folder = tmp_path / "environments" / "demo"
    make_private_folder(folder)
    make_private_folder(folder)
    write_private(folder / "key", b"secret")
    assert [mode(path) for path in (folder.parent, folder, folder / "key")] == [0o700, 0o700, 0o600]


def test_folders_that_were_there_are_left_as_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path / "a" / "b")
    assert mode(tmp_path) == 0o755
