# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which workloads have a sidecar when only a share of them is to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.share import (
    INJECT,
    MARK,
    Tenant,
    Workload,
    asked,
    chosen,
    fragments,
    share_problems,
)

NAMES = [Workload("article", "Deployment", f"app-{number}") for number in range(40)]


def item(name: str, labels: dict[str, str] | None = None, annotations: Any = None, **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "article", "name": name, "annotations": annotations}
    template = {"metadata": {"labels": labels or {}}, "spec": spec}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


@pytest.mark.parametrize(
    ("share", "count", "expected"),
    [(100, 5, 5), (80, 5, 4), (50, 4, 2), (50, 5, 3), (0, 5, 0), (80, 1, 1), (40, 1, 0), (80, 0, 0), (80, 40, 32)],
)
def test_it_is_as_near_as_whole_workloads_come(share: int, count: int, expected: int) -> None:
    assert len(chosen(NAMES[:count], share)) == expected


def test_the_order_in_which_they_are_listed_does_not_matter() -> None:
    assert chosen(NAMES, 50) == chosen(NAMES[::-1], 50)


def test_a_larger_share_only_adds() -> None:
    choices = [chosen(NAMES, share) for share in range(101)]
    assert all(smaller <= larger for smaller, larger in zip(choices, choices[1:]))


@pytest.mark.parametrize("share", [10, 50, 80])
def test_one_more_changes_at_most_one_other(share: int) -> None:
    for count in range(len(NAMES) - 1):
        before, after = chosen(NAMES[:count], share), chosen(NAMES[: count + 1], share)
        assert len((before ^ after) - {NAMES[count]}) <= 1


def test_those_that_are_not_chosen_are_left_out_by_the_label_of_their_pods() -> None:
    items = [item(name) for name in "abcde"]
    found = fragments([Tenant("one", ["article"], 80), Tenant("two", ["other"], 0)], items)
    (left_out,) = found
    assert left_out["metadata"]["annotations"] == {MARK: "true"}
    assert left_out["spec"]["template"]["metadata"]["labels"] == {INJECT: "false"}
    # What we have written does not count as a word of the owner.
    again = [
        item(each["metadata"]["name"]) for each in items if each["metadata"]["name"] != left_out["metadata"]["name"]
    ]
    ours = item(left_out["metadata"]["name"], {INJECT: "false"}, {MARK: "true"})
    assert fragments([Tenant("one", ["article"], 80)], [*again, ours]) == found


def test_who_has_decided_himself_or_can_have_none_is_not_counted() -> None:
    items = [item("yes", {INJECT: "true"}), item("no", {INJECT: "false"}), item("host", hostNetwork=True)]
    assert fragments([Tenant("one", ["article"], 0)], items) == []


@pytest.mark.parametrize(
    ("tenant", "problem"),
    [
        ({"injection_share": "many"}, "an injection_share is no number; write one from 0 to 100"),
        ({"injection_share": 101}, "injection_share of one is 101; write a number from 0 to 100"),
        ({"adopted_namespaces": ["b"], "injection_share": 80}, "nothing asks for sidecars in b of one; write it into"),
    ],
)
def test_what_is_wrong_with_a_share_is_told(tenant: dict[str, Any], problem: str) -> None:
    (told,) = share_problems([{"name": "one", "namespaces": ["a"], **tenant}], ["a"])
    assert problem in told


def test_only_tenants_that_ask_for_a_share_have_one() -> None:
    tenants: list[dict[str, Any]] = [
        {"name": "none", "namespaces": ["a"], "injection_share": None},
        {"name": "unset", "namespaces": ["b"], "injection_share": ""},
        {"name": "text", "namespaces": ["c"], "adopted_namespaces": ["d"], "injection_share": "80"},
        {"name": "zero", "namespaces": ["e"], "injection_share": 0},
    ]
    assert asked(tenants) == [Tenant("text", ["c", "d"], 80), Tenant("zero", ["e"], 0)]
    assert not list(share_problems(tenants, ["c", "d"]))
