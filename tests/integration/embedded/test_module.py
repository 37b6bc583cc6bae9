# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module embedded_cluster as Ansible runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODULE = "servicemesh.platform.embedded_cluster"


def run_module(*flags: str, **arguments: object) -> dict[str, Any]:
    command = [str(Path(sys.executable).parent / "ansible"), "localhost", "-m", MODULE, "-a", json.dumps(arguments)]
    interpreter = f"ansible_python_interpreter={sys.executable}"
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "true"}
    command += ["-c", "local", "-e", interpreter, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    headline, _arrow, result = done.stdout.partition(" => ")
    assert result, done.stdout + done.stderr
    return {**json.loads(result), "failed": "FAILED" in headline}


@pytest.fixture
def arguments(fresh: Any) -> dict[str, Any]:
    return {
        "name": fresh.settings.name,
        "state_dir": str(fresh.state_dir),
        "binary": str(fresh.settings.binary),
        "durable": False,
    }


def test_from_nothing_to_absent(fresh: Any, arguments: dict[str, Any]) -> None:
    foreseen = run_module("--check", **arguments)
    assert foreseen["changed"]
    assert not foreseen["running"]
    assert not fresh.state_dir.exists()

    first = run_module(**arguments)
    assert first["changed"]
    assert first["actions"] == foreseen["actions"]
    assert first["running"]
    assert Path(first["kubeconfig"]).is_file()
    assert first["server"] == f"https://127.0.0.1:{first['components'][1]['port']}"
    assert first["version"].startswith("v1.")
    assert [component["state"] for component in first["components"]] == ["running"] * 5
    assert "PRIVATE KEY" not in json.dumps(first)

    second = run_module(**arguments)
    assert not second["changed"]
    assert second["components"] == first["components"]
    assert run_module("--check", **arguments)["running"]

    removed = run_module(**{**arguments, "state": "absent"})
    assert removed["changed"]
    assert removed["components"] == []
    assert fresh.processes() == []
    assert not run_module(**{**arguments, "state": "absent"})["changed"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Demo"}, "name: 'Demo' is not usable"),
        ({"pod_cidr": "10.96.0.0/16"}, "service_cidr 10.96.0.0/16 and pod_cidr 10.96.0.0/16 overlap"),
        ({"service_cidr": "ten"}, "service_cidr: 'ten' is not an IPv4 network"),
        ({"binary": "/nowhere/kube"}, "binary: /nowhere/kube cannot be used: No such file or directory"),
        ({"binary": None}, "binary is required for state=started"),
        ({"binary": "bin/kube"}, "binary: 'bin/kube' is not an absolute path"),
        ({"state_dir": "state"}, "state_dir: 'state' is not an absolute path"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    result = run_module(**{**arguments, **changes})
    assert result["failed"]
    assert message in result["msg"]
    assert not Path(arguments["state_dir"]).exists()
