# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system with Python or other programs, from packages of the Debian or Ubuntu release that this machine runs.

apt says which packages and versions there are, fetches them, and checks them by the signatures of their archive. They
are unpacked into a folder, not installed: nothing of them is run, and root is not needed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError

PROGRAMS = ("apt-get", "apt-cache", "dpkg-deb")
ANOTHER_BASE = "Or name an image with Python in base, and its version in python_version."
OLDEST = (3, 9)
_TIMEOUT = 600
_SHOWN = 600
# Which package has the Python of the release.
_PYTHON = "python3"
_VERSION = re.compile(r"python(3\.\d+)")
# Libraries of modules that servers do not need, with these modules. Names of packages end with versions.
_UNWANTED = re.compile(r"lib(db|gdbm|ncurses|nsl|readline|sqlite|tinfo|tirpc)\w*[\d.]+(t64)?(-\d+)?(-common)?")
_UNWANTED_MODULES = re.compile(
    r"lib-dynload/(_dbm|_gdbm|_curses\w*|readline|nis|_sqlite3|_tkinter|_test\w*|_xxtestfuzz|xxlimited\w*|_ctypes_test)\."
)
# Libraries, and what is one by another name.
_LIBRARY = re.compile(r"lib|zlib1g")
_PROGRAM_FOLDERS = ("usr/bin/", "usr/sbin/")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_UNWANTED_FOLDERS = frozenset(
    (
        *("__pycache__", "config", "curses", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "sqlite3"),
        *(
            "test",
            "tests",
            "tkinter",
            "turtledemo",
            "venv",
            "xmlrpc",
            "gconv",
            "audit",
            "engines-3",
            "locale",
            "valgrind",
        ),
    )
)
_AUTHORITIES = "ca-certificates"
_AUTHORITY_FOLDER = "usr/share/ca-certificates/mozilla"
_AUTHORITY_FILE = "usr/lib/ssl/cert.pem"  # where Debian's OpenSSL looks
_RELEASE = Path("/etc/os-release")
# Where apt keeps what it knows and how it is set up.
_STATE = ("/var/lib/apt/lists", "/etc/apt")
_FURTHER_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_FURTHER_FOLDERS = ("home/nonroot", "tmp", "etc")


@dataclass(frozen=True)
class Package:
    """A file of the archive. name: of the file. digest: its SHA-256, as the signed lists have it."""

    name: str
    digest: str


@dataclass(frozen=True)
class Selection:
    """Packages. version: of Python, such as 3.11, or empty without it. release: the text of /etc/os-release."""

    version: str
    packages: Sequence[Package]
    names: Sequence[str]
    release: str

    @property
    def interpreter(self) -> str:
        """Its path in the image."""
        return f"/usr/bin/python{self.version}"


def state_of_apt() -> str:
    """A digest that differs when apt may choose other packages than before: of its lists, settings, the release."""
    found = [(str(_RELEASE), _RELEASE.read_text(encoding="utf-8") if _RELEASE.exists() else "")]
    for folder in _STATE:
        for root, folders, names in os.walk(folder):
            folders.sort()
            for path in (Path(root, name) for name in sorted(names) if name != "lock"):
                status = path.lstat()
                found.append((str(path), f"{status.st_mtime_ns} {status.st_size}"))
    return hashlib.sha256(repr((found, os.environ.get("APT_CONFIG"))).encode()).hexdigest()


def select() -> Selection:
    """The packages that apt has for a Python and all that it needs. Raises ImageError when there are none."""
    _check_programs()
    graph = _depends(_PYTHON)
    version = _version(graph)
    roots = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    return _selection(version, roots, graph)


def select_programs(package: str) -> Selection:
    """A package with programs, and the libraries that these need. Raises ImageError when there are none."""
    _check_programs()
    return _selection("", [package], _depends(package))


def _check_programs() -> None:
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        raise ImageError(
            f"There is no {' and no '.join(missing)} on this machine, so no packages of Debian can be had.",
            "Run this on Debian or Ubuntu. " + ANOTHER_BASE,
        )


def _selection(version: str, roots: Sequence[str], graph: Mapping[str, Sequence[str]]) -> Selection:
    names = [*_closure(roots, graph), _AUTHORITIES]
    release = _RELEASE.read_text(encoding="utf-8") if _RELEASE.exists() else ""
    return Selection(version, _packages(names), names, release)


def unpack(selection: Selection, root: Path, say: Callable[[str], None]) -> None:
    """Fetch the packages and have of them in `root` what an image needs. Raises ImageError, OSError."""
    with tempfile.TemporaryDirectory(prefix="packages-") as temporary:
        folder = Path(temporary)
        say(f"fetching {len(selection.names)} packages of Debian")
        _run(["apt-get", "download", *selection.names], folder)
        for package in selection.packages:
            _add(_checked(folder, package), folder / "unpacked", root, selection.version)
    _add_authorities(root)
    _add_further(root, selection.release)
    for name in _MERGED:
        if (root / "usr" / name).is_dir():
            (root / name).symlink_to(f"usr/{name}")


def _version(graph: Mapping[str, Sequence[str]]) -> str:
    """The version of Python that the release has."""
    found = next((match.group(1) for match in map(_VERSION.fullmatch, graph.get(_PYTHON, ())) if match), "")
    if not found:
        raise ImageError(
            f"apt knows no package {_PYTHON} that depends on a version of Python.",
            "Run 'apt-get update' as root, so that apt has the lists of its archives. " + ANOTHER_BASE,
        )
    if tuple(map(int, found.split("."))) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ImageError(f"This release has Python {found}, and {oldest} or newer is needed.", ANOTHER_BASE)
    return found


