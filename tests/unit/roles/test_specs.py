# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all roles have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def load(role: str, *parts: str) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((ROOT / "roles" / role).joinpath(*parts).read_text())
    return loaded or {}


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specification_name_the_same_variables(role: str) -> None:
    options = load(role, "meta", "argument_specs.yml")["argument_specs"]["main"].get("options", {})  # type: ignore[index]
    assert set(load(role, "defaults", "main.yml")) == set(options)
    assert all(name.startswith(f"{role}_") for name in options)


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_that_the_specification_tells(role: str) -> None:
    options = load(role, "meta", "argument_specs.yml")["argument_specs"]["main"].get("options", {})  # type: ignore[index]
    defaults = load(role, "defaults", "main.yml")
    told = {name: option["default"] for name, option in options.items() if "default" in option}
    assert {name: defaults[name] for name in told} == told


@pytest.mark.parametrize("role", ROLES)
def test_entry_points_start_with_the_variables(role: str) -> None:
    for entry in ("validate", "main", "verify", "absent"):
        tasks = yaml.safe_load((ROOT / "roles" / role / "tasks" / f"{entry}.yml").read_text())
        assert "servicemesh.platform.role_variables" in tasks[0], entry
        assert tasks[0]["register"] == f"__{role}", entry


def test_site_knows_every_role() -> None:
    known = yaml.safe_load((ROOT / "playbooks" / "vars" / "site.yml").read_text())["__known_components"]
    assert sorted(known) == ROLES
