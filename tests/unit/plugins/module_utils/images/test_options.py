# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module: what they become, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.options import access, asks_registry, wanted
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import parse
from ansible_collections.servicemesh.platform.plugins.modules.oci_image import ARGUMENTS, EXAMPLES

NAME = "registry.example.com:5000/team/app:1.0"


def options(**given: Any) -> dict[str, Any]:
    """The options as Ansible hands them over."""
    least = {"name": NAME, "push": True, "files": [{"src": "/bin/sh", "dest": "/sh"}]}
    validated = ArgumentSpecValidator(ARGUMENTS).validate({**least, **given})
    assert not validated.error_messages
    parameters: dict[str, Any] = validated.validated_parameters
    return parameters


def test_names() -> None:
    digest = "sha256:" + "0" * 64
    assert parse(NAME, "name") == ("registry.example.com:5000", "team/app", "1.0", "")
    assert parse(f"localhost/x:a_b@{digest}", "name") == ("localhost", "x", "a_b", digest)
    assert parse("[::1]:5000/x", "name") == ("[::1]:5000", "x", "", "")
    assert parse("registry:5000/a__b/c-d.e", "name").place == "registry:5000/a__b/c-d.e"
    assert parse(f"r.x/y:1@{digest}", "name").exact == f"r.x/y@{digest}"
    assert parse("r.x/y:1", "name").by_digest(digest) == f"r.x/y@{digest}"


@pytest.mark.parametrize(
    ("name", "problem", "mend"),
    [
        ("app:1", "name: app:1 does not begin with a registry", "registry.example.com/app:1"),
        ("team/app:1", "does not begin with a registry", "registry.example.com/team/app:1"),
        ("https://r.x/y:1", "does not begin with a registry", "host"),
        ("user:secret@r.x/y:1", "is no digest", "64 hexadecimal"),
        ("r.x/App:1", "'App' in r.x/App:1 is no name of a repository", "lower case"),
        ("r.x/a//b:1", "is no name of a repository", "lower case"),
        ("r.x/a:", "'' in r.x/a: is no tag", "128"),
        ("r.x/a:-b", "'-b' in r.x/a:-b is no tag", "begin with neither"),
        ("r.x/a@sha256:12", "what follows the '@' is no digest", "64 hexadecimal"),
    ],
)
def test_names_that_are_none(name: str, problem: str, mend: str) -> None:
    with pytest.raises(ImageError) as error:
        wanted(options(name=name))
    assert problem in error.value.problem
    assert mend in error.value.mend
    assert "secret" not in str(error.value)


def test_what_is_wanted(tmp_path: Path) -> None:
    asked = wanted(
        options(
            path=str(tmp_path / "x.tar"),
            files=[{"src": str(tmp_path), "dest": "/all/"}, {"src": "/bin/sh", "dest": "/bin/", "mode": "0500"}],
            platforms=[
                {"platform": "linux/amd64"},
                {"platform": "linux/arm/v7", "files": [{"src": "/bin/ls", "dest": "/ls"}]},
            ],
            env={"B": 2, "A": True},
            labels={"b": False, "org.opencontainers.image.version": "x"},
            version="1.4",
            revision="abc",
            ports=[8080, "53/udp"],
        )
    )
    assert asked.place is not None
    assert (asked.place.path, asked.place.is_archive) == (tmp_path / "x.tar", True)
    assert [str(recipe.platform) for recipe in asked.recipes] == ["linux/amd64", "linux/arm/v7"]
    assert [file.path for file in asked.recipes[1].files] == ["/all/", "/bin/sh", "/ls"]
    assert [file.mode for file in asked.recipes[1].files] == [None, 0o500, None]
    recipe = asked.recipes[0]
    assert len(recipe.files) == 2
    assert recipe.environment == ["A=true", "B=2"]
    assert recipe.ports == ["8080/tcp", "53/udp"]
    assert recipe.labels == {
        "b": "false",
        "org.opencontainers.image.version": "1.4",
        "org.opencontainers.image.revision": "abc",
    }


