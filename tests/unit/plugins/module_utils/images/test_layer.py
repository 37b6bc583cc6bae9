# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers depend on content alone, and hold what they should."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError, MissingFile
from ansible_collections.servicemesh.platform.plugins.module_utils.images.layer import File, place, write_layer


def layer(*files: File, on_base: bool = False) -> bytes:
    stream = io.BytesIO()
    write_layer(files, stream, on_base)
    return stream.getvalue()


def members(*files: File, on_base: bool = False) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer(*files, on_base=on_base))) as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        return {member.name: member for member in archive.getmembers()}


def content(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        stream = archive.extractfile(name)
        assert stream
        return stream.read()


def write(path: Path, text: str = "x", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def tree(root: Path, umask: int, time: int, names: list[str]) -> Path:
    before = os.umask(umask)
    try:
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"content of {name}", encoding="utf-8")
            if name.startswith("bin/"):
                path.chmod(0o777 & ~umask)
            os.utime(path, (time, time))
        (root / "link").symlink_to("bin/b")
        (root / "empty").mkdir()
    finally:
        os.umask(before)
    return root


def test_time_umask_and_order_do_not_show(tmp_path: Path) -> None:
    names = ["bin/b", "etc/a.conf", "bin/a", "z"]
    first = tree(tmp_path / "1", 0o022, 1, names)
    second = tree(tmp_path / "2", 0o077, 2_000_000_000, names[::-1])
    assert layer(File(first, "/app")) == layer(File(second, "/app"))


def test_the_order_of_files_does_not_show(tmp_path: Path) -> None:
    files = [File(write(tmp_path / name, name), f"/{name}") for name in ("a", "b", "c")]
    assert layer(*files) == layer(*files[::-1])


def test_everything_belongs_to_root_and_has_no_time(tmp_path: Path) -> None:
    found = members(File(tree(tmp_path / "t", 0o022, 77, ["bin/a", "x"]), "/app"))
    assert set(found) == {"app", "app/bin", "app/bin/a", "app/x", "app/link", "app/empty"}
    for member in found.values():
        assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)


def test_permissions(tmp_path: Path) -> None:
    found = members(
        File(write(tmp_path / "program", mode=0o4711), "/program"),
        File(write(tmp_path / "secret", mode=0o600), "/secret"),
        File(write(tmp_path / "given", mode=0o777), "/given", 0o440),
        File(write(tmp_path / "given", mode=0o777), "/tmp/file"),
    )
    modes = {name: oct(member.mode) for name, member in found.items()}
    assert modes == {
        "program": "0o755",
        "secret": "0o644",
        "given": "0o440",
        "tmp": "0o1777",
        "tmp/file": "0o755",
    }


def test_the_mode_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    found = members(File(tree(tmp_path / "t", 0o022, 1, ["bin/a"]), "/app", 0o400))
    assert (found["app"].mode, found["app/bin"].mode, found["app/bin/a"].mode) == (0o755, 0o755, 0o400)


def test_links_in_folders_are_kept_and_named_ones_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder / "real", "text")
    (folder / "link").symlink_to("real")
    (folder / "dangling").symlink_to("/usr/lib/there")
    (folder / "self").symlink_to(".")
    (tmp_path / "alias").symlink_to(folder / "real")
    (tmp_path / "shortcut").symlink_to(folder)
    data = layer(File(folder, "/"), File(tmp_path / "alias", "/alias"), File(tmp_path / "shortcut", "/copy"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {member.name: (member.type, member.linkname) for member in archive.getmembers()}
    assert found["link"] == found["copy/link"] == (tarfile.SYMTYPE, "real")
    assert found["dangling"] == (tarfile.SYMTYPE, "/usr/lib/there")
    assert found["self"] == (tarfile.SYMTYPE, ".")
    assert found["copy"][0] == tarfile.DIRTYPE
    assert content(data, "alias") == b"text"


def test_a_folder_can_be_the_whole_image(tmp_path: Path) -> None:
    write(tmp_path / "root/etc/x")
    assert set(members(File(tmp_path / "root", "/"))) == {"etc", "etc/x"}


def test_the_later_file_counts(tmp_path: Path) -> None:
    data = layer(File(write(tmp_path / "1", "one"), "/x"), File(write(tmp_path / "2", "two"), "//./x"))
    assert content(data, "x") == b"two"


def test_folders_come_before_what_is_in_them(tmp_path: Path) -> None:
    names = list(members(File(write(tmp_path / "f"), "/a/b/c/f"), File(write(tmp_path / "f"), "/a-b/f")))
    assert names == ["a", "a-b", "a/b", "a/b/c", "a-b/f", "a/b/c/f"]


def test_links_of_the_base_are_not_replaced_by_folders(tmp_path: Path) -> None:
    folder = tmp_path / "root"
    for name in ("bin/a", "tmp/b", "usr/bin/c", "opt/d", "usr/local/bin/e"):
        write(folder / name)
    found = members(File(folder, "/"), on_base=True)
    assert {"bin/a", "tmp/b", "usr/bin/c", "opt", "usr/local/bin", "usr"} < set(found)
    assert not {"bin", "tmp", "usr/bin"} & set(found)
    assert {"bin", "tmp", "usr/bin"} < set(members(File(folder, "/")))


def test_long_and_odd_names(tmp_path: Path) -> None:
    name = "ü" * 60 + "/" + "n" * 200
    source = write(tmp_path / "f", "text")
    data = layer(File(source, f"/{name}"))
    assert content(data, name) == b"text"
    assert data == layer(File(source, f"/{name}"))


def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "t")
    os.mkdir(folder)
    with open(folder + b"/\xff\xfe", "wb") as stream:
        stream.write(b"text")
    assert os.fsdecode(b"\xff\xfe") in members(File(tmp_path / "t", "/"))


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    source = write(tmp_path / "f")
    with pytest.raises(ImageError, match=r"goes to /a/b in the image, but /a is a file or a link there"):
        layer(File(source, "/a"), File(source, "/a/b"))


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder/pipe")
    with pytest.raises(ImageError, match="folder/pipe is neither a file nor a folder nor a link"):
        layer(File(tmp_path / "folder", "/"))
    os.unlink(tmp_path / "folder/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "folder/s"))
        with pytest.raises(ImageError, match="is neither"):
            layer(File(tmp_path / "folder", "/"))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"/none, which goes to /x in the image, is not there"):
        layer(File(tmp_path / "none", "/x"))


def test_a_file_cannot_be_the_root(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="its place in the image is /"):
        layer(File(write(tmp_path / "f"), "/"))


@pytest.mark.parametrize("path", ["../x", "/a/../../x", "/a/.."])
def test_paths_do_not_lead_upwards(path: str) -> None:
    with pytest.raises(ImageError, match="leads upwards"):
        place(path)


def test_names_that_would_remove_files_of_the_base(tmp_path: Path) -> None:
    write(tmp_path / "t/.wh.passwd")
    with pytest.raises(ImageError, match="would remove a file of the base"):
        layer(File(tmp_path / "t", "/etc"))


def test_places() -> None:
    assert [place(path) for path in ("/", "", "//a//b/./c/", "a")] == ["", "", "a/b/c", "a"]
