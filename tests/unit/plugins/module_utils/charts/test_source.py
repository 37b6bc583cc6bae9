# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the places of charts are written, and what is said about those that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.source import (
    Source,
    as_entry,
    problems,
    source,
)

SUM = "a" * 64
REPOSITORY = {"repository": "https://charts.example.com/stable", "name": "web", "version": "1.2.3", "sha256": SUM}
OCI = {"oci": f"registry.example.com:5000/charts/web@sha256:{SUM}"}
ARCHIVE = {"archive": "/charts/web-1.2.3.tgz", "sha256": SUM}


@pytest.mark.parametrize(
    "entry",
    [
        REPOSITORY,
        {**REPOSITORY, "version": "v1.2.3-rc.1+build.5", "sha256": f"sha256:{SUM}"},
        OCI,
        {"oci": f"oci://registry.example.com/web:1.2.3@sha256:{SUM}", "version": "1.2.3"},
        ARCHIVE,
        {"archive": "https://charts.example.com/web-1.2.3.tgz", "sha256": SUM},
        {"folder": "web"},
        {"folder": "web", "sha256": None, "archive": ""},
    ],
)
def test_good_ones(entry: dict[str, Any]) -> None:
    assert [str(problem) for problem in problems("here", entry)] == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("web", "here is 'web': write a mapping"),
        ({}, "here is []: write one of repository, oci, archive and folder, and only one"),
        ({**ARCHIVE, "folder": "web"}, "here is ['archive', 'folder']: write one of"),
        ({"repositry": "x", "folder": "web"}, "here.repositry is 'set': did you mean repository?"),
        ({**REPOSITORY, "sha256": ""}, "here.sha256 is None: write the SHA-256 of the archive"),
        ({**REPOSITORY, "sha256": "A" * 64}, "64 hexadecimal digits in lower case"),
        ({**REPOSITORY, "version": ""}, "here.version is None: write the version"),
        ({**REPOSITORY, "version": "^1.2"}, "here.version is '^1.2': write one version such as 1.30.0"),
        ({**REPOSITORY, "repository": "charts.example.com"}, "here.repository is 'charts.example.com': write a URL"),
        ({**REPOSITORY, "repository": "https://me:secret@charts.example.com"}, "'https://...@charts.example.com'"),
        ({**REPOSITORY, "name": "--post-renderer"}, "here.name is '--post-renderer': write letters"),
        ({"oci": "registry.example.com/charts/web:1.2.3"}, "write it with the digest of its manifest"),
        ({"oci": f"charts/web@sha256:{SUM}"}, "Write the host of the registry too"),
        ({**OCI, "sha256": SUM}, "here.sha256 is '" + SUM + "': leave it out: the digest in oci pins the chart"),
        ({"archive": "/charts/web.tgz"}, "here.sha256 is None: write the SHA-256"),
        ({"archive": "ftp://charts.example.com/web.tgz", "sha256": SUM}, "here.archive is 'ftp://"),
        ({"folder": "web", "sha256": SUM}, "a folder is taken as it is"),
    ],
)
def test_bad_ones(entry: Any, told: str) -> None:
    (only,) = [str(problem) for problem in problems("here", entry)]
    assert told in only
    assert "secret" not in only


def test_what_is_understood() -> None:
    assert source({"sha256": f"sha256:{SUM}", "archive": "https://a.example.com/x.tgz"}).sha256 == SUM
    assert source({"folder": "base"}, within="/charts").place == "/charts/base"
    assert source({"folder": "base"}).place == str(Path("base").absolute())
    assert source({**REPOSITORY, "name": ""}, "istiod").name == "istiod"
    assert source(OCI).reference.exact == f"registry.example.com:5000/charts/web@sha256:{SUM}"


@pytest.mark.parametrize(
    ("entry", "host"),
    [(REPOSITORY, "charts.example.com"), (OCI, "registry.example.com:5000"), (ARCHIVE, ""), ({"folder": "x"}, "")],
)
def test_the_host_that_is_asked(entry: dict[str, str], host: str) -> None:
    assert source(entry).host == host
    assert source(entry).is_remote == bool(host)


def test_an_entry_says_all_that_is_known() -> None:
    chart = Source("repository", "https://charts.example.com", "web", "1.2.3", SUM)
    assert source(as_entry(chart)) == chart
    assert as_entry(Source("folder", "/charts/web")) == {"folder": "/charts/web"}
