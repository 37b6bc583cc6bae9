# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with Python: built of real packages, pushed to a real registry, pulled from there, unpacked and run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.plugins.plugin_utils.python_images import INTERFACE

from .conftest import PASSWORD, USER, Authority, Registry

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "roles/smi_controller/files/image/requirements.txt"
PARTS = ["smi", "kube", "serving", "smi_controller", "smi_metrics", "findings.py"]
MODULES = "ansible_collections.servicemesh.platform.plugins.module_utils"
LARGEST = 60_000_000
UID = 65532
CraneCall = Callable[..., str]
needs_debian = pytest.mark.skipif(not shutil.which("apt-get"), reason="packages of Debian are for Debian and Ubuntu")

Build = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where parts are kept for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def build(cache: Path, programs: Path, authority: Authority, registry: Registry) -> Build:
    def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "name": "smi",
            "requirements": str(LOCK),
            "module_utils": PARTS,
            "ports": ["9443", "8080"],
            "registry": f"{registry.host}/mesh",
            "username": USER,
            "password": PASSWORD,
            "ca_path": str(authority.path),
            "crane": str(programs / "crane"),
            "cache_dir": str(cache),
            **options,
        }
        result = call(
            INTERFACE, {key: value for key, value in arguments.items() if value is not None}, check_mode, False
        )
        assert PASSWORD not in json.dumps(result)
        return result

    return run


def pulled(crane: CraneCall, registry: Registry, reference: str, folder: Path) -> Path:
    """The file system of an image, as a node would unpack it."""
    archive, root = folder / "image.tar", folder / "root"
    crane(registry, "export", reference, str(archive))
    with tarfile.open(archive) as stream:
        stream.extractall(root, filter="fully_trusted")
    return root


def inside(root: Path, entrypoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the entry point in the file system as the user of the image."""
    environment = {"PYTHONPATH": "/app:/app/packages", "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(UID)
        os.setuid(UID)

    command = [entrypoint, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, preexec_fn=enter)


@needs_debian
def test_what_is_built_is_pushed_once_and_runs(
    build: Build, crane: CraneCall, registry: Registry, tmp_path: Path
) -> None:
    foreseen = build(check_mode=True)
    first = build()
    assert first["changed"], first
    assert foreseen["changed"]
    assert first["state"] == "pushed"
    assert first["reference"] == f"{registry.host}/mesh/smi@{first['digest']}"
    assert registry.holds(first["digest"])
    assert 0 < first["size"] < LARGEST
    config = json.loads(crane(registry, "config", first["reference"]))
    assert config["config"]["Entrypoint"] == [first["interpreter"]]
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["ExposedPorts"] == {"8080/tcp": {}, "9443/tcp": {}}

    before = registry.writes()
    second = build()
    assert second["version"] == first["version"], "the sources were changed while the test ran"
    assert not second["changed"]
    assert second["reference"] == first["reference"]
    assert not build(check_mode=True)["changed"]
    assert registry.writes() == before

    if os.geteuid() != 0:
        pytest.skip("only root can change its root folder")
    root = pulled(crane, registry, first["reference"], tmp_path)
    program = (
        "import ssl, asyncio, aiohttp, prometheus_client, urllib3, json, os;"
        "from aiohttp import _http_parser;"
        "print(json.dumps([os.getuid(), len(ssl.create_default_context().get_ca_certs()) > 50]))"
    )
    done = inside(root, first["interpreter"], "-c", program)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [UID, True]
    for name in ("smi_controller", "smi_metrics"):
        done = inside(root, first["interpreter"], "-m", f"{MODULES}.{name}", "--help")
        assert done.returncode == 0, done.stderr
        assert "--certificates" in done.stdout
    compiled = root / f"usr/lib/python{first['python_version']}/__pycache__"
    assert list(compiled.glob("json*.pyc")) or list((compiled.parent / "json/__pycache__").glob("*.pyc"))
    assert (root / "lib").is_symlink()


@needs_debian
def test_a_fresh_cache_gives_the_same_digest(build: Build, tmp_path: Path) -> None:
    options = {
        "registry": None,
        "username": None,
        "password": None,
        "module_utils": ["findings.py"],
        "requirements": None,
    }
    digests = {
        build(**options, path=str(tmp_path / f"{name}.tar"), cache_dir=str(tmp_path / name))["digest"]
        for name in ("one", "two")
    }
    assert len(digests) == 1
    assert "" not in digests


def test_on_top_of_a_base(build: Build, crane: CraneCall, registry: Registry, image: Any, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    marker.write_text("of the base", encoding="utf-8")
    files = [{"src": str(marker), "dest": "/usr/local/bin/python3", "mode": "0755"}]
    base = image(name=f"{registry.host}/base/python:1", push=True, files=files)
    result = build(base=base["reference"], python_version="3.12")
    assert result["state"] == "pushed", result
    assert (result["python_version"], result["interpreter"]) == ("3.12", "/usr/local/bin/python3")
    root = pulled(crane, registry, result["reference"], tmp_path)
    assert (root / "usr/local/bin/python3").read_text(encoding="utf-8") == "of the base"
    assert list((root / "app/packages/aiohttp").glob("_http_parser.cpython-312-*.so"))
    assert (root / "app" / MODULES.replace(".", "/") / "smi_controller/__main__.py").is_file()
    assert not build(base=base["reference"], python_version="3.12")["changed"]


def test_without_a_registry_it_is_only_named(build: Build, cache: Path) -> None:
    result = build(registry=None, username=None, password=None, version="1.0")
    assert (result["state"], result["changed"]) == ("named", False)
    assert result["reference"] == "registry.embedded/smi:1.0"


def test_a_lock_file_that_lies_is_refused(build: Build, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"idna==3.20 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    refused = build(requirements=str(lock), base="registry.example.com/python:1", python_version="3.12")
    assert refused["failed"]
    assert "Do not use the package: it is not the one that was locked." in refused["msg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("idna==3.20\n", "does not pin idna to a version (==) with hashes"),
        (f"idna>=3 --hash=sha256:{'0' * 64}\n", "does not pin idna"),
        ("-r other.txt\n", "has an entry that is no requirement: '-r other.txt'"),
    ],
)
def test_a_lock_file_without_versions_or_hashes(build: Build, tmp_path: Path, text: str, message: str) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(text, encoding="utf-8")
    refused = build(requirements=str(lock), base="registry.example.com/python:1", python_version="3.12")
    assert refused["failed"]
    assert message in refused["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "registry.example.com/python:1"}, "python_version: it is missing"),
        ({"base": "registry.example.com/python:1", "python_version": "3.8"}, "python_version: '3.8' cannot be used"),
        ({"module_utils": ["nothing"]}, "module_utils: there is no 'nothing'"),
        ({"module_utils": ["../modules"]}, "module_utils: there is no '../modules'"),
        (
            {"base": "registry.example.com/python:1", "python_version": "3.13", "download": False},
            "nothing may be fetched",
        ),
    ],
)
def test_what_cannot_be(build: Build, options: dict[str, Any], message: str) -> None:
    refused = build(**options)
    assert refused["failed"]
    assert message in refused["msg"]


def test_without_apt_a_base_is_offered(build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = build(cache_dir=str(tmp_path))
    assert refused["failed"]
    assert "There is no apt-get and no apt-cache and no dpkg-deb on this machine" in refused["msg"]
    assert "name an image with Python in base" in refused["msg"]
