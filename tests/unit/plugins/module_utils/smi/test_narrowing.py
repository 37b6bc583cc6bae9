# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRDs serve while the webhook that converts is there, and while it is not."""

from __future__ import annotations

from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.narrowing import (
    Conversion,
    is_converted,
    servable,
)

MANAGER = "servicemesh.platform/smi_controller"
SPLITS = "trafficsplits.split.smi-spec.io"
WANTED = crds({"split": ["v1alpha2", "v1alpha4"], "specs": ["v1alpha4"]}, conversion={"url": "https://to-come"})


def live(manager: str = MANAGER, strategy: str = "Webhook") -> dict[str, Any]:
    """The CRD of TrafficSplits with a conversion that a field manager has applied."""
    entry = {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:conversion": {"f:strategy": {}}}}}
    return {
        SPLITS: {
            "metadata": {"name": SPLITS, "managedFields": [entry]},
            "spec": {"conversion": {"strategy": strategy}},
        }
    }


def served(definitions: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        each["metadata"]["name"].partition(".")[0]: [
            version["name"] for version in each["spec"]["versions"] if version["served"]
        ]
        for each in definitions
    }


ONE = {"trafficsplits": ["v1alpha4"], "httproutegroups": ["v1alpha4"], "tcproutes": ["v1alpha4"]}
ALL = {**ONE, "trafficsplits": ["v1alpha2", "v1alpha4"], "udproutes": ["v1alpha4"]}


def test_without_the_webhook_the_stored_version_is_served() -> None:
    for there in ({}, live("another"), live(strategy="None")):
        found = servable(WANTED, there, Conversion(MANAGER))
        assert found.narrowed == [SPLITS]
        assert served(found.definitions) == {**ALL, "trafficsplits": ["v1alpha4"]}
    assert [each["name"] for each in found.definitions[0]["spec"]["versions"]] == ["v1alpha2", "v1alpha4"]


def test_with_the_webhook_everything_is_served() -> None:
    found = servable(WANTED, live(), Conversion(MANAGER))
    assert (found.narrowed, served(found.definitions)) == ([], ALL)


def test_a_webhook_that_is_about_to_go_and_objects_that_are_being_written_narrow_too() -> None:
    assert servable(WANTED, live(), Conversion(MANAGER, ends=True)) == (
        servable(WANTED[:1], {}, Conversion(MANAGER)).definitions,
        [SPLITS],
    )
    assert servable(WANTED, live(), Conversion(MANAGER), [SPLITS]).narrowed == [SPLITS]


def test_the_conversion_is_in_no_definition() -> None:
    for there in ({}, live()):
        definitions = servable(WANTED, there, Conversion(MANAGER)).definitions
        assert [each["spec"].get("conversion") for each in definitions] == [None] * len(WANTED)
    assert WANTED[0]["spec"]["conversion"]["strategy"] == "Webhook"


def test_a_conversion_belongs_to_who_has_applied_it() -> None:
    assert is_converted(live()[SPLITS], MANAGER)
    assert not is_converted(live("another")[SPLITS], MANAGER)
    assert not is_converted(None, MANAGER)
