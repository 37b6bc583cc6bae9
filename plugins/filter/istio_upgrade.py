# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.upgrade import UpgradeError, plan

DOCUMENTATION = r"""
name: istio_upgrade
short_description: In which order namespaces move to another revision of Istio
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Plans an upgrade by revision canary from what stands. So it gives what is left to do of one that was cut off.
  - The playbook C(servicemesh.platform.mesh_upgrade) carries it out.
positional: _input
options:
  _input:
    description: The Deployments of istiod, of all revisions.
    type: list
    elements: dict
    required: true
  revision:
    description: The revision to move to. Empty for the one without a name.
    type: str
    required: true
  namespaces:
    description: The Namespaces whose pods have sidecars, as they are now.
    type: list
    elements: dict
    required: true
  waves:
    description: Lists of the names of namespaces that move together. Empty for the first one alone, then all others.
    type: list
    elements: list
    default: []
  origin:
    description: The revision to move away from, where there are several.
    type: str
    default: ""
seealso:
  - module: servicemesh.platform.k8s_restart
"""

EXAMPLES = r"""
- name: Tell which namespaces move together
  ansible.builtin.debug:
    msg: "{{ upgrade.waves | map(attribute='namespaces') }}"
  vars:
    upgrade: "{{ istiods.resources | servicemesh.platform.istio_upgrade('1-32', shop.resources) }}"
"""

RETURN = r"""
_value:
  description:
    - C(origin) and C(target), the revisions; C(origin) is empty when there is no other one.
    - C(waves), each with its C(number), its C(namespaces), and the C(fragments) of all namespaces once it has moved.
    - C(back), the fragments of all namespaces when all have gone back.
    - C(outdated) and C(outdated_back), JMESPath over pods without the sidecar of the one and of the other revision.
  type: dict
"""


def istio_upgrade(istiods: Any, revision: str, namespaces: Any, waves: Any = (), origin: str = "") -> Dict[str, Any]:
    """The plan of an upgrade. Raises AnsibleFilterError for what cannot be done."""
    if not _is_list(waves) or not all(_is_list(wave) for wave in waves):
        raise AnsibleFilterError(f"mesh_upgrade_waves is {waves!r}; write a list of lists of namespaces")
    for name, given in (("istio_upgrade", istiods), ("namespaces", namespaces)):
        if not _is_list(given) or not all(isinstance(each, Mapping) for each in given):
            raise AnsibleFilterError(f"{name} needs a list of objects, not {given!r}")
    try:
        return plan(revision, istiods, namespaces, waves, origin).as_dict()
    except UpgradeError as error:
        raise AnsibleFilterError(f"istio_upgrade: {error}") from error


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"istio_upgrade": istio_upgrade}
