# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of one pinned Go module, proven to be what go.sum says."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from typing import Dict, List, Mapping, NamedTuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import CommandFailed, run
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache, go_environment
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import ModuleError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import explain, first_lines
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress


class Pin(NamedTuple):
    """A module as the go.mod and go.sum in the folder `source` pin it. `sum`: its `h1:` checksum."""

    source: str
    module: str
    version: str
    sum: str


def read_pin(source: str, module: str) -> Pin:
    """What go.mod and go.sum say about a module. Raises ModuleError when they do not pin it."""
    version = required_version(_read(source, "go.mod"), module)
    if not version:
        raise ModuleError(
            f"{source}/go.mod does not require {module}.",
            f"Add `require {module} VERSION` there.",
        )
    checksum = pinned_sum(_read(source, "go.sum"), module, version)
    if not checksum:
        raise ModuleError(
            f"{source}/go.sum has no checksum for {module} {version}.",
            f"Run `go mod download {module}` in that folder on a trusted network and keep the new go.sum.",
        )
    return Pin(source, module, version, checksum)


def required_version(go_mod: str, module: str) -> str:
    """The version of a module that a go.mod requires, or an empty string."""
    block = ""
    for line in go_mod.splitlines():
        words = line.split("//", 1)[0].replace('"', "").split()
        if not words:
            continue
        if words == [")"]:
            block = ""
        elif words[-1] == "(":
            block = words[0]
        elif words[0] == "require" and words[1:2] == [module] and len(words) == 3:
            return words[2]
        elif block == "require" and words[0] == module and len(words) == 2:
            return words[1]
    return ""


def pinned_sum(go_sum: str, module: str, version: str) -> str:
    """The `h1:` checksum of a module's files in a go.sum, or an empty string."""
    for line in go_sum.splitlines():
        words = line.split()
        if words[:2] == [module, version] and len(words) == 3 and words[2].startswith("h1:"):
            return words[2]
    return ""


def module_folder(pin: Pin, cache: Cache) -> str:
    """Where the files of the module stand in the module cache, downloaded or not."""
    return os.path.join(cache.modules, f"{_escaped(pin.module)}@{_escaped(pin.version)}")


def folder_sum(folder: str, module: str, version: str) -> str:
    """The `h1:` checksum of a folder, as golang.org/x/mod/sumdb/dirhash.Hash1 defines it."""
    lines: List[bytes] = []
    for name in sorted(_files(folder)):
        with open(os.path.join(folder, name), "rb") as stream:
            content = hashlib.sha256(stream.read()).hexdigest()
        path = f"{module}@{version}/{name}"
        lines.append(f"{content}  {path}\n".encode())
    return "h1:" + base64.b64encode(hashlib.sha256(b"".join(lines)).digest()).decode("ascii")


def present(pin: Pin, cache: Cache) -> bool:
    """Whether the module is in the cache, whole and as it is pinned.

    Raises ModuleError when its files were changed there.
    """
    folder = module_folder(pin, cache)
    if not os.path.isdir(folder) or os.path.exists(_partial(pin, cache)):
        return False
    if folder_sum(folder, pin.module, pin.version) != pin.sum:
        raise ModuleError(
            f"{folder} is not what {pin.source}/go.sum pins: files in it were changed.",
            "Remove that folder and run again.",
        )
    return True


def download(pin: Pin, go: str, cache: Cache, progress: Progress) -> str:
    """Download the module into the cache unless it is there, and return the folder of its files.

    Raises ModuleError: unreachable proxy, wrong checksum, unknown version.
    """
    if present(pin, cache):
        return module_folder(pin, cache)
    progress.say(f"downloading {pin.module} {pin.version}")
    cache.create()
    environment = go_environment(cache)
    try:
        output = run([go, "mod", "download", "-json", pin.module], environment, pin.source)
    except OSError as error:
        raise ModuleError(f"go: {go}: {error.strerror}.", "Name a go command that runs.") from error
    except CommandFailed as error:
        output = error.stdout or error.output
    # What counts is what is there now: go also fails when the module is made for a newer Go, which does not matter
    # for files that are not compiled.
    if not present(pin, cache):
        raise _failure(pin, output, environment)
    return module_folder(pin, cache)


def _failure(pin: Pin, output: str, environment: Mapping[str, str]) -> ModuleError:
    answer = _answer(output)
    problem = f"{pin.module} {pin.version} cannot be had"
    if answer.get("Version", pin.version) != pin.version:
        return ModuleError(
            f"{problem}: another module in {pin.source}/go.mod needs {answer['Version']}.",
            "Run `go mod tidy` in that folder.",
        )
    message = answer.get("Error", output)
    known = explain(message, pin.source, environment)
    if known:
        return ModuleError(f"{problem}: {known.problem}", f"{known.mend}\n{first_lines(message)}")
    return ModuleError(f"{problem}:", first_lines(message))


def _answer(output: str) -> Dict[str, str]:
    """The answer of `go mod download -json`; empty when go stopped before it had one."""
    try:
        answer: Dict[str, str] = json.loads(output)
    except ValueError:
        return {}
    return answer


def _partial(pin: Pin, cache: Cache) -> str:
    """The file that stands there while go extracts the module."""
    version = _escaped(pin.version)
    return os.path.join(cache.modules, "cache", "download", _escaped(pin.module), "@v", version + ".partial")


def _escaped(text: str) -> str:
    """Capital letters as `!x`, so that paths differ on file systems that ignore case."""
    return re.sub(r"[A-Z]", lambda match: "!" + match.group(0).lower(), text)


def _files(folder: str) -> List[str]:
    return [
        os.path.relpath(os.path.join(parent, name), folder)
        for parent, _folders, names in os.walk(folder)
        for name in names
    ]


def _read(source: str, name: str) -> str:
    path = os.path.join(source, name)
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        raise ModuleError(f"{path}: {error.strerror}.", "Name a folder with go.mod and go.sum.") from error
