# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller import admission, conversion


def split(name: str, *backends: str, version: str = "v1alpha4", service: str = "web") -> dict[str, Any]:
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"team": "a"}},
        "spec": {"service": service, "backends": [{"service": each, "weight": 1} for each in backends]},
    }


def review(version: str, *objects: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": {"uid": "1", "desiredAPIVersion": f"split.smi-spec.io/{version}", "objects": list(objects)},
    }


def test_all_objects_come_back_in_their_order_with_their_metadata() -> None:
    objects = [split(f"s{number}", "a", "b") for number in range(3)]
    response = conversion.review(review("v1alpha1", *objects))["response"]
    assert response["uid"] == "1"
    assert response["result"] == {"status": "Success"}
    assert [each["apiVersion"] for each in response["convertedObjects"]] == ["split.smi-spec.io/v1alpha1"] * 3
    for before, after in zip(objects, response["convertedObjects"]):
        for field in ("name", "namespace", "uid", "labels"):
            assert after["metadata"][field] == before["metadata"][field]


def test_no_objects_are_converted_to_none() -> None:
    assert conversion.review(review("v1alpha1"))["response"]["convertedObjects"] == []


def test_one_object_that_cannot_be_converted_fails_them_all() -> None:
    wrong = split("wrong", version="v1alpha1")
    wrong["spec"]["backends"] = [{"service": "a", "weight": "1n"}, {"service": "b", "weight": str(2**63 - 1)}]
    result = conversion.review(review("v1alpha4", split("fine", "a"), wrong))["response"]
    assert result["result"]["status"] == "Failure"
    assert "TrafficSplit shop/wrong" in result["result"]["message"]
    assert "convertedObjects" not in result


@pytest.mark.parametrize("version", ["v1alpha9", "v2"])
def test_a_version_that_is_none_is_named_with_those_that_are(version: str) -> None:
    message = conversion.review(review(version, split("s", "a")))["response"]["result"]["message"]
    assert version in message
    assert "v1alpha4" in message


@pytest.mark.parametrize("request_", [{}, {"kind": "ConversionReview"}, {**review("v1alpha1"), "request": None}])
def test_what_is_no_review_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(conversion.NotAReview, match="ConversionReview"):
        conversion.review(request_)


def test_a_split_of_a_split_is_refused_with_field_reason_and_mend() -> None:
    around = Surroundings(smi=(split("inner", "a", service="inner"),))
    refused = admission.refusals(split("outer", "inner"), around, "")
    answer = admission.answer({"uid": "7"}, refused, [])["response"]
    assert answer["uid"] == "7"
    assert answer["allowed"] is False
    assert answer["status"]["message"].startswith("spec.backends[0].service: inner is the root of")
    assert "Name the backends of inner instead" in answer["status"]["message"]


def test_what_is_missing_is_a_warning_and_no_refusal() -> None:
    around = Surroundings(known=frozenset({"Service"}))
    obj = split("s", "a")
    refused = admission.refusals(obj, around, "")
    warned = admission.warnings(obj, around, "", refused)
    answer = admission.answer({"uid": "7"}, refused, warned)["response"]
    assert answer["allowed"] is True
    assert [each.partition(".")[0] for each in answer["warnings"]] == ["spec", "spec"]
    assert "there is no Service shop/web" in answer["warnings"][0]


def test_warnings_are_no_longer_than_the_api_server_takes() -> None:
    around = Surroundings(known=frozenset({"Service"}))
    obj = split("s", "a" * 250)
    warned = admission.warnings(obj, around, "", [])
    assert max(map(len, admission.answer({}, [], warned)["response"]["warnings"])) == 250
