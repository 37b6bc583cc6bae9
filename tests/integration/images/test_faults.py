# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with registries, and what is said about it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from .conftest import PASSWORD, Authority, Registry
from .pipe import Pipe, refusing

Image = Callable[..., dict[str, Any]]
CraneCall = Callable[..., str]


@pytest.fixture
def options(registry: Registry, program: Path) -> dict[str, Any]:
    return {"name": f"{registry.host}/app:1", "push": True, "files": [{"src": str(program), "dest": "/program"}]}


def test_a_wrong_password(image: Image, registry: Registry, options: dict[str, Any]) -> None:
    for wrong in ({"password": "not-the-right-one"}, {"username": None, "password": None, "docker_config": None}):
        done = image(**{**options, **wrong, "retries": 3})
        assert done["failed"]
        assert f"{registry.host} wants other credentials for {registry.host}/app:1" in done["msg"]
        assert "docker_config" in done["msg"]
        assert "not-the-right-one" not in json.dumps(done)
        assert "tried" not in done["msg"]
    assert [path for path in registry.writes() if "blobs" not in path] == []


def test_the_password_is_nowhere(
    image: Image, options: dict[str, Any], tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another crane stands in the way and writes down how it is called, then does the work."""
    spy = tmp_path / "spy"
    spy.write_text(
        f'#!/bin/sh\n{{ echo "$@"; stat -c "%a %n" "$DOCKER_CONFIG" "$DOCKER_CONFIG"/*; env; }} >> {tmp_path}/seen\n'
        f'exec {programs}/crane "$@"\n',
        encoding="utf-8",
    )
    spy.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    done = image(**options, crane=str(spy), diff=True)
    assert done["pushed"]
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    modes = {line.split()[0] for line in seen.splitlines() if line[0] in "67"}
    assert modes == {"700", "600"}
    assert PASSWORD not in seen
    assert PASSWORD not in json.dumps(done)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_ca_that_is_not_trusted(image: Image, registry: Registry, options: dict[str, Any], tmp_path: Path) -> None:
    other = Authority(tmp_path, "other-ca")
    for ca_path in (None, str(other.path)):
        done = image(**{**options, "ca_path": ca_path})
        assert done["failed"]
        assert f"The certificate of {registry.host} is signed by a CA that is not trusted" in done["msg"]
        assert "ca_path" in done["msg"]
    done = image(**{**options, "ca_path": str(tmp_path / "none")})
    assert "none" in done["msg"]
    (tmp_path / "empty.pem").write_text("no certificate", encoding="utf-8")
    assert "holds no certificate" in image(**{**options, "ca_path": str(tmp_path / "empty.pem")})["msg"]
    assert registry.writes() == []


def test_the_users_own_cas_count_too(
    image: Image,
    options: dict[str, Any],
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Authority(tmp_path, "other-ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    assert image(**{**options, "ca_path": str(other.path)}).get("pushed")


def test_a_registry_without_tls(image: Image, new_registry: Callable[..., Registry], program: Path) -> None:
    plain = new_registry(authority=None)
    options = {
        "name": f"{plain.host}/app:1",
        "push": True,
        "files": [{"src": str(program), "dest": "/program"}],
        "username": None,
        "password": None,
    }
    refused = image(**options)
    assert f"{plain.host} does not speak TLS" in refused["msg"]
    assert "plain_http" in refused["msg"]
    assert plain.requests() == []
    assert image(**options, plain_http=True).get("pushed")
    assert not image(**options, plain_http=True)["changed"]


def test_plain_http_is_no_way_around_a_certificate(image: Image, registry: Registry, options: dict[str, Any]) -> None:
    refused = image(**options, plain_http=True)
    assert "speaks TLS, but plain_http is set" in refused["msg"]
    assert registry.writes() == []


def test_a_registry_that_is_down(image: Image, registry: Registry, options: dict[str, Any]) -> None:
    registry.stop()
    began = time.monotonic()
    done = image(**options, retries=1)
    assert f"{registry.host} cannot be reached: connection refused. (tried 2 times)" in done["msg"]
    assert 1 <= time.monotonic() - began < 5


def test_a_registry_that_comes_back_during_the_retries(
    image: Image, registry: Registry, options: dict[str, Any], crane: CraneCall
) -> None:
    registry.stop()
    starter = threading.Timer(2.0, registry.start)
    starter.start()
    done = image(**options, retries=5)
    starter.join()
    assert done.get("pushed"), done
    assert crane(registry, "digest", options["name"]).strip() == done["digest"]


@pytest.fixture
def big(tmp_path: Path) -> list[dict[str, Any]]:
    """Layers that take a while: random, so that nothing is shared."""
    for number in range(3):
        (tmp_path / f"big-{number}").write_bytes(os.urandom(20_000_000))
    return [{"src": str(tmp_path / f"big-{number}"), "dest": f"/big-{number}"} for number in range(3)]


def test_a_connection_that_breaks_once(
    image: Image, registry: Registry, big: list[dict[str, Any]], crane: CraneCall
) -> None:
    pipe = Pipe(registry.port, after=10_000_000)
    try:
        name = f"127.0.0.1:{pipe.port}/app:1"
        done = image(name=name, push=True, files=big, retries=3)
    finally:
        pipe.close()
    assert done.get("pushed"), done
    assert pipe.cuts == 1
    assert crane(registry, "digest", f"{registry.host}/app:1").strip() == done["digest"]
    assert registry.holds(done["digest"])


def test_a_registry_that_is_killed_in_mid_push(image: Image, registry: Registry, big: list[dict[str, Any]]) -> None:
    starter = threading.Timer(1.5, registry.start)

    def kill() -> None:
        registry.stop(signal.SIGKILL)
        starter.start()

    pipe = Pipe(registry.port, after=10_000_000, trip=kill)
    try:
        done = image(name=f"127.0.0.1:{pipe.port}/app:1", push=True, files=big, retries=5)
    finally:
        pipe.close()
        starter.join()
    assert done.get("pushed"), done
    assert pipe.cuts == 1
    assert registry.holds(done["digest"])


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "does not allow this to these credentials"),
        (503, "has a problem of its own: 503 Service Unavailable"),
    ],
)
def test_a_registry_that_refuses(
    image: Image, authority: Authority, options: dict[str, Any], tmp_path: Path, status: int, message: str
) -> None:
    with refusing(*authority.issue(tmp_path), [status]) as (port, asked):
        done = image(**{**options, "name": f"127.0.0.1:{port}/app:1"})
    assert message in done["msg"]
    assert asked


def test_a_call_that_takes_too_long(image: Image, options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "slow").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    (tmp_path / "slow").chmod(0o755)
    began = time.monotonic()
    done = image(**options, crane=str(tmp_path / "slow"), timeout=1)
    assert "did not finish within 1 seconds" in done["msg"]
    assert time.monotonic() - began < 5


def test_a_base_that_is_not_there(image: Image, registry: Registry, options: dict[str, Any]) -> None:
    for base in (f"{registry.host}/none:1", f"{registry.host}/none@sha256:{'0' * 64}"):
        done = image(**{**options, "base": base})
        assert f"{registry.host} does not have {base}" in done["msg"]
    assert image(**options)["pushed"]
    done = image(**{**options, "base": f"{registry.host}/app:2"})
    assert f"{registry.host} does not have {registry.host}/app:2" in done["msg"]


def test_a_base_for_another_machine(image: Image, registry: Registry, options: dict[str, Any]) -> None:
    other = [{"platform": "linux/s390x"}]
    image(**{**options, "name": f"{registry.host}/base:1", "platforms": other})
    done = image(**{**options, "base": f"{registry.host}/base:1", "platforms": [{"platform": "linux/arm64"}]})
    assert "The base is for linux/s390x, the image for linux/arm64" in done["msg"]
    both = [{"platform": "linux/s390x"}, {"platform": "linux/ppc64le"}]
    image(**{**options, "name": f"{registry.host}/base:2", "platforms": both})
    done = image(**{**options, "base": f"{registry.host}/base:2", "platforms": [{"platform": "linux/arm64"}]})
    assert "has no image for linux/arm64, only for linux/ppc64le, linux/s390x" in done["msg"]


def test_a_base_that_was_changed_in_the_registry(
    image: Image, registry: Registry, options: dict[str, Any], tmp_path: Path
) -> None:
    base = image(**{**options, "name": f"{registry.host}/base:1"})
    (tmp_path / "own").write_text("own", encoding="utf-8")
    own = {**options, "base": base["reference"], "files": [{"src": str(tmp_path / "own"), "dest": "/own"}]}
    manifest = registry.blob(base["digest"])
    layer = registry.blob(json.loads(manifest.read_bytes())["layers"][0]["digest"])
    for victim, harm in ((layer, lambda whole: whole[:-1] + b"!"), (manifest, lambda whole: whole + b" ")):
        whole = victim.read_bytes()
        victim.write_bytes(harm(whole))
        done = image(**own)
        assert done["failed"]
        assert "other content" in done["msg"], done
        victim.write_bytes(whole)
    assert image(**own)["pushed"]


def test_a_host_that_does_not_exist(image: Image, options: dict[str, Any]) -> None:
    done = image(**{**options, "name": "registry.invalid/app:1"}, retries=3)
    assert "registry.invalid cannot be found" in done["msg"]


def test_a_crane_that_is_not_there(image: Image, options: dict[str, Any]) -> None:
    done = image(**options, crane="/no/crane")
    assert "crane: there is no command /no/crane" in done["msg"]
    assert "go_tool" in done["msg"]
