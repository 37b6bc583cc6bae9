# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as Kubernetes reads it: lines, traps, hostile input."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import DefinitionError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.strict_yaml import load_objects
from hypothesis import given
from hypothesis import strategies as st

PRINTABLE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | PRINTABLE
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(PRINTABLE, inner), max_leaves=20)


def one(text: str) -> Any:
    (found,) = load_objects(text, "a.yaml")
    return found.value


def complaint(text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        load_objects(text, "a.yaml")
    return str(caught.value)


@given(st.dictionaries(PRINTABLE, VALUES, min_size=1))
def test_reads_whatever_json_can_say(value: dict[str, Any]) -> None:
    value.pop("kind", None)
    assert one(yaml.safe_dump(value)) == value


def test_tells_file_and_line_of_a_syntax_error() -> None:
    lines = [f"key{number}: value" for number in range(1, 17)] + ["broken: [1, 2"]
    lines.append("next: value")
    assert complaint("\n".join(lines)).startswith(("a.yaml:17: YAML error", "a.yaml:18: YAML error"))
    assert complaint("\n".join([*lines[:16], "a: b: c"])).startswith("a.yaml:17: YAML error: mapping values")


def test_tells_where_both_of_two_equal_keys_stand() -> None:
    message = complaint("spec:\n  replicas: 1\n  paused: true\n  replicas: 2\n")
    assert message == 'a.yaml:4: YAML error: the key "replicas" stands twice; first on line 2'


@pytest.mark.parametrize("text", ["22:22", "1:30.5", "2024-01-31", "2001-12-14t21:59:43.10-05:00"])
def test_keeps_as_text_what_is_no_number_in_kubernetes(text: str) -> None:
    assert one(f"value: {text}") == {"value": text}


def test_reads_numbers_as_kubernetes_does() -> None:
    assert one("{mode: 0644, port: 0x10, big: 1_000, ratio: 1.5, on: yes}".replace("on:", "'on':")) == {
        "mode": 0o644,
        "port": 16,
        "big": 1000,
        "ratio": 1.5,
        "on": True,
    }


def test_refuses_keys_that_are_not_strings() -> None:
    assert complaint("data:\n  8080: web\n") == "a.yaml:2: YAML error: the key '8080' is not a string: quote it"


def test_refuses_an_aliases_bomb_quickly() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases blow the document up" in complaint("\n".join(levels))


def test_takes_a_modest_alias_and_merge() -> None:
    text = "base: &base {app: web, tier: a}\nlabels:\n  <<: *base\n  tier: b\ncopy: *base\n"
    assert one(text)["labels"] == {"app": "web", "tier": "b"}
    assert one(text)["copy"] == {"app": "web", "tier": "a"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [*a]", "refers to what it stands in"),
        ("a: !!binary aGVsbG8=", "has no place in a Kubernetes object"),
        ("a: !!python/object:os.system {}", "has no place in a Kubernetes object"),
        ("a: .nan", "is not a number that JSON has"),
        ("[" * 5000 + "]" * 5000, "YAML error"),
        ("a: \x00b", "YAML error"),
        ("a: *nobody", "undefined alias"),
    ],
)
def test_refuses_hostile_input(text: str, reason: str) -> None:
    assert reason in complaint(text)


def test_takes_lists_apart_and_keeps_the_line_of_each_item() -> None:
    text = "---\n---\nkind: List\nitems:\n- kind: A\n- kind: BList\n  items:\n  - kind: B\n---\nkind: C\n"
    assert [(found.value["kind"], found.line) for found in load_objects(text, "x")] == [("A", 5), ("B", 8), ("C", 10)]
