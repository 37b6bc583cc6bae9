# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where definitions come from, and what is told about them before any server is asked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.definitions import load_definitions
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import DefinitionError


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", **metadata}}


def text(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\n"


def complaint(definitions: Any = None, src: tuple[str, ...] = ()) -> str:
    with pytest.raises(DefinitionError) as caught:
        load_definitions(definitions, src)
    return str(caught.value)


def test_reads_mappings_texts_and_lists_of_both() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [config_map("d"), config_map("e")]}
    loaded = load_definitions([config_map("a"), text("b") + "---\n" + text("c"), listed])
    assert [each.name for each in loaded] == ["a", "b", "c", "d", "e"]
    assert [str(each.origin) for each in loaded][:3] == ["definitions[0]", "definitions[1]:1", "definitions[1]:5"]


def test_reads_files_folders_and_globs_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/c.json", "sub/ignored.txt", ".hidden.yaml", ".git/x.yaml", "z.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(config_map(path.stem)) if name.endswith("json") else text(path.stem))
    assert [each.name for each in load_definitions(src=[str(tmp_path)])] == ["a", "b", "z", "c"]
    assert [each.name for each in load_definitions(src=[f"{tmp_path}/*.yaml"])] == ["b", "z"]
    assert [each.name for each in load_definitions(src=[f"{tmp_path}/**/*.json", f"{tmp_path}/z.yaml"])] == ["c", "z"]


def test_refuses_a_source_without_definitions(tmp_path: Path) -> None:
    assert "no definitions there" in complaint(src=(str(tmp_path),))
    assert "no definitions there" in complaint(src=(f"{tmp_path}/none-*.yaml",))


def test_names_both_places_of_two_definitions_of_one_object(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text("web"))
    (tmp_path / "b.yaml").write_text("# comment\n" + text("other") + "---\n" + text("web"))
    message = complaint(src=(str(tmp_path),))
    assert f"{tmp_path}/b.yaml:6" in message
    assert f"first in {tmp_path}/a.yaml:1" in message


def test_tells_everything_that_is_wrong_at_once() -> None:
    message = complaint(
        [
            {"kind": "ConfigMap", "metadata": {"name": "a"}},
            config_map("b", labels={"tier": 1}),
            config_map("c", namespace="Shop"),
            config_map("d/e"),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}},
            {"apiVersion": "v1", "kind": "ConfigMap"},
        ]
    )
    assert message.splitlines() == [
        "definitions[0]: apiVersion is missing; write for example apiVersion: apps/v1",
        "definitions[1]: ConfigMap b: metadata.labels.tier is 1, but must be a string: quote it",
        "definitions[2]: ConfigMap c: metadata.namespace 'Shop' is not a namespace name (a-z, 0-9 and -, at most 63 "
        "characters)",
        "definitions[3]: ConfigMap d/e: metadata.name may not be . or .. nor hold / or %",
        "definitions[4]: ConfigMap: metadata.generateName cannot be applied again to the same object; give "
        "metadata.name",
        "definitions[5]: metadata is missing; it holds at least the name",
    ]


@pytest.mark.parametrize("item", ["just text", 5, ["nested"]])
def test_refuses_what_is_no_object(item: Any) -> None:
    assert "expected" in complaint([item])


def test_turns_string_data_into_data() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}}
    secret.update(data={"a": "YQ==", "b": "Yg=="}, stringData={"b": "new", "c": "ü"})
    (loaded,) = load_definitions(secret)
    assert loaded.body["data"] == {
        "a": "YQ==",
        "b": base64.b64encode(b"new").decode(),
        "c": base64.b64encode("ü".encode()).decode(),
    }
    assert "stringData" not in loaded.body


def test_never_tells_the_value_of_a_secret() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"pin": 123456}}
    message = complaint(secret)
    assert "stringData.pin must be a string" in message
    assert "123456" not in message


def test_tells_place_in_json_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n"kind": "A",\n"kind": "B"}')
    assert 'the key "kind" stands twice' in complaint(src=(str(tmp_path / "a.json"),))
    (tmp_path / "b.json").write_text('{\n"kind": }')
    assert complaint(src=(str(tmp_path / "b.json"),)).startswith(f"{tmp_path}/b.json:2: JSON error")


def test_tells_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in complaint(src=(str(tmp_path / "a.yaml"),))


@pytest.mark.parametrize(
    "nothing", [{"kind": "List", "items": None}, {"kind": "List", "items": []}, "kind: List\nitems:\n"]
)
def test_a_list_of_nothing_is_nothing(nothing: Any) -> None:
    """Go writes an empty list as null."""
    assert load_definitions([nothing]) == []


def test_json_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000 + "]" * 100_000)
    assert complaint(src=(str(tmp_path),)) == f"{tmp_path}/deep.json: JSON error: nested too deeply"


def test_half_a_character_is_told() -> None:
    assert complaint("a: 1\nb: \ud800") == "definitions:2: YAML error: half a character (a lone surrogate)"
