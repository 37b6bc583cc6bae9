# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go programs in a folder of programs: what is wanted there, what is there, and how the two differ.

What is there is read from the program itself. Of the flags for the linker Go records nothing when it trims paths, and
nothing of sources that have no version. So their digests are put in as build tags, which no source asks for: they
change the build info and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import stat
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import folder_digest, source_folders
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.buildinfo import BuildInfo, is_below, read
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import required_version

DEVELOPED = "(devel)"
"""The version of a module that was built in its own folder, in Go's words."""

# https://go.dev/ref/mod#versions, release, pre-release or pseudo-version: never a branch or `latest`, which move.
VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+incompatible)?")
SUM = re.compile(r"h1:[A-Za-z0-9+/]{43}=")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TAG = re.compile(r"[A-Za-z0-9_.]+")
# Elements of import paths: https://go.dev/ref/mod#go-mod-file-ident
PACKAGE = re.compile(r"[A-Za-z0-9._~+][A-Za-z0-9._~+-]*(/[A-Za-z0-9._~+-]+)*")

TOOL_OPTIONS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "package": {"type": "str"},
    "module": {"type": "str"},
    "version": {"type": "str"},
    "sum": {"type": "str"},
    "source": {"type": "path"},
    "vendor": {"type": "bool", "default": False},
    "ldflags": {"type": "str", "default": ""},
    "tags": {"type": "list", "elements": "str", "default": []},
    "cgo": {"type": "bool", "default": False},
    "version_arguments": {"type": "list", "elements": "str", "default": []},
    "version_expected": {"type": "str", "default": ""},
}
"""The options of one tool, as Ansible specifies arguments."""

_STAMP = "servicemesh.platform."
_LDFLAGS, _SOURCES = _STAMP + "ldflags.", _STAMP + "sources."
_MAJOR = re.compile(r"/v[2-9][0-9]*(?=/|$)|/v1[0-9]+(?=/|$)")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv6l": "arm", "armv7l": "arm", "i686": "386"}


class ToolError(GoError):
    """A tool cannot be had as it is asked for."""


@dataclass(frozen=True)
class Tool:
    """A program that is wanted.

    `package`: the import path of the program. `version`, `sum`: those of its module, whose path is `module` when it is
    known; or `source`: the folder with the go.mod and go.sum that pin it, from `vendor` there when that is set.
    `version_arguments`: with these it says its version, which holds `version_expected`.
    """

    name: str
    package: str
    version: str = ""
    module: str = ""
    sum: str = ""
    source: str = ""
    vendor: bool = False
    ldflags: str = ""
    tags: Tuple[str, ...] = ()
    cgo: bool = False
    version_arguments: Tuple[str, ...] = ()
    version_expected: str = ""

    def path(self, folder: str) -> str:
        """Where the program stands in a folder of programs."""
        return os.path.join(folder, self.name)


@dataclass(frozen=True)
class Standing:
    """What stands where a tool is to be.

    `exists`: whether anything does. `foreign`: why it is none of ours to replace or remove; empty when it is.
    `settings`: what a program of ours is like, in the words of `wanted_settings`.
    """

    exists: bool
    foreign: str = ""
    settings: Optional[Mapping[str, str]] = None


def tool(options: Mapping[str, Any], root: str = "") -> Tool:
    """The tool that the options of the module describe. Raises ToolError when they contradict one another.

    `root`: the folder in which a relative `source` stands.
    """
    name = options["name"]
    wrong = contradiction(options)
    if wrong:
        raise ToolError(f"tools[{name}]: {wrong[0]}", wrong[1])
    source = os.path.join(root, options["source"]) if options.get("source") else ""
    module = _own_module(name, source) if source else options.get("module") or ""
    return Tool(
        name=name,
        package=_import_path(options.get("package") or "", module),
        version=options.get("version") or (pinned_version(source, options.get("package") or "") if source else ""),
        module="" if source else module,
        sum=options.get("sum") or "",
        source=source,
        vendor=bool(options.get("vendor")),
        ldflags=(options.get("ldflags") or "").strip(),
        tags=tuple(sorted(options.get("tags") or ())),
        cgo=bool(options.get("cgo")),
        version_arguments=tuple(options.get("version_arguments") or ()),
        version_expected=options.get("version_expected") or "",
    )


