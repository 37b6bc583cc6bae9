# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures were measured on and with."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path
from typing import Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.binary import kubernetes_version
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Programs

ROOT = Path(__file__).resolve().parents[2]


def machine(binary: Path, programs: Programs) -> Dict[str, str]:
    """The machine and the versions, by name."""
    return {
        "machine": f"{len(os.sched_getaffinity(0))} cores ({_processor()}), {_memory_gib():.0f} GiB, "
        f"Linux {platform.release()}; load before the run {os.getloadavg()[0]:.1f}",
        "measured": f"{time.strftime('%Y-%m-%d %H:%M')}, commit {_commit()}",
        "server": f"Kubernetes {kubernetes_version(binary)}, etcd without waiting for the disk",
        "Ansible": f"ansible-core {importlib.metadata.version('ansible-core')}, Python {platform.python_version()}",
        "peers": f"kubectl {_kubectl_version(programs.kubectl)}, "
        f"kubernetes.core {_kubernetes_core_version()} with kubernetes {importlib.metadata.version('kubernetes')}, "
        f"helm {_helm_version()}",
    }


def _kubectl_version(kubectl: Path) -> str:
    said = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True)
    return str(json.loads(said.stdout)["clientVersion"]["gitVersion"])


def _helm_version() -> str:
    """From go.mod: a helm that go has built knows its minor version only."""
    text = (Path(__file__).parent / "helm" / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"helm\.sh/helm/v4 (v\S+)", text)
    return found.group(1) if found else "unknown"


def _kubernetes_core_version() -> str:
    found = importlib.util.find_spec("ansible_collections.kubernetes.core")
    if not found or not found.submodule_search_locations:
        return "unknown"
    manifest = Path(found.submodule_search_locations[0]) / "MANIFEST.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found.group(1) if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = " with local changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed
