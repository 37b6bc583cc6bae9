# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: in the process of the task, or in one of its own for another interpreter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

Ansible = Callable[..., dict[str, Any]]


@pytest.fixture(params=["in the process of the task", "in a process of its own"])
def interpreter(request: Any, tmp_path: Path) -> str:
    if request.param == "in the process of the task":
        return sys.executable
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o700)
    return str(other)


def test_runs_where_it_should(ansible: Ansible, make: Any, interpreter: str) -> None:
    done = ansible("-vvv", definitions=make.config_map("a"))
    assert done["changed"]
    assert ("AnsiballZ_k8s_apply" in done["output"]) == (interpreter != sys.executable)


def test_applies_tells_and_removes(ansible: Ansible, make: Any) -> None:
    arguments = {
        "definitions": [make.config_map("a", key="1"), make.secret("s", password="hunter2-secret")],
        "applyset": {"name": make.namespace, "namespace": "kube-test-module"},
    }
    planned = ansible("--check", "--diff", **arguments)
    done = ansible("--diff", "-vvv", **arguments)
    assert planned["objects"] == done["objects"]
    assert done["counts"] == {"created": 2, "configured": 0, "unchanged": 0, "deleted": 0}
    assert done["objects"][0] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": make.namespace,
        "name": "a",
        "action": "created",
        "verified": True,
    }
    assert [diff["after_header"] for diff in done["diff"]] == [
        f"ConfigMap {make.namespace}/a",
        f"Secret {make.namespace}/s",
    ]
    again = ansible(return_unchanged=True, **arguments)
    assert not again["changed"]
    assert [each["action"] for each in again["objects"]] == ["unchanged", "unchanged"]
    gone = ansible(applyset=arguments["applyset"], state="absent", wait=True)
    assert gone["counts"]["deleted"] == 2


def test_shows_no_secret_but_everything_else(ansible: Ansible, make: Any, connection: Any) -> None:
    content = Path(connection["kubeconfig"]).read_text()
    done = ansible(
        "--diff",
        "-vvv",
        kubeconfig=json.loads(content) if content.startswith("{") else yaml_of(content),
        definitions=[make.secret("s", password="hunter2-secret")],
    )
    assert done["changed"]
    assert done["objects"][0]["apiVersion"] == "v1"
    assert done["objects"][0]["namespace"] == make.namespace
    assert done["invocation"]["module_args"]["definitions"] == "NOT_LOGGING_PARAMETER"
    assert done["invocation"]["module_args"]["kubeconfig"] == "NOT_LOGGING_PARAMETER"
    for secret in ("hunter2-secret", "aHVudGVyMi1zZWNyZXQ", "client-key-data"):
        assert secret not in done["output"]


def yaml_of(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def test_a_failure_names_place_and_what_was_done(ansible: Ansible, make: Any, tmp_path: Path) -> None:
    path = tmp_path / "objects.yaml"
    path.write_text("\n".join(f"k{number}: v" for number in range(1, 17)) + "\na: b: c\n")
    failed = ansible(src=[str(path)])
    assert failed["rc"] != 0
    assert failed["msg"].startswith(f"{path}:17: YAML error")
    assert failed["problems"][0]["place"] == f"{path}:17"
    partly = ansible(definitions=[make.config_map("good"), make.config_map("Bad_Name")])
    assert partly["rc"] != 0
    assert partly["changed"]
    assert [each["name"] for each in partly["objects"]] == ["good"]
    assert f"ConfigMap {make.namespace}/Bad_Name (definitions[1])" in partly["msg"]


def test_a_failure_tells_warnings_and_differences_too(ansible: Ansible, make: Any) -> None:
    old = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "old", "namespace": make.namespace}}
    failed = ansible("--diff", definitions=[old, make.config_map("good", a="1"), make.config_map("Bad_Name")])
    assert failed["rc"] != 0
    assert "Endpoints is deprecated" in str(failed["warnings"])
    assert [diff["after_header"] for diff in failed["diff"]] == [
        f"ConfigMap {make.namespace}/good",
        f"Endpoints {make.namespace}/old",
    ]


def test_a_kubeconfig_given_as_text_is_not_shown(ansible: Ansible, make: Any, connection: Any) -> None:
    text = Path(connection["kubeconfig"]).read_text()
    key = yaml_of(text)["users"][0]["user"]["client-key-data"]
    failed = ansible("-vvv", kubeconfig=text, definitions=[make.config_map("a")])
    assert failed["msg"].startswith("kubeconfig is the text of a kubeconfig; give the path of a file")
    assert key[:50] not in failed["output"]
    assert failed["invocation"]["module_args"]["kubeconfig"] == "NOT_LOGGING_PARAMETER"


def test_the_password_of_a_proxy_is_not_shown(ansible: Ansible, make: Any) -> None:
    failed = ansible("-vvv", proxy="http://jane:hunter2-secret@127.0.0.1:1", definitions=[make.config_map("a")])
    assert "through the proxy http://127.0.0.1:1 cannot be reached" in failed["msg"]
    assert "hunter2-secret" not in failed["output"]


def test_needs_something_to_do(ansible: Ansible) -> None:
    assert "one of the following is required: definitions, src, fragments, applyset" in ansible()["msg"]


def test_offline_is_for_check_mode_only(ansible: Ansible, make: Any) -> None:
    arguments = {"definitions": [make.config_map("a")], "offline": True, "kubeconfig": "/nowhere"}
    assert ansible("--check", **arguments)["objects"][0]["verified"] is False
    assert "offline: true is for check mode only" in ansible(**arguments)["msg"]