@pytest.mark.parametrize(
    ("path", "form", "is_archive"),
    [("/x/a", None, False), ("/x/a.tar", None, True), ("/x/a.tar", "layout", False), ("/x/a", "archive", True)],
)
def test_the_form_of_what_is_written(path: str, form: str | None, is_archive: bool) -> None:
    place = wanted(options(path=path, **({"format": form} if form else {}))).place
    assert place is not None
    assert place.is_archive is is_archive


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": None, "push": False}, "There is no place for the image"),
        ({"name": None}, "push: there is no name to push to"),
        ({"push": False}, "The image would go nowhere"),
        ({"name": "r.x/y"}, "name: r.x/y has no tag"),
        ({"name": "r.x/y@sha256:" + "0" * 64}, "only known when the image is made"),
        ({"path": "/"}, "path: / cannot be an image"),
        ({"files": []}, "files: the image for linux/"),
        ({"files": [{"src": "/bin/sh", "dest": "sh"}]}, "files[0].dest: 'sh' is not absolute"),
        ({"files": [{"src": "/bin/sh", "dest": "/../sh"}]}, "leads upwards"),
        ({"files": [{"src": "/bin/sh", "dest": "/sh", "mode": 420}]}, "files[0].mode: 420 is no mode"),
        ({"files": [{"src": "/bin/sh", "dest": "/sh", "mode": "u+x"}]}, "files[0].mode: 'u+x' is no mode"),
        ({"platforms": [{"platform": "arm64"}]}, "platforms[0].platform: 'arm64' is no platform"),
        ({"platforms": [{"platform": "linux/amd64"}] * 2}, "platforms: linux/amd64 is there 2 times"),
        ({"user": "root:"}, "user: 'root:' is no user"),
        ({"working_dir": "app"}, "working_dir: 'app' is not absolute"),
        ({"ports": ["70000"]}, "ports: '70000' is no port"),
        ({"ports": ["80:80"]}, "ports: '80:80' is no port"),
        ({"env": {"A=B": "1"}}, "env: 'A=B' is no name"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError) as error:
        wanted(options(**given))
    assert message in str(error.value)
    assert error.value.mend


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"username": "me"}, "username and password go together"),
        ({"password": "geheim"}, "username and password go together"),
        ({"username": "a:b", "password": "geheim"}, "username: a ':' cannot be in it"),
        ({"name": None, "path": "/x", "username": "me", "password": "geheim"}, "username: no registry is asked"),
        ({"retries": -1}, "retries: -1 is too little"),
        ({"timeout": 0}, "timeout: 0 is too little"),
    ],
)
def test_wrong_ways_to_a_registry(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError) as error:
        access(options(**given))
    assert message in str(error.value)
    assert "geheim" not in str(error.value)


def test_credentials_are_for_the_registry_of_the_name() -> None:
    given = {"username": "me", "password": "geheim", "base": "other.example.com/base:1"}
    assert access(options(**given)).registry == "registry.example.com:5000"
    assert access(options(**given, name=None, path="/x")).registry == "other.example.com"


@pytest.mark.parametrize(
    ("given", "asks"),
    [
        ({}, True),
        ({"push": False, "path": "/x"}, False),
        ({"push": False, "path": "/x", "base": "r.x/y:1"}, True),
        ({"push": False, "path": "/x", "base": "./y"}, False),
        ({"state": "absent", "push": False}, True),
        ({"state": "absent", "name": None, "path": "/x"}, False),
    ],
)
def test_when_crane_is_needed(given: dict[str, Any], asks: bool) -> None:
    assert asks_registry(options(**given)) is asks


def test_what_is_removed_needs_no_files() -> None:
    asked = wanted(options(state="absent", files=[], push=False))
    assert asked.push
    assert not asked.recipes


def test_what_the_documentation_shows_is_valid() -> None:
    page = (Path(__file__).parents[5] / "docs/images.md").read_text(encoding="utf-8")
    tasks = [*yaml.safe_load(EXAMPLES), *yaml.safe_load(page.split("```yaml")[1].split("```")[0])]
    shown = [task["servicemesh.platform.oci_image"] for task in tasks if "servicemesh.platform.oci_image" in task]
    assert len(shown) == 4
    for given in shown:
        validated = ArgumentSpecValidator(ARGUMENTS).validate(given)
        assert not validated.error_messages
        assert wanted(validated.validated_parameters)
        assert access(validated.validated_parameters)
