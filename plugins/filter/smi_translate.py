# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import (
    DEFAULT_TRUST_DOMAIN,
    translate,
)

DOCUMENTATION = r"""
name: smi_translate
short_description: Objects of the Service Mesh Interface in the words of the Gateway API, Istio or Linkerd
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Translates C(TrafficSplit), C(HTTPRouteGroup), C(TCPRoute), C(UDPRoute) and C(TrafficTarget) of any version.
  - What the target cannot say is a finding, V(error) when traffic would be treated differently. Nothing is allowed that
    was not allowed before.
positional: _input, target
options:
  _input:
    description: The SMI objects.
    type: list
    elements: dict
    required: true
  target:
    description: What to translate to.
    type: str
    choices: [gateway-api, istio, linkerd]
    required: true
  services:
    description:
      - The C(Service) objects that the splits name. The Gateway API and Linkerd need them, because a C(TrafficSplit)
        does not say ports.
    type: list
    elements: dict
    default: []
  pods:
    description:
      - All C(Pod) objects of the namespaces of the targets. Istio and Linkerd need them, because they select pods by
        labels and not by service account.
    type: list
    elements: dict
    default: []
  trust_domain:
    description: The trust domain of the identities of the mesh. Used for Istio.
    type: str
    default: cluster.local
seealso:
  - plugin: servicemesh.platform.smi_crds
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Translate a split to the Gateway API
  ansible.builtin.set_fact:
    translated: "{{ [split] | servicemesh.platform.smi_translate('gateway-api', services=[service]) }}"
  vars:
    split:
      apiVersion: split.smi-spec.io/v1alpha2
      kind: TrafficSplit
      metadata: {name: checkout, namespace: shop}
      spec:
        service: checkout
        backends:
          - {service: checkout-v1, weight: 80}
          - {service: checkout-v2, weight: 20}
    service:
      apiVersion: v1
      kind: Service
      metadata: {name: checkout, namespace: shop}
      spec:
        ports: [{name: http, port: 80}]

- name: Stop when traffic would be treated differently
  ansible.builtin.assert:
    that: translated.findings | selectattr('severity', 'eq', 'error') | length == 0
"""

RETURN = r"""
_value:
  description: The translation.
  type: dict
  contains:
    objects:
      description: The objects to apply.
      type: list
      elements: dict
    findings:
      description: What the objects do not say, with C(id), C(severity), C(subject), C(message), C(why) and C(mend).
      type: list
      elements: dict
"""


def smi_translate(
    objects: Any, target: str, services: Any = (), pods: Any = (), trust_domain: str = DEFAULT_TRUST_DOMAIN
) -> Dict[str, Any]:
    """Objects and findings as plain data; AnsibleFilterError for what is no list of objects, or no target."""
    for name, given in (("its input", objects), ("services", services), ("pods", pods)):
        if not isinstance(given, (list, tuple)) or not all(isinstance(each, Mapping) for each in given):
            raise AnsibleFilterError(f"smi_translate: {name} is no list of objects: {given!r}")
    try:
        surroundings = Surroundings.of([*services, *pods])
        made = translate(objects, target, surroundings, trust_domain)
    except (KeyError, ValueError) as error:
        raise AnsibleFilterError(f"smi_translate: {error}") from error
    return {"objects": made.objects, "findings": [finding.as_dict() for finding in made.findings]}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"smi_translate": smi_translate}
