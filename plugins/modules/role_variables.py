# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: role_variables
short_description: Check and type the variables of a role
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Reads the options of the entry point C(main) from the C(meta/argument_specs.yml) of the role that runs the task,
    takes the variables of these names, turns them into their types and checks them, also with the rules that the
    collection has for the role. Needs neither facts nor a network.
  - An empty string counts as not set, so that the empty answer of a survey means the role's default. Lists and
    mappings may arrive as YAML or JSON text.
  - All problems are told at once, each with the variable, its value and what is allowed. A variable with the prefix
    of the role that the role does not know is a problem too.
  - This runs on the controller as an action.
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Check and type the variables
  servicemesh.platform.role_variables:
  register: __tenancy

- name: Use them
  ansible.builtin.debug:
    var: __tenancy.tenants
"""

RETURN = r"""
"<name>":
  description: Each variable of the role, without the prefix of the role and with the type that the role states.
  returned: success
  type: raw
  sample: [{"name": "payments"}]
"""
