# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloading charts: from Helm repositories and plain URLs by HTTP, from OCI registries through crane."""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit

from ansible.module_utils.urls import open_url
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.errors import ChartError
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.source import OCI, REPOSITORY, Source
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.store import Store, archive_of
from ansible_collections.servicemesh.platform.plugins.module_utils.images import crane
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError

try:
    import yaml
except ImportError:  # the module tells what to install
    yaml = None  # type: ignore[assignment]

_LARGEST = 100 * 1024 * 1024
"""Bytes of an index or an archive at most. The largest index that is known, of thousands of charts, has 20 MiB."""
_SHOWN = 5
_PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Access:
    """How what is elsewhere is reached. username and password are for `host` alone, and sent nowhere else."""

    host: str = ""
    username: str = ""
    password: str = ""
    ca_path: Optional[str] = None
    docker_config: Optional[str] = None
    plain_http: bool = False
    crane: str = "crane"
    retries: int = 3
    timeout: int = 60


def download(source: Source, store: Store, access: Access) -> str:
    """Have the archive in the store, and return its SHA-256. Raises ChartError, OSError.

    Nothing that is not what the source pins comes to stand there.
    """
    if source.kind == OCI:
        return _from_registry(source, store, access)
    url = _in_repository(source, access) if source.kind == REPOSITORY else source.place
    content = _get(url, access)
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise mismatch(source, found, url)
    store.keep(found, content)
    return found


def mismatch(source: Source, found: str, place: str) -> ChartError:
    """What is told about an archive that is another one than was pinned."""
    return ChartError(
        f"sha256: {place} is not what is pinned: its SHA-256 is {found}, and {source.sha256} is asked for.",
        "Find out who has changed it. When it is the chart that you want, write the sum that it has.",
    )


def _in_repository(source: Source, access: Access) -> str:
    """The URL of the archive, by the index of the repository: https://helm.sh/docs/topics/chart_repository/"""
    base = source.place.rstrip("/") + "/"
    entry = _entry(source, _index(f"{base}index.yaml", access))
    promised = str(entry.get("digest") or source.sha256)
    promised = promised[len("sha256:") :] if promised.startswith("sha256:") else promised
    if promised != source.sha256:
        raise mismatch(source, promised, f"{source.name} {source.version} in the index of {source.place}")
    urls = entry.get("urls") or [""]
    url = urljoin(base, str(urls[0]))
    if urlsplit(url).scheme not in ("http", "https"):
        raise ChartError(
            f"repository: the index of {source.place} sends to {url} for {source.name}.",
            "Name a chart in a registry with oci, and with the digest of its manifest.",
        )
    return url


def _entry(source: Source, index: Dict[str, Any]) -> Dict[str, Any]:
    charts: Dict[str, List[Dict[str, Any]]] = index.get("entries") or {}
    if source.name not in charts:
        known = ", ".join([*sorted(charts)[:_SHOWN], *(["..."] if len(charts) > _SHOWN else [])]) or "none"
        raise ChartError(
            f"name: {source.place} has no chart {source.name}; it has {known}.",
            "Correct the name of the chart, or the URL of the repository.",
        )
    versions = charts[source.name] or []
    for entry in versions:
        if str(entry.get("version", "")).lstrip("v") == source.version.lstrip("v"):
            return entry
    known = ", ".join(str(entry.get("version")) for entry in versions[:_SHOWN])
    raise ChartError(
        f"version: {source.place} has no {source.name} {source.version}; the newest are {known}.",
        "Write a version that is there, with its sha256.",
    )


def _index(url: str, access: Access) -> Dict[str, Any]:
    try:
        index = yaml.load(_get(url, access), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        index = error
    if not isinstance(index, dict) or not isinstance(index.get("entries") or {}, dict):
        raise ChartError(
            f"repository: {url} is no index of a Helm repository.", "Write the URL that `helm repo add` takes."
        )
    return index


def _from_registry(source: Source, store: Store, access: Access) -> str:
    reference = source.reference
    its_own = access.host == reference.registry
    settings = crane.Access(
        program=access.crane,
        registry=reference.registry if its_own else "",
        username=access.username if its_own else "",
        password=access.password if its_own else "",
        docker_config=access.docker_config,
        ca_path=access.ca_path,
        plain_http=access.plain_http,
        retries=access.retries,
        timeout=access.timeout,
    )
    try:
        with crane.Crane(settings) as registry, tempfile.TemporaryDirectory(prefix="helm-chart-") as folder:
            manifest = registry.manifest(reference)
            _compare(reference.digest, manifest, source)
            wanted = archive_of(manifest, source.place)
            target = Path(folder, "archive")
            registry.blob(reference._replace(digest=f"sha256:{wanted}"), target)
            content = target.read_bytes()
            _compare(f"sha256:{wanted}", content, source)
    except ImageError as error:
        raise ChartError(f"oci: {error.problem}", error.mend) from error
    store.keep(wanted, content)
    store.keep_manifest(reference.digest, manifest)
    return wanted


def _compare(digest: str, content: bytes, source: Source) -> None:
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != digest:
        raise ChartError(
            f"oci: {source.host} gives other content for {source.place}: {found} instead of {digest}.",
            "Do not use it: the registry, or something between it and you, has changed the chart.",
        )


def _get(url: str, access: Access) -> bytes:
    attempt = 0
    while True:
        content, failure = _attempt(url, access)
        if failure is None:
            return content
        if not failure.passes or attempt == access.retries:
            raise failure
        time.sleep(2.0**attempt)
        attempt += 1


def _attempt(url: str, access: Access) -> Tuple[bytes, Optional[ChartError]]:
    its_own = access.host == urlsplit(url).netloc
    try:
        # Name and password go out when the host asks for them, and not to where it sends us.
        with open_url(
            url,
            url_username=access.username if its_own else None,
            url_password=access.password if its_own else None,
            ca_path=access.ca_path,
            timeout=access.timeout,
        ) as response:
            content: bytes = response.read(_LARGEST + 1)
    except HTTPError as error:
        error.close()
        return b"", _refused(url, error.code, str(error.reason))
    except (URLError, OSError, http.client.HTTPException) as error:
        return b"", _unreachable(url, str(getattr(error, "reason", "") or error))
    if len(content) > _LARGEST:
        return b"", ChartError(f"{url} has more than {_LARGEST} bytes.", "Name a chart.")
    return content, None


def _refused(url: str, code: int, reason: str) -> ChartError:
    if code in (401, 403):
        host = urlsplit(url).netloc
        return ChartError(
            f"{url} is not for everybody: {code} {reason}.", f"Give username and password, and {host} as their host."
        )
    if code in (404, 410):
        return ChartError(
            f"{url} is not there: {code} {reason}.", "Correct the URL, or look whether the chart has moved."
        )
    return ChartError(
        f"{url} cannot be had: {code} {reason}.", "Look at the log of that server, and run again.", code in _PASSING
    )


def _unreachable(url: str, reason: str) -> ChartError:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return ChartError(f"The certificate of {url} is not good: {reason}.", "Name a file with its CA in ca_path.")
    return ChartError(
        f"{url} cannot be reached: {reason}.",
        "See that the server runs and that this machine reaches it (HTTPS_PROXY when it needs one); then run again.",
        True,
    )
