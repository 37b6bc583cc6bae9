# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bases from layouts and archives, whole, broken and of other machines; images that stand on disk already."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.images import store
from ansible_collections.servicemesh.platform.plugins.module_utils.images.base import (
    base_for,
    fetch_layers,
    labels_of,
    origin_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.crane import Access, Crane
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.image import (
    Place,
    Result,
    Wanted,
    ensure_absent,
    ensure_present,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import (
    Base,
    File,
    Layout,
    Platform,
    Recipe,
    write_archive,
)

AMD, ARM = Platform("amd64"), Platform("arm64")


@pytest.fixture
def files(tmp_path: Path) -> list[File]:
    (tmp_path / "file").write_text("of the base", encoding="utf-8")
    return [File(tmp_path / "file", "/file")]


@pytest.fixture
def layout(tmp_path: Path, files: list[File]) -> Layout:
    """An index over two platforms."""
    made = Layout(tmp_path / "layout")
    images = [made.add(Recipe(files, platform, labels={"for": str(platform)})) for platform in (AMD, ARM)]
    made.close({"": made.bundle(images)})
    return made


def base_at(path: Path, platform: Platform = AMD, digest: str = "") -> Base:
    with store.opened(path) as opened:
        return base_for(origin_of(opened, digest), platform)


def ensure(path: Path, files: list[File], base: str, check_mode: bool = False, is_archive: bool = False) -> Result:
    wanted = Wanted([Recipe(files, AMD)], base, place=Place(path, is_archive))
    with Crane(Access(program="/no/crane")) as crane:
        return ensure_present(wanted, crane, check_mode, look=True)


def test_the_image_of_a_platform_is_taken(layout: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    write_archive(layout.root, archive)
    compressed = tmp_path / "a.tar.gz"
    compressed.write_bytes(gzip.compress(archive.read_bytes()))
    for path in (layout.root, archive, compressed):
        for platform in (AMD, ARM):
            base = base_at(path, platform)
            assert base.config["config"]["Labels"] == {"for": str(platform)}
            assert base.digest.startswith("sha256:")
            assert base_at(path, platform, base.digest) == base
    with store.opened(archive) as opened:
        assert labels_of(origin_of(opened)) == {"for": "linux/amd64"}


def test_a_platform_that_is_not_there(layout: Layout) -> None:
    with pytest.raises(ImageError, match="no image for linux/s390x, only for linux/amd64, linux/arm64"):
        base_at(layout.root, Platform("s390x"))


def test_an_image_on_a_base_in_a_layout_holds_both(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("own", encoding="utf-8")
    target = tmp_path / "result"
    done = ensure(target, [File(tmp_path / "own", "/own")], str(layout.root))
    assert done.written
    names: set[str] = set()
    for part in Layout(target).parts(done.descriptor):
        blob = (target / "blobs/sha256" / part["digest"][7:]).read_bytes()
        assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == part["digest"]
        if part["mediaType"].endswith(".tar"):
            with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
                names.update(archive.getnames())
    assert names == {"file", "own"}
    assert not ensure(target, [File(tmp_path / "own", "/own")], str(layout.root)).written


def docker_archive(path: Path, compressed: bool) -> Path:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("etc/os-release"))
    plain = inner.getvalue()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["A=1"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]},
    }
    contents = [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["one/layer.tar"]}]
    parts = {
        "manifest.json": json.dumps(contents).encode(),
        "c.json": json.dumps(config).encode(),
        "real.tar": gzip.compress(plain) if compressed else plain,
    }
    with tarfile.open(path, mode="w") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("one/layer.tar")  # as older Docker writes a layer that is there twice
        link.type, link.linkname = tarfile.SYMTYPE, "../real.tar"
        archive.addfile(link)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_of_docker(tmp_path: Path, compressed: bool, files: list[File]) -> None:
    path = docker_archive(tmp_path / "docker.tar", compressed)
    base = base_at(path)
    assert base.config["config"]["Env"] == ["A=1"]
    assert base.layers[0]["mediaType"].endswith("tar+gzip" if compressed else "v1.tar")
    done = ensure(tmp_path / "out", files, str(path))
    blob = tmp_path / "out/blobs/sha256" / base.layers[0]["digest"][7:]
    assert blob.stat().st_size == base.layers[0]["size"]
    assert not ensure(tmp_path / "out", files, str(path)).written
    assert done.labels == {}


