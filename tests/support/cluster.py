# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running cluster as tests talk to it, and the programs that the role ``cluster`` has built."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

BINARY_VARIABLE = "SERVICEMESH_KUBE_BINARY"


@dataclass(frozen=True)
class Cluster:
    """A running control plane and how to talk to it."""

    kubeconfig: Path
    state_dir: Path
    binary: Path

    def kubectl(self, *args: str, check: bool = True, stdin: str = "") -> str:
        """What `kubectl` writes; a failure raises CalledProcessError when `check`, else its complaint is given."""
        command = [str(self.binary), "kubectl", "--kubeconfig", str(self.kubeconfig), *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)
        if check and done.returncode:
            raise subprocess.CalledProcessError(done.returncode, ["kubectl", *args], done.stdout, done.stderr)
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def apply(self, *objects: dict[str, object]) -> None:
        """Apply objects as the administrator."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(items))


def built(pattern: str) -> Path:
    """The newest file or folder in the cache of built programs that this pattern names."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "servicemesh-platform" / "bin"
    found = sorted(cache.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.fail(f"no {pattern} below {cache}: run 'make build' first")
    return found[-1]


def built_kube() -> Path:
    """The multi-call binary: from the environment, else the newest one."""
    chosen = os.environ.get(BINARY_VARIABLE)
    return Path(chosen) if chosen else built("kubernetes-1.36-*/kube")
