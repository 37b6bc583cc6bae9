# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.share import Tenant, fragments

DOCUMENTATION = r"""
name: istio_share
short_description: What workloads need so that only a share of them has a sidecar
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Chooses the workloads of each tenant that have a sidecar of Istio, by a digest of their names, and returns fragments
    for M(servicemesh.platform.k8s_apply) that leave out the others.
  - Workloads whose owner has written the label C(sidecar.istio.io/inject) into their pods, and those in the network of
    their node, are not counted and not touched.
positional: _input, tenants
options:
  _input:
    description: Deployments, StatefulSets and DaemonSets, each with its kind.
    type: list
    elements: dict
    required: true
  tenants:
    description: The tenants, each with C(name), its C(namespaces) and its C(share), of a hundred.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Leave a fifth of the workloads of a tenant out of the mesh
  servicemesh.platform.k8s_apply:
    fragments: "{{ workloads.resources | servicemesh.platform.istio_share(tenants) }}"
  vars:
    tenants: [{name: article, namespaces: [article], share: 80}]
"""

RETURN = r"""
_value:
  description: The fragments, one for each workload that has no sidecar.
  type: list
  elements: dict
"""


def istio_share(workloads: Any, tenants: Any) -> List[Dict[str, Any]]:
    """The fragments of the workloads that have no sidecar."""
    for given in (workloads, tenants):
        if not isinstance(given, Sequence) or not all(isinstance(each, Mapping) for each in given):
            raise AnsibleFilterError("istio_share needs a list of workloads and a list of tenants")
    try:
        asked = [Tenant(each["name"], each["namespaces"], int(each["share"])) for each in tenants]
        return fragments(asked, workloads)
    except KeyError as error:
        raise AnsibleFilterError(f"istio_share: {error} is missing") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"istio_share": istio_share}
