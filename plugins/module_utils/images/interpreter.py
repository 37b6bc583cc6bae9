# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the Python of an unpacked image on this machine: with its own loader and libraries, without root."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError

MODULES = ("asyncio", "bz2", "ctypes", "hashlib", "json", "lzma", "select", "ssl", "uuid", "zlib")
"""What servers import, each with a library behind it."""
_SHOWN = 600
_TIMEOUT = 300


class Interpreter:
    """The Python below `root`. version: such as 3.11."""

    def __init__(self, root: Path, version: str) -> None:
        self._root = root
        self._version = version

    def check(self) -> None:
        """Raise ImageError when it lacks a library."""
        modules = ", ".join(MODULES)
        self._run("-c", f"import {modules}; hashlib.sha256(); ssl.create_default_context(); uuid.uuid1()")

    def compile(self, folder: Path, place: str) -> None:
        """Compile the modules in a folder, which stands at `place` in the image.

        The compiled files are taken without a look at the times of their sources, and depend on nothing but these.
        """
        options = ["-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", place]
        self._run("-m", "compileall", *options, str(folder))

    def _run(self, *arguments: str) -> None:
        libraries = self._libraries()
        program = self._root / "usr/bin" / f"python{self._version}"
        command = [str(self._loader(libraries)), "--library-path", ":".join(map(str, libraries)), str(program)]
        # Without a seed, the order of sets would show in what is compiled.
        environment = {"PYTHONHOME": str(self._root / "usr"), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*command, "-s", *arguments],
            env=environment,
            cwd=self._root,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
        if done.returncode:
            complaint = (done.stderr or done.stdout).strip()[-_SHOWN:]
            raise ImageError(
                f"The Python {self._version} that was put together does not do what it should: {complaint}",
                "Name an image with Python in base, and its version in python_version.",
            )

    def _libraries(self) -> List[Path]:
        return sorted(path for path in (self._root / "usr/lib").glob("*-linux-gnu*") if path.is_dir())

    def _loader(self, libraries: Sequence[Path]) -> Path:
        found = [
            path for folder in libraries for path in sorted(folder.glob("ld-linux*.so.*")) if not path.is_symlink()
        ]
        found += sorted((self._root / "usr/lib").glob("ld-linux*.so.*"))
        if not found:
            raise ImageError("The packages hold no loader of programs.", "Name an image with Python in base.")
        return found[0]
