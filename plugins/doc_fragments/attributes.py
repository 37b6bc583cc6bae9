# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation fragment: what every module says about check mode, diff mode and idempotence."""

from __future__ import annotations


class ModuleDocFragment:
    """Defines the attributes; the module says how far it supports each."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and tell the changes it would make without making them.
  diff_mode:
    description: Returns what changed (or in check mode would change) when run in diff mode.
  idempotent:
    description:
      - When run twice in a row with the same arguments, the second run changes nothing and says so.
      - This assumes that what the module works on was not changed in between by somebody else.
"""