def stamps(wanted: Tool) -> Tuple[str, ...]:
    """The build tags of a tool, with those that tell what Go does not record. Reads the sources."""
    tags = list(wanted.tags)
    if wanted.ldflags:
        tags.append(_LDFLAGS + _digest(wanted.ldflags))
    if wanted.source:
        tags.append(_SOURCES + sources_digest(wanted.source))
    return tuple(tags)


def sources_digest(source: str) -> str:
    """What the files of a folder, and of folders that its go.mod replaces modules by, are told by."""
    return _digest("\n".join(folder_digest(folder) for folder in source_folders(source)))


def wanted_settings(wanted: Tool) -> Dict[str, str]:
    """What the build info of the tool must say. Reads the sources of one that comes from a folder."""
    settings = {
        "version": wanted.version,
        "tags": ",".join(wanted.tags),
        "cgo": _yes(wanted.cgo),
        "ldflags": _digest(wanted.ldflags) if wanted.ldflags else "none",
        "platform": this_platform(),
        "executable": _yes(True),
    }
    if wanted.sum:
        settings["sum"] = wanted.sum
    if wanted.module:
        settings["module"] = wanted.module
    settings["sources"] = sources_digest(wanted.source) if wanted.source else "none"
    return settings


def settings_of(info: BuildInfo, package: str, executable: bool) -> Dict[str, str]:
    """What the build info of a program says, in the words of `wanted_settings`."""
    provider = info.provider(info.path if same_program(info.path, package) else package)
    tags = [tag for tag in info.settings.get("-tags", "").split(",") if tag]
    recorded = info.settings.get("-ldflags", "").strip()
    released = provider == info.main and provider.version != DEVELOPED
    stamped = {tag.rpartition(".")[0] + ".": tag.rpartition(".")[2] for tag in tags if tag.startswith(_STAMP)}
    return {
        "version": provider.version,
        "sum": provider.sum,
        "module": provider.path,
        "tags": ",".join(sorted(tag for tag in tags if not tag.startswith(_STAMP))),
        "cgo": _yes(info.settings.get("CGO_ENABLED") == "1"),
        "ldflags": stamped.get(_LDFLAGS, _digest(recorded) if recorded else "none"),
        "sources": stamped.get(_SOURCES, "none" if released else "unknown"),
        "platform": f"{info.settings.get('GOOS', '')}/{info.settings.get('GOARCH', '')}",
        "executable": _yes(executable),
    }


def look(wanted: Tool, path: str, cache: Cache) -> Standing:
    """What stands where the tool is to be. A link counts as what it leads to. Raises OSError."""
    if not os.path.lexists(path):
        return Standing(exists=False)
    if not os.path.exists(path):
        target = os.path.join(os.path.dirname(path), os.readlink(path))
        cleared = is_below(os.path.normpath(target), cache.root)
        return Standing(exists=True, foreign="" if cleared else f"a link to {target}, which is not there")
    if not stat.S_ISREG(os.stat(path).st_mode):
        return Standing(exists=True, foreign="no file")
    info = read(path)
    if info is None:
        return Standing(exists=True, foreign="no Go program")
    if not same_program(info.path, wanted.package):
        return Standing(exists=True, foreign=f"the Go program {info.path or 'of an unknown package'}")
    return Standing(exists=True, settings=settings_of(info, wanted.package, os.access(path, os.X_OK)))


def differences(standing: Standing, wanted: Mapping[str, str]) -> Dict[str, Tuple[str, str]]:
    """In what a program of ours differs from what is wanted: what it has and what it should have, by the setting."""
    has = standing.settings or {}
    return {key: (has.get(key, ""), value) for key, value in wanted.items() if has.get(key, "") != value}


