# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at real Go projects, with modules from a proxy in a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.project import SDK, SDK_VERSION
from ansible_collections.servicemesh.platform.plugins.modules.go_project_info import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

from .test_tool import Proxy

COPY = "github.com/deislabs/smi-sdk-go"
TYPES = "package {}\n\ntype TrafficSplit struct{{}}\n"


class Project:
    """A project that imports the SMI SDK, and the module that looks at it."""

    def __init__(self, folder: Path, go: str) -> None:
        self.folder, self.go_command = folder, go
        folder.mkdir(parents=True)
        self.go("mod", "init", "example.test/controller")
        self.imports(f"{SDK}/pkg/apis/split/v1alpha2")
        self.go("get", f"{SDK}@{SDK_VERSION}")
        self.go("mod", "tidy")

    def go(self, *arguments: str) -> None:
        subprocess.run([self.go_command, *arguments], cwd=self.folder, check=True, capture_output=True)

    def imports(self, *packages: str) -> None:
        lines = "\n".join(f'import _ "{package}"' for package in packages)
        (self.folder / "main.go").write_text(f"package main\n\n{lines}\n\nfunc main() {{}}\n", encoding="utf-8")

    def look(self, **options: Any) -> dict[str, Any]:
        given = {"source": str(self.folder), "go": self.go_command, **options}
        result = call(INTERFACE, given, check_mode=True, diff=False)
        assert not result.get("failed"), result["msg"]
        return result

    def found(self, **options: Any) -> dict[str, tuple[str, str]]:
        """Severity and message by the name of the check."""
        findings = self.look(**options)["findings"]
        return {finding["id"]: (finding["severity"], finding["message"]) for finding in findings}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The SMI SDK and an older copy of it, as small as can be."""
    proxy = Proxy(tmp_path / "proxy")
    for module, version in ((SDK, SDK_VERSION), (SDK, "v0.4.1"), (COPY, "v0.3.0")):
        files = {f"pkg/apis/split/{api}/types.go": TYPES.format(api) for api in ("v1alpha1", "v1alpha2", "v1alpha4")}
        proxy.serve(module, version, files)
    settings = {"GOPROXY": proxy.url, "GONOSUMDB": "*", "GOMODCACHE": str(tmp_path / "mod"), "GOFLAGS": "-modcacherw"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return proxy


@pytest.fixture
def project(tmp_path: Path, served: Proxy, go: str) -> Project:
    return Project(tmp_path / "controller", go)


def test_a_project_in_order(project: Project) -> None:
    before = {file.name: file.read_bytes() for file in project.folder.iterdir()}
    result = project.look(served={"split": ["v1alpha2"]})
    assert {finding["severity"] for finding in result["findings"]} == {"ok"}
    assert {finding["id"] for finding in result["findings"]} == {
        "go-module-mode",
        "go-proxy",
        "go-tidy",
        "go-verify",
        "smi-sdk-version",
        "smi-sdk-api",
    }
    assert result["apis"] == {"split": ["v1alpha2"]}
    assert result["modules"][SDK] == SDK_VERSION
    assert {file.name: file.read_bytes() for file in project.folder.iterdir()} == before


def test_gopath_mode(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GO111MODULE", "off")
    assert project.found()["go-module-mode"][0] == "error"
    monkeypatch.setenv("GO111MODULE", "auto")
    source = tmp_path / "go" / "src" / "controller"
    source.parent.mkdir(parents=True)
    project.folder.rename(source)
    project.folder = source
    monkeypatch.setenv("GOPATH", str(tmp_path / "go"))
    found = project.found()
    assert (found["go-module-mode"][0], found["go-in-gopath"][0]) == ("ok", "info")
    (source / "go.mod").unlink()
    (finding,) = [each for each in project.look()["findings"] if each["id"] == "go-module-mode"]
    assert finding["message"] == "there is no go.mod, in the folder or above it"
    assert "`go mod init MODULE`" in finding["mend"]


def test_settings_of_the_user(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOSUMDB", "off")
    monkeypatch.setenv("GOFLAGS", "-modcacherw -mod=mod")
    found = project.found()
    assert [found[check][0] for check in ("go-sumdb", "go-flags")] == ["warning", "warning"]
    monkeypatch.setenv("GOPROXY", "https://me:geheim@127.0.0.1:9")
    severity, message = project.found()["go-proxy"]
    assert severity == "error"
    assert "cannot be reached" in message
    assert "geheim" not in str(project.look())
    assert "go-proxy" not in project.found(ask_proxy=False)
    monkeypatch.setenv("GOPROXY", "off")
    assert project.found()["go-proxy"] == ("info", "off: nothing is downloaded")


def test_what_tidy_would_change(project: Project) -> None:
    project.imports()
    severity, message = project.found()["go-tidy"]
    assert severity == "warning"
    assert f"-require {SDK} {SDK_VERSION}" in message


def test_a_missing_checksum(project: Project) -> None:
    (project.folder / "go.sum").unlink()
    found = project.found()
    assert found["go-modules" if "go-modules" in found else "go-packages"][0] == "error"
    assert any("has no checksum for" in message for _severity, message in found.values())


def test_a_cache_that_was_changed(project: Project, tmp_path: Path) -> None:
    changed = tmp_path / "mod" / f"{SDK}@{SDK_VERSION}" / "go.mod"
    changed.chmod(0o644)
    changed.write_text("module evil\n", encoding="utf-8")
    (finding,) = [each for each in project.look()["findings"] if each["id"] == "go-verify"]
    assert finding["severity"] == "error"
    assert "has been modified" in finding["message"]
    assert "go clean -modcache" in finding["mend"]


def test_a_vendor_folder_that_is_behind(project: Project) -> None:
    project.go("mod", "vendor")
    assert project.found()["go-vendor"][0] == "ok"
    project.go("get", f"{SDK}@v0.4.1")
    severity, message = project.found()["go-vendor"]
    assert severity == "error"
    assert "inconsistent vendoring" in message


def test_replacements(project: Project, served: Proxy) -> None:
    project.go("mod", "edit", f"-replace={SDK}=../sdk")
    sdk = project.folder.parent / "sdk"
    (sdk / "pkg/apis/split/v1alpha2").mkdir(parents=True)
    (sdk / "go.mod").write_text(f"module {SDK}\n\ngo 1.26.0\n", encoding="utf-8")
    (sdk / "pkg/apis/split/v1alpha2/types.go").write_text(TYPES.format("v1alpha2"), encoding="utf-8")
    assert project.found()["go-replace"] == ("warning", f"{SDK} is replaced by the folder ../sdk")
    project.go("mod", "edit", f"-replace={SDK}={COPY}@v0.3.0")
    project.go("mod", "tidy")
    assert project.found()["go-fork"] == ("warning", f"{SDK} is replaced by {COPY} v0.3.0")


def test_copies_and_versions_of_the_sdk(project: Project) -> None:
    project.imports(f"{SDK}/pkg/apis/split/v1alpha4", f"{COPY}/pkg/apis/split/v1alpha1")
    project.go("get", f"{SDK}@v0.4.1", f"{COPY}@v0.3.0")
    result = project.look(served={"split": ["v1alpha4"]})
    found = {finding["id"]: finding for finding in result["findings"]}
    assert found["smi-sdk-copies"]["severity"] == "error"
    assert f"go mod why -m {SDK}" in found["smi-sdk-copies"]["mend"] or COPY in found["smi-sdk-copies"]["mend"]
    assert found["smi-sdk-version"]["severity"] == "warning"
    assert result["apis"] == {"split": ["v1alpha1", "v1alpha4"]}
    assert found["smi-sdk-api"]["message"] == (
        "works with split.smi-spec.io in v1alpha1, v1alpha4, and served is v1alpha4"
    )


def test_the_apis_of_the_mesh_that_is_installed(project: Project) -> None:
    assert project.found(consumers=["open-service-mesh"])["smi-sdk-api"][0] == "ok"
    severity, message = project.found(consumers=["istio-smi-controller"])["smi-sdk-api"]
    assert (severity, "served is v1alpha4" in message) == ("error", True)
    assert "smi-sdk-api" not in project.found()
    given = {"source": str(project.folder), "go": project.go_command, "consumers": ["nobody"]}
    assert call(INTERFACE, given, check_mode=False, diff=False)["failed"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"source": "/no/folder"}, "is no folder"), ({"go": "/no/go"}, "go: /no/go: No such file")],
)
def test_what_cannot_be_looked_at(tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    result = call(INTERFACE, {"source": str(tmp_path), **options}, check_mode=False, diff=False)
    assert result["failed"]
    assert expected in result["msg"]
