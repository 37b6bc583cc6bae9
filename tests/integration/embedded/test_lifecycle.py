# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From nothing to a control plane and back, and what goes wrong on the way."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import (
    ComponentError,
    EmbeddedError,
)

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")

RUN = """
import sys
from pathlib import Path
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import ensure_started
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings
name, binary, state_dir = sys.argv[1:]
settings = Settings(name, Path(binary), "10.96.0.0/16", "10.244.0.0/16", durable=False)
print("changed" if ensure_started(settings, Path(state_dir), 90).changed else "unchanged")
"""


def start_elsewhere(fresh: Any) -> subprocess.Popen[str]:
    """A start in a process of its own."""
    settings = fresh.settings
    command = [sys.executable, "-c", RUN, settings.name, str(settings.binary), str(fresh.state_dir)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wrapper(folder: Path, binary: Path, component: str, behaviour: str) -> Path:
    """A binary that is the real one but for one component."""
    script = folder / "kube"
    script.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        if [ "$1" = {component} ]; then
          {behaviour}
        fi
        exec {binary} "$@"
        """)
    )
    script.chmod(0o755)
    return script


def test_check_mode_makes_nothing(fresh: Any) -> None:
    outcome = fresh.start(check_mode=True)
    assert [action for action in outcome.actions if action.startswith("start ")] == [
        f"start {name} (not running)" for name in COMPONENTS
    ]
    assert not outcome.running
    assert not fresh.state_dir.exists()


def test_check_mode_works_before_the_binary_is_built(fresh: Any, tmp_path: Path) -> None:
    assert fresh.start(check_mode=True, binary=tmp_path / "kube").changed
    # Without Go, whose version is a part of it, the path of the binary is not known yet.
    assert fresh.start(check_mode=True, binary=None).changed


def test_nothing_is_left_after_absent(fresh: Any) -> None:
    assert not fresh.remove().changed
    fresh.start()
    assert len(fresh.processes()) == len(COMPONENTS)
    foreseen = fresh.remove(check_mode=True)
    assert len(fresh.processes()) == len(COMPONENTS)
    outcome = fresh.remove()
    assert outcome.actions == foreseen.actions
    assert outcome.actions[-1] == f"remove {fresh.state_dir}"
    assert fresh.processes() == []
    assert not fresh.state_dir.exists()
    assert not fresh.remove().changed


def test_absent_ends_processes_whose_folder_was_removed_by_hand(fresh: Any) -> None:
    fresh.start()
    shutil.rmtree(fresh.state_dir)
    outcome = fresh.remove()
    assert len(outcome.actions) == len(COMPONENTS)
    assert fresh.processes() == []


def test_two_runs_at_once_start_one_cluster(fresh: Any) -> None:
    both = [start_elsewhere(fresh), start_elsewhere(fresh)]
    said = sorted(run.communicate(timeout=90)[0].strip() for run in both)
    assert said == ["changed", "unchanged"]
    assert len(fresh.processes()) == len(COMPONENTS)


def test_a_run_that_was_cut_off_can_be_run_again(fresh: Any) -> None:
    cut_off = start_elsewhere(fresh)
    wait_for(lambda: len(fresh.processes()) >= 2)
    cut_off.kill()
    cut_off.communicate()
    assert fresh.start().running
    assert len(fresh.processes()) == len(COMPONENTS)


def test_a_component_that_dies_is_named_with_its_last_words(fresh: Any, tmp_path: Path) -> None:
    broken = wrapper(tmp_path, fresh.settings.binary, "kube-scheduler", "echo no such policy >&2; exit 3")
    with pytest.raises(ComponentError) as caught:
        fresh.start(binary=broken)
    assert caught.value.component == "kube-scheduler"
    assert "kube-scheduler ended with exit code 3 while it was started" in str(caught.value)
    assert str(caught.value).endswith("logs/kube-scheduler.log:\nno such policy")

    mended = fresh.start()
    assert mended.running
    assert "start kube-scheduler (not running)" in mended.actions


def test_a_component_that_hangs_is_named_when_the_time_is_over(fresh: Any, tmp_path: Path) -> None:
    broken = wrapper(tmp_path, fresh.settings.binary, "etcd", "echo thinking; exec sleep 1000")
    begin = time.monotonic()
    with pytest.raises(ComponentError, match=r"etcd is not healthy after 2 s: no answer from 127\.0\.0\.1:") as caught:
        fresh.start(binary=broken, timeout=2)
    assert time.monotonic() - begin < 6
    assert str(caught.value).endswith("thinking")


@pytest.mark.parametrize(
    ("binary", "problem"),
    [
        ("/nowhere/kube", "No such file"),
        ("/etc/passwd", "is not an executable file"),
        ("/bin/true", "is not the multi-call binary 'kube'"),
    ],
)
def test_a_wrong_binary_is_told_before_anything_is_made(fresh: Any, binary: str, problem: str) -> None:
    with pytest.raises(EmbeddedError, match=problem):
        fresh.start(binary=Path(binary))
    assert not fresh.state_dir.exists()


def test_a_folder_of_somebody_else_is_left_alone(fresh: Any) -> None:
    fresh.state_dir.mkdir()
    precious = fresh.state_dir / "precious"
    precious.write_text("keep me")
    for run in (fresh.start, fresh.stop, fresh.remove):
        with pytest.raises(EmbeddedError, match="is not empty and was not made by this module"):
            run()
    assert [path.name for path in fresh.state_dir.iterdir()] == ["precious"]
    precious.unlink()


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
