# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm, as the roles build it, and small charts made with it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import from_catalogue
from ansible_collections.servicemesh.platform.plugins.modules.go_tool import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call


def built_helm() -> Path:
    """The program that the role mesh would take; it is built when it is not there, which takes two minutes."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "servicemesh-platform"
    arguments = {"tools": [from_catalogue({"name": "helm"})], "bin_dir": str(cache / "tools")}
    done = call(INTERFACE, arguments, check_mode=False, diff=False)
    assert not done.get("failed"), done["msg"]
    return Path(done["tools"][0]["path"])


class Helm:
    """The helm command, with settings of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.program = built_helm()
        homes = ("HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME")
        self._environment = {**os.environ, **dict.fromkeys(homes, str(folder))}

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What it says, on both streams."""
        command = [str(self.program), *arguments]
        done = subprocess.run(
            command, env=self._environment, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def chart(
        self,
        folder: Path,
        name: str,
        version: str,
        templates: Mapping[str, str],
        crds: Mapping[str, str] | None = None,
        values: str = "",
    ) -> Path:
        """A packed chart with these files."""
        source = folder / f"source-{version}" / name
        for place, files in (("templates", templates), ("crds", crds or {})):
            (source / place).mkdir(parents=True, exist_ok=True)
            for file, text in files.items():
                (source / place / file).write_text(text)
        (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
        (source / "values.yaml").write_text(values)
        self.run("package", str(source), "--destination", str(folder))
        return folder / f"{name}-{version}.tgz"