def test_layers_that_are_not_what_they_should_be(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("own", encoding="utf-8")
    files = [File(tmp_path / "own", "/own")]
    layer = base_at(layout.root).layers[0]["digest"]
    broken = layout.blobs / layer[7:]
    broken.write_bytes(broken.read_bytes()[:-1] + b"!")
    with pytest.raises(ImageError, match="gives other content than its digest says"):
        ensure(tmp_path / "out", files, str(layout.root))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".oci-image-*"))
    broken.unlink()
    with pytest.raises(ImageError, match=r"lacks blobs/sha256/"):
        ensure(tmp_path / "out", files, str(layout.root))


def test_a_manifest_that_is_not_what_it_should_be(layout: Layout) -> None:
    manifest = layout.blobs / base_at(layout.root).digest[7:]
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(ImageError, match="gives other content than its digest says"):
        base_at(layout.root)


def test_what_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is not there"):
        base_at(tmp_path / "none")
    (tmp_path / "text").write_text("text", encoding="utf-8")
    with pytest.raises(ImageError, match="is no tar archive"):
        base_at(tmp_path / "text")
    with pytest.raises(ImageError, match="is no image: it has neither"):
        base_at(tmp_path)


def test_a_broken_archive(layout: Layout, tmp_path: Path, files: list[File]) -> None:
    write_archive(layout.root, tmp_path / "a.tar")
    compressed = gzip.compress((tmp_path / "a.tar").read_bytes())
    for broken in (compressed[: len(compressed) // 2], compressed[:40] + b"x" * 40 + compressed[80:]):
        (tmp_path / "broken.tar.gz").write_bytes(broken)
        with pytest.raises(ImageError, match=r"broken\.tar\.gz is (broken|no tar archive)"):
            ensure(tmp_path / "out", files, str(tmp_path / "broken.tar.gz"))
    (layout.root / "index.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ImageError, match="is no image as Docker or OCI define it"):
        ensure(tmp_path / "out", files, str(layout.root))


@pytest.mark.parametrize("digest", ["sha256:../../../../../etc/passwd", "sha512:" + "0" * 128, "", 5])
def test_digests_that_would_lead_elsewhere(tmp_path: Path, files: list[File], digest: Any) -> None:
    made = Layout(tmp_path / "layout")
    image = made.add(Recipe(files, AMD))
    made.close({"": {**image, "digest": digest}})
    with pytest.raises(ImageError, match=r"which is no SHA-256"):
        base_at(made.root)
    manifest: Any = json.loads((made.blobs / image["digest"][7:]).read_bytes())
    manifest["layers"][0]["digest"] = digest
    made.close({"": made._document(manifest, image["mediaType"])})
    with pytest.raises(ImageError, match=r"which is no SHA-256"):
        ensure(tmp_path / "out", files, str(made.root))


def test_several_images_want_a_choice(tmp_path: Path, files: list[File]) -> None:
    made = Layout(tmp_path / "layout")
    images = [made.add(Recipe(files, AMD, labels={"n": str(number)})) for number in (1, 2)]
    made.close({"r.x/a:1": images[0], "r.x/b:1": images[1]})
    with pytest.raises(ImageError, match=r"holds 2 images: .*\n.*@sha256:"):
        base_at(made.root)
    assert base_at(made.root, digest=images[1]["digest"]).config["config"]["Labels"] == {"n": "2"}


def test_docker_media_types_become_those_of_oci(layout: Layout, tmp_path: Path) -> None:
    def with_type(media_type: str) -> Base:
        copy = Layout(tmp_path / media_type.replace("/", "-"))
        shutil.copytree(layout.blobs, copy.blobs, dirs_exist_ok=True)
        base = base_at(layout.root)
        manifest: Any = json.loads((layout.blobs / base.digest[7:]).read_bytes())
        manifest["layers"][0]["mediaType"] = media_type
        copy.close({"": copy._document(manifest, "application/vnd.docker.distribution.manifest.v2+json")})
        return base_at(copy.root)

    docker = "application/vnd.docker.image.rootfs."
    assert with_type(docker + "diff.tar.gzip").layers[0]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert with_type(docker + "diff.tar").layers[0]["mediaType"] == "application/vnd.oci.image.layer.v1.tar"
    with pytest.raises(ImageError, match="may not be distributed"):
        with_type(docker + "foreign.diff.tar.gzip")


def test_a_layer_is_fetched_once(layout: Layout, tmp_path: Path) -> None:
    asked = []
    base = base_at(layout.root)

    def copy(descriptor: dict[str, Any], target: Path) -> None:
        asked.append(descriptor["digest"])
        shutil.copy(layout.blobs / descriptor["digest"][7:], target)

    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for _time in range(2):
        fetch_layers(base, copy, blobs, "base")
    assert asked == [base.layers[0]["digest"]]


@pytest.mark.parametrize("is_archive", [False, True])
def test_an_image_on_disk(tmp_path: Path, files: list[File], is_archive: bool) -> None:
    target = tmp_path / "deep" / "image"
    first = ensure(target, files, "scratch", check_mode=True, is_archive=is_archive)
    assert first.written
    assert not target.parent.exists()
    assert ensure(target, files, "scratch", is_archive=is_archive).written
    status = target.stat()
    again = ensure(target, files, "scratch", is_archive=is_archive)
    assert not again.written
    assert target.stat().st_mtime_ns == status.st_mtime_ns
    assert again.before["path"] is not None
    assert again.before["path"].digest == again.descriptor["digest"] == first.descriptor["digest"]
    assert [path.name for path in target.parent.iterdir()] == ["image"]

    files[0].source.write_text("other", encoding="utf-8")
    other = ensure(target, files, "scratch", is_archive=is_archive)
    assert other.written
    assert base_at(target).digest == other.descriptor["digest"] != first.descriptor["digest"]
    assert [path.name for path in target.parent.iterdir()] == ["image"]


@pytest.mark.parametrize("is_archive", [False, True])
def test_an_image_that_was_harmed_is_written_anew(tmp_path: Path, files: list[File], is_archive: bool) -> None:
    target = tmp_path / "image"
    ensure(target, files, "scratch", is_archive=is_archive)
    victim = target if is_archive else max((target / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    for harmed in (whole.replace(b"of the base", b"OF THE BASE"), whole[:3000], b""):
        victim.write_bytes(harmed)
        assert ensure(target, files, "scratch", is_archive=is_archive).written
        assert victim.read_bytes() == whole
    if not is_archive:
        (target / "index.json").unlink()
        assert ensure(target, files, "scratch").written


def test_what_is_not_ours_is_not_replaced(tmp_path: Path, files: list[File]) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter").write_text("dear", encoding="utf-8")
    with pytest.raises(ImageError, match="home is no OCI layout: it holds letter"):
        ensure(tmp_path / "home", files, "scratch")
    with pytest.raises(ImageError, match="home is a folder"):
        ensure(tmp_path / "home", files, "scratch", is_archive=True)
    with pytest.raises(ImageError, match="letter is a file"):
        ensure(tmp_path / "home/letter", files, "scratch")
    with pytest.raises(ImageError, match="letter is no tar archive"):
        ensure(tmp_path / "home/letter", files, "scratch", is_archive=True)
    with Crane(Access()) as crane, pytest.raises(ImageError, match="is no OCI layout"):
        ensure_absent(Wanted([], place=Place(tmp_path / "home", False)), crane, False)
    assert (tmp_path / "home/letter").read_text(encoding="utf-8") == "dear"


@pytest.mark.parametrize("is_archive", [False, True])
def test_an_image_on_disk_is_removed(tmp_path: Path, files: list[File], is_archive: bool) -> None:
    place = Place(tmp_path / "x" / "image", is_archive)
    ensure(place.path, files, "scratch", is_archive=is_archive)
    with Crane(Access()) as crane:
        assert ensure_absent(Wanted([], place=place), crane, check_mode=True)["path"]
        assert place.path.exists()
        assert ensure_absent(Wanted([], place=place), crane, check_mode=False)["path"]
        assert not list(place.path.parent.iterdir())
        assert ensure_absent(Wanted([], place=place), crane, check_mode=False) == {"path": None}
