# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building Go programs once for each content of their sources.

The result stands in `<cache>/bin/<name>-<digest>/<output>`. The digest covers everything that goes into it, so that a
program is there or it is not; it is never out of date. What is not finished stands elsewhere and is moved in one step.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import Dict, Iterator, List, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import CommandFailed, run
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache, go_environment
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import BuildError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.lock import exclusive
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import explain, first_lines
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

# What `go env` says about the result, besides the sources and the options.
_TARGET = ("GOVERSION", "GOEXPERIMENT", "GOFIPS140", "GOAMD64", "GOARM64", "GOARM", "GO386", "GOPPC64", "GORISCV64")
_LOCAL_REPLACEMENT = re.compile(r"=>\s*\"?(\.{1,2}/[^\s\"]*|\.{1,2}|/[^\s\"]+)")
_MAJOR_VERSION = re.compile(r"v[2-9]|v[1-9][0-9]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# The first packages are small ones: they say little about the rest.
SECONDS_TO_ESTIMATE_FROM = 20.0
_NOT_SOURCES = frozenset((".git", "__pycache__"))


@dataclass(frozen=True)
class Program:
    """What is to be built.

    `name`: what it is called in messages and in the cache. `output`: the name of the file, by default `name`.
    `source`: the folder of go.mod. `package`: what to build there, a folder (`.`, `./cmd/x`) or the import path of a
    program in a required module. `packages`: several of them instead, built by one command into one folder, each under
    the name that Go gives it. `ldflags`: as `go build` takes it, one string. `tags`: the build tags. `cgo`: whether C
    is compiled too, which wants a C compiler and the headers of the libraries.
    """

    name: str
    source: str
    output: str = ""
    package: str = "."
    packages: Tuple[str, ...] = ()
    ldflags: str = ""
    tags: Tuple[str, ...] = ()
    cgo: bool = False

    @property
    def files(self) -> Tuple[str, ...]:
        """The names of the files."""
        return tuple(map(_file_name, self.packages)) or (self.output or self.name,)

    @property
    def built_from(self) -> Tuple[str, ...]:
        """The packages, one for each file."""
        return self.packages or (self.package,)


@dataclass(frozen=True)
class Plan:
    """Where a program stands when it is built, and how it is built."""

    program: Program
    go: str
    cache: Cache
    environment: Dict[str, str]
    digest: str

    @property
    def folder(self) -> str:
        """The folder of the program, or of the programs."""
        return self.cache.program(self.program.name, self.digest)

    @property
    def path(self) -> str:
        """The program's file; the folder when there are several programs."""
        return self.folder if self.program.packages else os.path.join(self.folder, self.program.files[0])

    @property
    def built(self) -> bool:
        """Whether the program is there, all of them when they are several."""
        return all(os.access(os.path.join(self.folder, file), os.X_OK) for file in self.program.files)


def plan(program: Program, go: str, cache: Cache) -> Plan:
    """Find out what the program is called when it is built. Changes nothing.

    Raises BuildError when the name or the sources are not right, or go does not run.
    """
    named = [("packages" if program.packages else "output", file) for file in program.files]
    for option, value in [("name", program.name), *named]:
        if not _NAME.fullmatch(value):
            raise BuildError(f"{option}: {value!r} cannot be a file name.", "Use letters, digits, '-', '_' and '.'.")
    if len(set(program.files)) < len(program.files):
        raise BuildError("packages: two of them give a file of the same name.", "Build them under names of their own.")
    if not os.path.isfile(os.path.join(program.source, "go.mod")):
        raise BuildError(f"{program.source} holds no go.mod.", "Name the folder of the Go module's sources.")
    environment, target = _target(program, go, cache)
    sources = [folder_digest(folder) for folder in source_folders(program.source)]
    return Plan(program, go, cache, environment, digest(program, target, sources))


def digest(program: Program, target: Dict[str, str], sources: List[str]) -> str:
    """The digest (sha256, hex) over everything that goes into a program."""
    content = {
        "files": program.files,
        "packages": program.built_from,
        "ldflags": program.ldflags,
        "tags": program.tags,
        "cgo": program.cgo,
        "target": target,
        "sources": sources,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def source_folders(source: str) -> List[str]:
    """The folder of go.mod, and folders outside of it by which go.mod replaces modules."""
    root = os.path.realpath(source)
    with open(os.path.join(source, "go.mod"), encoding="utf-8") as stream:
        lines = [line.split("//", 1)[0] for line in stream]
    named = (match.group(1) for match in map(_LOCAL_REPLACEMENT.search, lines) if match)
    folders = sorted({os.path.realpath(os.path.join(root, folder)) for folder in named})
    return [root] + [folder for folder in folders if not (folder + os.sep).startswith(root + os.sep)]


def folder_digest(folder: str) -> str:
    """The digest over the names and contents of all files in a folder, wherever the folder stands."""
    total = hashlib.sha256()
    for name in _files(folder):
        with open(os.path.join(folder, name), "rb") as stream:
            content = hashlib.sha256(stream.read()).hexdigest()
        total.update(f"{content}  {name}\n".encode())
    return total.hexdigest()


def build(chosen: Plan, progress: Progress) -> bool:
    """Build the program unless it is there, and say whether it was built by this call.

    When another process builds the same, waits for it. Raises BuildError with the first lines of what go says.
    """
    program = chosen.program
    if chosen.built:
        return False
    chosen.cache.create()
    lock = chosen.cache.lock(f"{program.name}-{chosen.digest[:16]}")

    def waiting(pid: str) -> None:
        progress.say(f"waiting for {program.name}: process {pid} is already building it")

    with exclusive(lock, waiting) as descriptor:
        if chosen.built:
            return False
        try:
            _build(chosen, progress, descriptor)
        except CommandFailed as error:
            raise _failure(chosen, error) from error
    return True


def _build(chosen: Plan, progress: Progress, lock: int) -> None:
    program = chosen.program
    unfinished = chosen.cache.unfinished(program.name, chosen.digest)
    shutil.rmtree(unfinished, ignore_errors=True)  # of a build that was killed
    result, scratch = os.path.join(unfinished, "result"), os.path.join(unfinished, "scratch")
    os.makedirs(result)
    os.makedirs(scratch)
    environment = dict(chosen.environment, GOTMPDIR=scratch)
    try:
        missing = _missing_packages(chosen, environment, progress, lock)
        counter = _Counter(program.name, missing, progress)
        command = [chosen.go, "build", "-v", "-buildvcs=false", "-trimpath"]
        output = os.path.join(result, "" if program.packages else program.files[0])
        command += [_tags(program), "-ldflags", program.ldflags, "-o", output, *program.built_from]
        run(command, environment, program.source, counter.line, [lock])
        _finish(result, chosen)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _finish(result: str, chosen: Plan) -> None:
    for name, package in zip(chosen.program.files, chosen.program.built_from):
        file = os.path.join(result, name)
        if not os.access(file, os.X_OK):
            raise BuildError(
                f"{package} in {chosen.program.source} is no program.",
                "Name a package with `package main`.",
            )
        with open(file, "rb+") as stream:
            os.fsync(stream.fileno())
    shutil.rmtree(chosen.folder, ignore_errors=True)  # of somebody who removed the files only
    os.rename(result, chosen.folder)


def _missing_packages(chosen: Plan, environment: Dict[str, str], progress: Progress, lock: int) -> Set[str]:
    """The packages that are still to be compiled. Downloads the modules that are missing."""
    name = chosen.program.name
    downloads = 0

    def line(text: str) -> bool:
        nonlocal downloads
        if not text.startswith("go: downloading "):
            return False
        downloads += 1
        progress.say(f"downloading modules for {name}: {downloads}")
        return True

    progress.say(f"looking at the sources of {name}")
    command = [chosen.go, "list", "-deps", "-trimpath", _tags(chosen.program)]
    command += ["-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *chosen.program.built_from]
    return set(run(command, environment, chosen.program.source, line, [lock]).split())


class _Counter:
    """Counts the packages that `go build -v` names when it begins to compile them."""

    def __init__(self, name: str, missing: Set[str], progress: Progress) -> None:
        self._name = name
        self._missing = missing
        self._progress = progress
        self._begun: Set[str] = set()
        self._began = time.monotonic()

    def line(self, text: str) -> bool:
        if text not in self._missing:
            return text.startswith("go: downloading ")
        self._begun.add(text)
        done, total = len(self._begun), len(self._missing)
        last = ", linking" if done == total else _estimate(time.monotonic() - self._began, done / total)
        self._progress.say(f"building {self._name}: {done} of {total} packages{last}")
        return True


def _estimate(seconds: float, share: float) -> str:
    """How long the rest takes, when there is enough to tell it from. share: of the work, done in so many seconds."""
    if seconds < SECONDS_TO_ESTIMATE_FROM:
        return ""
    minutes = max(round(seconds / share * (1 - share) / 60), 1)
    return f", about {minutes} min left"


def _target(program: Program, go: str, cache: Cache) -> Tuple[Dict[str, str], Dict[str, str]]:
    """The environment that builds for this machine, and what of it shows in the result."""
    environment = dict(go_environment(cache), CGO_ENABLED=str(int(program.cgo)))
    try:
        answer = json.loads(run([go, "env", "-json", "GOHOSTOS", "GOHOSTARCH", *_TARGET], environment, program.source))
    except OSError as error:
        raise BuildError(f"go: {go}: {error.strerror}.", "Name a go command that runs.") from error
    except CommandFailed as error:
        raise BuildError(f"{go} does not run:", first_lines(error.output)) from error
    environment.update(GOOS=answer["GOHOSTOS"], GOARCH=answer["GOHOSTARCH"])
    return environment, answer


def _tags(program: Program) -> str:
    return "-tags=" + ",".join(program.tags)


def _file_name(package: str) -> str:
    """What `go build` calls the program of a package: the last element of its path that is no major version."""
    return next(part for part in reversed(package.split("/")) if not _MAJOR_VERSION.fullmatch(part))


def _files(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_SOURCES)
        for name in sorted(files):
            yield os.path.relpath(os.path.join(parent, name), folder)


def _failure(chosen: Plan, error: CommandFailed) -> BuildError:
    source = chosen.program.source
    known = explain(error.output, source, chosen.environment)
    if known:
        problem = f"{chosen.program.name} cannot be built: {known.problem}"
        return BuildError(problem, known.mend + "\n" + first_lines(error.output))
    if error.code < 0:
        return BuildError(
            f"The build of {chosen.program.name} was ended by signal {-error.code}.",
            "Run again; what is compiled so far is kept.",
        )
    return BuildError(f"{chosen.program.name} cannot be built. In {source}:", first_lines(error.output))
