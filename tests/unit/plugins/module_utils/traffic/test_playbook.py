# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook hands on every option of the module, and knows no other."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.servicemesh.platform.plugins.modules.traffic_probe import ARGUMENTS

PLAYBOOKS = Path(__file__).parents[5] / "playbooks"
OF_THE_ENVIRONMENT = {"image", "progress"}


def test_a_probe_may_have_what_the_module_takes() -> None:
    options = yaml.safe_load((PLAYBOOKS / "vars" / "traffic.yml").read_text())["__traffic_options"]
    assert set(options) == set(ARGUMENTS) - OF_THE_ENVIRONMENT


def test_the_playbook_hands_it_on() -> None:
    tasks = yaml.safe_load((PLAYBOOKS / "tasks" / "traffic.yml").read_text())
    (task,) = [task for task in tasks if "servicemesh.platform.traffic_probe" in task]
    assert set(task["servicemesh.platform.traffic_probe"]) == set(ARGUMENTS) - {"progress"}
