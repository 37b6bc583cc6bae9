# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.servicemesh.platform.plugins.module_utils.charts.release import arranged, unsteady
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.strict_yaml import load_objects

DOCUMENTATION = r"""
name: helm_release
short_description: Arrange what Helm has rendered for applying it without a Helm release
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Gives objects without a namespace that of the release, as Helm does when it installs.
  - Puts hooks in their turn. Those that run before or after an installation or an upgrade are applied, each Job under a
    name that has a digest of its content, so that it runs again when it has changed. Other hooks are left out.
  - Sets apart what has the annotation C(helm.sh/resource-policy=keep).
positional: namespace
options:
  _input:
    description: What C(helm template) prints.
    type: str
    required: true
  namespace:
    description: The namespace of the release.
    type: str
    required: true
  create_namespace:
    description: Whether the namespace is one of the objects.
    type: bool
    default: true
  again:
    description: What C(helm template) prints the second time, to find what a chart makes up anew each time.
    type: str
    default: ''
seealso:
  - module: kubernetes.core.helm_template
  - module: servicemesh.platform.helm_chart
  - module: servicemesh.platform.k8s_apply
"""

EXAMPLES = r"""
- name: Apply a chart
  servicemesh.platform.k8s_apply:
    definitions: "{{ (rendered.stdout | servicemesh.platform.helm_release('linkerd')).stages | last }}"
    applyset: {name: linkerd}
"""

RETURN = r"""
_value:
  description:
    - C(foundation), the namespace if it is to be made. C(kept), the objects that outlive the release.
    - C(stages), lists of objects. Each has all of the one before, which is to be ready first. There is more than one
      only for hooks that run something.
    - C(skipped), the names of hooks that are left out.
    - C(unsteady), the names of objects that were others in C(again).
  type: dict
"""


def helm_release(rendered: Any, namespace: str, create_namespace: bool = True, again: str = "") -> Dict[str, Any]:
    """The objects of a release; AnsibleFilterError for what is no YAML of objects."""
    objects = _objects(rendered)
    release = arranged(objects, namespace, create_namespace)
    differing = unsteady(objects, _objects(again)) if again else []
    # What stands in a chart is no template of ours, whatever it looks like.
    found: Dict[str, Any] = wrap_var({**release._asdict(), "unsteady": differing})
    return found


def _objects(text: Any) -> List[Dict[str, Any]]:
    try:
        libraries.require("yaml")
        found = [each.value for each in load_objects(str(text), "chart")]
    except KubeError as error:
        raise AnsibleFilterError(f"helm_release: {error}") from error
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("metadata"), dict):
            raise AnsibleFilterError(f"helm_release: the chart renders what is no object: {str(each)[:80]}")
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Filter functions by name."""
        return {"helm_release": helm_release}
