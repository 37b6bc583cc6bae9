# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.policies import UnknownChoice, policies
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST

DOCUMENTATION = r"""
name: smi_policies
short_description: ValidatingAdmissionPolicies for the Service Mesh Interface
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Builds the ValidatingAdmissionPolicies (C(admissionregistration.k8s.io/v1), Kubernetes 1.30 and later) and their
    bindings that refuse SMI objects which break a rule that they show by themselves. They are the rules of
    M(servicemesh.platform.smi_validate), as far as one object shows them.
  - What is an error is refused, what is a warning is shown to who writes the object.
  - The API server evaluates them itself, without a webhook, whatever the schemas of the CustomResourceDefinitions are.
positional: _input
notes:
  - Updates that leave the fields of an object as they are pass, so that older objects can be labelled and deleted.
  - Rules about other objects (whether services and routes are there) need a webhook or
    M(servicemesh.platform.smi_validate).
options:
  _input:
    description:
      - The versions that are served, as a list per API group, as the filter P(servicemesh.platform.smi_crds#filter)
        takes them.
    type: dict
    required: true
  provider:
    description:
      - Who carries the objects out, as for M(servicemesh.platform.smi_validate). Some rules are milder or stricter for
        one of them. Empty for nobody in particular.
    type: str
    default: ''
  headers:
    description:
      - How the headers of an C(HTTPRouteGroup) are written in the CustomResourceDefinition. V(any) lets both shapes
        pass.
    type: str
    choices: [list, map, any]
    default: list
  warnings:
    description:
      - Whether there are policies that warn, beside those that refuse.
    type: bool
    default: true
seealso:
  - module: servicemesh.platform.smi_validate
  - plugin: servicemesh.platform.smi_crds
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse TrafficSplits that no mesh can carry out
  servicemesh.platform.k8s_apply:
    definitions: "{{ {'split': ['v1alpha4']} | servicemesh.platform.smi_policies(provider='linkerd') }}"
    field_manager: servicemesh.platform/smi-policies
"""

RETURN = r"""
_value:
  description:
    - The policies, each followed by its binding. Their names stay from release to release.
    - The annotation C(smi.servicemesh.platform/rules) of a policy has the ids of its rules.
  type: list
  elements: dict
"""


def smi_policies(versions: Any, provider: str = "", headers: str = LIST, warnings: bool = True) -> List[Dict[str, Any]]:
    """The policies for ``versions``, a mapping of short group name to versions; AnsibleFilterError for bad input."""
    if not isinstance(versions, Mapping):
        raise AnsibleFilterError(
            f"smi_policies needs a mapping of group to versions, like {{'split': ['v1alpha4']}}, not {versions!r}"
        )
    try:
        return policies(versions, provider or "", headers, warnings)
    except UnknownChoice as error:
        raise AnsibleFilterError(f"smi_policies: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"smi_policies": smi_policies}
