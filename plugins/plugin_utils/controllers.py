# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the sources of controllers to images in a registry: the modules that do it, called one after the other.

All of it happens where the playbook runs, in one task: a task of its own for each step of each controller would take
longer than the steps do once everything is built.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.controllers.sources import (
    PACKAGES,
    VERSION_MODULE,
    SourceError,
    export,
    package_files,
    tagged,
    write_version,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import from_catalogue
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface
from ansible_collections.servicemesh.platform.plugins.modules import go_build, go_tool, oci_image
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

CONTROLLER: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "source": {"type": "path"},
    "tag": {"type": "str"},
    "module": {"type": "str"},
    "sum": {"type": "str"},
    "package": {"type": "str"},
    "python": {"type": "path"},
    "image": {"type": "str"},
    "base": {"type": "str", "default": "scratch"},
    "entrypoint": {"type": "list", "elements": "str", "default": []},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "src": {"type": "path", "required": True},
            "dest": {"type": "str", "required": True},
            "mode": {"type": "raw"},
        },
    },
    "version_variable": {"type": "str", "default": "main.version"},
    "ldflags": {"type": "str", "default": "-s -w"},
    "build_tags": {"type": "list", "elements": "str", "default": []},
    "user": {"type": "int", "default": 65532},
}
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
ARGUMENTS: dict[str, Any] = {
    "environment_name": {"type": "str", "required": True},
    "controllers": {"type": "list", "elements": "dict", "required": True, "options": CONTROLLER},
    **PUBLISHING,
}
GO_ACCESS = ("goproxy", "gosumdb", "goprivate", "gonosumdb", "download")
"""The options of PUBLISHING that say where modules of Go come from."""


class StepFailed(Exception):
    """A step came to nothing; the message says why and what to do."""


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


@dataclass(frozen=True)
class Files:
    """What goes into the image of a controller; `None` in check mode while its program is still to be built."""

    files: list[dict[str, Any]] | None
    entrypoint: list[str]
    env: dict[str, str]
    revision: str = ""


