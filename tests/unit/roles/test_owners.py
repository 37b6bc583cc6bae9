# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns what: the table in docs/architecture.md against what the roles' templates produce."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def owned() -> dict[str, set[str]]:
    """The kinds that the table gives each component."""
    table = (ROOT / "docs" / "architecture.md").read_text().split("| component | owns |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", table, re.MULTILINE)
    return {component: set(re.findall(r"\b[A-Z][A-Za-z]+\b", cell)) for component, cell in rows}


def made_of(what: str) -> set[str]:
    """The kinds that the document gives a controller. Their objects are told from those of others by their set."""
    document = (ROOT / "docs" / "architecture.md").read_text()
    sentence = document.split(f"{what} is made of:")[1].split(".\n")[0]
    return set(re.findall(r"\b[A-Z][A-Za-z]+\b", sentence))


def produced(role: str) -> set[str]:
    """The kinds in the templates of a role's definitions; fragments are objects of others."""
    variables = ROOT / "roles" / role / "vars" / "main.yml"
    if not variables.exists():
        return set()
    lines = [line for line in variables.read_text().splitlines() if "fragments" not in line]
    templates = re.findall(r"'([\w.-]+\.yaml\.j2)'", "\n".join(lines))
    texts = [(ROOT / "roles" / role / "templates" / template).read_text() for template in templates]
    return {kind for text in texts for kind in re.findall(r"^kind: (\w+)$", text, re.MULTILINE)}


def test_the_table_names_every_component() -> None:
    assert sorted(owned()) == ROLES


def test_no_kind_has_two_owners() -> None:
    kinds = Counter(kind for component in owned().values() for kind in component)
    assert [kind for kind, count in kinds.items() if count > 1] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_produces_what_the_table_says(role: str) -> None:
    if role in ("crds", "mesh", "toolchain"):  # their objects are not templates
        assert produced(role) == set()
    elif role == "cluster":
        assert produced(role) == {"Node"}
    elif role == "controllers":
        assert produced(role) == made_of("A controller")
    elif role == "smi_controller":
        assert produced(role) == made_of("The SMI controller")
    else:
        assert produced(role) == owned()[role]


def test_the_addons_of_real_nodes_stay_in_the_namespace_of_the_system() -> None:
    templates = sorted((ROOT / "roles" / "cluster" / "templates" / "addons").glob("*.j2"))
    assert len(templates) == 5
    namespaces = {
        name for path in templates for name in re.findall(r"^  namespace: (\S+)$", path.read_text(), re.MULTILINE)
    }
    assert namespaces == {"kube-system"}
