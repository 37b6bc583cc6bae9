# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing, removing and trying Go programs in a folder of programs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from typing import Dict, List, NamedTuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang import build as builds
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.buildinfo import BuildInfo, Module, read
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import CommandFailed, redacted, run
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import BuildError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.lock import exclusive
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import first_lines
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import (
    Pin,
    module_folder,
    pinned_sum,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import (
    Standing,
    Tool,
    ToolError,
    differences,
    look,
    settings_of,
    stamps,
    wanted_settings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_access import (
    Effective,
    clearing,
    failure,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

VERSION_TIMEOUT = 60.0
"""Seconds that a program has to say its version."""


class Installed(NamedTuple):
    """What became of a tool: whether this call put it there, not another process, and what it says of its version."""

    changed: bool
    answer: str


def refusal(wanted: Tool, path: str, standing: Standing, force: bool) -> None:
    """Raise ToolError when what stands there may not be replaced."""
    if standing.foreign and (not force or os.path.isdir(path)):
        mend = "Remove it by hand, or choose another bin_dir."
        if not os.path.isdir(path):
            mend += " Or set force, which replaces it."
        raise ToolError(f"{path} is {standing.foreign}: it is not replaced by {wanted.package}.", mend)


def install(wanted: Tool, folder: str, access: Effective, force: bool, progress: Progress) -> Installed:
    """Build the tool, try it and put it where it is wanted; what stood there stays until then.

    Raises ToolError, also when another process has put something else there.
    """
    path = wanted.path(folder)
    access.cache.create()
    key = hashlib.sha256(path.encode()).hexdigest()[:16]
    scratch = os.path.join(access.cache.root, "bin", ".unfinished", f"tool-{key}")

    def waiting(pid: str) -> None:
        progress.say(f"waiting for {wanted.name}: process {pid} is already installing it")

    with exclusive(access.cache.lock(f"tool-{key}"), waiting) as lock:
        standing = look(wanted, path, access.cache)
        refusal(wanted, path, standing, force)
        settings = wanted_settings(wanted)
        if standing.settings and not differences(standing, settings):
            return Installed(False, said(wanted, path) if wanted.version_arguments else "")
        shutil.rmtree(scratch, ignore_errors=True)  # of an installation that was killed
        try:
            os.makedirs(os.path.join(scratch, "empty"))
            built = _built(wanted, scratch, access, lock, progress)
            _hold_to(wanted, built, settings)
            progress.say(f"trying {wanted.name}")
            version = said(wanted, built) if wanted.version_arguments else ""
            _put(built, path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return Installed(True, version)


def remove(wanted: Tool, folder: str, cache: Cache, force: bool) -> None:
    """Remove the tool, if what stands there is the tool; a link is removed, not what it leads to."""
    path = wanted.path(folder)
    standing = look(wanted, path, cache)
    refusal(wanted, path, standing, force)
    if standing.exists:
        os.unlink(path)


def said(wanted: Tool, program: str) -> str:
    """What the program says about its version. Raises ToolError when it fails or does not say what is expected."""
    command = " ".join([wanted.name, *wanted.version_arguments])
    mend = "Correct version_arguments or version_expected, or ask for another version of the tool."
    try:
        done = subprocess.run(
            [program, *wanted.version_arguments],
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"`{command}` did not end within {VERSION_TIMEOUT:.0f} seconds.", mend) from error
    except OSError as error:
        raise ToolError(f"`{command}` does not run: {error.strerror}.", mend) from error
    output = redacted(done.stdout.decode("utf-8", "replace")).strip()
    if done.returncode:
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise ToolError(f"`{command}` ended with {ended}:\n{first_lines(output)}", mend)
    if wanted.version_expected not in output:
        raise ToolError(f"`{command}` does not say {wanted.version_expected!r}:\n{first_lines(output)}", mend)
    return output


def _built(wanted: Tool, scratch: str, access: Effective, lock: int, progress: Progress) -> str:
    return (
        _from_folder(wanted, access, progress)
        if wanted.source
        else _from_module(wanted, scratch, access, lock, progress)
    )


def _from_folder(wanted: Tool, access: Effective, progress: Progress) -> str:
    """The program as the go.mod and go.sum of its folder pin it."""
    program = builds.Program(
        name=wanted.name,
        source=wanted.source,
        package=wanted.package,
        ldflags=wanted.ldflags,
        tags=stamps(wanted),
        cgo=wanted.cgo,
    )
    plan = builds.plan(program, access.go, access.cache)
    environment = dict(access.environment, CGO_ENABLED=plan.environment["CGO_ENABLED"])
    if wanted.vendor:
        if not os.path.isfile(os.path.join(wanted.source, "vendor", "modules.txt")):
            raise ToolError(f"{wanted.source} has no vendor folder.", "Run `go mod vendor` there, or leave vendor out.")
        environment["GOFLAGS"] += " -mod=vendor"
    plan = replace(plan, environment=environment)
    try:
        builds.build(plan, progress)
    except BuildError as error:
        cause = error.__cause__
        if isinstance(cause, CommandFailed):
            raise failure(f"{wanted.name} cannot be built", cause.output, access, wanted.source) from error
        raise
    return plan.path


def _from_module(wanted: Tool, scratch: str, access: Effective, lock: int, progress: Progress) -> str:
    """The program as its module has it, all of it checked by the checksum database or by sums that are given."""
    if not wanted.sum and not access.checks(wanted.module or wanted.package):
        raise ToolError(
            f"Nothing vouches for {wanted.package}@{wanted.version}: the checksum database is not asked for it "
            f"({'offline' if access.offline else 'gosumdb, goprivate or gonosumdb'}).",
            "Give the sum of its module: `h1:...`, as `go mod download -json MODULE@VERSION` shows it.",
        )
    result = os.path.join(scratch, "result")
    work = os.path.join(scratch, "work")
    os.makedirs(result)
    os.makedirs(work)
    environment = dict(access.environment, GOBIN=result, GOTMPDIR=work, CGO_ENABLED=str(int(wanted.cgo)))
    command = [access.go, "install", "-v", "-trimpath", "-buildvcs=false", "-tags=" + ",".join(stamps(wanted))]
    command += ["-ldflags", wanted.ldflags, f"{wanted.package}@{wanted.version}"]
    told = _Told(wanted.name, progress)
    try:
        run(command, environment, os.path.join(scratch, "empty"), told.line, [lock])
    except CommandFailed as error:
        raise _failure(wanted, error, access) from error
    built = [os.path.join(result, name) for name in os.listdir(result)]
    info = read(built[0]) if built else None
    if info is None:
        raise ToolError(f"{wanted.package}@{wanted.version} is no program.", "Name a package with `package main`.")
    _check_sums(wanted, info, access)
    return built[0]


def _failure(wanted: Tool, error: CommandFailed, access: Effective) -> ToolError:
    what = f"{wanted.package}@{wanted.version}"
    if "replace directives" in error.output or "exclude directives" in error.output:
        return ToolError(
            f"{what} cannot be built by its version: the go.mod of its module has replace or exclude directives.",
            "Write a go.mod that requires it with the same directives, run `go mod tidy`, and name that folder in "
            "source instead of version.",
        )
    if "is not a main package" in error.output:
        return ToolError(f"{what} is no program.", "Name a package with `package main`.")
    if error.code < 0:
        return ToolError(f"The build of {what} was ended by signal {-error.code}.", "Run again.")
    return failure(f"{what} cannot be built", error.output, access, meant=_by_module(wanted, error.output))


def _by_module(wanted: Tool, output: str) -> str:
    """A message of go with the tool's module in place of its package, which go names while it looks for the module."""
    if not wanted.module:
        return output
    for behind in ("@", "/@v/"):
        output = output.replace(wanted.package + behind, wanted.module + behind)
    return output


def _check_sums(wanted: Tool, info: BuildInfo, access: Effective) -> None:
    """Hold each module that was compiled in against the sum that is given and the go.sum of the tool's own module.

    Go does neither of it for `go install`: it knows the checksum database only. Raises ToolError.
    """
    main = info.main
    if wanted.module and main.path != wanted.module:
        raise ToolError(
            f"{wanted.package} is in the module {main.path}, not in {wanted.module}.",
            "Correct module, or leave it out.",
        )
    if wanted.sum and main.sum != wanted.sum:
        raise ToolError(
            f"{main.path}@{main.version} is not what was asked for: its checksum is {main.sum}, and sum says "
            f"{wanted.sum}.",
            clearing(access),
        )
    sums = _own_sums(main, access.cache)
    for module in info.modules:
        pinned = pinned_sum(sums, module.path, module.version)
        if pinned and pinned != module.sum:
            raise ToolError(
                f"{module.path}@{module.version} is not what the go.sum of {main.path} pins: its checksum differs.",
                clearing(access),
            )
        if not pinned and not access.checks(module.path):
            raise ToolError(
                f"Nothing vouches for {module.path}@{module.version}: it is not in the go.sum of {main.path}, and the "
                "checksum database is not asked for it.",
                "Let gosumdb be asked for it, or write a go.mod and a go.sum that pin the tool and name that folder in "
                "source instead of version.",
            )


def _own_sums(main: Module, cache: Cache) -> str:
    """The go.sum of a module in the cache; empty when it has none."""
    folder = module_folder(Pin("", main.path, main.version, main.sum), cache)
    try:
        with open(os.path.join(folder, "go.sum"), encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""


def _hold_to(wanted: Tool, built: str, settings: Dict[str, str]) -> None:
    """Raise ToolError unless a program that was built is what was asked for; else every run would build it anew."""
    info = read(built)
    has = Standing(exists=True, settings=settings_of(info, wanted.package, executable=True)) if info else None
    wrong = differences(has, settings) if has else {"build info": ("", "some")}
    if wrong:
        told = "; ".join(f"{key} is {got}, not {asked}" for key, (got, asked) in sorted(wrong.items()))
        raise ToolError(f"{wanted.name} was built, but not as asked for: {told}.", "Correct the options of the tool.")


def _put(built: str, path: str) -> None:
    """Copy the program to its place in one step."""
    folder, name = os.path.split(path)
    fresh = ""
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        shutil.copy(built, fresh)  # with its mode, which Go has set by the umask
        os.fsync(descriptor)
        os.close(descriptor)
        os.replace(fresh, path)
    except OSError as error:
        raise ToolError(
            f"{path} cannot be written: {error.strerror}.", "Choose a bin_dir that you may write, with enough room."
        ) from error
    finally:
        if fresh and os.path.lexists(fresh):
            os.unlink(fresh)


class _Told:
    """Tells what `go install -v` does: it names each module that it downloads and each package that it compiles."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._seen: List[int] = [0, 0]

    def line(self, text: str) -> bool:
        downloading = text.startswith("go: downloading ")
        if not downloading and (" " in text or ":" in text or not text):
            return False
        self._seen[0 if downloading else 1] += 1
        modules, packages = self._seen
        done = f"compiling packages: {packages}" if packages else f"downloading modules: {modules}"
        self._progress.say(f"building {self._name}, {done}")
        return True
