# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that asks at a steady pace whatever happens, and counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually

NAME = "client"


@dataclass(frozen=True)
class Client:
    """The pod ``client`` of a namespace."""

    mesh: Environment
    namespace: str

    def start(self, url: str, every: int, **spec: Any) -> Client:
        """Begin, with a request every so many milliseconds, and wait for the first answers."""
        self.mesh.cluster.apply(self.mesh.pod(NAME, self.namespace, "steady", url, str(every), **spec))
        self.mesh.cluster.kubectl("-n", self.namespace, "wait", "--for=condition=Ready", "pod", NAME, "--timeout=60s")
        eventually(30, lambda: "good" in self.log() and self.counts()[0] > 100, "it gets answers")
        return self

    def end(self) -> None:
        """Remove it."""
        self.mesh.cluster.kubectl("-n", self.namespace, "delete", "pod", NAME)

    def log(self) -> str:
        """What it has written: bad answers with their time, and the counts."""
        return self.mesh.cluster.kubectl("-n", self.namespace, "logs", NAME, "-c", "probe")

    def counts(self) -> tuple[int, int]:
        """How many answers were good, and how many requests got none or a bad one."""
        good, bad = re.findall(r"^good (\d+) bad (\d+)$", self.log(), re.MULTILINE)[-1]
        return int(good), int(bad)
