# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a component whether it is healthy, over TLS and with a client certificate."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.https import Client
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import LOOPBACK

ANSWER_TIMEOUT = 3.0


@dataclass(frozen=True)
class Probe:
    """Where a component tells how it is. authority, certificate, key: PEM files. healthy: the status that says so.

    namespace: where to ask from; None for this machine's own network.
    """

    port: int
    path: str
    authority: Path
    certificate: Path
    key: Path
    address: str = LOOPBACK
    healthy: int = 200
    namespace: Optional[Path] = None


@dataclass(frozen=True)
class Health:
    """The answer. `detail` says what is wrong; empty when healthy."""

    healthy: bool
    detail: str = ""


def ask(probe: Probe, timeout: float = ANSWER_TIMEOUT) -> Health:
    """Ask once; no answer within `timeout` seconds, a wrong certificate or another status is not healthy."""
    try:
        with Client(
            probe.port, probe.authority, probe.certificate, probe.key, timeout, probe.address, probe.namespace
        ) as client:
            status, content = client.request("GET", probe.path)
    except (OSError, http.client.HTTPException) as error:
        return Health(False, f"no answer from {probe.address}:{probe.port}{probe.path}: {error}")
    if status == probe.healthy:
        return Health(True)
    return Health(False, f"{probe.address}:{probe.port}{probe.path} answers {status}: {_failed_checks(content)}")


def _failed_checks(content: bytes) -> str:
    """The failing lines of a Kubernetes health page (`[-]etcd failed: ...`), else its beginning."""
    lines = content.decode("utf-8", "replace").splitlines()
    failed = [line for line in lines if line.startswith("[-]")]
    return ", ".join(failed) if failed else " ".join(lines)[:200]
