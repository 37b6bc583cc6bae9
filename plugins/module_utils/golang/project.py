# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the go command says about a project: its environment, its modules, its packages. Changes nothing in the project.

Modules that are missing are downloaded into the user's own module cache, as any call of go does it.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import CommandFailed, run
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError

SDK = "github.com/servicemeshinterface/smi-sdk-go"
SDK_VERSION = "v0.5.0"
"""The last release of the SMI SDK: its repository has been archived since October 2023."""

_ASKED = ("GO111MODULE", "GOFLAGS", "GOPATH", "GOPROXY", "GOSUMDB", "GOVERSION", "GOMODCACHE", "GOWORK")


@dataclass(frozen=True)
class Required:
    """A module that is built with. `replaced_by`: what go.mod replaces it by, a path or a folder, and its version."""

    path: str
    version: str = ""
    main: bool = False
    replaced_by: str = ""
    replaced_version: str = ""


@dataclass(frozen=True)
class Project:
    """What go says. `go_mod` is None where no go.mod is.

    `failures`: what go said about each step that failed, by the name of the step; `done`: the steps that did not.
    """

    source: str
    environment: Mapping[str, str]
    go_mod: Optional[Mapping[str, Any]] = None
    modules: Tuple[Required, ...] = ()
    imports: FrozenSet[str] = frozenset()
    vendored: bool = False
    failures: Mapping[str, str] = field(default_factory=dict)
    done: FrozenSet[str] = frozenset()


def look(source: str, go: str, ask_proxy: bool) -> Project:
    """Ask go about the project in a folder. Raises GoError when the folder is not there or go does not run."""
    if not os.path.isdir(source):
        raise GoError(f"{source} is no folder.", "Name the folder of a Go project.")
    environment = _environment(source, go)
    asked = _Asked(source, go, environment)
    if ask_proxy and environment["GOPROXY"] != "off":
        asked.step("proxy", asked.proxy)
    if not _go_mod_file(source):
        return Project(source, environment, failures=asked.failures, done=frozenset(asked.done))
    go_mod = asked.step("go.mod", lambda: json.loads(asked.go("mod", "edit", "-json")))
    modules = asked.step("modules", lambda: tuple(_modules(asked.go("list", "-mod=readonly", "-m", "-json", "all"))))
    imports = asked.step("packages", asked.imports)
    asked.step("tidy", lambda: asked.go("mod", "tidy", "-diff"))
    asked.step("verify", lambda: asked.go("mod", "verify"))
    vendored = os.path.isfile(os.path.join(source, "vendor", "modules.txt"))
    if vendored:
        asked.step("vendor", lambda: asked.go("list", "-mod=vendor", "./..."))
    return Project(
        source,
        environment,
        go_mod or {},
        modules or (),
        frozenset(imports or ()),
        vendored,
        asked.failures,
        frozenset(asked.done),
    )


class _Asked:
    """Calls of go in the project, with the user's own settings but for those that would hide what is asked."""

    def __init__(self, source: str, go: str, environment: Mapping[str, str]) -> None:
        self._source = source
        self._go = go
        flags = " ".join(flag for flag in environment["GOFLAGS"].split() if not flag.startswith("-mod="))
        self._environment = dict(os.environ, GO111MODULE="on", GOFLAGS=flags, GOWORK="off", GOTOOLCHAIN="local")
        self.failures: Dict[str, str] = {}
        self.done: List[str] = []

    def step(self, name: str, what: Callable[[], Any]) -> Any:
        try:
            result = what()
        except CommandFailed as error:
            self.failures[name] = "\n".join(part for part in (error.output, error.stdout) if part)
            return None
        self.done.append(name)
        return result

    def go(self, *arguments: str) -> str:
        return run([self._go, *arguments], self._environment, self._source)

    def imports(self) -> Sequence[str]:
        """What the project's own packages and their tests import."""
        template = "{{range .Imports}}{{println .}}{{end}}{{range .TestImports}}{{println .}}{{end}}"
        return self.go("list", "-mod=readonly", "-e", "-f", template, "./...").split()

    def proxy(self) -> str:
        """Asks for a release that every public proxy has, without the cache in between."""
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(self._environment, GOMODCACHE=folder, GOFLAGS="-modcacherw")
            return run([self._go, "list", "-m", "-json", f"{SDK}@{SDK_VERSION}"], environment, folder)


def _environment(source: str, go: str) -> Dict[str, str]:
    try:
        answer: Dict[str, str] = json.loads(run([go, "env", "-json", *_ASKED], os.environ, source))
    except OSError as error:
        raise GoError(f"go: {go}: {error.strerror}.", "Name a go command that runs.") from error
    except CommandFailed as error:
        raise GoError(f"{go} does not run: {error.output}") from error
    return answer


def _go_mod_file(source: str) -> str:
    """The go.mod of a folder, there or in a parent; an empty text when there is none."""
    folder = os.path.abspath(source)
    while True:
        file = os.path.join(folder, "go.mod")
        if os.path.isfile(file):
            return file
        parent = os.path.dirname(folder)
        if parent == folder:
            return ""
        folder = parent


def _modules(output: str) -> Iterator[Required]:
    decoder, place = json.JSONDecoder(), 0
    output = output.strip()
    while place < len(output):
        module, place = decoder.raw_decode(output, place)
        while place < len(output) and output[place].isspace():
            place += 1
        replaced = module.get("Replace") or {}
        yield Required(
            module["Path"],
            module.get("Version", ""),
            bool(module.get("Main")),
            replaced.get("Path", ""),
            replaced.get("Version", ""),
        )
