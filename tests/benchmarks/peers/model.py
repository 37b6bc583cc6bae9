# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks know of anything that can apply objects."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Protocol

from ansible_collections.servicemesh.platform.tests.benchmarks.cluster import ControlPlane
from ansible_collections.servicemesh.platform.tests.benchmarks.measure import Command
from ansible_collections.servicemesh.platform.tests.benchmarks.workload import Tenant

FOREIGN = ("ANSIBLE_", "HELM_", "K8S_", "KUBE")
"""Variables of the caller that would change what is measured."""


@dataclass(frozen=True)
class Programs:
    """The programs of the peers that are no Python."""

    kubectl: Path
    helm: Path


@dataclass(frozen=True)
class Job:
    """Objects that are to be made so. folder: an empty one for the files that the client reads."""

    tenants: List[Tenant]
    cluster: ControlPlane
    folder: Path
    programs: Programs


class Tool(Protocol):
    """Something that applies objects. sampled: how many objects of a job it takes, when it does not take all."""

    @property
    def name(self) -> str: ...

    @property
    def sampled(self) -> int: ...

    def command(self, job: Job) -> Command:
        """Write the files and give the command. This is not measured."""


def environment(scratch: Path) -> Dict[str, str]:
    """The environment of every client: nobody's settings, and what it caches goes into `scratch`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    temporary = scratch / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    settings = scratch / "ansible.cfg"
    settings.touch()
    return {
        **kept,
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_NOCOLOR": "1",
        "HELM_CACHE_HOME": str(scratch / "helm"),
        "HELM_CONFIG_HOME": str(scratch / "helm"),
        "HELM_DATA_HOME": str(scratch / "helm"),
        "KUBECACHEDIR": str(scratch / "kubectl"),
        "TMPDIR": str(temporary),
    }


def program(name: str) -> str:
    """A program that is installed beside the Python that runs this."""
    return str(Path(sys.executable).parent / name)
