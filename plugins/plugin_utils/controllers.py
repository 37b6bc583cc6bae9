# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the sources of controllers to images in a registry: the modules that do it, called one after the other.

All of it happens where the playbook runs, in one task: a task of its own for each step of each controller would take
longer than the steps do once everything is built.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
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
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface
from ansible_collections.servicemesh.platform.plugins.modules import go_build, oci_image
from ansible_collections.servicemesh.platform.plugins.plugin_utils.image_maker import (
    PUBLISHING,
    ImageMaker,
    ImagesInterface,
    StepFailed,
    tag_of,
)

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
ARGUMENTS: dict[str, Any] = {
    "environment_name": {"type": "str", "required": True},
    "controllers": {"type": "list", "elements": "dict", "required": True, "options": CONTROLLER},
    **PUBLISHING,
}


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


class _Images(ImageMaker):
    """One call: the controllers one after the other."""

    def __init__(self, options: dict[str, Any], check_mode: bool, diff: bool) -> None:
        super().__init__(options, check_mode, diff)
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

    @property
    def _own_folder(self) -> str:
        """What is made for this environment alone."""
        return os.path.join(self._cache.root, "controllers", self._options["environment_name"])

    def _step(self, interface: Interface, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The same, and what it tells beside its result is kept for that of all."""
        answer = super()._step(interface, arguments)
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


INTERFACE = ImagesInterface(ARGUMENTS, run)
