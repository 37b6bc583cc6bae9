# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether tools are what was asked for, answer, and are what the shell finds: as findings."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Iterator, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import first_lines
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import (
    Tool,
    ToolError,
    differences,
    look,
    wanted_settings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_work import said

_WHY = "What works with the environment by hand or in pipelines expects the tool in the version that was asked for."
_WHY_PATH = "The shell runs the first program of a name on PATH."


def verify(tools: Sequence[Tool], folder: str, cache: Cache, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about each tool and about PATH. Runs the tools, changes nothing. Raises OSError."""
    for wanted in tools:
        yield _tool(wanted, wanted.path(folder), cache)
    if tools:
        yield from _path(tools, folder, environment)


def on_path(folder: str, environment: Mapping[str, str]) -> bool:
    """Whether a folder is on PATH, under any name."""
    folders = environment.get("PATH", "").split(os.pathsep)
    return os.path.realpath(folder) in [os.path.realpath(entry) for entry in folders if entry]


def path_line(folder: str, environment: Mapping[str, str]) -> str:
    """The line for the user's shell that puts a folder in front of PATH."""
    if os.path.basename(environment.get("SHELL", "")) == "fish":
        return f"fish_add_path --prepend {shlex.quote(folder)}"
    return f"export PATH={shlex.quote(folder)}:$PATH"


def _tool(wanted: Tool, path: str, cache: Cache) -> Finding:
    standing = look(wanted, path, cache)
    asked = f"{wanted.package} {wanted.version}"
    if not standing.exists:
        return _wrong("toolchain-tool", wanted, f"{path} is not there; {asked} was asked for", "Run the role toolchain")
    if standing.foreign:
        return _wrong(
            "toolchain-tool",
            wanted,
            f"{path} is {standing.foreign}, not {asked}",
            "Remove it, or set toolchain_force, and run the role toolchain",
        )
    wrong = differences(standing, wanted_settings(wanted))
    if wrong:
        told = "; ".join(f"{key} is {got}, not {value}" for key, (got, value) in sorted(wrong.items()))
        return _wrong("toolchain-tool", wanted, f"{path} is {asked.split()[0]}, but {told}", "Run the role toolchain")
    if not wanted.version_arguments:
        return passed("toolchain-tool", wanted.name, f"{path} is {asked}")
    try:
        version = said(wanted, path)
    except ToolError as error:
        return _wrong("toolchain-answer", wanted, error.problem, error.mend)
    return passed("toolchain-tool", wanted.name, f"{path} is {asked} and answers: {first_lines(version, 1)}")


def _path(tools: Sequence[Tool], folder: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    line = path_line(folder, environment)
    if not on_path(folder, environment):
        yield Finding(
            "toolchain-path",
            Severity.INFO,
            folder,
            "the folder of the tools is not on your PATH",
            _WHY_PATH,
            f"Add to the profile of your shell: {line}",
        )
        return
    for wanted in tools:
        first = shutil.which(wanted.name, path=environment.get("PATH", ""))
        if first and os.path.realpath(os.path.dirname(first)) != os.path.realpath(folder):
            yield Finding(
                "toolchain-path",
                Severity.WARNING,
                wanted.name,
                f"{first} comes before {wanted.path(folder)} on your PATH",
                _WHY_PATH,
                f"Put the folder first in the profile of your shell: {line}",
            )


def _wrong(check: str, wanted: Tool, message: str, mend: str) -> Finding:
    return Finding(check, Severity.ERROR, wanted.name, message, _WHY, mend)
