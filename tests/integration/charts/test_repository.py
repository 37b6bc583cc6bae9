# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of a real Helm repository: what is pinned is had once, and nothing else ever."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.tests.integration.charts.conftest import Repository
from ansible_collections.servicemesh.platform.tests.integration.images.conftest import PASSWORD, USER, Authority
from ansible_collections.servicemesh.platform.tests.support.helm import Helm

Chart = Callable[..., dict[str, Any]]


def sum_of(repository: Repository, version: str = "1.2.3") -> str:
    return hashlib.sha256((repository.folder / f"web-{version}.tgz").read_bytes()).hexdigest()


def place(repository: Repository, version: str = "1.2.3", **changes: Any) -> dict[str, Any]:
    """How a user names the chart there."""
    known = {"repository": repository.url, "name": "web", "version": version, "sha256": sum_of(repository, version)}
    return {**known, **changes}


def kept(tmp_path: Path) -> list[str]:
    """What stands in the cache."""
    return sorted(path.name for path in tmp_path.glob("cache/charts/*"))


def test_it_is_downloaded_once_and_helm_takes_it(repository: Repository, chart: Chart, helm: Helm) -> None:
    found = chart(place(repository))
    assert (found["changed"], found["name"], found["version"]) == (True, "web", "1.2.3")
    assert 'version: "1.2.3"' in helm.run("template", "release", found["path"])
    asked = len(repository.asked)
    repository.stop()
    assert chart(place(repository)) == {**found, "changed": False}
    assert chart(place(repository), download=False)["changed"] is False
    assert len(repository.asked) == asked


def test_check_mode_downloads_nothing(repository: Repository, chart: Chart, tmp_path: Path) -> None:
    found = chart(place(repository), check_mode=True)
    assert (found["changed"], found["path"]) == (True, None)
    assert (repository.asked, kept(tmp_path)) == ([], [])


def test_another_one_in_the_index_is_refused_before_it_is_sent(
    repository: Repository, chart: Chart, tmp_path: Path
) -> None:
    found = chart(place(repository, sha256="b" * 64))
    assert found["failed"]
    assert f"its SHA-256 is {sum_of(repository)}, and {'b' * 64} is asked for" in found["msg"]
    assert "write the sum that it has" in found["msg"]
    assert [path for path, _given in repository.asked] == ["/index.yaml"]
    assert kept(tmp_path) == []


def test_an_archive_that_was_exchanged_is_refused(repository: Repository, chart: Chart, tmp_path: Path) -> None:
    wanted = place(repository)
    archive = repository.folder / "web-1.2.3.tgz"
    original = archive.read_bytes()
    archive.write_bytes((repository.folder / "web-1.3.0.tgz").read_bytes())
    found = chart(wanted)
    assert found["failed"]
    assert f"web-1.2.3.tgz is not what is pinned: its SHA-256 is {sum_of(repository)}" in found["msg"]
    assert kept(tmp_path) == []
    archive.write_bytes(original)
    assert chart(wanted)["changed"]


def test_what_was_changed_in_the_cache_is_had_anew(repository: Repository, chart: Chart, helm: Helm) -> None:
    found = chart(place(repository))
    Path(found["path"]).write_bytes((repository.folder / "web-1.3.0.tgz").read_bytes())
    refused = chart(place(repository), download=False)
    assert "is not in the cache, and nothing may be downloaded" in refused["msg"]
    assert chart(place(repository))["changed"]
    assert 'version: "1.2.3"' in helm.run("template", "release", found["path"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "wob"}, "has no chart wob; it has web."),
        ({"version": "9.9.9"}, "has no web 9.9.9; the newest are 1.3.0, 1.2.3."),
        ({"version": "1.3.0"}, "is not what is pinned"),
    ],
)
def test_what_is_not_there(repository: Repository, chart: Chart, changes: dict[str, str], told: str) -> None:
    assert told in chart({**place(repository), **changes})["msg"]


def test_a_url_that_is_no_repository(repository: Repository, chart: Chart) -> None:
    (repository.folder / "index.yaml").write_text("<html>\n")
    assert "is no index of a Helm repository" in chart(place(repository))["msg"]
    (repository.folder / "index.yaml").unlink()
    assert "index.yaml is not there: 404" in chart(place(repository))["msg"]
    repository.stop()
    assert "cannot be reached" in chart(place(repository))["msg"]


def test_one_that_has_trouble_for_a_while(repository: Repository, chart: Chart) -> None:
    repository.fails = 1
    assert "cannot be had: 503" in chart(place(repository))["msg"]
    repository.fails = 1
    assert chart(place(repository), retries=1)["changed"]


def test_the_password_goes_to_its_host_alone(new_repository: Callable[..., Repository], chart: Chart) -> None:
    private, elsewhere = new_repository(password=PASSWORD), new_repository()
    assert "is not for everybody: 401" in chart(place(private))["msg"]
    login = {"host": private.host, "username": USER, "password": PASSWORD}
    assert "is not for everybody: 401" in chart(place(private), **{**login, "password": "wrong"})["msg"]
    index = private.folder / "index.yaml"
    index.write_text(index.read_text().replace("- web-1.2.3.tgz", f"- {elsewhere.url}web-1.2.3.tgz"))
    private_sum = sum_of(private)
    (elsewhere.folder / "web-1.2.3.tgz").write_bytes((private.folder / "web-1.2.3.tgz").read_bytes())
    found = chart(place(private), **login)
    assert found["changed"], found
    assert elsewhere.asked == [("/web-1.2.3.tgz", "")]
    assert PASSWORD not in str(found)
    assert private_sum in found["path"]


def test_a_url_of_an_archive_by_tls(
    new_repository: Callable[..., Repository], authority: Authority, chart: Chart
) -> None:
    repository = new_repository(authority=authority)
    archive = {"archive": f"{repository.url}web-1.2.3.tgz", "sha256": sum_of(repository)}
    assert "certificate" in chart(archive, ca_path=None)["msg"].lower()
    assert chart({**archive, "name": "web", "version": "1.2.3"})["changed"]


def test_a_user_without_a_host_is_refused(repository: Repository, chart: Chart) -> None:
    found = chart(place(repository), username=USER, password=PASSWORD)
    assert "username, password and host go together" in found["msg"]
    assert repository.asked == []
