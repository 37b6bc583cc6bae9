# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents: what they point to exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.model import RULES

ROOT = Path(__file__).parents[3]
TRACKED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
)
DOCUMENTS = sorted(name for name in TRACKED.stdout.split() if name.endswith(".md"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE)
    assert {first or second for first, second in code} <= targets


@pytest.mark.parametrize("name", DOCUMENTS)
def test_playbooks_exist(name: str) -> None:
    named = re.findall(r"ansible-playbook servicemesh\.platform\.(\w+)", (ROOT / name).read_text())
    assert [playbook for playbook in named if not (ROOT / "playbooks" / f"{playbook}.yml").exists()] == []


def test_every_role_and_document_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    wanted = [f"roles/{path.parent.name}/README.md" for path in ROOT.glob("roles/*/meta")]
    wanted += [f"docs/{path.name}" for path in ROOT.glob("docs/*.md")]
    assert [path for path in wanted if path not in readme] == []


def test_every_module_is_in_an_action_group_or_needs_no_cluster() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    for path in (ROOT / "plugins" / "modules").glob("*.py"):
        needs_cluster = "servicemesh.platform.connection" in path.read_text()
        assert (path.stem in groups["k8s"]) == needs_cluster, path.stem
        has_offline = "\n  offline:\n" in path.read_text()
        assert (path.stem in groups["environment"]) == has_offline, path.stem


def test_the_rules_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "smi-rules.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| {rule.number} | `{rule.id}` | {rule.title} | {rule.severity.value} |" in page