def run(options: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Have the images of the controllers in the registry."""
    try:
        return _Images(options, check_mode, diff).run()
    except (StepFailed, SourceError, OSError) as error:
        return {"failed": True, "msg": str(error)}


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


class _Images:
    """One call: the controllers one after the other."""

    def __init__(self, options: dict[str, Any], check_mode: bool, diff: bool) -> None:
        self._options = options
        self._check_mode = check_mode
        self._diff = diff
        self._cache = Cache.at(options["cache_dir"])
        self._registry = registry_of(options)
        self._changed = False
        self._diffs: list[Any] = []
        self._warnings: list[str] = []

    def run(self) -> dict[str, Any]:
        images = {controller["name"]: self._image(controller) for controller in self._options["controllers"]}
        findings = [self._finding(name, image) for name, image in images.items()]
        result = {
            "changed": self._changed,
            "images": images,
            "findings": [{**finding.as_dict(), "component": "controllers"} for finding in findings],
            "registry": self._registry.name if self._registry else "",
            "warnings": self._warnings,
        }
        return {**result, "diff": self._diffs} if self._diffs else result

    def _image(self, controller: Mapping[str, Any]) -> dict[str, Any]:
        version = controller["version"]
        if controller["image"]:
            return {"reference": controller["image"], "version": version, "state": "given"}
        name = f"{controller['name']}:{tag_of(version)}"
        if not self._registry:
            return {"reference": f"{NAME}/{name}", "version": version, "state": "named"}
        made = self._files(controller)
        pushed = self._push(controller, made, f"{self._registry.place}/{name}") if made.files is not None else {}
        if not pushed.get("reference"):
            self._changed = True
            return {"reference": f"{self._registry.name}/{name}", "version": version, "state": "to come"}
        return {
            "reference": self._registry.for_pods(pushed["reference"]),
            "version": version,
            "state": "pushed",
            "size": pushed["size"],
        }

    def _files(self, controller: Mapping[str, Any]) -> Files:
        """The files of a controller's image, built where they are not there yet."""
        extra = list(controller["files"])
        if controller["module"]:
            path = self._installed(controller)
            return Files([{"src": path, "dest": f"/{controller['name']}"}, *extra], [f"/{controller['name']}"], {})
        folder, revision = controller["source"] or controller["python"], ""
        if controller["tag"]:
            chosen = tagged(folder, controller["tag"])
            revision, folder = chosen.commit, chosen.place(self._cache.root)
            if self._check_mode and not os.path.isdir(folder):
                return Files(None, [], {})
            folder = export(chosen, self._cache.root)
        if controller["python"]:
            return self._package(controller, folder, extra, revision)
        built = self._built(controller, folder)
        program = [{"src": built, "dest": f"/{controller['name']}"}, *extra] if built else None
        return Files(program, [f"/{controller['name']}"], {}, revision)

    def _installed(self, controller: Mapping[str, Any]) -> str:
        """The program of a version of a module."""
        tool = {key: controller[key] for key in ("name", "module", "version", "sum") if controller[key]}
        tool.update(ldflags=_ldflags(controller), tags=controller["build_tags"])
        if controller["package"]:
            tool["package"] = controller["package"]
        answer = self._tools([tool], self._own_folder)
        return str(answer["tools"][0]["path"])

    def _tools(self, tools: list[dict[str, Any]], folder: str) -> dict[str, Any]:
        access = {key: self._options[key] for key in GO_ACCESS}
        return self._step(go_tool.INTERFACE, {"tools": tools, "bin_dir": folder, **self._go, **access})

    def _built(self, controller: Mapping[str, Any], folder: str) -> str | None:
        """The program of a folder. None in check mode, when Go is still to come and so its place cannot be told."""
        arguments = {
            "name": f"controller-{controller['name']}",
            "output": controller["name"],
            "source": folder,
            "package": controller["package"] or ".",
            "ldflags": _ldflags(controller),
            "tags": controller["build_tags"],
        }
        path: str | None = self._step(go_build.INTERFACE, {**arguments, **self._go})["path"]
        return path

    def _package(self, controller: Mapping[str, Any], folder: str, extra: list[dict[str, Any]], revision: str) -> Files:
        """A Python package, with its version in it."""
        name = os.path.basename(os.path.realpath(controller["python"]))
        stamp = os.path.join(self._own_folder, f"{controller['name']}.d", VERSION_MODULE)
        if not self._check_mode:
            write_version(stamp, controller["version"])
        files = [*package_files(folder, name), {"src": stamp, "dest": f"{PACKAGES}/{name}/{VERSION_MODULE}"}, *extra]
        env = {"PYTHONPATH": PACKAGES, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return Files(files, ["python3", "-m", name], env, revision)

    def _push(self, controller: Mapping[str, Any], made: Files, name: str) -> dict[str, Any]:
        if not self._registry:
            raise ValueError("an image cannot be pushed without a registry")
        user = controller["user"]
        arguments = {
            "name": name,
            "push": True,
            "base": self._registry.from_here(controller["base"]),
            "files": made.files,
            "entrypoint": controller["entrypoint"] or made.entrypoint,
            "env": made.env,
            "user": f"{user}:{user}",
            "version": controller["version"],
            "crane": self._crane(),
            "retries": self._options["retries"],
            **({"revision": made.revision} if made.revision else {}),
            **self._registry.access,
        }
        return self._step(oci_image.INTERFACE, arguments)

    def _crane(self) -> str:
        """The program that talks to registries: the one that was named, else one of our own."""
        named = self._options["crane"]
        if named and shutil.which(named):
            return str(named)
        answer = self._tools([from_catalogue({"name": "crane"})], os.path.join(self._cache.root, "tools"))
        return str(answer["tools"][0]["path"])

    @property
    def _own_folder(self) -> str:
        """What is made for this environment alone."""
        return os.path.join(self._cache.root, "controllers", self._options["environment_name"])

    @property
    def _go(self) -> dict[str, Any]:
        return {key: self._options[key] for key in ("go", "cache_dir")}

    def _step(self, interface: Interface, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a module answers. Raises StepFailed with its message."""
        given = {key: value for key, value in arguments.items() if value is not None}
        if self._options["progress"] and "progress" in interface.argument_spec:
            given["progress"] = self._options["progress"]
        answer = call(interface, given, self._check_mode, self._diff)
        if answer.get("failed"):
            raise StepFailed(answer["msg"])
        self._changed = self._changed or bool(answer["changed"])
        self._warnings += answer.get("warnings") or []
        diffs = answer.get("diff") or []
        self._diffs += diffs if isinstance(diffs, list) else [diffs]
        return answer

    def _finding(self, name: str, image: Mapping[str, Any]) -> Finding:
        state, reference = image["state"], image["reference"]
        if state in ("given", "pushed"):
            return passed("controller-image", name, f"version {image['version']} is {reference}")
        if state == "to come":
            return Finding(
                "controller-image-to-come",
                Severity.INFO,
                name,
                f"the image of version {image['version']} is not built on this machine, so it is not compared",
                "Its digest is known only where it was built.",
                "Run site here.",
            )
        return _named_only(name, reference, embedded=bool(self._options["state_dir"]))


def _named_only(name: str, reference: str, embedded: bool) -> Finding:
    """The finding about an image for which there is no registry."""
    text = f"its image is only named ({reference}), neither built nor pushed: there is no registry"
    if embedded:
        why = "Nodes that are played by kwok pull no images, and their pods run no program."
        mend = "For programs that run take real nodes (cluster_embedded_nodes: kubelet) or a controllers_registry."
        return Finding("controller-image-named", Severity.INFO, name, text, why, mend)
    why = "Real nodes cannot pull it, and its pods will not start."
    mend = "Name the registry that the nodes pull from in controllers_registry."
    return Finding("controller-image-named", Severity.WARNING, name, text, why, mend)


def _ldflags(controller: Mapping[str, Any]) -> str:
    variable, version = controller["version_variable"], controller["version"]
    stamp = f"-X {variable}={version}" if variable else ""
    return f"{controller['ldflags']} {stamp}".strip()


class ImagesInterface(Interface):
    """Knows that the password is no one's business."""

    def shown(self, options: Mapping[str, Any]) -> dict[str, Any]:
        hidden = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
        return {**options, "password": hidden} if options.get("password") else dict(options)

    def secrets(self, options: Mapping[str, Any]) -> list[str]:
        return [str(options["password"])] if options.get("password") else []


INTERFACE = ImagesInterface(ARGUMENTS, run)
