# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: their documents, digests, bases, indexes and archives."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    INDEX,
    Base,
    Document,
    File,
    Layout,
    Platform,
    Recipe,
    write_archive,
)

AMD = Platform("amd64")
DIGEST = "sha256:41d0811208521e183fdcaedfcfd3e7fc9bed09a1787377bf3d934fd926937ba8"
BASE = Base(
    config={
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": "0",
            "Env": ["PATH=/bin", "A=1"],
            "Cmd": ["serve"],
            "Entrypoint": ["/start"],
            "WorkingDir": "/data",
            "Labels": {"team": "base", "org.opencontainers.image.version": "12"},
            "ExposedPorts": {"80/tcp": {}},
            "StopSignal": "SIGQUIT",
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "d" * 64]},
    },
    layers=[{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + "a" * 64, "size": 5}],
    digest="sha256:" + "b" * 64,
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def read(layout: Layout, descriptor: Document) -> Any:
    text = (layout.blobs / descriptor["digest"][7:]).read_bytes()
    assert f"sha256:{hashlib.sha256(text).hexdigest()}" == descriptor["digest"]
    assert len(text) == descriptor["size"]
    return json.loads(text)


def config_of(layout: Layout, descriptor: Document) -> Any:
    return read(layout, read(layout, descriptor)["config"])


def test_the_digest_is_that_of_the_content(tmp_path: Path, program: Path) -> None:
    recipe = Recipe([File(program, "/app")], AMD, entrypoint=["/app"], labels={"b": "2", "a": "1"})
    first = Layout(tmp_path / "1").add(recipe)
    os.utime(program, (5, 5))
    before = os.umask(0o077)
    try:
        second = Layout(tmp_path / "2").add(replace(recipe, labels={"a": "1", "b": "2"}))
    finally:
        os.umask(before)
    # Written down: it may change with this module only, never with Python, machine or day.
    assert first["digest"] == second["digest"] == DIGEST
    program.write_text("#!/bin/bash\n", encoding="utf-8")
    assert Layout(tmp_path / "3").add(recipe)["digest"] != DIGEST


def test_an_image_from_nothing(tmp_path: Path, program: Path) -> None:
    layout = Layout(tmp_path / "layout")
    recipe = Recipe(
        [File(program, "/app")],
        Platform("arm", variant="v7"),
        entrypoint=["/app"],
        command=["run"],
        environment=["A=1", "A=2"],
        labels={"x": "y"},
        ports=["80/tcp"],
    )
    image = layout.add(recipe)
    assert image["platform"] == {"architecture": "arm", "os": "linux", "variant": "v7"}
    manifest = read(layout, image)
    config = config_of(layout, image)
    assert config["config"] == {
        "Entrypoint": ["/app"],
        "Cmd": ["run"],
        "Env": ["A=2"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"x": "y"},
        "User": "65532:65532",
        "WorkingDir": "/",
    }
    assert (config["architecture"], config["os"], config["variant"]) == ("arm", "linux", "v7")
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert "created" not in config
    for layer in manifest["layers"]:
        blob = (layout.blobs / layer["digest"][7:]).read_bytes()
        assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == layer["digest"]
        assert len(blob) == layer["size"]
    assert sorted(path.name for path in layout.blobs.iterdir()) == sorted(
        part["digest"][7:] for part in layout.parts(image)
    )


