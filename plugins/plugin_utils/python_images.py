# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with Python, packages and parts of this collection: made in three parts, each kept by what it is made of.

What comes from elsewhere, the interpreter and the packages, is a layer of its own below the parts of the collection, so
that another version of these is all that is sent. With a base of the user's the packages are in the upper layer.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.images import debian, wheels
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.interpreter import Interpreter
from ansible_collections.servicemesh.platform.plugins.modules import oci_image
from ansible_collections.servicemesh.platform.plugins.plugin_utils.image_maker import (
    PUBLISHING,
    ImageMaker,
    ImagesInterface,
    StepFailed,
    ToCome,
    digest_of,
    tag_of,
)

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str"},
    "requirements": {"type": "path"},
    "module_utils": {"type": "list", "elements": "str", "default": []},
    "base": {"type": "str"},
    "python_version": {"type": "str"},
    "interpreter": {"type": "path", "default": "/usr/local/bin/python3"},
    "ports": {"type": "list", "elements": "str", "default": []},
    "user": {"type": "int", "default": 65532},
    "path": {"type": "path"},
    **PUBLISHING,
}
_RECIPE = 3
"""Raise it when what is made of the same input changes."""
_APP = "/app"
_PACKAGES = f"{_APP}/packages"
_COLLECTION = "ansible_collections/servicemesh/platform/plugins/module_utils"
_SOURCES = Path(__file__).resolve().parent.parent / "module_utils"
_COMPILED = "__pycache__"


@dataclass(frozen=True)
class _Python:
    """The interpreter of an image. root, layout: of our own, None for a base of the user's, or before it is made."""

    version: str
    path: str
    base: str
    root: Path | None
    files: list[dict[str, Any]]
    key: str


