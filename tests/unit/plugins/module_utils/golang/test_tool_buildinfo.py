# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading build info: the text, and files that hold none or something that looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.buildinfo import Module, parse, read
from hypothesis import given
from hypothesis import strategies as st

TEXT = """path\texample.com/m/cmd/x
mod\texample.com/m\tv1.2.3\th1:a
dep\texample.com/one\tv1.0.0\th1:b
dep\texample.com/two\tv1.0.0
=>\texample.com/fork\tv1.1.0\th1:c
dep\texample.com/three\tv1.0.0
=>\t./three\t(devel)\t
build\t-ldflags="-X 'a=b c' -X \\"d=\\u00e9\\""
build\t-tags=a,b
build\tCGO_ENABLED=0
build\t`odd key`="v\\tw"
"""


def program(text: str, flags: int = 2, before: bytes = b"", go: str = "go1.26.8", end: bytes = b"\xf9" * 16) -> bytes:
    def counted(content: bytes) -> bytes:
        length, prefix = len(content), b""
        while length >= 0x80:
            prefix, length = prefix + bytes([length & 0x7F | 0x80]), length >> 7
        return prefix + bytes([length]) + content

    header = b"\xff Go buildinf:" + bytes([8, flags]) + b"\0" * 16
    return (
        before + header + counted(go.encode()) + counted(b"0w\xaf\x0c\x92t\x08\x02A" + b"\0" * 7 + text.encode() + end)
    )


def test_the_text_is_read_whole() -> None:
    info = parse("go1.26.8", TEXT)
    assert (info.path, info.main) == ("example.com/m/cmd/x", Module("example.com/m", "v1.2.3", "h1:a"))
    assert info.modules == (
        Module("example.com/one", "v1.0.0", "h1:b"),
        Module("example.com/two", "v1.1.0", "h1:c"),
        Module("example.com/three", "(devel)", ""),
    )
    assert info.settings == {
        "-ldflags": "-X 'a=b c' -X \"d=é\"",
        "-tags": "a,b",
        "CGO_ENABLED": "0",
        "odd key": "v\tw",
    }


def test_a_package_comes_from_the_module_with_the_longest_path() -> None:
    info = parse("go1.26.8", TEXT + "dep\texample.com/m/cmd\tv9.0.0\n")
    assert info.provider("example.com/m/cmd/x").version == "v9.0.0"
    assert info.provider("example.com/m/cmdx").version == "v1.2.3"
    assert info.provider("elsewhere.com/x") == info.main


def test_a_file_is_searched_for_it(tmp_path: Path) -> None:
    file = tmp_path / "x"
    # A magic that is not aligned, one with pointers as before Go 1.18, one with a broken end, and the true one.
    decoys = b"\x7fELF...\xff Go buildinf:\x08\x02" + b"\0" * 8
    decoys += b"\0" * (-len(decoys) % 16) + program("path\tother\n", flags=0)
    decoys += b"\0" * (-len(decoys) % 16) + program("path\tother")
    decoys += b"\0" * (-len(decoys) % 16)
    file.write_bytes(program(TEXT, before=decoys) + b"\0" * 100)
    info = read(str(file))
    assert info is not None
    assert (info.go, info.path) == ("go1.26.8", "example.com/m/cmd/x")


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", program(TEXT)[:-40], program("", end=b""), program(TEXT)[:33]]
)
def test_what_has_none_gives_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    assert read(str(file)) is None


@given(st.integers(0, 200), st.binary(max_size=8))
def test_no_content_is_an_error(tmp_path_factory: pytest.TempPathFactory, place: int, change: bytes) -> None:
    content = program(TEXT)
    file = tmp_path_factory.mktemp("x") / "x"
    file.write_bytes(content[:place] + change + content[place + len(change) :])
    info = read(str(file))
    assert info is None or info.go is not None


@given(st.text(alphabet='path\tmodep=>build"`\\\n@v1 ', max_size=80))
def test_no_text_is_an_error(text: str) -> None:
    assert parse("go1.26.8", text).go == "go1.26.8"
