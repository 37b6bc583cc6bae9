# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloading real modules."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import ModuleError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import (
    download,
    module_folder,
    present,
    read_pin,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

from .conftest import ROOT, ModuleProxy

QUIET = Progress(None)


@pytest.fixture
def fresh(tmp_path: Path) -> Cache:
    """A cache of its own, because what is downloaded once is not asked for again."""
    return Cache(str(tmp_path / "fresh"))


def test_a_module_is_downloaded_once(pinned: Path, proxy: ModuleProxy, go: str, fresh: Cache) -> None:
    pin = read_pin(str(pinned), proxy.module)
    assert not present(pin, fresh)
    folder = download(pin, go, fresh, QUIET)
    assert Path(folder, "config/crd/a.yaml").read_text(encoding="utf-8") == "kind: A\n"
    assert present(pin, fresh)
    shutil.rmtree(proxy.folder)
    assert download(pin, "/no/go", fresh, QUIET) == folder


def test_the_pins_are_not_written(pinned: Path, proxy: ModuleProxy, go: str, fresh: Cache) -> None:
    before = {file.name: file.read_bytes() for file in pinned.iterdir()}
    download(read_pin(str(pinned), proxy.module), go, fresh, QUIET)
    assert {file.name: file.read_bytes() for file in pinned.iterdir()} == before


def test_other_content_than_pinned_is_refused(pinned: Path, proxy: ModuleProxy, go: str, fresh: Cache) -> None:
    pin = read_pin(str(pinned), proxy.module)
    proxy.serve({"config/crd/a.yaml": "kind: Evil\n"})
    with pytest.raises(ModuleError) as error:
        download(pin, go, fresh, QUIET)
    message = str(error.value)
    assert f"example.test/data@v1.0.0 is not what {pinned}/go.sum pins" in message
    assert f"GOMODCACHE={fresh.modules} go clean -modcache" in message
    assert not Path(module_folder(pin, fresh)).exists()


def test_files_that_were_changed_in_the_cache_are_found(
    pinned: Path, proxy: ModuleProxy, go: str, fresh: Cache
) -> None:
    pin = read_pin(str(pinned), proxy.module)
    folder = Path(download(pin, go, fresh, QUIET))
    changed = folder / "config/crd/a.yaml"
    changed.chmod(0o644)
    changed.write_text("kind: Evil\n", encoding="utf-8")
    with pytest.raises(ModuleError, match="files in it were changed"):
        download(pin, go, fresh, QUIET)
    shutil.rmtree(folder)
    download(pin, go, fresh, QUIET)
    assert changed.read_text(encoding="utf-8") == "kind: A\n"


def test_a_module_for_a_newer_go_is_good_for_its_files(pinned: Path, proxy: ModuleProxy, go: str, fresh: Cache) -> None:
    """As the Gateway API 1.7 with Go 1.26. Nothing is compiled, so only the checksum counts."""
    proxy.serve({"config/crd/a.yaml": "kind: A\n", "Readme.md": "", "LICENSE": "free"}, go_version="1.99.0")
    with pytest.raises(ModuleError, match=r"go\.sum pins"):
        download(read_pin(str(pinned), proxy.module), go, fresh, QUIET)
    pin = read_pin(str(ROOT / "roles/crds/files/gateway-api-1.7"), "sigs.k8s.io/gateway-api")
    assert pin.version == "v1.7.0"


@pytest.mark.parametrize(
    ("goproxy", "problem", "mend"),
    [
        ("http://127.0.0.1:9", r"proxy \(http://127.0.0.1:9\) cannot be reached: connection refused", "Set GOPROXY"),
        ("off", "GOPROXY=off forbids to download it", "Set GOPROXY"),
        ("file:///no/such/folder", "cannot be had", "no such file"),
    ],
)
def test_a_proxy_that_is_not_there(
    pinned: Path,
    proxy: ModuleProxy,
    go: str,
    fresh: Cache,
    monkeypatch: pytest.MonkeyPatch,
    goproxy: str,
    problem: str,
    mend: str,
) -> None:
    monkeypatch.setenv("GOPROXY", goproxy)
    with pytest.raises(ModuleError, match=problem) as error:
        download(read_pin(str(pinned), proxy.module), go, fresh, QUIET)
    assert mend in str(error.value)


@pytest.mark.parametrize(("minor", "kinds"), [("1.5", 8), ("1.7", 10)])
def test_the_gateway_api_is_what_is_pinned(go: str, minor: str, kinds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = read_pin(str(ROOT / f"roles/crds/files/gateway-api-{minor}"), "sigs.k8s.io/gateway-api")
    assert pin.version.startswith(f"v{minor}.")
    folder = Path(download(pin, go, Cache.at(), QUIET), "config/crd/standard")
    objects = [
        document
        for file in sorted(folder.glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if document
    ]
    crds = [document for document in objects if document["kind"] == "CustomResourceDefinition"]
    assert len(crds) == kinds
    for crd in crds:
        annotations = crd["metadata"]["annotations"]
        assert annotations["gateway.networking.k8s.io/bundle-version"] == pin.version
        assert annotations["gateway.networking.k8s.io/channel"] == "standard"
    assert sorted(document["kind"] for document in objects if document not in crds) == [
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
