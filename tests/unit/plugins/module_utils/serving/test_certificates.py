# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.certificates import Certificates
from ansible_collections.servicemesh.platform.tests.support.authority import Authority


def test_unchanged_files_are_not_taken_again(tmp_path: Path) -> None:
    Authority().write(tmp_path)
    assert Certificates(tmp_path).refresh() is False


def test_changed_files_are_taken(tmp_path: Path) -> None:
    authority = Authority()
    authority.write(tmp_path)
    certificates = Certificates(tmp_path)
    authority.write(tmp_path)
    assert certificates.refresh() is True
    assert certificates.refresh() is False


def test_a_key_that_does_not_fit_leaves_the_old_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority()
    authority.write(tmp_path)
    certificates = Certificates(tmp_path)
    authority.write(tmp_path / "other")
    (tmp_path / "other" / "tls.key").replace(tmp_path / "tls.key")
    assert certificates.refresh() is False
    assert "cannot be used" in caplog.text


def test_files_that_are_not_there_are_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"tls\.crt"):
        Certificates(tmp_path)


def test_authorities_that_cannot_be_read_leave_the_old_ones(tmp_path: Path) -> None:
    authority = Authority()
    authority.write(tmp_path)
    certificates = Certificates(tmp_path, authority.pem)
    with pytest.raises(ssl.SSLError):
        certificates.trust("no certificate")
    certificates.trust(Authority().pem)
