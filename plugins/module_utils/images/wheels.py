# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python packages for an image, from a lock file with hashes. Only wheels are taken, so nothing of them is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError

try:
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:  # told when it is needed
    Requirement = None  # type: ignore[assignment,misc]

_TIMEOUT = 900
_SHOWN = 800
_VERSION = re.compile(r"3\.\d+")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Of the C library, up to that of Debian 12 (PEP 600).
_LIBRARY_VERSIONS = (17, 24, 26, 27, 28, 31, 34, 35, 36)
# What differs without saying anything, is for building, or is never imported.
_UNWANTED_FILES = frozenset(("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"))
_UNWANTED_FOLDERS = frozenset(("__pycache__", "tests", "test", "bin"))
_UNWANTED_ENDINGS = (".pyi", ".pyx", ".pxd", ".c", ".h", ".pyc")


def check_version(version: str) -> None:
    """Raise ImageError for what is no version of Python that an image can have."""
    if not _VERSION.fullmatch(version) or int(version[2:]) < 9:
        raise ImageError(
            f"python_version: {version!r} cannot be used.", "Write the first two numbers, 3.9 or newer, such as '3.12'."
        )


def chosen(lock: Path, version: str, architecture: str) -> str:
    """The lock file as it is for a Python and a machine: without entries for others, and without conditions.

    pip would compare conditions with the Python that it runs with. Raises ImageError.
    """
    if Requirement is None:
        raise ImageError("The Python package 'packaging' is missing.", "Install it where Ansible runs.")
    try:
        text = lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"requirements: {lock} cannot be read: {error}", "Name a lock file.") from None
    lines = [_line(entry, lock, _conditions(version, architecture)) for entry in _entries(text)]
    return "".join(f"{line}\n" for line in lines if line)


def install(requirements: str, version: str, architecture: str, folder: Path) -> None:
    """Have the packages in a folder. requirements: as `chosen` gives them. Raises ImageError, OSError."""
    machine = _MACHINES.get(architecture, architecture)
    platforms = [f"manylinux2014_{machine}", *(f"manylinux_2_{minor}_{machine}" for minor in _LIBRARY_VERSIONS)]
    with tempfile.TemporaryDirectory(prefix="packages-") as temporary:
        lock = Path(temporary, "requirements.txt")
        lock.write_text(requirements, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(folder)]
        command += [f"--python-version={version}", "--implementation=cp"]
        command += [f"--platform={platform}" for platform in platforms]
        _run([*command, "--requirement", str(lock)])
    _strip(folder)


def _entries(text: str) -> List[str]:
    """The logical lines, without comments."""
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def _line(entry: str, lock: Path, conditions: Dict[str, str]) -> str:
    """An entry without its condition; empty when that does not hold."""
    words = entry.split(" --hash=")
    hashes = [word.strip() for word in words[1:]]
    try:
        requirement: Any = Requirement(words[0].strip())
    except InvalidRequirement as error:
        raise ImageError(
            f"requirements: {lock} has an entry that is no requirement: {words[0].strip()[:120]!r} ({error}).",
            "Write it with 'uv pip compile --generate-hashes' or 'pip-compile --generate-hashes'.",
        ) from None
    if not hashes or requirement.url or not re.fullmatch(r"==[^,*]+", str(requirement.specifier)):
        raise ImageError(
            f"requirements: {lock} does not pin {requirement.name} to a version (==) with hashes.",
            "Write it with 'uv pip compile --generate-hashes' or 'pip-compile --generate-hashes'.",
        )
    if requirement.marker and not requirement.marker.evaluate(conditions):
        return ""
    return " ".join([f"{requirement.name}{requirement.specifier}", *(f"--hash={value}" for value in hashes)])


def _conditions(version: str, architecture: str) -> Dict[str, str]:
    """What conditions of a lock file ask for (PEP 508)."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{version}.0",
        "os_name": "posix",
        "platform_machine": _MACHINES.get(architecture, architecture),
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "platform_release": "",
        "platform_version": "",
        "python_full_version": f"{version}.0",
        "python_version": version,
        "sys_platform": "linux",
        "extra": "",
    }


def _run(command: List[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PIP_TARGET")}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise ImageError(f"pip has not ended after {_TIMEOUT} s.", "See that this machine reaches its index.") from None
    if done.returncode == 0:
        return
    complaint = done.stderr.strip()[-_SHOWN:]
    mend = "See that this machine reaches its package index (pip config list)."
    if "No module named pip" in complaint:
        mend = f"Install pip for {sys.executable}."
    if "DO NOT MATCH" in complaint:
        mend = "Do not use the package: it is not the one that was locked."
    if "No matching distribution" in complaint:
        mend = "Lock a version that has a wheel for this Python and machine, or take another base. " + mend
    raise ImageError(f"pip cannot have the packages: {complaint}", mend)


def _strip(folder: Path) -> None:
    for root, folders, names in os.walk(folder):
        for name in [name for name in folders if name in _UNWANTED_FOLDERS]:
            folders.remove(name)
            shutil.rmtree(Path(root, name))
        for name in names:
            if name in _UNWANTED_FILES or name.endswith(_UNWANTED_ENDINGS):
                Path(root, name).unlink()
