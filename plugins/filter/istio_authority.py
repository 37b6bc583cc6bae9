# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.authority import HAS_CRYPTOGRAPHY, examine

DOCUMENTATION = r"""
name: istio_authority
short_description: Whether a Secret can be the authority of a mesh of Istio, and for how long
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Reads the data of a Secret C(cacerts), in Istio's own layout or in that of a Secret for TLS, as cert-manager writes
    it.
  - The key has to be that of the certificate, and the certificate has to lead to the root by signatures.
positional: _input
options:
  _input:
    description: The data of the Secret.
    type: dict
    required: true
requirements:
  - cryptography >= 42
"""

EXAMPLES = r"""
- name: Stop before the authority of the mesh ends
  ansible.builtin.assert:
    that:
      - authority.problem == ''
      - authority.days_left > 60
  vars:
    authority: "{{ secret.resources[0].data | servicemesh.platform.istio_authority }}"
"""

RETURN = r"""
_value:
  description:
    - C(problem) says why it cannot sign identities, and is empty when it can.
    - C(days_left) is when the first certificate on the way to the root ends, C(root_days_left) when the root does.
  type: dict
"""


def istio_authority(data: Any) -> Dict[str, Any]:
    """What is to be said of the Secret."""
    if not isinstance(data, Mapping):
        raise AnsibleFilterError("istio_authority needs the data of a Secret, a mapping")
    if not HAS_CRYPTOGRAPHY:
        raise AnsibleFilterError("istio_authority needs the Python package cryptography (pip install cryptography)")
    return examine({str(name): str(value) for name, value in data.items()}).as_dict()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"istio_authority": istio_authority}
