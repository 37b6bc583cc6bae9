# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict, List, Optional

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import CannotServe, crds
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST

DOCUMENTATION = r"""
name: smi_crds
short_description: CustomResourceDefinitions of the Service Mesh Interface
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds the CustomResourceDefinitions (C(apiextensions.k8s.io/v1), structural) that serve the given versions of the
    Service Mesh Interface.
  - The newest published version served of each kind is the one stored. The draft V(v1alpha4) of C(access), which also
    brings the kind C(IdentityBinding), is served when it is asked for, and stored only when it stands alone.
positional: _input
notes:
  - Several versions of one kind are served only when they have the same fields (C(TrafficSplit) V(v1alpha3) with
    V(v1alpha4), C(HTTPRouteGroup) V(v1alpha3) with V(v1alpha4), C(TCPRoute) V(v1alpha1) with V(v1alpha2)) or when
    O(conversion) is given. Anything else is an error, because the API server cuts off what one of the versions does
    not know.
options:
  _input:
    description:
      - The versions to serve, as a list per API group. A group is written by its short name, V(split), V(access) or
        V(specs). A group that is missing gets no CustomResourceDefinition.
      - V(split) has the kind C(TrafficSplit) in V(v1alpha1) to V(v1alpha4), V(access) C(TrafficTarget) in V(v1alpha1)
        to V(v1alpha3), V(specs) C(HTTPRouteGroup) and C(TCPRoute) in V(v1alpha1) to V(v1alpha4) and C(UDPRoute) in
        V(v1alpha4).
    type: dict
    required: true
  headers:
    description:
      - How the headers of an C(HTTPRouteGroup) are written.
      - V(list) is a list of mappings with one entry each, as the CRDs and the Go types of smi-sdk-go, Open Service
        Mesh and Traefik Mesh have it.
      - V(map) is one mapping, as the text of the specification and NGINX Service Mesh have it.
      - V(any) takes both and checks neither.
    type: str
    choices: [list, map, any]
    default: list
  conversion:
    description:
      - The C(clientConfig) of the webhook that converts between versions, with C(service) or C(url) and C(caBundle).
      - Used in the definitions that need it. Left out or empty, C(spec.conversion) is not set.
    type: dict
  short_names:
    description:
      - Whether the kinds get their short names V(ts), V(tt), V(htr), V(tr) and V(ur).
      - NGINX Ingress Controller has the short name V(ts) too, for its C(TransportServer); without the short names here
        it keeps that meaning.
    type: bool
    default: true
  unserved:
    description:
      - Further versions, as a list per API group, that stay listed but are not served, because objects may still be
        stored in them.
    type: dict
seealso:
  - module: servicemesh.platform.k8s_apply
"""

EXAMPLES = r"""
- name: Serve TrafficSplit and the route kinds
  servicemesh.platform.k8s_apply:
    definitions: "{{ {'split': ['v1alpha4'], 'specs': ['v1alpha4']} | servicemesh.platform.smi_crds }}"
    field_manager: servicemesh.platform/crds

- name: Serve every version of TrafficSplit by a conversion webhook
  servicemesh.platform.k8s_apply:
    definitions: >-
      {{ {'split': ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1alpha4']}
      | servicemesh.platform.smi_crds(conversion={'service': webhook_service, 'caBundle': webhook_ca}) }}
    field_manager: servicemesh.platform/crds
"""

RETURN = r"""
_value:
  description: The definitions, by group in the order of the input.
  type: list
  elements: dict
"""


def smi_crds(
    versions: Any,
    headers: str = LIST,
    conversion: Optional[Mapping[str, Any]] = None,
    short_names: bool = True,
    unserved: Optional[Mapping[str, Any]] = None,
) -> List[Dict[str, Any]]:
    """The CRDs that serve ``versions``, a mapping of short group name to versions; AnsibleFilterError when none can."""
    if not isinstance(versions, Mapping):
        raise AnsibleFilterError(
            f"smi_crds needs a mapping of group to versions, for example {{'split': ['v1alpha4']}}, not {versions!r}"
        )
    for name, value in (("conversion", conversion), ("unserved", unserved)):
        if value and not isinstance(value, Mapping):
            raise AnsibleFilterError(f"smi_crds: {name} is {value!r}; write a mapping or leave it out")
    try:
        return crds(versions, headers, conversion or None, short_names, unserved or None)
    except CannotServe as error:
        raise AnsibleFilterError(f"smi_crds: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"smi_crds": smi_crds}
