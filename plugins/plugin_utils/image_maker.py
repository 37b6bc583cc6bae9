# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makers of images share: where images go, the modules that are called, and parts that the cache keeps.

A part is kept by the digest of what it was made of.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.lock import exclusive
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import from_catalogue
from ansible_collections.servicemesh.platform.plugins.module_utils.images import debian
from ansible_collections.servicemesh.platform.plugins.module_utils.images.options import this_architecture
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.plugins.modules import go_tool
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

PUBLISHING: dict[str, Any] = {
    "registry": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "docker_config": {"type": "path"},
    "ca_path": {"type": "path"},
    "state_dir": {"type": "path"},
    "retries": {"type": "int", "default": 3},
    "crane": {"type": "path"},
    "go": {"type": "str", "default": "go"},
    "goproxy": {"type": "str"},
    "gosumdb": {"type": "str"},
    "goprivate": {"type": "str"},
    "gonosumdb": {"type": "str"},
    "download": {"type": "bool", "default": True},
    "cache_dir": {"type": "path"},
    "progress": {"type": "path"},
}
"""Where images are sent, and how the tool that sends them is had."""
GO_ACCESS = ("goproxy", "gosumdb", "goprivate", "gonosumdb", "download")
"""The options of PUBLISHING that say where modules of Go come from."""


class StepFailed(Exception):
    """A step came to nothing; the message says why and what to do."""


class ToCome(Exception):
    """In check mode: a part is not made yet."""


@dataclass(frozen=True)
class Registry:
    """Where images are sent. `place`: its host, perhaps with a path, as this machine names it. `name`: as pods do."""

    place: str
    name: str
    access: Mapping[str, Any]

    def for_pods(self, reference: str) -> str:
        """The name that the nodes pull by."""
        return self.name + reference[len(self.place) :]

    def from_here(self, reference: str) -> str:
        """The reverse of `for_pods`, for bases that are written as pods would write them."""
        return self.place + reference[len(self.name) :] if reference.startswith(f"{self.name}/") else reference


class ImageMaker:
    """One call that makes images. `options` hold those of PUBLISHING."""

    def __init__(self, options: dict[str, Any], check_mode: bool, diff: bool) -> None:
        self._options = options
        self._check_mode = check_mode
        self._diff = diff
        self._cache = Cache.at(options["cache_dir"])
        self._registry = registry_of(options)
        self._say = Progress(options["progress"]).say
        self._architecture = this_architecture()

    def _crane(self) -> str:
        """The program that talks to registries: the one that was named, else one of our own."""
        named = self._options["crane"]
        if named and shutil.which(named):
            return str(named)
        answer = self._tools([from_catalogue({"name": "crane"})], os.path.join(self._cache.root, "tools"))
        return str(answer["tools"][0]["path"])

    def _tools(self, tools: list[dict[str, Any]], folder: str) -> dict[str, Any]:
        access = {key: self._options[key] for key in GO_ACCESS}
        return self._step(go_tool.INTERFACE, {"tools": tools, "bin_dir": folder, **self._go, **access})

    @property
    def _go(self) -> dict[str, Any]:
        return {key: self._options[key] for key in ("go", "cache_dir")}

    def _part(self, name: str, key: str, make: Callable[[Path], None], fetches: bool = True) -> Path:
        """The folder of a part in the cache, made when it is not there. Raises ToCome in check mode."""
        folder = Path(self._cache.root, "images", f"{name}-{key[:16]}")
        if folder.is_dir():
            return folder
        if self._check_mode:
            raise ToCome
        if fetches and not self._options["download"]:
            raise StepFailed(
                f"download: {folder} is not there, and nothing may be fetched.\n"
                "Set it to true once, or copy the cache of another machine."
            )
        self._cache.create()
        with exclusive(self._cache.lock(f"image-{name}-{key[:16]}"), self._wait), _unfinished(folder) as fresh:
            if not folder.is_dir():
                make(fresh)
                fresh.rename(folder)
        return folder

    def _selection(self, name: str, select: Callable[[], debian.Selection]) -> debian.Selection:
        """What apt has. It takes seconds to tell, so its answer is kept until its lists or settings change."""
        kept = Path(self._cache.root, "images", f"selection-{name}.json")
        state = debian.state_of_apt()
        with suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads(kept.read_text(encoding="utf-8"))
            if known["state"] == state:
                packages = [debian.Package(**package) for package in known["selection"].pop("packages")]
                return debian.Selection(packages=packages, **known["selection"])
        selection = select()
        if not self._check_mode:
            self._cache.create()
            kept.parent.mkdir(parents=True, exist_ok=True)
            fresh = kept.with_name(f".{kept.name}-{os.getpid()}")
            fresh.write_text(json.dumps({"state": state, "selection": asdict(selection)}), encoding="utf-8")
            fresh.replace(kept)
        return selection

    def _wait(self, holder: str) -> None:
        self._say(f"waiting for process {holder}, which makes the same")

    def _step(self, interface: Interface, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a module answers. Raises StepFailed with its message."""
        given = {key: value for key, value in arguments.items() if value is not None}
        if self._options["progress"] and "progress" in interface.argument_spec:
            given["progress"] = self._options["progress"]
        answer = call(interface, given, self._check_mode, self._diff)
        if answer.get("failed"):
            raise StepFailed(answer["msg"])
        return answer


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, gone afterwards."""
    fresh = folder.with_name(f".unfinished-{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def digest_of(content: Any) -> str:
    """A digest of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def registry_of(options: Mapping[str, Any]) -> Registry | None:
    """The registry that was asked for, else that of the embedded environment; None when there is neither."""
    if options["registry"]:
        names = ("username", "password", "docker_config", "ca_path")
        place = options["registry"].rstrip("/")
        return Registry(place, place, {name: options[name] for name in names})
    if not options["state_dir"]:
        return None
    layout = Layout(Path(options["state_dir"]).resolve())
    docker_config = layout.registry / "docker"
    try:
        endpoint = next(iter(json.loads((docker_config / "config.json").read_text(encoding="utf-8"))["auths"]))
    except FileNotFoundError:
        return None
    return Registry(endpoint, NAME, {"docker_config": str(docker_config), "ca_path": str(layout.certificate("ca"))})


def tag_of(version: str) -> str:
    """A version as the tag of an image and the value of a label: neither takes a plus sign."""
    return version.replace("+", "_")


class ImagesInterface(Interface):
    """Knows that the password is no one's business."""

    def shown(self, options: Mapping[str, Any]) -> dict[str, Any]:
        hidden = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
        return {**options, "password": hidden} if options.get("password") else dict(options)

    def secrets(self, options: Mapping[str, Any]) -> list[str]:
        return [str(options["password"])] if options.get("password") else []
