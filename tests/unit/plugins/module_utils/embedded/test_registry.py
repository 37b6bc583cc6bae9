# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the registry."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import USER, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "registry", "198.18.0.2", 20100, Path("/ca.crt"), Path("/tls.crt"), Path("/tls.key"))
    for path in made.stale():
        made.write(path)
    return made


def test_what_is_written_is_in_order_and_private(registry: Registry) -> None:
    assert registry.stale() == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in registry.paths()} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in registry.paths()} == {0o700}


def test_everybody_has_the_one_password(registry: Registry) -> None:
    password = registry.password_file.read_bytes()
    assert len(password) >= 32
    user, _colon, digest = registry.htpasswd.read_bytes().strip().partition(b":")
    assert (user.decode(), bcrypt.checkpw(password, digest)) == (USER, True)
    basic = base64.b64encode(USER.encode() + b":" + password).decode()
    auths = json.loads((registry.docker_config / "config.json").read_text())["auths"]
    assert auths == {"198.18.0.2:20100": {"auth": basic}}
    hosts = (registry.hosts / "registry.embedded" / "hosts.toml").read_text()
    assert f'authorization = "Basic {basic}"' in hosts
    assert 'ca = "/ca.crt"' in hosts


def test_the_password_is_nowhere_in_the_configuration(registry: Registry) -> None:
    assert registry.password_file.read_text() not in registry.configuration.read_text()
    assert json.loads(registry.configuration.read_text())["http"]["tls"]["key"] == "/tls.key"


@pytest.mark.parametrize("content", [b"", b"somebody:x\n", b"environment:$2b$04$abc\n"])
def test_another_htpasswd_is_replaced(registry: Registry, content: bytes) -> None:
    registry.htpasswd.write_bytes(content)
    assert registry.stale() == [registry.htpasswd]


def test_what_others_could_read_is_written_anew(registry: Registry) -> None:
    registry.password_file.chmod(0o644)
    assert registry.stale() == [registry.password_file]


def test_a_lost_password_is_replaced_everywhere(registry: Registry) -> None:
    registry.password_file.unlink()
    assert registry.stale() == registry.paths()


def test_another_port_reaches_everybody(registry: Registry) -> None:
    moved = replace(registry, port=20101)
    names = {path.name for path in moved.stale()}
    assert names == {"config.json", "hosts.toml"}
    assert registry.htpasswd not in moved.stale()
