# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Go program says about how it was built, read from its file without running it and without Go.

The format is that of `debug/buildinfo` since Go 1.18: a magic at a multiple of 16 bytes, and 32 bytes behind it the
version of Go and the text that `go version -m` shows, each with its length before it.
"""

from __future__ import annotations

import ast
import mmap
from dataclasses import dataclass, field
from typing import Dict, Iterator, NamedTuple, Optional, Tuple, Union

_MAGIC = b"\xff Go buildinf:"
_ALIGNMENT = 16
_FLAGS = 15  # where the byte with the flags stands
_INLINE = 2  # the flag: the texts follow, not pointers to them
_HEADER = 32
_SENTINEL = 16  # bytes at either end of the text
_QUOTED = ('"', "`")

_Bytes = Union[bytes, mmap.mmap]


class Module(NamedTuple):
    """A module that a program was built from. `sum` is its `h1:` checksum, empty for a folder."""

    path: str
    version: str
    sum: str


NO_MODULE = Module("", "", "")


@dataclass(frozen=True)
class BuildInfo:
    """How a program was built.

    `path`: the import path of its main package. `main`: the module of that; its version is `(devel)` when it was built
    in its own folder. `modules`: what else was compiled in; of a module that was replaced, the version and sum of the
    replacement under its own path. `settings`: flags and environment, such as `-tags` and `CGO_ENABLED`.
    """

    go: str
    path: str
    main: Module = NO_MODULE
    modules: Tuple[Module, ...] = ()
    settings: Dict[str, str] = field(default_factory=dict)

    def provider(self, package: str) -> Module:
        """The module that a package was taken from: the one with the longest path that the package is below."""
        having = [module for module in (self.main, *self.modules) if is_below(package, module.path)]
        return max(having, key=lambda module: len(module.path), default=self.main)


def is_below(package: str, module: str) -> bool:
    """Whether a package can stand in a module, by their paths."""
    return bool(module) and (package + "/").startswith(module + "/")


def read(path: str) -> Optional[BuildInfo]:
    """The build info of a file; None when it is no Go program, or one that has none. Raises OSError."""
    with open(path, "rb") as stream:
        try:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file
            return None
        with content:
            return next(_found(content), None)


def parse(go: str, text: str) -> BuildInfo:
    """The text that `go version -m` shows, without its indentation."""
    path, main, modules, settings = "", NO_MODULE, [], {}
    for line in text.splitlines():
        word, _tab, rest = line.partition("\t")
        if word == "path":
            path = rest
        elif word == "mod":
            main = _module(rest)
        elif word == "dep":
            modules.append(_module(rest))
        elif word == "=>" and modules:
            modules[-1] = _module(rest)._replace(path=modules[-1].path)
        elif word == "build":
            key, value = _setting(rest)
            settings[key] = value
    return BuildInfo(go, path, main, tuple(modules), settings)


def _found(content: _Bytes) -> Iterator[BuildInfo]:
    """Every build info in a file. The magic alone proves nothing: programs that look for it hold it too."""
    place = content.find(_MAGIC)
    while place >= 0:
        if place % _ALIGNMENT == 0:
            info = _decoded(content, place)
            if info:
                yield info
        place = content.find(_MAGIC, place + 1)


def _decoded(content: _Bytes, place: int) -> Optional[BuildInfo]:
    if len(content) <= place + _HEADER or not content[place + _FLAGS] & _INLINE:
        return None
    try:
        go, behind = _text(content, place + _HEADER)
        text, _end = _text(content, behind)
        if len(text) <= 2 * _SENTINEL or text[-_SENTINEL - 1 : -_SENTINEL] != b"\n":
            return None
        return parse(go.decode("utf-8"), text[_SENTINEL:-_SENTINEL].decode("utf-8"))
    except (IndexError, UnicodeDecodeError):
        return None


def _text(content: _Bytes, place: int) -> Tuple[bytes, int]:
    """A text with its length as a varint before it, and where it ends."""
    length = shift = 0
    while True:
        byte = content[place]
        place += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if place + length > len(content):
        raise IndexError(place)
    return content[place : place + length], place + length


def _module(text: str) -> Module:
    path, version, checksum = [*text.split("\t"), "", ""][:3]
    return Module(path, version, checksum)


def _setting(text: str) -> Tuple[str, str]:
    """`KEY=VALUE`, either of them quoted as Go quotes strings when it holds anything special."""
    if text.startswith(_QUOTED):
        end = text.index(text[0], 1) + 1
        key, value = text[:end], text[end + 1 :]
    else:
        key, _equals, value = text.partition("=")
    return _unquoted(key), _unquoted(value)


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text.strip("`")
    if not text.startswith('"'):
        return text
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return text
