# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts that are here already: archives and folders, and what the store has."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.chart import have
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.errors import ChartError
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.source import source
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.store import CHART_LAYER, Store, archive_of
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache

ABOUT = "apiVersion: v2\nname: web\nversion: 1.2.3\n"


def packed(**files: str) -> bytes:
    """An archive with these files; their names have '__' for '/'."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(str(tmp_path / "cache")))


@pytest.fixture
def archive(tmp_path: Path) -> dict[str, Any]:
    """The place of an archive."""
    content = packed(**{"web__charts__dependency__Chart.yaml": "name: other\n", "web__Chart.yaml": ABOUT})
    path = tmp_path / "web.tgz"
    path.write_bytes(content)
    return {"archive": str(path), "sha256": digest(content)}


def test_an_archive_is_what_it_says(archive: dict[str, Any], store: Store) -> None:
    chart, changed = have(source({**archive, "version": "v1.2.3"}, "web"), store, None, False)
    assert chart == (archive["archive"], "web", "1.2.3")
    assert not changed


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sha256": "b" * 64}, "is not what is pinned: its SHA-256 is"),
        ({"name": "other"}, "is the chart web, and other is asked for"),
        ({"version": "1.2.4"}, "is web 1.2.3, and 1.2.4 is asked for"),
        ({"archive": "/nowhere.tgz"}, "archive: /nowhere.tgz is not there"),
    ],
)
def test_an_archive_that_is_another_one(archive: dict[str, Any], store: Store, changes: Any, told: str) -> None:
    with pytest.raises(ChartError, match=told):
        have(source({**archive, **changes}), store, None, False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no archive at all", "is no chart"),
        (packed(**{"web__values.yaml": "a: 1\n"}), "there is no Chart.yaml in it"),
        (packed(**{"web__Chart.yaml": "- a list\n"}), "its Chart.yaml is no mapping"),
        (packed(**{"web__Chart.yaml": "a: [\n"}), "is no chart"),
        (packed(**{"web__Chart.yaml": ABOUT})[:60], "is no chart"),
    ],
)
def test_what_is_no_chart(content: bytes, told: str, tmp_path: Path, store: Store) -> None:
    path = tmp_path / "broken.tgz"
    path.write_bytes(content)
    with pytest.raises(ChartError, match=told):
        have(source({"archive": str(path), "sha256": digest(content)}), store, None, False)


def test_a_folder(tmp_path: Path, store: Store) -> None:
    with pytest.raises(ChartError, match=r"is no chart: there is no Chart\.yaml"):
        have(source({"folder": str(tmp_path)}), store, None, False)
    (tmp_path / "Chart.yaml").write_text(ABOUT)
    chart, _changed = have(source({"folder": str(tmp_path)}), store, None, False)
    assert chart == (str(tmp_path), "web", "1.2.3")


def test_what_is_in_the_store_needs_nobody(store: Store) -> None:
    content = packed(**{"web__Chart.yaml": ABOUT})
    elsewhere = source({"archive": "https://charts.example.com/web.tgz", "sha256": digest(content)})
    with pytest.raises(ChartError, match="is not in the cache, and nothing may be downloaded") as refused:
        have(elsewhere, store, None, False)
    assert str(store.archive(digest(content))) in str(refused.value)
    store.keep(digest(content), content)
    chart, changed = have(elsewhere, store, None, False)
    assert chart
    assert not changed


def test_what_was_changed_in_the_store_is_not_there(store: Store) -> None:
    content = packed(**{"web__Chart.yaml": ABOUT})
    sha256 = digest(content)
    manifest = json.dumps({"layers": [{"mediaType": CHART_LAYER, "digest": f"sha256:{sha256}"}]}).encode()
    name = f"sha256:{digest(manifest)}"
    store.keep(sha256, content)
    store.keep_manifest(name, manifest)
    chart, _changed = have(source({"oci": f"registry.example.com/web@{name}"}), store, None, False)
    assert chart
    store.archive(sha256).write_bytes(content + b"more")
    assert not store.has(sha256)
    store.keep(sha256, content)
    store.keep_manifest(name, manifest + b" ")
    assert store.sum_of(name) == ""


@pytest.mark.parametrize("manifest", [b"{", b"[]", b"{}", b'{"layers": [{"mediaType": "x", "digest": "y"}]}'])
def test_a_manifest_of_something_else(manifest: bytes) -> None:
    with pytest.raises(ChartError, match="the image"):
        archive_of(manifest, "the image")
