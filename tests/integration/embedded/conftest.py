# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control planes that the tests may break."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    Outcome,
    ensure_absent,
    ensure_started,
    ensure_stopped,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings

NAME = "breakable"
TIMEOUT = 90
STATE_VARIABLE = b"SERVICEMESH_EMBEDDED_CLUSTER="


@dataclass(frozen=True)
class Breakable:
    """The state folder of a control plane and what can be done to it."""

    settings: Settings
    state_dir: Path

    def start(self, check_mode: bool = False, timeout: float = TIMEOUT, **changes: object) -> Outcome:
        return ensure_started(replace(self.settings, **changes), self.state_dir, timeout, check_mode)

    def stop(self, check_mode: bool = False) -> Outcome:
        return ensure_stopped(self.settings.name, self.state_dir, TIMEOUT, check_mode)

    def remove(self, check_mode: bool = False) -> Outcome:
        return ensure_absent(self.settings.name, self.state_dir, TIMEOUT, check_mode)

    def kill(self, *pids: int) -> None:
        """End processes as a crash does; they are children of the tests, so the tests have to wait for them."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)

    def processes(self) -> list[int]:
        """The living processes that carry the name of the state folder in their environment."""
        wanted = STATE_VARIABLE + str(self.state_dir.resolve()).encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                mine = entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mine:
                found.append(int(entry.name))
        return found


def breakable(binary: Path, folder: Path) -> Iterator[Breakable]:
    one = Breakable(Settings(NAME, binary, "10.96.0.0/16", "10.244.0.0/16", durable=False), folder / "state")
    try:
        yield one
    finally:
        one.remove()


@pytest.fixture(scope="module")
def running(kube_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    """One for a whole test file; every test leaves it so that `start` mends it."""
    for one in breakable(kube_binary, tmp_path_factory.mktemp("running")):
        one.start()
        yield one


@pytest.fixture
def fresh(kube_binary: Path, tmp_path: Path) -> Iterator[Breakable]:
    """One that was never started."""
    yield from breakable(kube_binary, tmp_path)


def pids(outcome: Outcome) -> dict[str, int]:
    """The processes by component."""
    return {view.name: view.pid for view in outcome.after}


@pytest.fixture(name="pids")
def pids_function() -> object:
    return pids
