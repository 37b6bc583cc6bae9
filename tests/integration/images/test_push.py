# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building, pushing, bases, indexes and removal against a real registry."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from .conftest import PASSWORD, USER, Authority, Registry

Image = Callable[..., dict[str, Any]]
CraneCall = Callable[..., str]


def files(program: Path) -> list[dict[str, Any]]:
    return [{"src": str(program), "dest": "/app/program"}]


def exported(crane: CraneCall, registry: Registry, reference: str, folder: Path) -> dict[str, bytes]:
    """The files of an image as crane unpacks them."""
    archive = folder / "exported.tar"
    crane(registry, "export", reference, str(archive))
    with tarfile.open(archive) as stream:
        members = [member for member in stream.getmembers() if member.isfile()]
        return {member.name: (stream.extractfile(member) or io.BytesIO()).read() for member in members}


def test_an_image_is_pushed_once(
    image: Image, crane: CraneCall, registry: Registry, program: Path, tmp_path: Path
) -> None:
    options = {
        "name": f"{registry.host}/team/app:1.0",
        "push": True,
        "files": files(program),
        "entrypoint": ["/app/program"],
        "env": {"A": 1},
        "ports": [8080],
        "labels": {"team": "mesh"},
        "version": "1.0",
        "revision": "abc",
    }
    first = image(**options)
    assert first["changed"], first
    assert first["pushed"]
    assert first["reference"] == f"{registry.host}/team/app@{first['digest']}"

    assert crane(registry, "digest", options["name"]).strip() == first["digest"]
    assert registry.holds(first["digest"])
    config = json.loads(crane(registry, "config", options["name"]))
    assert config["config"] == {
        "Entrypoint": ["/app/program"],
        "Env": ["A=1"],
        "ExposedPorts": {"8080/tcp": {}},
        "Labels": {
            "team": "mesh",
            "org.opencontainers.image.version": "1.0",
            "org.opencontainers.image.revision": "abc",
        },
        "User": "65532:65532",
        "WorkingDir": "/",
    }
    assert exported(crane, registry, first["reference"], tmp_path) == {"app/program": program.read_bytes()}
    manifest = crane(registry, "manifest", options["name"])
    document = json.loads(manifest)
    assert first["size"] == len(manifest) + document["config"]["size"] + sum(
        layer["size"] for layer in document["layers"]
    )

    sent = registry.writes()
    assert sent
    second = image(**options)
    assert not second["changed"]
    assert not second["pushed"]
    assert (second["digest"], second["size"]) == (first["digest"], first["size"])
    assert registry.writes() == sent


BUILD = """
import json, os, sys
os.umask(int(sys.argv[1], 8))
from ansible_collections.servicemesh.platform.plugins.modules.oci_image import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
print(call(INTERFACE, json.loads(sys.argv[2]), False, False)["digest"])
"""


