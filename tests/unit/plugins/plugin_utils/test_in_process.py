# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import (
    call,
    is_this_interpreter,
    plain,
)
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config_from_dict


class Text(str):
    """A string that knows where it comes from, as Ansible's do."""


class Number(int):
    pass


def echo(options: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    return {"changed": check_mode, "diff": diff, "name": options["name"], "told": f"with {options['api_key']}"}


OPTIONS = {"name": {"type": "str", "required": True}, "definitions": {"type": "raw", "no_log": True}}
INTERFACE = ClusterInterface(
    {**OPTIONS, **CONNECTION_ARGUMENTS},
    echo,
    concealed=("definitions",),
)


def test_plain_values_are_of_the_types_that_json_has() -> None:
    made = plain({Text("a"): [Text("b"), Number(1), True, None, 1.5, ("c",)]})
    assert made == {"a": ["b", 1, True, None, 1.5, ["c"]]}
    (key, values), *_rest = made.items()
    assert [type(each) for each in (key, *values)] == [str, str, int, bool, type(None), float, list]


def test_a_call_gives_what_the_module_would_give() -> None:
    result = call(INTERFACE, {"name": "a", "api_key": "s3cret-token", "definitions": {"a": "b"}}, True, False)
    assert result["changed"] is True
    assert result["name"] == "a"
    assert "s3cret-token" not in str(result)
    assert result["invocation"]["module_args"]["definitions"] == "NOT_LOGGING_PARAMETER"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "missing required arguments: name"), ({"name": "a", "nam": "b"}, "Unsupported parameters")],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    result = call(INTERFACE, arguments, False, False)
    assert result["failed"]
    assert message.lower() in result["msg"].lower()


def test_another_folder_is_another_environment(tmp_path: Path) -> None:
    assert is_this_interpreter(sys.executable)
    assert is_this_interpreter(str(Path(sys.executable).parent / "." / Path(sys.executable).name))
    (tmp_path / "python").symlink_to(sys.executable)
    assert not is_this_interpreter(str(tmp_path / "python"))
    assert not is_this_interpreter("/usr/bin/env")


@pytest.mark.parametrize("fails", [False, True])
def test_no_key_of_a_kubeconfig_stays_in_a_file(fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    secret = base64.b64encode(b"a private key").decode()
    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "x", "user": {"client-certificate-data": secret, "client-key-data": secret}}],
    }

    def run(_options: dict[str, Any], _check_mode: bool, _diff: bool) -> dict[str, Any]:
        load_kube_config_from_dict(kubeconfig, client_configuration=Configuration())
        assert [path.read_text() for path in tmp_path.iterdir()] == ["a private key"]
        if fails:
            raise OSError("no way")
        return {"changed": False}

    with pytest.raises(OSError, match="no way") if fails else nullcontext():
        call(Interface({}, run), {}, False, False)
    assert list(tmp_path.iterdir()) == []