def same_program(one: str, other: str) -> bool:
    """Whether two import paths are those of one program, in whatever major version."""
    return _MAJOR.sub("", one) == _MAJOR.sub("", other)


def pinned_version(source: str, package: str) -> str:
    """The version that the go.mod in a folder requires of the module of a package. Raises ToolError."""
    text = _read(source)
    own = _module_line(text)
    path = _import_path(package, own)
    if is_below(path, own):
        return DEVELOPED
    parts = path.split("/")
    for length in range(len(parts), 0, -1):
        version = required_version(text, "/".join(parts[:length]))
        if version:
            return version
    raise ToolError(
        f"{source}/go.mod requires no module that has the package {path}.",
        "Add it there with `go get -tool`, or correct the name of the package.",
    )


def this_platform() -> str:
    """The platform of this machine in Go's words, such as `linux/amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}/{_MACHINES.get(machine, machine)}"


def contradiction(options: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    """What is wrong with the options of a tool, and what to write instead. Looks at nothing but them."""
    version, source = options.get("version") or "", options.get("source") or ""
    if not NAME.fullmatch(options["name"]):
        return "the name cannot be a file name.", "Use letters, digits, '-', '_' and '.'."
    if bool(version) == bool(source):
        return (
            f"{'both' if source else 'neither'} version {'and' if source else 'nor'} source.",
            "Give the version of its module, or the folder whose go.mod pins it.",
        )
    if version and not VERSION.fullmatch(version):
        return f"{version!r} is no version that stands for ever.", "Write it in full, such as v1.2.3."
    problem = _package_problem(options) or _sum_problem(options)
    if problem:
        return problem
    for tag in options.get("tags") or ():
        if not TAG.fullmatch(tag):
            return f"{tag!r} is no build tag.", "Use letters, digits, '_' and '.'."
    return None


def _package_problem(options: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    package, module = options.get("package") or "", options.get("module") or ""
    if options.get("source"):
        if module:
            return "module together with source.", "Leave module out; the go.mod in the folder names it."
        if package and not PACKAGE.fullmatch(package):
            return f"package {package!r} is no package.", "Write ./FOLDER, or the import path of a program."
        return None
    if not (package or module):
        return "neither package nor module.", "Give the import path of the program."
    for option, value in (("module", module), ("package", _import_path(package, module))):
        if value and not (PACKAGE.fullmatch(value) and "." in value.split("/")[0]):
            return f"{option} {value!r} is no import path.", "Write it as Go does: github.com/OWNER/NAME/cmd/PROGRAM."
    return None


def _sum_problem(options: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    checksum = options.get("sum") or ""
    if checksum and options.get("source"):
        return "sum together with source.", "Leave sum out; the go.sum in the folder has all of them."
    if checksum and not SUM.fullmatch(checksum):
        return f"sum {checksum!r} is no checksum of a module.", "Write `h1:` and 44 characters, as go.sum has it."
    if options.get("vendor") and not options.get("source"):
        return "vendor without source.", "A vendor folder stands beside a go.mod; name that folder in source."
    return None


def _import_path(package: str, module: str) -> str:
    """The import path of a package that may be written as a folder of the module."""
    if package in ("", "."):
        return module
    return f"{module}/{package[2:]}" if package.startswith("./") else package


def _own_module(name: str, source: str) -> str:
    module = _module_line(_read(source))
    if not module:
        raise ToolError(f"tools[{name}]: {source}/go.mod names no module.", "Run `go mod init` in that folder.")
    return module


def _module_line(go_mod: str) -> str:
    found = re.search(r"^module\s+\"?([^\s\"]+)", go_mod, re.MULTILINE)
    return found.group(1) if found else ""


def _read(source: str) -> str:
    path = os.path.join(source, "go.mod")
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}.", "Name the folder with the tool's go.mod and go.sum.") from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def summary(settings: Optional[Mapping[str, str]], keys: List[str]) -> str:
    """Settings as text for a diff; an empty text when there is no program."""
    if not settings:
        return ""
    return "".join(f"  {key}: {settings.get(key, '')}\n" for key in keys)
