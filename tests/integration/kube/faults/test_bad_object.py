# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bad object among many: told with its line, found before anything is touched, and no reason to skip others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed

from .proxy import Proxy

OBJECTS = 300
BAD = 217


def write_manifest(folder: Path, namespace: str, number: int = OBJECTS, bad: int = BAD) -> tuple[Path, int]:
    """A file with so many objects, one of which only the server can tell to be bad, and the line of that one."""
    lines: list[str] = []
    line = 0
    for index in range(number):
        if index == bad:
            line = len(lines) + 2
        port = 70_000 if index == bad else 80
        lines += [
            "---",
            "apiVersion: v1",
            "kind: Service" if index % 10 == bad % 10 else "kind: ConfigMap",
            f"metadata: {{name: o{index:05}, namespace: {namespace}}}",
            f"spec: {{ports: [{{port: {port}}}]}}" if index % 10 == bad % 10 else f"data: {{a: '{index}'}}",
        ]
    path = folder / "objects.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path, line


@pytest.fixture
def manifest(make: Any, tmp_path: Path) -> tuple[Path, int]:
    return write_manifest(tmp_path, make.namespace)


def test_the_others_are_applied_and_nothing_is_pruned(
    run: Any, make: Any, live: Any, applyset: Any, manifest: tuple[Path, int]
) -> None:
    path, line = manifest
    run(make.config_map("old"), applyset=applyset)
    with pytest.raises(ApplyFailed) as caught:
        run(src=[str(path)], applyset=applyset)
    (failure,) = caught.value.failures
    assert failure.startswith(f"Service {make.namespace}/o{BAD:05} ({path}:{line}): ")
    assert "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535" in failure
    assert len(caught.value.done) == OBJECTS - 1
    assert len(live.names("configmap,service", make.namespace)) == OBJECTS - 1 + 1  # with the old one
    path.write_text(path.read_text().replace("70000", "7000"))
    changes = run(src=[str(path)], applyset=applyset).changes
    assert {str(change.key): change.action for change in changes if change.action != "unchanged"} == {
        f"Service {make.namespace}/o{BAD:05}": "created",
        f"ConfigMap {make.namespace}/old": "deleted",
    }


def test_check_mode_finds_it_before_anything_is_touched(
    run: Any, make: Any, live: Any, applyset: Any, manifest: tuple[Path, int], proxy: Proxy
) -> None:
    path, line = manifest
    with pytest.raises(ApplyFailed) as caught:
        run(src=[str(path)], applyset=applyset, connection=proxy.connection, dry_run=True)
    assert [failure.split(": ")[0] for failure in caught.value.failures] == [
        f"Service {make.namespace}/o{BAD:05} ({path}:{line})"
    ]
    writes = [seen.path for seen in proxy.seen if seen.method != "GET"]
    assert len(writes) >= OBJECTS
    assert all("dryRun=All" in path for path in writes)
    assert live.names("configmap,service", make.namespace) == []


def test_the_playbook_fails(connection: Any, make: Any, live: Any, manifest: tuple[Path, int], tmp_path: Path) -> None:
    path, line = manifest
    task = {"servicemesh.platform.k8s_apply": {**connection, "src": [str(path)]}, "register": "applied"}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    play["vars"] = {"ansible_python_interpreter": sys.executable}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert f"o{BAD:05} ({path}:{line})" in one_line(done.stdout)
    assert len(live.names("configmap,service", make.namespace)) == OBJECTS - 1


def one_line(output: str) -> str:
    """The output without the breaks that Ansible puts into long lines."""
    return " ".join(output.replace("\\n", " ").split())
