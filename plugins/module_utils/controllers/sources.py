# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a controller: a folder as a tag of its Git repository has it, and the files of a Python package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from typing import Dict, List

VERSION_MODULE = "_version.py"
"""Where a Python package has its version, as setuptools-scm writes it."""
PACKAGES = "/app"
"""The folder in an image that Python packages stand in."""
_NOT_SOURCES = frozenset(("__pycache__", "node_modules"))
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]*")


class SourceError(Exception):
    """Sources that cannot be had. `mend`: what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}\n{mend}")


@dataclass(frozen=True)
class Tagged:
    """A folder of a Git repository at a tag. `commit`: what the tag means. `prefix`: where the folder is in there."""

    folder: str
    tag: str
    commit: str
    prefix: str

    def place(self, cache: str) -> str:
        """Where its files stand, exported or not."""
        return os.path.join(self.root(cache), self.prefix) if self.prefix else self.root(cache)

    def root(self, cache: str) -> str:
        """Where the files of the whole repository stand."""
        return os.path.join(cache, "sources", f"{os.path.basename(os.path.realpath(self.folder))}-{self.commit}")


def tagged(folder: str, tag: str) -> Tagged:
    """Find a tag in the repository of a folder. Raises SourceError; OSError when there is no git."""
    if not _TAG.fullmatch(tag):
        raise SourceError(f"tag: {tag!r} is no name of a tag.", "Write the tag as `git tag --list` shows it.")
    if not os.path.isdir(folder):
        raise SourceError(f"{folder} is no folder.", "Name the folder of the sources.")
    prefix = _git(folder, "rev-parse", "--show-prefix").strip().rstrip("/")
    try:
        commit = _git(folder, "rev-parse", "--verify", "--end-of-options", f"refs/tags/{tag}^{{commit}}").strip()
    except SourceError as error:
        known = _git(folder, "tag", "--list", "--sort=-creatordate").split()[:5]
        told = f"The newest there are {', '.join(known)}." if known else "There is none at all; git fetch --tags?"
        raise SourceError(f"{folder} has no tag {tag}.", told) from error
    return Tagged(folder, tag, commit, prefix)


def export(chosen: Tagged, cache: str) -> str:
    """Have the files of the tag in the cache, whatever is checked out, and return their folder."""
    root = chosen.root(cache)
    if os.path.isdir(root):
        return chosen.place(cache)
    os.makedirs(os.path.dirname(root), mode=0o700, exist_ok=True)
    unfinished = tempfile.mkdtemp(prefix=".unfinished-", dir=os.path.dirname(root))
    try:
        _unpack(chosen, unfinished)
        os.rename(unfinished, root)
    except OSError:
        if not os.path.isdir(root):  # another run was sooner
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return chosen.place(cache)


def package_files(folder: str, name: str) -> List[Dict[str, str]]:
    """The files of a Python package as the module oci_image takes them. Compiled and hidden ones are left out.

    `name`: how the package is imported. Raises SourceError when it cannot be run.
    """
    if not os.path.isfile(os.path.join(folder, "__main__.py")):
        raise SourceError(
            f"{folder} has no __main__.py, so `python -m {name}` would run nothing.",
            "Name the folder of the package itself, with a __main__.py that starts the controller.",
        )
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each not in _NOT_SOURCES and not each.startswith("."))
        for file in sorted(files):
            if not file.endswith((".pyc", ".pyo")) and not file.startswith("."):
                path = os.path.join(parent, file)
                found.append({"src": path, "dest": f"{PACKAGES}/{name}/{os.path.relpath(path, folder)}"})
    return found


def write_version(path: str, version: str) -> None:
    """Write the module that tells the version, unless it does already."""
    text = f'__version__ = "{version}"\n'
    try:
        with open(path, encoding="utf-8") as stream:
            if stream.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(f"{path}.new", path)


def _unpack(chosen: Tagged, place: str) -> None:
    with tempfile.TemporaryFile() as archive:
        root = _git(chosen.folder, "rev-parse", "--show-toplevel").rstrip("\n")
        command = ["git", "-C", root, "archive", "--format=tar", chosen.commit]
        done = subprocess.run(command, stdout=archive, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise SourceError(f"git archive failed in {chosen.folder}:", _said(done.stderr))
        archive.seek(0)
        with tarfile.open(fileobj=archive) as content:
            if hasattr(tarfile, "data_filter"):
                content.extractall(place, filter="data")
            else:
                content.extractall(place)  # noqa: S202 - of a Python that has no filters; the user's own repository


def _git(folder: str, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False)  # noqa: S607 - of PATH
    if done.returncode:
        raise SourceError(f"git {arguments[0]} failed in {folder}:", _said(done.stderr))
    return done.stdout.decode()


def _said(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").split()) or "it said nothing."