def run(options: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Have the image in the registry."""
    try:
        return _Image(options, check_mode, diff).run()
    except (StepFailed, ImageError, GoError, OSError) as error:
        return {"failed": True, "msg": str(error)}


class _Image(ImageMaker):
    """One call."""

    def run(self) -> dict[str, Any]:
        self._check()
        if not self._registry and not self._options["path"]:
            return self._answer("named", tag_of(self._options["version"] or "latest"), {}, False)
        tag = tag_of(self._options["version"] or "to-come")
        try:
            python = self._python()
            sources = self._sources()
            inputs = [_RECIPE, python.key, sources, self._options["ports"], self._options["user"]]
            tag = tag_of(self._options["version"] or digest_of(inputs)[:12])
            app = self._app(sources, python)
        except ToCome:
            return self._answer("to come", tag, {}, True)
        pushed = self._push(python, app, tag)
        return self._answer("pushed" if self._registry else "named", tag, pushed, bool(pushed["changed"]), python)

    def _check(self) -> None:
        if self._options["base"] and not self._options["python_version"]:
            raise StepFailed("python_version: it is missing.\nWrite which Python the base has, such as '3.12'.")
        if self._options["base"]:
            wheels.check_version(self._options["python_version"])
        for name in self._options["module_utils"]:
            path = _SOURCES / name
            if "/" in name or name.startswith(".") or not path.exists():
                known = ", ".join(sorted(path.name for path in _SOURCES.iterdir() if not path.name.startswith("_")))
                raise StepFailed(f"module_utils: there is no {name!r}.\nName some of {known}.")

    def _python(self) -> _Python:
        """The interpreter and the packages, fetched where they are not there yet."""
        if self._options["base"]:
            version = self._options["python_version"]
            lock = self._lock(version)
            files = [{"src": str(self._packages(lock, version)), "dest": _PACKAGES}] if lock else []
            base = self._registry.from_here(self._options["base"]) if self._registry else self._options["base"]
            key = digest_of([self._options["base"], self._options["interpreter"], lock])
            return _Python(version, self._options["interpreter"], base, None, files, key)
        selection = self._selection("python", debian.select)
        lock = self._lock(selection.version)
        key = digest_of([_RECIPE, self._architecture, debian.key(selection), lock])

        def make(folder: Path) -> None:
            root = folder / "root"
            root.mkdir()
            debian.unpack(selection, root, self._say)
            packages = root / _PACKAGES.lstrip("/")
            packages.mkdir(parents=True)
            self._install(lock, selection.version, packages)
            self._say("compiling the modules of Python")
            interpreter = Interpreter(root, selection.version)
            interpreter.check()
            interpreter.compile(root / "usr/lib" / f"python{selection.version}", f"/usr/lib/python{selection.version}")
            interpreter.compile(packages, _PACKAGES)
            layout = {"path": str(folder / "layout"), "files": [{"src": str(root), "dest": "/"}]}
            self._step(oci_image.INTERFACE, {**layout, "env": {"PATH": "/usr/bin"}})

        folder = self._part("python", key, make)
        return _Python(selection.version, selection.interpreter, str(folder / "layout"), folder / "root", [], key)

    def _lock(self, version: str) -> str:
        path = self._options["requirements"]
        return wheels.chosen(Path(path), version, self._architecture) if path else ""

    def _packages(self, lock: str, version: str) -> Path:
        """The packages for a base of the user's."""
        key = digest_of([_RECIPE, self._architecture, version, lock])
        return self._part("packages", key, lambda folder: self._install(lock, version, folder))

    def _install(self, lock: str, version: str, folder: Path) -> None:
        if lock:
            self._say("fetching Python packages")
            wheels.install(lock, version, self._architecture, folder)

    def _sources(self) -> dict[str, str]:
        """The parts of the collection: place below module_utils -> digest."""
        found = {}
        for name in self._options["module_utils"]:
            for path in _files(_SOURCES / name):
                found[str(path.relative_to(_SOURCES))] = hashlib.sha256(path.read_bytes()).hexdigest()
        return dict(sorted(found.items()))

    def _app(self, sources: Mapping[str, str], python: _Python) -> Path:
        """The parts of the collection, compiled when the interpreter is here."""

        def make(folder: Path) -> None:
            for place in sources:
                target = folder / _COLLECTION / place
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(_SOURCES / place, target)
            if python.root:
                Interpreter(python.root, python.version).compile(folder, _APP)

        return self._part("app", digest_of([_RECIPE, python.key, sources]), make, fetches=False)

    def _push(self, python: _Python, app: Path, tag: str) -> dict[str, Any]:
        environment = {
            "PYTHONPATH": f"{_APP}:{_PACKAGES}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
        }
        place = self._registry.place if self._registry else NAME
        user = self._options["user"]
        arguments = {
            "name": f"{place}/{self._options['name']}:{tag}",
            "push": bool(self._registry),
            "path": self._options["path"],
            "base": python.base,
            "files": [*python.files, {"src": str(app), "dest": _APP}],
            "entrypoint": [python.path],
            "env": environment,
            "user": f"{user}:{user}",
            "ports": self._options["ports"],
            "version": tag,
            "retries": self._options["retries"],
            **({"crane": self._crane(), **self._registry.access} if self._registry else {}),
        }
        return self._step(oci_image.INTERFACE, arguments)

    def _answer(
        self, state: str, tag: str, pushed: Mapping[str, Any], changed: bool, python: _Python | None = None
    ) -> dict[str, Any]:
        digest = pushed.get("digest") or ""
        place = self._registry.name if self._registry else NAME
        name = f"{place}/{self._options['name']}"
        answer = {
            "changed": changed,
            "state": state,
            "reference": f"{name}@{digest}" if digest and self._registry else f"{name}:{tag}",
            "digest": digest,
            "version": tag,
            "size": pushed.get("size") or 0,
            "python_version": python.version if python else self._options["python_version"] or "",
            "interpreter": python.path if python else "",
            "warnings": pushed.get("warnings") or [],
        }
        return {**answer, "diff": pushed["diff"]} if pushed.get("diff") else answer


def _files(path: Path) -> Iterator[Path]:
    """A file, or those below a folder, without what Python has compiled."""
    if not path.is_dir():
        yield path
        return
    for found in sorted(path.iterdir()):
        if found.name != _COMPILED:
            yield from _files(found)


INTERFACE = ImagesInterface(ARGUMENTS, run)
