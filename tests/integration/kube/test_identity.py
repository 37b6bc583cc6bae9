# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether it is still the same cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument, WrongCluster
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.identity import identify, remember, remembered


def uid_of(live: Any) -> str:
    return str(live.get("namespace", "kube-system")["metadata"]["uid"])


def test_the_first_run_remembers_and_the_second_changes_nothing(ansible: Any, live: Any, tmp_path: Path) -> None:
    path = tmp_path / "state" / "identity.json"
    planned = ansible("--check", module="cluster_identity", remember=str(path))
    assert planned["changed"]
    assert not path.parent.exists()
    first = ansible(module="cluster_identity", remember=str(path))
    assert first["changed"]
    assert first["uid"] == planned["uid"] == uid_of(live)
    assert first["server"].startswith("https://127.0.0.1:")
    assert first["version"].startswith("v1.")
    assert json.loads(path.read_text()) == {"uid": first["uid"], "server": first["server"]}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert not ansible(module="cluster_identity", remember=str(path))["changed"]


def test_another_cluster_is_refused_and_the_file_named(ansible: Any, live: Any, tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    remember(str(path), "0000-other", "https://192.0.2.1")
    refused = ansible(module="cluster_identity", remember=str(path))
    assert refused["rc"] != 0
    for part in ("is not the expected cluster", uid_of(live), "0000-other", f"remembered in {path}; remove that file"):
        assert part in refused["msg"]
    assert remembered(str(path)) == "0000-other"


def test_an_expected_uid_wins_over_the_remembered_one(connection: Any, live: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "identity.json")
    remember(path, "0000-other", "https://192.0.2.1")
    assert identify({**connection, "cluster_uid": uid_of(live)}, path)["uid"] == uid_of(live)
    with pytest.raises(WrongCluster, match=r"expected was 1111-other.*it was asked for"):
        identify({**connection, "cluster_uid": "1111-other"}, path)


def test_a_broken_file_is_told(ansible: Any, tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    path.write_text("{")
    broken = ansible(module="cluster_identity", remember=str(path))
    assert broken["rc"] != 0
    assert broken["msg"].startswith(f"{path} should hold the identity of the cluster but cannot be read")
    assert path.read_text() == "{"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"uid": null}', '{"uid": ""}', '{"uid": 5}', "\x00"])
def test_whatever_is_no_identity_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "identity.json"
    path.write_text(content)
    with pytest.raises(InvalidArgument, match="Remove it if the cluster that answers now is the right one"):
        remembered(str(path))


def test_a_folder_that_cannot_be_made_is_told(ansible: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failed = ansible(module="cluster_identity", remember=str(tmp_path / "file" / "identity.json"))
    assert failed["rc"] != 0
    assert str(tmp_path / "file") in failed["msg"]
    assert "Traceback" not in failed["output"]