def test_builds_at_other_times_and_umasks_have_one_digest(tmp_path: Path) -> None:
    digests = set()
    for umask, moment in (("022", 1), ("077", 1_900_000_000), ("002", 1_000_000_000)):
        folder = tmp_path / umask
        before = os.umask(int(umask, 8))
        try:
            for name in ("b/y", "a/x") if umask == "077" else ("a/x", "b/y"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(name, encoding="utf-8")
                os.utime(folder / name, (moment, moment))
        finally:
            os.umask(before)
        options = {
            "path": str(tmp_path / f"{umask}.tar"),
            "name": "registry.example.com/app:1",
            "files": [{"src": str(folder), "dest": "/app"}],
        }
        command = [sys.executable, "-c", BUILD, umask, json.dumps(options)]
        environment = {**os.environ, "TZ": f"UTC{len(digests)}", "PYTHONHASHSEED": str(moment % 1000)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout.strip())
        time.sleep(1.1)
    assert len(digests) == 1
    assert digests.pop().startswith("sha256:")
    archives = {(tmp_path / f"{umask}.tar").read_bytes() for umask in ("022", "077", "002")}
    assert len(archives) == 1


def test_an_index_gives_each_machine_its_own(
    image: Image, crane: CraneCall, registry: Registry, program: Path, tmp_path: Path
) -> None:
    platforms = []
    for name in ("amd64", "arm64"):
        (tmp_path / name).write_text(name, encoding="utf-8")
        platforms.append({"platform": f"linux/{name}", "files": [{"src": str(tmp_path / name), "dest": "/machine"}]})
    options = {
        "name": f"{registry.host}/multi:1",
        "push": True,
        "path": str(tmp_path / "multi"),
        "files": files(program),
        "platforms": platforms,
    }
    done = image(**options)
    assert done["changed"], done
    index = json.loads(crane(registry, "manifest", options["name"]))
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert {
        f"{entry['platform']['os']}/{entry['platform']['architecture']}": entry["digest"]
        for entry in index["manifests"]
    } == done["images"]
    for name in ("amd64", "arm64"):
        reference = f"{registry.host}/multi@{done['images'][f'linux/{name}']}"
        found = exported(crane, registry, reference, tmp_path)
        assert found == {"app/program": program.read_bytes(), "machine": name.encode()}
        config = json.loads(crane(registry, "config", "--platform", f"linux/{name}", options["name"]))
        assert config["architecture"] == name
    assert registry.holds(done["digest"])
    assert not image(**options)["changed"]

    on_top = image(name=f"{registry.host}/top:1", push=True, base=str(tmp_path / "multi"), platforms=platforms)
    assert on_top["changed"], on_top
    assert len(on_top["images"]) == 2


def test_a_base_from_the_registry(
    image: Image, crane: CraneCall, registry: Registry, program: Path, tmp_path: Path
) -> None:
    base = image(name=f"{registry.host}/base:1", push=True, files=files(program), env={"A": "1"}, user="0")
    (tmp_path / "own").write_text("own", encoding="utf-8")
    options = {
        "name": f"{registry.host}/top:1",
        "push": True,
        "base": base["reference"],
        "files": [{"src": str(tmp_path / "own"), "dest": "/own"}],
    }
    done = image(**options)
    assert done["changed"], done
    found = exported(crane, registry, done["reference"], tmp_path)
    assert found == {"app/program": program.read_bytes(), "own": b"own"}
    config = json.loads(crane(registry, "config", options["name"]))["config"]
    assert (config["Env"], config["User"]) == (["A=1"], "65532:65532")
    assert config["Labels"] == {"org.opencontainers.image.base.digest": base["digest"]}

    asked = len(registry.requests())
    assert not image(**options)["changed"]
    layer = json.loads(crane(registry, "manifest", base["reference"]))["layers"][0]["digest"]
    assert not [path for method, path, _status in registry.requests()[asked:] if layer in path and method == "GET"]

    moved = image(**{**options, "base": f"{registry.host}/base:1"})
    assert (moved["changed"], moved["digest"]) == (False, done["digest"])


@pytest.mark.parametrize("form", ["oci", "legacy", "tarball"])
def test_a_base_from_what_crane_pulls(
    image: Image, crane: CraneCall, registry: Registry, program: Path, tmp_path: Path, form: str
) -> None:
    base = image(name=f"{registry.host}/base:1", push=True, files=files(program))
    crane(registry, "pull", "--format", form, base["reference"], str(tmp_path / "pulled"))
    (tmp_path / "own").write_text("own", encoding="utf-8")
    done = image(
        name=f"{registry.host}/top:1",
        push=True,
        base=str(tmp_path / "pulled"),
        files=[{"src": str(tmp_path / "own"), "dest": "/own"}],
    )
    assert done["changed"], done
    assert registry.holds(done["digest"])
    found = exported(crane, registry, done["reference"], tmp_path)
    assert found == {"app/program": program.read_bytes(), "own": b"own"}


def test_an_archive_on_disk_is_what_is_in_the_registry(
    image: Image, crane: CraneCall, registry: Registry, program: Path, tmp_path: Path
) -> None:
    options = {"name": f"{registry.host}/app:1", "files": files(program)}
    written = image(**options, path=str(tmp_path / "app.tar"))
    pushed = image(**options, push=True, path=str(tmp_path / "app.tar"))
    assert (written["pushed"], pushed["pushed"], pushed["changed"]) == (False, True, True)
    assert written["digest"] == pushed["digest"] == crane(registry, "digest", options["name"]).strip()
    shutil.rmtree(registry.data)
    assert image(**options, push=True)["pushed"]


def test_a_moved_tag_is_put_back(image: Image, crane: CraneCall, registry: Registry, program: Path) -> None:
    options = {"name": f"{registry.host}/app:1", "push": True, "files": files(program), "version": "1"}
    first = image(**options)
    image(**{**options, "version": "2"})
    back = image(**options, diff=True)
    assert back["pushed"]
    assert back["digest"] == first["digest"] == crane(registry, "digest", options["name"]).strip()
    assert back["diff"]["before"]["registry"]["labels"] == {"org.opencontainers.image.version": "2"}
    assert back["diff"]["after"]["registry"] == {
        "digest": first["digest"],
        "labels": {"org.opencontainers.image.version": "1"},
    }


def test_check_mode_sends_and_writes_nothing(image: Image, registry: Registry, program: Path, tmp_path: Path) -> None:
    options = {
        "name": f"{registry.host}/app:1",
        "push": True,
        "path": str(tmp_path / "out/app"),
        "files": files(program),
    }
    told = image(**options, check_mode=True, diff=True)
    assert (told["changed"], told["pushed"]) == (True, True)
    assert told["diff"]["before"] == {"path": None, "registry": None}
    assert not (tmp_path / "out").exists()
    assert registry.writes() == []
    done = image(**options)
    assert (done["digest"], done["size"]) == (told["digest"], told["size"])
    assert not image(**options, check_mode=True)["changed"]
    sent = registry.writes()
    assert image(name=options["name"], state="absent", check_mode=True)["changed"]
    assert registry.writes() == sent


def test_in_check_mode_what_is_still_to_be_made_is_no_error(image: Image, registry: Registry, tmp_path: Path) -> None:
    options = {"name": f"{registry.host}/app:1", "push": True, "files": files(tmp_path / "later")}
    told = image(**options, check_mode=True)
    assert (told["changed"], told["digest"], told["pushed"]) == (True, None, True)
    assert "is not there" in told["warnings"][0]
    assert "is not there" in image(**options)["msg"]
    absent = image(**options, crane="/no/crane", check_mode=True)
    assert (absent["changed"], absent["digest"]) == (True, None)


def test_a_tag_is_removed_and_others_stay(image: Image, crane: CraneCall, registry: Registry, program: Path) -> None:
    for tag in ("1", "latest"):
        assert image(name=f"{registry.host}/app:{tag}", push=True, files=files(program))["pushed"]
    removed = image(name=f"{registry.host}/app:latest", state="absent", diff=True)
    assert removed["changed"], removed
    assert removed["diff"]["after"] == {"registry": None}
    assert crane(registry, "ls", f"{registry.host}/app").split() == ["1"]
    assert not image(name=f"{registry.host}/app:latest", state="absent")["changed"]
    assert not image(name=f"{registry.host}/never:1", state="absent")["changed"]

    digest = crane(registry, "digest", f"{registry.host}/app:1").strip()
    assert image(name=f"{registry.host}/app@{digest}", state="absent")["changed"]
    assert not image(name=f"{registry.host}/app:1", state="absent")["changed"]


def test_a_registry_that_forbids_removal(image: Image, new_registry: Callable[..., Registry], program: Path) -> None:
    registry = new_registry(deletes=False)
    image(name=f"{registry.host}/app:1", push=True, files=files(program))
    refused = image(name=f"{registry.host}/app:1", state="absent")
    assert refused["failed"]
    assert "does not do this for anybody" in refused["msg"]
    assert "storage.delete.enabled" in refused["msg"]


def test_credentials_from_a_docker_configuration(
    image: Image, registry: Registry, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "bin/docker-credential-tests"
    helper.parent.mkdir()
    answer = json.dumps({"ServerURL": registry.host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n", encoding="utf-8")
    helper.chmod(0o755)
    config = tmp_path / "docker/config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credHelpers": {registry.host: "tests"}}), encoding="utf-8")
    options = {
        "name": f"{registry.host}/app:1",
        "push": True,
        "files": files(program),
        "username": None,
        "password": None,
        "docker_config": str(config.parent),
    }
    missing = image(**options)
    assert "The credential helper" in missing["msg"]
    assert "docker-credential-tests" in missing["msg"]
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    assert image(**options).get("pushed"), image(**options)

    # The helper is wrong now; what the options say counts for their registry.
    helper.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    done = image(**{**options, "username": USER, "password": PASSWORD, "name": f"{registry.host}/app:2"})
    assert done.get("pushed"), done
    assert "docker_config:" in image(**{**options, "docker_config": str(tmp_path / "none")})["msg"]


RSS = """
import json, re, resource, sys
from ansible_collections.servicemesh.platform.plugins.modules.oci_image import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
def peak():  # getrusage would tell the peak of the process that has started this one
    return int(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read()).group(1))
before = peak()
done = call(INTERFACE, json.loads(sys.argv[1]), False, False)
print(json.dumps([done, peak() - before, peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


def test_a_big_layer_does_not_go_through_memory(
    programs: Path, authority: Authority, registry: Registry, tmp_path: Path
) -> None:
    """200 MB; limits in KiB, as Linux counts."""
    big = tmp_path / "big"
    with big.open("wb") as stream:
        stream.truncate(200_000_000)
    common = {
        "crane": str(programs / "crane"),
        "username": USER,
        "password": PASSWORD,
        "ca_path": str(authority.path),
        "push": True,
    }
    pushed = {"name": f"{registry.host}/big:1", "files": files(big), **common}
    (tmp_path / "own").write_text("own", encoding="utf-8")
    on_top = {**pushed, "name": f"{registry.host}/top:1", "base": f"{registry.host}/big:1"}
    on_top["files"] = [{"src": str(tmp_path / "own"), "dest": "/own"}]
    on_top["path"] = str(tmp_path / "top.tar")
    for options in (pushed, on_top):
        command = [sys.executable, "-c", RSS, json.dumps(options)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        done, grown, own, children = json.loads(output)
        assert done.get("pushed"), done
        assert done["size"] > 200_000_000
        print(f"module {own} KiB, {grown} KiB of them for the image; crane {children} KiB")
        assert grown < 20_000
        assert children < 150_000
