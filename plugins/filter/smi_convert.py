# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Dict, Optional

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import ConversionError, convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP, UnknownObject

DOCUMENTATION = r"""
name: smi_convert
short_description: SMI objects in another version
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Converts objects of the Service Mesh Interface between any two versions of their kind.
  - Ratios of weights stay exactly as they are, whatever their units.
  - What a version cannot say is kept in the annotation C(smi.servicemesh.platform/kept). The way back restores it from
    there, unless somebody has changed meanwhile what it belongs to.
positional: _input, version
options:
  _input:
    description: An object, or a list of them.
    type: raw
    required: true
  version:
    description: The version that is wanted.
    type: str
    required: true
    choices: [v1alpha1, v1alpha2, v1alpha3, v1alpha4]
  headers:
    description:
      - The shape in which the headers of an C(HTTPRouteGroup) are written. V(list) is that of smi-sdk-go, Open Service
        Mesh and Traefik Mesh, V(map) that of the text of the spec and of NGINX Service Mesh.
      - Without it they stay in the shape that they have.
    type: str
    choices: [list, map]
"""

EXAMPLES = r"""
- name: A traffic split in the version that Flagger reads
  ansible.builtin.debug:
    msg: "{{ split | servicemesh.platform.smi_convert('v1alpha3') }}"
  vars:
    split:
      apiVersion: split.smi-spec.io/v1alpha1
      kind: TrafficSplit
      metadata: {name: backend, namespace: shop}
      spec:
        service: backend
        backends:
          - {service: backend-v1, weight: 1500m}
          - {service: backend-v2, weight: 500m}

- name: All route groups of a file as NGINX Service Mesh reads them
  ansible.builtin.debug:
    msg: "{{ groups_of_routes | servicemesh.platform.smi_convert('v1alpha3', headers='map') }}"
  vars:
    groups_of_routes:
      - apiVersion: specs.smi-spec.io/v1alpha4
        kind: HTTPRouteGroup
        metadata: {name: admin, namespace: shop}
        spec:
          matches:
            - name: from-browser
              pathRegex: /admin
              methods: [GET]
              headers:
                - user-agent: Mozilla/.*
"""

RETURN = r"""
_value:
  description: The object in the version that is wanted, or the list of them.
  type: raw
"""


def smi_convert(objects: Any, version: str, headers: Optional[str] = None) -> Any:
    """The object, or each of a list, in another version; AnsibleFilterError when that cannot be."""
    if headers not in (None, LIST, MAP):
        raise AnsibleFilterError(f"smi_convert: headers: {headers!r} is no shape of headers; write {LIST} or {MAP}")
    if isinstance(objects, Mapping):
        return _converted(objects, version, headers)
    if isinstance(objects, Sequence) and not isinstance(objects, str):
        return [_converted(each, version, headers) for each in objects]
    raise AnsibleFilterError(f"smi_convert needs an object or a list of objects, not {objects!r}")


def _converted(obj: Any, version: str, headers: Optional[str]) -> Dict[str, Any]:
    if not isinstance(obj, Mapping):
        raise AnsibleFilterError(f"smi_convert: {obj!r} is no object; write a mapping with apiVersion and kind")
    try:
        return convert(obj, version, headers)
    except (ConversionError, UnknownObject) as error:
        raise AnsibleFilterError(f"smi_convert: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """The filters of this file by name."""
        return {"smi_convert": smi_convert}
