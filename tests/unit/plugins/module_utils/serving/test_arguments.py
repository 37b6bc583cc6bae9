# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.serving import arguments


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", ""])
def test_what_is_no_port_is_told(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments.parser("program", "").parse_args([f"--port={text}"])
    assert "write a number from 1 to 65535" in capsys.readouterr().err


def test_outside_of_a_pod_a_kubeconfig_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(SystemExit, match="--kubeconfig"):
        arguments.open_session("", 1)


def test_in_a_pod_its_service_account_is_taken(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    connection = arguments._of_pod(tmp_path, environ)
    assert connection.host == "https://[fd00::1]:6443"
    assert connection.authorization == "Bearer secret"
    assert "secret" not in repr(connection)
