# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Helm chart comes from, as users write it: a Helm repository, an OCI registry, an archive or a folder.

All but a folder are pinned: by the SHA-256 of the archive, or by the digest of the manifest in a registry.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Dict, Iterator, Mapping, Optional
from urllib.parse import urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import Reference, parse
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Problem

REPOSITORY, OCI, ARCHIVE, FOLDER = KINDS = ("repository", "oci", "archive", "folder")
SOURCE_OPTIONS: Dict[str, Dict[str, Any]] = {name: {"type": "str"} for name in (*KINDS, "name", "version", "sha256")}

_OCI_SCHEME = "oci://"
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The name of a chart: https://helm.sh/docs/chart_best_practices/conventions/#chart-names; some in use have capitals.
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
# SemVer 2, with the "v" that Helm allows: a range would mean another chart tomorrow.
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_WRITE = "write one of repository, oci, archive and folder"
_SUM = "write the SHA-256 of the archive, which `sha256sum` tells"


@dataclass(frozen=True)
class Source:
    """One place of one chart. sha256: of its archive. name, version: those that the chart must have, if not empty."""

    kind: str
    place: str
    name: str = ""
    version: str = ""
    sha256: str = ""

    @property
    def reference(self) -> Reference:
        """The name in the registry, of a chart from one."""
        return parse(self.place[len(_OCI_SCHEME) :] if self.place.startswith(_OCI_SCHEME) else self.place, OCI)

    @property
    def host(self) -> str:
        """Host and port of what is asked for the chart; empty for what is on this machine."""
        if self.kind == OCI:
            return self.reference.registry
        return urlsplit(self.place).netloc if self.is_remote else ""

    @property
    def is_remote(self) -> bool:
        """Whether it has to be downloaded."""
        return self.kind in (REPOSITORY, OCI) or _is_url(self.place)

    def __str__(self) -> str:
        what = f"chart {self.name} {self.version} of " if self.kind == REPOSITORY else "chart "
        return f"{what}{self.place}"


def problems(path: str, entry: Any) -> Iterator[Problem]:
    """What is wrong with a chart's place as it is written; ``path`` is what messages call it."""
    if not isinstance(entry, Mapping):
        yield Problem(path, entry, f"write a mapping: {_WRITE[6:]}, and what pins it")
        return
    unknown = [str(key) for key in entry if key not in SOURCE_OPTIONS]
    for key in unknown:
        near = get_close_matches(key, SOURCE_OPTIONS, n=1)
        yield Problem(f"{path}.{key}", "set", f"did you mean {near[0]}?" if near else f"no such key; {_WRITE}")
    given = [kind for kind in KINDS if entry.get(kind)]
    if len(given) != 1:
        yield Problem(path, given, f"{_WRITE}, and only one")
    elif not unknown:
        yield from _of_kind(path, given[0], {key: str(value) for key, value in entry.items() if value})


def source(entry: Mapping[str, Any], name: str = "", within: str = "") -> Source:
    """From what `problems` has found good. ``name``: what the chart is called when the entry does not say so.

    Relative paths are those in the folder ``within``, by default that of the process.
    """
    texts = {key: str(value) for key, value in entry.items() if value}
    kind = next(each for each in KINDS if each in texts)
    place = texts[kind]
    if kind == FOLDER or (kind == ARCHIVE and not _is_url(place)):
        place = os.path.abspath(os.path.join(within, os.path.expanduser(place)))
    return Source(kind, place, texts.get("name", name), texts.get("version", ""), _plain(texts.get("sha256", "")))


def as_entry(chart: Source) -> Dict[str, str]:
    """As users write it, with all that is known."""
    known = {chart.kind: chart.place, "name": chart.name, "version": chart.version, "sha256": chart.sha256}
    return {key: value for key, value in known.items() if value}


def _of_kind(path: str, kind: str, entry: Mapping[str, str]) -> Iterator[Problem]:
    if "name" in entry and not _NAME.fullmatch(entry["name"]):
        yield Problem(f"{path}.name", entry["name"], "write letters, digits, '-', '_' and '.'")
    if kind in (REPOSITORY, ARCHIVE):
        yield from _pinned_by_sum(path, entry.get("sha256"))
    elif "sha256" in entry:
        expected = "leave it out: " + (
            "the digest in oci pins the chart"
            if kind == OCI
            else "a folder is taken as it is; for a pin name an archive"
        )
        yield Problem(f"{path}.sha256", entry["sha256"], expected)
    if kind == REPOSITORY:
        yield from _url(f"{path}.repository", entry[REPOSITORY])
        if "version" not in entry:
            yield Problem(f"{path}.version", None, "write the version of the chart")
    elif kind == OCI:
        yield from _by_digest(f"{path}.oci", entry[OCI])
    elif kind == ARCHIVE and "://" in entry[ARCHIVE]:
        yield from _url(f"{path}.archive", entry[ARCHIVE])
    if "version" in entry and not _VERSION.fullmatch(entry["version"]):
        expected = "write one version such as 1.30.0; what a range means may change tomorrow"
        yield Problem(f"{path}.version", entry["version"], expected)


def _pinned_by_sum(path: str, written: Optional[str]) -> Iterator[Problem]:
    if not written:
        yield Problem(f"{path}.sha256", None, _SUM)
    elif not _SHA256.fullmatch(_plain(written)):
        yield Problem(f"{path}.sha256", written, f"{_SUM}: 64 hexadecimal digits in lower case")


def _by_digest(path: str, name: str) -> Iterator[Problem]:
    try:
        reference = Source(OCI, name).reference
    except ImageError as error:
        yield Problem(path, name, error.mend)
        return
    if not reference.digest:
        expected = (
            f"write it with the digest of its manifest, which `crane digest {reference.place}:VERSION` and `helm pull` "
            "tell: a tag may mean another chart tomorrow"
        )
        yield Problem(path, name, expected)


def _url(path: str, url: str) -> Iterator[Problem]:
    expected = "write a URL such as https://charts.example.com"
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        yield Problem(path, url, expected)
        return
    if "@" in parts.netloc:
        expected = "leave user and password out: messages show it; there are options of their own for both"
        yield Problem(path, f"{parts.scheme}://...@{parts.hostname}", expected)
    elif not is_good:
        yield Problem(path, url, expected)


def _is_url(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _plain(sha256: str) -> str:
    return sha256[len("sha256:") :] if sha256.startswith("sha256:") else sha256
