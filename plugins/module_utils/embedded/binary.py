# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multi-call binary: is it there, which version is it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Dict, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError

VERSION_TIMEOUT = 60

Identity = Dict[str, Union[str, int]]


def identity(binary: Path) -> Identity:
    """What tells one build from another without reading 140 MB: real path, size and time of the last change."""
    path = binary.resolve()
    try:
        status = path.stat()
    except OSError as error:
        raise EmbeddedError(f"binary: {binary} cannot be used: {error.strerror}") from None
    if not path.is_file() or not os.access(path, os.X_OK):
        raise EmbeddedError(f"binary: {binary} is not an executable file")
    return {"path": str(path), "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def kubernetes_version(binary: Path) -> str:
    """The version of Kubernetes in the binary, for example v1.36.3; raise EmbeddedError when it is not `kube`."""
    identity(binary)
    command = [str(binary), "kubectl", "version", "--client", "--output=json"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT,
            env={"PATH": os.defpath, "HOME": "/nonexistent"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedError(f"binary: {binary} does not run: {error}") from None
    try:
        return str(json.loads(answer.stdout)["clientVersion"]["gitVersion"])
    except (ValueError, KeyError, TypeError):
        said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()[:300]
        raise EmbeddedError(
            f"binary: {binary} is not the multi-call binary 'kube': 'kubectl version --client' "
            f"ended with {answer.returncode} and said: {said or 'nothing'}"
        ) from None
