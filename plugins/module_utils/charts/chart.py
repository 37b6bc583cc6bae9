# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chart as Helm takes it: an archive or a folder, and what its Chart.yaml says."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.charts.download import Access, download, mismatch
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.errors import ChartError
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.source import FOLDER, OCI, Source
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.store import Store, sum_of_file

try:
    import yaml
except ImportError:  # the module tells what to install
    yaml = None  # type: ignore[assignment]

_ABOUT = "Chart.yaml"


class Chart(NamedTuple):
    """What Helm is given, and what it is."""

    path: str
    name: str
    version: str


def have(source: Source, store: Store, access: Optional[Access], check_mode: bool) -> Tuple[Optional[Chart], bool]:
    """The chart, and whether it had, or in check mode would have, to be downloaded.

    access: None when nothing may be downloaded. Raises ChartError, OSError.
    """
    if not source.is_remote:
        return _described(_local(source), source), False
    sha256 = store.sum_of(source.reference.digest) if source.kind == OCI else source.sha256
    is_there = bool(sha256) and store.has(sha256)
    if not is_there and access is None:
        raise ChartError(
            f"{source} is not in the cache, and nothing may be downloaded.",
            f"Run once where it may. {_by_hand(source, store)}".strip(),
        )
    if not is_there and check_mode:
        return None, True
    if not is_there and access:
        sha256 = download(source, store, access)
    return _described(store.archive(sha256), source), not is_there


def _by_hand(source: Source, store: Store) -> str:
    return f"Or put the archive at {store.archive(source.sha256)}." if source.sha256 else ""


def _local(source: Source) -> Path:
    path = Path(source.place)
    if source.kind == FOLDER:
        if not (path / _ABOUT).is_file():
            raise ChartError(f"folder: {path} is no chart: there is no {_ABOUT}.", "Name the folder that has it.")
        return path
    if not path.is_file():
        raise ChartError(f"archive: {path} is not there.", "Name the .tgz file that `helm package` has made.")
    found = sum_of_file(path)
    if found != source.sha256:
        raise mismatch(source, found, str(path))
    return path


def _described(path: Path, source: Source) -> Chart:
    about = _about(path)
    chart = Chart(str(path), str(about.get("name", "")), str(about.get("version", "")))
    if source.name and chart.name != source.name:
        raise ChartError(
            f"{source.kind}: {source.place} is the chart {chart.name}, and {source.name} is asked for.",
            "Name the right one.",
        )
    if source.version and chart.version.lstrip("v") != source.version.lstrip("v"):
        raise ChartError(
            f"version: {source.place} is {chart.name} {chart.version}, and {source.version} is asked for.",
            "Write the version that it has, or name another one.",
        )
    return chart


def _about(path: Path) -> Dict[str, Any]:
    try:
        text = (path / _ABOUT).read_bytes() if path.is_dir() else _in_archive(path)
        about = yaml.safe_load(text)
    except (tarfile.TarError, zlib.error, EOFError, yaml.YAMLError) as error:
        raise ChartError(f"{path} is no chart: {error}.", "Name what `helm package` has made.") from error
    if not isinstance(about, dict):
        raise ChartError(f"{path} is no chart: its {_ABOUT} is no mapping.", "Name what `helm package` has made.")
    return about


def _in_archive(path: Path) -> bytes:
    """Chart.yaml stands in the only folder of the archive; charts that this one depends on are deeper in it."""
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if member.isfile() and member.name.count("/") == 1 and member.name.endswith(f"/{_ABOUT}"):
                stream = archive.extractfile(member)
                return stream.read() if stream else b""
    raise ChartError(f"{path} is no chart: there is no {_ABOUT} in it.", "Name what `helm package` has made.")
