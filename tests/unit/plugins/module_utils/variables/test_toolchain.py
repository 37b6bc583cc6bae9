# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for the variables of the role toolchain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import CATALOGUE
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.toolchain import derived, problems

ROLE = Path(__file__).parents[5] / "roles" / "toolchain"
INVENTORY = Inventory("demo", {}, {})
DEFAULTS = {**yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8")), "toolchain_cache_dir": "/c"}
OWN = {"name": "x", "module": "a.test/x", "version": "v1.0.0"}


def found(*tools: Any, **variables: Any) -> list[str]:
    return [str(problem) for problem in problems({**DEFAULTS, "toolchain_tools": list(tools), **variables}, INVENTORY)]


def complete(*tools: Any, **variables: Any) -> dict[str, Any]:
    return derived({**DEFAULTS, "toolchain_tools": list(tools), **variables}, INVENTORY)


def test_nothing_is_the_default() -> None:
    assert found() == []
    assert complete() == {"tools": [], "bin_dir": "/c/tools"}
    assert complete(toolchain_bin_dir="/opt/bin")["bin_dir"] == "/opt/bin"


def test_names_packages_and_mappings() -> None:
    tools = ["helm", "a.test/y/cmd/z@v1.0.0", OWN, {"name": "crane", "version": "v0.20.0"}]
    assert found(*tools) == []
    helm, package, own, crane = complete(*tools)["tools"]
    assert (helm["name"], helm["sum"]) == ("helm", CATALOGUE["helm"]["sum"])
    assert (package["name"], package["package"], package["version"]) == ("z", "a.test/y/cmd/z", "v1.0.0")
    assert own["module"] == "a.test/x"
    assert (crane["version"], crane["sum"], crane["version_expected"]) == ("v0.20.0", None, "v0.20.0")


def test_text_becomes_what_it_means() -> None:
    tool = {**OWN, "cgo": "true", "tags": "a,b", "sum": "", "source": ""}
    assert found(tool) == []
    (typed,) = complete(tool)["tools"]
    assert (typed["cgo"], typed["tags"], typed["sum"]) == (True, ["a", "b"], None)


def test_sources_are_seen_from_where_the_playbook_was_called() -> None:
    own, pinned = complete({"name": "x", "source": "pins/x"}, "kubectl")["tools"]
    assert own["source"] == os.path.abspath("pins/x")
    assert (ROLE / "files" / pinned["source"] / "go.sum").exists()


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("helmm", "did you mean helm?"),
        ("zzz", "known by their names are crane, helm"),
        ("a.test/x@latest", "Write it in full, such as v1.2.3"),
        ("@v1.0.0", "PACKAGE@VERSION"),
        (3, "write a name such as helm"),
        ({"module": "a.test/x"}, "write a name such as helm"),
        ({**OWN, "versoin": "v1"}, "unknown: versoin. Supported parameters include: cgo"),
        ({**OWN, "cgo": "perhaps"}, "cgo"),
        ({**OWN, "source": "/src"}, "both version and source"),
        ({"name": "kubectl", "version": "v1.35.0"}, "its version is that of the go.mod in the role"),
        ({"name": "helm", "sum": "x"}, "no checksum of a module"),
    ],
)
def test_a_problem_names_the_place_and_what_is_right(tool: Any, expected: str) -> None:
    (problem,) = found({**OWN, "name": "other"}, tool)
    assert problem.startswith("toolchain_tools[1] is ")
    assert expected in problem


def test_all_problems_are_told_at_once() -> None:
    wrong = found("helm", "helm", "nothing", toolchain_go_minimum="newest")
    assert len(wrong) == 3
    assert "toolchain_go_minimum is 'newest'" in wrong[0]
    assert "listed more than once" in wrong[2]
