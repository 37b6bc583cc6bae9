# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts that were downloaded, each under the SHA-256 of its archive, and the manifests of those from registries.

What is read is held against its digest each time: what was changed here, or written in part, is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.charts.errors import ChartError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache

CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
"""The media type of the archive: https://helm.sh/docs/topics/registries/#helm-chart-manifest"""


class Store:
    """The folder of charts in the cache folder."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._folder = Path(cache.root, "charts")

    def archive(self, sha256: str) -> Path:
        """Where the archive with this sum stands, or would stand."""
        return self._folder / f"{sha256}.tgz"

    def has(self, sha256: str) -> bool:
        """Whether the archive is there, unchanged."""
        return _holds(self.archive(sha256), sha256)

    def sum_of(self, digest: str) -> str:
        """The sum of the archive that the manifest with this digest names; empty when the manifest is not there."""
        path = self._manifest(digest)
        return archive_of(path.read_bytes(), digest) if _holds(path, digest[len("sha256:") :]) else ""

    def keep(self, sha256: str, content: bytes) -> None:
        """Keep an archive whose sum was compared."""
        self._write(self.archive(sha256), content)

    def keep_manifest(self, digest: str, content: bytes) -> None:
        """Keep a manifest whose digest was compared."""
        self._write(self._manifest(digest), content)

    def _manifest(self, digest: str) -> Path:
        return self._folder / f"{digest[len('sha256:') :]}.json"

    def _write(self, path: Path, content: bytes) -> None:
        self._cache.create()
        self._folder.mkdir(exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=str(self._folder), prefix=".unfinished-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.replace(fresh, str(path))


def archive_of(manifest: bytes, name: str) -> str:
    """The SHA-256 of the archive that a manifest names. Raises ChartError when it is none of a chart."""
    try:
        document: Dict[str, Any] = json.loads(manifest)
        layers: List[Dict[str, Any]] = document.get("layers") or []
        digests = [str(layer["digest"]) for layer in layers if layer.get("mediaType") == CHART_LAYER]
    except (ValueError, KeyError, AttributeError) as error:
        raise ChartError(f"{name} has a manifest that cannot be read: {error}.", "Push the chart again.") from error
    if len(digests) != 1 or not digests[0].startswith("sha256:"):
        raise ChartError(
            f"{name} is no Helm chart: {len(digests)} of its layers are archives of one.",
            "Name what `helm push` has pushed; an image is something else.",
        )
    return digests[0][len("sha256:") :]


def sum_of_file(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _holds(path: Path, sha256: str) -> bool:
    return path.is_file() and sum_of_file(path) == sha256
