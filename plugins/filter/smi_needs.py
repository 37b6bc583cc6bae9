# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.consumers import UnknownConsumer, union

DOCUMENTATION = r"""
name: smi_needs
short_description: What consumers of the Service Mesh Interface need to be served
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Tells which versions of the Service Mesh Interface have to be served so that all of these consumers work on one
    cluster, in which shape the headers of an C(HTTPRouteGroup) have to be, and what stands against it.
positional: _input
options:
  _input:
    description: Names of consumers, V(flagger:smi:v1alpha3) or V(open-service-mesh) for example.
    type: list
    elements: str
    required: true
seealso:
  - plugin: servicemesh.platform.smi_crds
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Serve what Flagger and Traefik Mesh need
  servicemesh.platform.k8s_apply:
    definitions: "{{ needs.versions | servicemesh.platform.smi_crds(headers=needs.headers) }}"
    field_manager: servicemesh.platform/crds
  vars:
    needs: "{{ ['flagger:smi:v1alpha3', 'traefik-mesh'] | servicemesh.platform.smi_needs }}"
"""

RETURN = r"""
_value:
  description:
    - C(versions), a list for each API group, and C(headers), the shape of headers, as the filter
      P(servicemesh.platform.smi_crds#filter) takes them.
    - C(conversion) is whether a conversion webhook has to run, C(possible) whether one cluster can do it at all, and
      C(findings) what is to be said about it.
  type: dict
"""


def smi_needs(consumers: Any) -> Dict[str, Any]:
    """What the consumers need; AnsibleFilterError for a name that nobody has."""
    if not isinstance(consumers, Sequence) or isinstance(consumers, str):
        raise AnsibleFilterError(f"smi_needs needs a list of names, not {consumers!r}")
    try:
        needs = union([str(each) for each in consumers])
    except UnknownConsumer as error:
        raise AnsibleFilterError(f"smi_needs: {error}") from error
    return {
        "versions": needs.versions,
        "headers": needs.headers,
        "conversion": needs.conversion,
        "possible": needs.possible,
        "findings": [finding.as_dict() for finding in needs.findings],
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"smi_needs": smi_needs}
