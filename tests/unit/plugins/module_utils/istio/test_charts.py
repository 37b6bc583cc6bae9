# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of Istio's charts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.istio import charts

SUM = "a" * 64
BASE = {"archive": "/charts/base.tgz", "sha256": SUM}
ISTIOD = {"oci": f"registry.example.com/charts/istiod@sha256:{SUM}"}
WANTED = ["base", "istiod"]


def test_without_any_they_stand_in_the_folder_of_a_release() -> None:
    assert charts.entries("", WANTED) == {
        "base": {"folder": "base"},
        "istiod": {"folder": "istio-control/istio-discovery"},
    }


def test_a_folder_has_all_of_them() -> None:
    assert charts.entries("/charts", ["gateway"]) == {"gateway": {"folder": "/charts/gateway"}}


def test_the_plugin_has_a_folder_of_another_name() -> None:
    assert charts.entries("/charts", ["cni"]) == {"cni": {"folder": "/charts/istio-cni"}}


def test_a_mapping_has_a_place_for_each_that_is_needed() -> None:
    found = charts.entries({"base": BASE, "istiod": ISTIOD, "gateway": BASE}, WANTED)
    assert found == {"base": {**BASE, "name": "base"}, "istiod": {**ISTIOD, "name": "istiod"}}
    assert charts.asks_registry(found)
    assert charts.hosts(found) == ["registry.example.com"]
    assert not charts.asks_registry(charts.entries("/charts", WANTED))
    assert charts.hosts(charts.entries("", WANTED)) == []


def test_a_mapping_may_come_as_text() -> None:
    assert charts.parsed('{"base": {"folder": "x"}}') == {"base": {"folder": "x"}}
    assert charts.parsed("/charts") == "/charts"
    assert charts.parsed("{base: x}") == "{base: x}"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"base": BASE}, "here.istiod is None: name it too"),
        (
            {"base": BASE, "istiod": ISTIOD, "gatway": BASE},
            "here.gatway is 'set': no such chart; did you mean gateway?",
        ),
        ({"base": BASE, "istiod": {}}, "here.istiod is []: write one of repository"),
        ("{base: x}", "as text it must be the path of a folder, or a mapping in JSON"),
        (["base"], "here is ['base']: write a folder, or a mapping"),
    ],
)
def test_bad_ones(written: Any, told: str) -> None:
    (only,) = [str(problem) for problem in charts.problems("here", written, WANTED)]
    assert told in only


@pytest.mark.parametrize("written", ["", "/charts", {}, {"base": BASE, "istiod": ISTIOD}])
def test_good_ones(written: Any) -> None:
    assert list(charts.problems("here", written, WANTED)) == []
