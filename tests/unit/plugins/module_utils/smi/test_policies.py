# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that hold SMI to its rules in the API server. What they refuse is tested with a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import DRAFT_KINDS, KINDS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.policies import (
    LEFT_OUT,
    RULES,
    UnknownChoice,
    policies,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import (
    BOTH,
    BY_ID,
    CLUSTER,
    OBJECT,
    PROVIDERS,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import RULES as ALL_RULES

VERSIONS = ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"]
ALL = {"split": VERSIONS, "access": VERSIONS, "specs": VERSIONS}
ONLY_WARNED_OF = {"smi-service-account": "the object alone shows the mild case only: the default account"}


def only_policies(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in made if each["kind"] == "ValidatingAdmissionPolicy"]


def rules_of(policy: dict[str, Any]) -> set[str]:
    return set(policy["metadata"]["annotations"][RULES].split(","))


def matched(policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    (rules,) = policy["spec"]["matchConstraints"]["resourceRules"]
    for version in rules["apiVersions"]:
        yield rules["resources"][0], version


@pytest.mark.parametrize("provider", ["", *PROVIDERS])
def test_every_rule_that_one_object_shows_has_a_policy_of_its_severity(provider: str) -> None:
    made = only_policies(policies(ALL, provider))
    denied = {rule for each in made if each["spec"]["failurePolicy"] == "Fail" for rule in rules_of(each)}
    for rule in ALL_RULES:
        severity = rule.severity_for(provider)
        expected = rule.scope != CLUSTER and severity == "error" and rule.id not in ONLY_WARNED_OF
        assert (rule.id in denied) == expected, rule.id
    warned = {rule for each in made if each["spec"]["failurePolicy"] == "Ignore" for rule in rules_of(each)}
    assert set(ONLY_WARNED_OF) <= warned


def test_what_the_policies_do_not_see_is_listed_with_a_reason() -> None:
    # Of rule 19 only the shape of headers needs the CRD, which is given.
    wanted = {rule.id for rule in ALL_RULES if rule.scope in (CLUSTER, BOTH)} - {"smi-route-matches"}
    assert set(LEFT_OUT) == wanted
    assert all(LEFT_OUT.values())
    assert [name for name in LEFT_OUT if BY_ID[name].scope == OBJECT] == []


def test_each_version_of_each_kind_that_has_rules_has_one_policy_that_denies() -> None:
    denying = [each for each in only_policies(policies(ALL)) if each["spec"]["failurePolicy"] == "Fail"]
    found = sorted(pair for policy in denying for pair in matched(policy))
    kinds = [kind for kind in (*KINDS, *DRAFT_KINDS) if kind.name != "TCPRoute"]
    every = [(kind.plural, version) for kind in kinds for version in (*kind.versions, *kind.drafts)]
    # Before v1alpha4 a TCPRoute has no field that could be wrong.
    assert found == sorted([*every, ("tcproutes", "v1alpha4")])


def test_policies_match_exactly_what_is_served() -> None:
    made = only_policies(policies({"split": ["v1alpha4"], "specs": ["v1alpha2", "v1alpha3"]}))
    assert {pair for policy in made for pair in matched(policy)} == {
        ("trafficsplits", "v1alpha4"),
        ("httproutegroups", "v1alpha2"),
        ("httproutegroups", "v1alpha3"),
    }
    assert {policy["spec"]["matchConstraints"]["matchPolicy"] for policy in made} == {"Exact"}


def test_names_stay_whatever_is_served_and_each_policy_has_its_binding() -> None:
    made = policies(ALL)
    names = [each["metadata"]["name"] for each in made]
    assert names[::2] == names[1::2]
    assert len(set(names)) == len(names) / 2
    for policy, binding in zip(made[::2], made[1::2]):
        action = {"Fail": "Deny", "Ignore": "Warn"}[policy["spec"]["failurePolicy"]]
        assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": [action]}
    few = policies({"split": ["v1alpha4"]}, provider="linkerd")
    assert [each["metadata"]["name"] for each in few] == [
        "smi-trafficsplit-matches.smi.servicemesh.platform",
        "smi-trafficsplit-matches.smi.servicemesh.platform",
        "smi-trafficsplit-matches-warnings.smi.servicemesh.platform",
        "smi-trafficsplit-matches-warnings.smi.servicemesh.platform",
    ]
    assert {each["metadata"]["name"] for each in few} <= set(names)


def test_messages_name_field_and_rule_even_where_the_value_cannot_be_told() -> None:
    for policy in only_policies(policies(ALL, headers="list")):
        own = [each for each in policy["spec"]["validations"] if "message" in each]
        assert len(own) >= len(policy["spec"]["validations"]) - 1
        for validation in own:
            assert any(f"({rule})" in validation["message"] for rule in rules_of(policy))
            assert validation["messageExpression"].count("'") % 2 == 0
            assert "\n" not in validation["message"]


def test_within_what_the_api_server_takes() -> None:
    for policy in only_policies(policies(ALL)):
        spec = policy["spec"]
        names = [variable["name"] for variable in spec["variables"]]
        assert len(set(names)) == len(names), policy["metadata"]["name"]
        longest = max(len(each["messageExpression"]) for each in spec["validations"] if "messageExpression" in each)
        assert longest < 5 * 1024
        assert len(json.dumps(policy)) < 64 * 1024


def test_a_milder_provider_and_no_warnings() -> None:
    def rules(**options: Any) -> set[str]:
        return {rule for each in only_policies(policies({"split": ["v1alpha4"]}, **options)) for rule in rules_of(each)}

    assert "smi-self-reference" in rules()
    assert "smi-self-reference" not in rules(provider="linkerd-smi")
    assert "smi-weight-sum" not in rules(warnings=False)
    assert "smi-weight" in rules(warnings=False)


@pytest.mark.parametrize(
    ("versions", "options", "message"),
    [
        ({"split": ["v1alpha9"]}, {}, "split has no version 'v1alpha9'; write some of: v1alpha1"),
        ({"split": "v1alpha4"}, {}, "split: 'v1alpha4' is no list of versions"),
        ({"split": None}, {}, "split: None is no list of versions"),
        ({"metrics": ["v1alpha1"]}, {}, "SMI has no API group 'metrics' with CRDs; write one of: split, access, specs"),
        ({}, {"provider": "nobody"}, "provider: 'nobody' is no provider; write one of: linkerd"),
        ({}, {"headers": "both"}, "headers has no shape 'both'; write one of: list, map, any"),
    ],
)
def test_what_cannot_be_made_is_an_error_that_says_what_can(versions: Any, options: Any, message: str) -> None:
    with pytest.raises(UnknownChoice) as caught:
        policies(versions, **options)
    assert message in str(caught.value)
