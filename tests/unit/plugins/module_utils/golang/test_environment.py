# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of go: the user says how modules are reached, nothing else of theirs comes through."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache, go_environment
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError


def test_the_users_way_to_modules_is_kept_and_the_rest_is_fixed() -> None:
    user = {
        "GOPROXY": "https://proxy.example",
        "GOPRIVATE": "git.example",
        "HTTPS_PROXY": "http://gate:3128",
        "GOFLAGS": "-mod=mod -tags=x",
        "GOROOT": "/opt/go",
        "GOOS": "plan9",
        "GOARCH": "arm",
        "GOWORK": "/home/me/go.work",
        "GOTOOLCHAIN": "auto",
        "GOCACHE": "/elsewhere",
    }
    environment = go_environment(Cache("/c"), base=user)
    kept = {key: environment[key] for key in ("GOPROXY", "GOPRIVATE", "HTTPS_PROXY")}
    assert kept == {key: user[key] for key in kept}
    assert environment["GOFLAGS"] == "-modcacherw"
    assert environment["GOCACHE"] == "/c/go/build"
    assert (environment["GOTOOLCHAIN"], environment["GOWORK"], environment["CGO_ENABLED"]) == ("local", "off", "0")
    assert not {"GOROOT", "GOOS", "GOARCH"} & set(environment)


def test_the_cache_is_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert Cache.at().root == str(tmp_path / ".cache/servicemesh-platform")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/x")
    assert Cache.at(None).root == "/var/x/servicemesh-platform"
    assert Cache.at("~/c").root == str(tmp_path / "c")


def test_a_cache_that_would_come_to_stand_in_the_collection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    for folder in (None, "cache", "~nobody-of-this-name/cache"):
        with pytest.raises(GoError, match="is not an absolute path"):
            Cache.at(folder)


def test_a_new_cache_is_closed_to_others(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "a" / "b"))
    cache.create()
    cache.create()
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
