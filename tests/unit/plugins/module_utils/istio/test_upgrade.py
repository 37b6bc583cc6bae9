# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.upgrade import UpgradeError, outdated, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.conditions import holds


def istiod(revision: str) -> dict[str, Any]:
    return {"metadata": {"name": "istiod", "labels": {"app": "istiod", "istio.io/rev": revision}}}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    found = {label.replace("__", "-"): value for label, value in labels.items()}
    return {"metadata": {"name": name, "labels": {"team": "one", **found}}}


def at(revision: str, *names: str) -> list[dict[str, Any]]:
    return [{"metadata": {"name": name, "labels": {"istio.io/rev": revision}}} for name in names]


def labels(fragments: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["metadata"]["labels"] for each in fragments}


def test_the_first_namespace_goes_alone_and_each_wave_has_the_labels_of_all() -> None:
    found = plan("green", [istiod("blue"), istiod("green")], at("blue", "a", "b", "c"), []).as_dict()
    assert (found["origin"], found["target"]) == ("blue", "green")
    assert [wave["namespaces"] for wave in found["waves"]] == [["a"], ["b", "c"]]
    blue, green = {"istio.io/rev": "blue"}, {"istio.io/rev": "green"}
    assert labels(found["waves"][0]["fragments"]) == {"a": green, "b": blue, "c": blue}
    assert labels(found["waves"][1]["fragments"]) == {"a": green, "b": green, "c": green}
    assert labels(found["back"]) == {"a": blue, "b": blue, "c": blue}


def test_from_and_to_the_revision_without_a_name() -> None:
    spaces = [namespace("a", istio__injection="enabled")]
    away = plan("green", [istiod("default")], spaces, []).as_dict()
    assert away["origin"] == "default"
    assert labels(away["back"]) == {"a": {"istio-injection": "enabled"}}
    to = plan("", [istiod("green"), istiod("default")], at("green", "a"), []).as_dict()
    assert (to["origin"], to["target"]) == ("green", "default")
    assert labels(to["waves"][0]["fragments"]) == {"a": {"istio-injection": "enabled"}}


def test_what_was_cut_off_goes_on() -> None:
    spaces = [*at("green", "a"), *at("blue", "b")]
    found = plan("green", [istiod("blue"), istiod("green")], spaces, [["a"], ["b"]]).as_dict()
    assert labels(found["waves"][0]["fragments"]) == {"a": {"istio.io/rev": "green"}, "b": {"istio.io/rev": "blue"}}
    assert labels(found["back"]) == {"a": {"istio.io/rev": "blue"}, "b": {"istio.io/rev": "blue"}}


def test_a_tag_stays_until_its_namespace_moves() -> None:
    found = plan("green", [istiod("blue")], at("stable", "a", "b"), []).as_dict()
    assert labels(found["waves"][0]["fragments"])["b"] == {"istio.io/rev": "stable"}


def test_without_another_istiod_there_is_nothing_to_leave() -> None:
    found = plan("green", [istiod("green")], at("green", "a"), []).as_dict()
    assert found["origin"] == ""
    assert plan("", [], [], []).as_dict()["waves"] == []


@pytest.mark.parametrize(
    ("waves", "origin", "message"),
    [
        ([["a"]], "", "mesh_upgrade_waves: b of mesh_inject_namespaces: in no wave; put it into one"),
        (
            [["a", "b"], ["c"]],
            "",
            "mesh_upgrade_waves: c: not in mesh_inject_namespaces; write it there, or leave it out",
        ),
        ([["a", "b"], ["a"]], "", "mesh_upgrade_waves: a: there twice, and a namespace moves once; leave one out"),
        ([], "", "there is an istiod of blue and of red beside green; write in mesh_upgrade_from which of them"),
        ([], "grey", "mesh_upgrade_from is 'grey', of which no istiod stands beside green; there is blue, red"),
    ],
)
def test_what_cannot_be_done_is_told(waves: list[list[str]], origin: str, message: str) -> None:
    istiods = [istiod("blue"), istiod("red"), istiod("green")]
    with pytest.raises(UpgradeError) as told:
        plan("green", istiods, at("blue", "a", "b"), waves, origin)
    assert message in str(told.value)


def test_of_several_the_one_that_is_named_is_left() -> None:
    istiods = [istiod("blue"), istiod("red"), istiod("green")]
    assert plan("green", istiods, at("blue", "a"), [], "red").origin == "red"


@pytest.mark.parametrize(
    ("pod", "is_outdated"),
    [
        ({"metadata": {"annotations": {"sidecar.istio.io/status": '{"revision":"green"}'}}, "spec": {}}, False),
        ({"metadata": {"annotations": {"sidecar.istio.io/status": '{"revision":"blue"}'}}, "spec": {}}, True),
        ({"metadata": {"annotations": {"sidecar.istio.io/status": '{"revision":"green-2"}'}}, "spec": {}}, True),
        ({"metadata": {}, "spec": {}}, True),
        ({"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}, "spec": {}}, False),
        ({"metadata": {}, "spec": {"hostNetwork": True}}, False),
    ],
)
def test_which_pods_are_out_of_date(pod: dict[str, Any], is_outdated: bool) -> None:
    assert holds(outdated("green"), pod) is is_outdated
