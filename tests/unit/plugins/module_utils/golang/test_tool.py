# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for of a tool, what a program says of itself, and how the two are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.buildinfo import BuildInfo, Module
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import (
    Standing,
    ToolError,
    differences,
    pinned_version,
    same_program,
    settings_of,
    stamps,
    this_platform,
    tool,
    wanted_settings,
)

ENTRY = {"name": "x", "module": "example.com/m", "package": "./cmd/x", "version": "v1.2.3"}
SUM = "h1:" + "A" * 43 + "="
GO_MOD = """module example.com/pin

go 1.26.0

require (
    example.com/m v1.2.3
    example.com/m/sub v0.1.0 // indirect
)
"""


def pin(folder: Path, text: str = GO_MOD) -> str:
    (folder / "go.mod").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("package", "module", "expected"),
    [
        ("./cmd/x", "example.com/m", "example.com/m/cmd/x"),
        ("", "example.com/m", "example.com/m"),
        (".", "example.com/m", "example.com/m"),
        ("example.com/m/cmd/x", "", "example.com/m/cmd/x"),
    ],
)
def test_packages_are_import_paths_or_folders(package: str, module: str, expected: str) -> None:
    assert tool({**ENTRY, "package": package, "module": module}).package == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": "../x"}, "cannot be a file name"),
        ({"version": ""}, "neither version nor source"),
        ({"source": "/src"}, "both version and source"),
        ({"version": "latest"}, "'latest' is no version that stands for ever"),
        ({"version": "1.2.3"}, "Write it in full, such as v1.2.3"),
        ({"version": "v1.2"}, "no version that stands for ever"),
        ({"sum": "sha256:00"}, "no checksum of a module"),
        ({"module": "", "package": ""}, "neither package nor module"),
        ({"module": "nowhere"}, "module 'nowhere' is no import path"),
        ({"package": "example.com/m@v1"}, "package 'example.com/m@v1' is no import path"),
        ({"module": "", "package": "./cmd/x"}, "no import path"),
        ({"module": "", "package": "-flag.com/x"}, "no import path"),
        ({"vendor": True}, "vendor without source"),
        ({"tags": ["a b"]}, "'a b' is no build tag"),
        ({"version": "", "source": "/src", "sum": SUM, "module": ""}, "sum together with source"),
        ({"version": "", "source": "/src"}, "module together with source"),
        ({"version": "", "source": "/src", "module": "", "package": "-toolexec=x"}, "'-toolexec=x' is no package"),
    ],
)
def test_contradictions_are_told(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ToolError) as error:
        tool({**ENTRY, **options})
    assert expected in str(error.value)
    assert error.value.mend


@pytest.mark.parametrize(
    "version", ["v1.2.3", "v0.0.0-20260827124520-eed52ebb66ad", "v2.0.0-rc.1", "v2.0.0+incompatible"]
)
def test_versions_that_stand_for_ever(version: str) -> None:
    assert tool({**ENTRY, "version": version}).version == version


def test_the_version_of_a_pinned_tool_is_that_of_the_module_with_the_longest_path(tmp_path: Path) -> None:
    source = pin(tmp_path)
    assert pinned_version(source, "example.com/m/cmd/x") == "v1.2.3"
    assert pinned_version(source, "example.com/m/sub/cmd/x") == "v0.1.0"
    assert pinned_version(source, "./cmd/x") == "(devel)"
    with pytest.raises(ToolError, match="requires no module that has the package"):
        pinned_version(source, "example.com/mm")
    with pytest.raises(ToolError, match="No such file"):
        pinned_version(str(tmp_path / "no"), ".")
    with pytest.raises(ToolError, match="names no module"):
        tool({"name": "x", "source": pin(tmp_path, "go 1.26.0\n")})


def test_relative_sources_stand_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "pin").mkdir()
    pin(tmp_path / "pin")
    wanted = tool({"name": "x", "source": "pin", "package": "example.com/m/cmd/x"}, str(tmp_path))
    assert (wanted.source, wanted.version, wanted.module) == (str(tmp_path / "pin"), "v1.2.3", "")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v4/cmd/helm", True),
        ("example.com/x", "example.com/x/v10", True),
        ("example.com/x", "example.com/x/v1", False),
        ("example.com/x", "example.com/x/v2beta", False),
        ("example.com/x", "example.com/y", False),
        ("", "example.com/y", False),
    ],
)
def test_major_versions_are_one_program(one: str, other: str, same: bool) -> None:
    assert same_program(one, other) is same


def info(**settings: str) -> BuildInfo:
    goos, goarch = this_platform().split("/")
    return BuildInfo(
        "go1.26.8",
        "example.com/m/cmd/x",
        Module("example.com/m", "v1.2.3", SUM),
        (Module("example.com/dep", "v0.1.0", SUM),),
        {"CGO_ENABLED": "0", "GOOS": goos, "GOARCH": goarch, **settings},
    )


def found(has: BuildInfo, **options: Any) -> list[str]:
    wanted = tool({**ENTRY, **options})
    standing = Standing(True, settings=settings_of(has, wanted.package, executable=True))
    return sorted(differences(standing, wanted_settings(wanted)))


def test_a_program_that_is_as_asked_for_differs_in_nothing() -> None:
    assert found(info()) == []
    assert found(info(), sum=SUM) == []
    assert found(info(**{"-tags": "b,a"}), tags=["a", "b"]) == []
    assert found(info(**{"-ldflags": "-s -w"}), ldflags=" -s -w\n") == []
    stamped = stamps(tool({**ENTRY, "ldflags": "-s", "tags": ["a"]}))
    assert found(info(**{"-tags": ",".join(stamped)}), ldflags="-s", tags=["a"]) == []


@pytest.mark.parametrize(
    ("has", "options", "setting"),
    [
        (info(), {"version": "v1.2.4"}, "version"),
        (info(), {"sum": "h1:" + "B" * 43 + "="}, "sum"),
        (info(), {"tags": ["a"]}, "tags"),
        (info(**{"-tags": "a"}), {}, "tags"),
        (info(), {"cgo": True}, "cgo"),
        (info(CGO_ENABLED="1"), {}, "cgo"),
        (info(), {"ldflags": "-s"}, "ldflags"),
        (info(**{"-ldflags": "-s"}), {}, "ldflags"),
        (info(GOARCH="mips"), {}, "platform"),
        (info(), {"module": "", "package": "example.com/m/cmd/x", "version": "v1.0.0"}, "version"),
    ],
)
def test_every_difference_is_found(has: BuildInfo, options: dict[str, Any], setting: str) -> None:
    assert found(has, **options) == [setting]


def test_a_program_without_stamp_does_not_prove_what_folder_it_is_from(tmp_path: Path) -> None:
    wanted = tool({"name": "x", "source": pin(tmp_path), "package": "example.com/m/cmd/x"})
    standing = Standing(True, settings=settings_of(info(), wanted.package, executable=True))
    assert sorted(differences(standing, wanted_settings(wanted))) == ["sources"]
    stamped = info(**{"-tags": ",".join(stamps(wanted))})
    standing = Standing(True, settings=settings_of(stamped, wanted.package, executable=True))
    assert differences(standing, wanted_settings(wanted)) == {}