def test_on_top_of_a_base(tmp_path: Path, program: Path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.add(Recipe([File(program, "/app")], AMD, environment=["A=2"], ports=["81/udp"]), BASE)
    config = config_of(layout, image)
    own = read(layout, image)["layers"][1]
    assert read(layout, image)["layers"][0] == BASE.layers[0]
    assert config["rootfs"]["diff_ids"] == ["sha256:" + "d" * 64, own["digest"]]
    assert config["config"] == {
        "User": "65532:65532",
        "Env": ["PATH=/bin", "A=2"],
        "Cmd": ["serve"],
        "Entrypoint": ["/start"],
        "WorkingDir": "/data",
        "Labels": {"team": "base", "org.opencontainers.image.base.digest": BASE.digest},
        "ExposedPorts": {"80/tcp": {}, "81/udp": {}},
        "StopSignal": "SIGQUIT",
    }


def test_the_command_of_a_base_belongs_to_its_entry_point(tmp_path: Path, program: Path) -> None:
    layout = Layout(tmp_path / "layout")
    recipe = Recipe([File(program, "/app")], AMD, entrypoint=["/app"], user="", working_dir="/w")
    settings = config_of(layout, layout.add(recipe, BASE))["config"]
    assert settings["User"] == "0"
    assert (settings["Entrypoint"], "Cmd" in settings, settings["WorkingDir"]) == (["/app"], False, "/w")
    settings = config_of(layout, layout.add(replace(recipe, entrypoint=(), command=["x"]), BASE))["config"]
    assert (settings["Entrypoint"], settings["Cmd"]) == (["/start"], ["x"])


def test_a_base_for_another_machine(tmp_path: Path, program: Path) -> None:
    with pytest.raises(ImageError, match="The base is for linux/amd64, the image for linux/arm64"):
        Layout(tmp_path / "layout").add(Recipe([File(program, "/app")], Platform("arm64")), BASE)


def test_the_variant_of_a_base_is_kept(tmp_path: Path, program: Path) -> None:
    layout = Layout(tmp_path / "layout")
    base = replace(BASE, config={**BASE.config, "architecture": "arm64", "variant": "v8"})
    image = layout.add(Recipe([File(program, "/app")], Platform("arm64")), base)
    assert config_of(layout, image)["variant"] == "v8"


@pytest.mark.parametrize(
    ("wanted", "found", "fits"),
    [
        (AMD, {"os": "linux", "architecture": "amd64"}, True),
        (AMD, {"os": "windows", "architecture": "amd64"}, False),
        (Platform("arm64"), {"os": "linux", "architecture": "arm64", "variant": "v8"}, True),
        (Platform("arm", variant="v7"), {"os": "linux", "architecture": "arm", "variant": "v6"}, False),
        (Platform("arm", variant="v7"), {"os": "linux", "architecture": "arm"}, True),
        (AMD, {}, False),
    ],
)
def test_platforms(wanted: Platform, found: dict[str, str], fits: bool) -> None:
    assert wanted.fits(found) is fits


def test_an_index_over_platforms(tmp_path: Path, program: Path) -> None:
    layout = Layout(tmp_path / "layout")
    images = [layout.add(Recipe([File(program, "/app")], Platform(name))) for name in ("amd64", "arm64")]
    index = layout.bundle(images)
    layout.close({"registry.example.com/x:1": index})
    assert index["mediaType"] == INDEX
    assert [entry["platform"]["architecture"] for entry in read(layout, index)["manifests"]] == ["amd64", "arm64"]
    parts = [part["digest"] for part in layout.parts(index)]
    assert len(set(parts)) == 6  # index, two manifests, two configurations, one layer
    contents = json.loads((layout.root / "index.json").read_bytes())
    assert contents["manifests"] == [
        {
            "mediaType": INDEX,
            "digest": index["digest"],
            "size": index["size"],
            "annotations": {
                "io.containerd.image.name": "registry.example.com/x:1",
                "org.opencontainers.image.ref.name": "1",
            },
        }
    ]


def test_names_without_tags(tmp_path: Path, program: Path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.add(Recipe([File(program, "/app")], AMD))
    layout.close({"host:5000/x": image, "": image})
    entries = json.loads((layout.root / "index.json").read_bytes())["manifests"]
    assert "annotations" not in entries[0]
    assert entries[1]["annotations"]["org.opencontainers.image.ref.name"] == "host:5000/x"
    assert "platform" not in entries[1]


def test_archives_are_reproducible_and_whole(tmp_path: Path, program: Path) -> None:
    for number in (1, 2):
        layout = Layout(tmp_path / f"layout{number}")
        layout.close({"": layout.add(Recipe([File(program, "/app")], AMD))})
        os.utime(layout.root / "index.json", (number, number))
        (layout.root / "index.json").chmod(0o600 if number == 1 else 0o644)
        write_archive(layout.root, tmp_path / f"{number}.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    with tarfile.open(tmp_path / "1.tar") as archive:
        names = set(archive.getnames())
    assert {"oci-layout", "index.json"} < names
    assert len(names) == 5


def test_an_archive_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout/file").write_text("x", encoding="utf-8")
    target = tmp_path / "out"
    target.mkdir()
    (target / "x.tar").mkdir()  # in the way
    with pytest.raises(OSError, match=r"x\.tar"):
        write_archive(tmp_path / "layout", target / "x.tar")
    assert [path.name for path in target.iterdir()] == ["x.tar"]