def _depends(name: str) -> Dict[str, List[str]]:
    """For a package, and for each in its closure, what it depends on, of alternatives the first."""
    text = _run(["apt-cache", "depends", "--recurse", "--important", name], None)
    graph: Dict[str, List[str]] = {}
    of: List[str] = []
    alternative = False
    for line in text.splitlines():
        if not line.startswith(" "):
            of, alternative = graph.setdefault(line.strip(), []), False
            continue
        kind, colon, name = line.strip().partition(": ")
        if not colon or kind.lstrip("|") not in ("Depends", "PreDepends"):
            continue
        if not alternative:
            of.append(name)
        alternative = kind.startswith("|")
    return graph


def _closure(roots: Sequence[str], graph: Mapping[str, Sequence[str]]) -> List[str]:
    """The roots and the libraries that they need."""
    found: List[str] = []
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        wanted = name in roots or (_LIBRARY.match(name) and not _UNWANTED.fullmatch(name))
        if wanted and name not in found:
            found.append(name)
            waiting += graph.get(name, ())
    return sorted(found)


def _packages(names: Sequence[str]) -> List[Package]:
    """The files of packages in the versions that apt would take."""
    text = _run(["apt-get", "download", "--print-uris", *names], None)
    found = []
    for line in text.splitlines():
        fields = shlex.split(line)
        kind, _colon, digest = fields[-1].partition(":") if len(fields) >= 4 else ("", "", "")
        if kind == "SHA256":
            found.append(Package(fields[1], digest))
    if len(found) != len(names):
        raise ImageError(
            f"apt names {len(found)} files for {len(names)} packages ({', '.join(names)}).",
            "Run 'apt-get update' as root, so that apt has the lists of its archives. " + ANOTHER_BASE,
        )
    return sorted(found, key=lambda package: package.name)


def _checked(folder: Path, package: Package) -> Path:
    path = folder / package.name
    if not path.exists():
        raise ImageError(f"apt has not fetched {package.name}.", "Run again. " + ANOTHER_BASE)
    if hashlib.sha256(path.read_bytes()).hexdigest() != package.digest:
        raise ImageError(f"{package.name} is not what the signed lists of apt say.", "Do not use it; run again.")
    return path


def _add(archive: Path, unpacked: Path, root: Path, version: str) -> None:
    """Copy what is wanted of a package."""
    if unpacked.exists():
        shutil.rmtree(unpacked)
    _run(["dpkg-deb", "--extract", str(archive), str(unpacked)], None)
    for path in _files(unpacked):
        place = _merged(str(path.relative_to(unpacked)))
        if _is_wanted(place, version):
            _copy(path, root / place)
    # Scanners read there which packages an image without dpkg has.
    control = _run(["dpkg-deb", "--field", str(archive)], None)
    name = next(line.partition(": ")[2] for line in control.splitlines() if line.startswith("Package: "))
    _write(root / "var/lib/dpkg/status.d" / name, control)


def _files(folder: Path) -> Iterator[Path]:
    """All files and links below a folder."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _merged(place: str) -> str:
    """A place as releases have it where /lib is /usr/lib: those that are not merged in their packages have both."""
    first = place.partition("/")[0]
    return f"usr/{place}" if first in _MERGED else place


def _is_wanted(place: str, version: str) -> bool:
    """Whether an image has this file. version: of Python; empty for one without it, which has all programs."""
    if not version and place.startswith(_PROGRAM_FOLDERS):
        return True
    if place.startswith("usr/share/doc/"):
        return place.endswith("/copyright")
    if place.startswith(f"{_AUTHORITY_FOLDER}/"):
        return True
    if place == f"usr/bin/python{version}":
        return True
    folders = place.split("/")[:-1]
    if place.split("/")[1:2] not in (["lib"], ["lib64"]) or _UNWANTED_FOLDERS.intersection(folders):
        return False
    return not any(folder.startswith("config-3") for folder in folders) and not _UNWANTED_MODULES.search(place)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if not source.is_symlink():
        shutil.copy(source, target)
        return
    link = os.readlink(source)
    # Links into /etc lead to settings that are not taken, as that of sitecustomize.py.
    if not link.startswith("/etc/"):
        target.symlink_to(link)


def _add_authorities(root: Path) -> None:
    """One file with all authorities, as the package makes it when it is installed."""
    folder = root / _AUTHORITY_FOLDER
    if not folder.is_dir():
        return
    texts = [path.read_text(encoding="ascii").strip() + "\n" for path in sorted(folder.glob("*.crt"))]
    _write(root / _AUTHORITY_FILE, "".join(texts))
    shutil.rmtree(root / "usr/share/ca-certificates")


def _add_further(root: Path, release: str) -> None:
    for folder in _FURTHER_FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for place, text in {**_FURTHER_FILES, "etc/os-release": release}.items():
        _write(root / place, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _run(command: Sequence[str], folder: Optional[Path]) -> str:
    """What a program writes. Raises ImageError with its complaint."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            list(command), cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise ImageError(f"{command[0]} has not ended after {_TIMEOUT} s.", "Run again. " + ANOTHER_BASE) from None
    if done.returncode:
        complaint = (done.stderr or done.stdout).strip()[-_SHOWN:]
        raise ImageError(f"{' '.join(command[:2])} fails: {complaint}", _mend(complaint))
    return done.stdout


def _mend(complaint: str) -> str:
    if "404" in complaint or "Unable to locate" in complaint or "No packages found" in complaint:
        return "The lists of apt are old or missing: run 'apt-get update' as root. " + ANOTHER_BASE
    return "See that this machine reaches the archives of its release. " + ANOTHER_BASE


def key(selection: Selection) -> Tuple[object, ...]:
    """All that the file system depends on, besides this code."""
    packages = [(package.name, package.digest) for package in selection.packages]
    return (selection.version, packages, selection.release)
