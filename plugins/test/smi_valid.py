# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict

from ansible.errors import AnsibleError
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check_alone
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import is_smi

DOCUMENTATION = r"""
name: smi_valid
short_description: Whether objects of the Service Mesh Interface are valid
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - True when no object breaches a rule that the object alone shows, as far as a breach is an error.
  - What needs other objects to tell is looked at by M(servicemesh.platform.smi_validate).
positional: _input
options:
  _input:
    description: An object, or a list of objects. What is no object of the Service Mesh Interface is not valid.
    type: raw
    required: true
  provider:
    description: Who carries the objects out, as in M(servicemesh.platform.smi_validate).
    type: str
    default: ''
seealso:
  - module: servicemesh.platform.smi_validate
"""

EXAMPLES = r"""
- name: Look at a split before it is used
  ansible.builtin.assert:
    that: split is servicemesh.platform.smi_valid
"""

RETURN = r"""
_value:
  description: Whether all of the objects are valid.
  type: bool
"""


def smi_valid(value: Any, provider: str = "") -> bool:
    """Whether an object or all objects of a list are valid; AnsibleError for an unknown provider."""
    objects = [value] if isinstance(value, Mapping) else value
    if not isinstance(objects, list) or not all(map(is_smi, objects)):
        return False
    try:
        findings = check_alone(objects, provider)
    except ValueError as error:
        raise AnsibleError(f"smi_valid: {error}") from error
    return all(finding.severity is not Severity.ERROR for finding in findings)


class TestModule:
    """The tests of this file."""

    def tests(self) -> Dict[str, Callable[..., bool]]:
        """Test functions by name."""
        return {"smi_valid": smi_valid}
