# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import UnknownVersion, crds

DOCUMENTATION = r"""
name: smi_crds
short_description: CustomResourceDefinitions of the Service Mesh Interface
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds the CustomResourceDefinitions (C(apiextensions.k8s.io/v1), structural) that serve the given versions of the
    Service Mesh Interface.
  - The newest version served of each kind is the one stored.
positional: _input
options:
  _input:
    description:
      - The versions to serve, as a list per API group. A group is written by its short name, V(split), V(access) or
        V(specs). A group that is missing gets no CustomResourceDefinition.
      - V(split) has the kind C(TrafficSplit) in V(v1alpha4), V(access) C(TrafficTarget) in V(v1alpha3), V(specs)
        C(HTTPRouteGroup), C(TCPRoute) and C(UDPRoute) in V(v1alpha4).
    type: dict
    required: true
seealso:
  - module: servicemesh.platform.k8s_apply
"""

EXAMPLES = r"""
- name: Serve TrafficSplit and the route kinds
  servicemesh.platform.k8s_apply:
    definitions: "{{ {'split': ['v1alpha4'], 'specs': ['v1alpha4']} | servicemesh.platform.smi_crds }}"
    field_manager: servicemesh.platform/crds
"""

RETURN = r"""
_value:
  description: The definitions, by group in the order of the input.
  type: list
  elements: dict
"""


def smi_crds(versions: Any) -> List[Dict[str, Any]]:
    """The CRDs that serve ``versions``, a mapping of short group name to versions; AnsibleFilterError when none can."""
    if not isinstance(versions, Mapping):
        raise AnsibleFilterError(
            f"smi_crds needs a mapping of group to versions, for example {{'split': ['v1alpha4']}}, not {versions!r}"
        )
    try:
        return crds(versions)
    except UnknownVersion as error:
        raise AnsibleFilterError(f"smi_crds: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"smi_crds": smi_crds}
