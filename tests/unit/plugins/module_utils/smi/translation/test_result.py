# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import named


def test_a_name_of_parts() -> None:
    assert named("web", 80) == "web-80"


def test_a_name_that_is_too_long_stays_one_of_its_own() -> None:
    long = "a" * 250
    first, second = named(long, 8080), named(long, 8081)
    assert len(first) == len(second) == 253
    assert first != second
    assert first == named(long, 8080)
    assert named("a" * 242 + "." + "b" * 20, 80)[240:243] == "aa-"
