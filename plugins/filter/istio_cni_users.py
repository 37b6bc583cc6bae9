# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.cni import users

DOCUMENTATION = r"""
name: istio_cni_users
short_description: Who needs the CNI plugin of Istio
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Names the pods whose rules are those of the CNI plugin, and the istiods that make such pods. The plugin has to
    outlive all of them.
positional: _input, configs
options:
  _input:
    description: The pods that have a sidecar.
    type: list
    elements: dict
    required: true
  configs:
    description: The ConfigMaps in the namespace of istiod, or those of its injectors alone.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Stop while somebody needs the plugin
  ansible.builtin.assert:
    that: pods.resources | servicemesh.platform.istio_cni_users(configs.resources) == []
"""

RETURN = r"""
_value:
  description: Who needs it, for a person to read.
  type: list
  elements: str
"""


def istio_cni_users(pods: Any, configs: Any) -> List[str]:
    """The names of who needs the plugin."""
    for given in (pods, configs):
        if not isinstance(given, Sequence) or not all(isinstance(each, Mapping) for each in given):
            raise AnsibleFilterError("istio_cni_users needs a list of pods and a list of ConfigMaps")
    try:
        return users(pods, configs)
    except KeyError as error:
        raise AnsibleFilterError(f"istio_cni_users: {error} is missing") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"istio_cni_users": istio_cni_users}
