# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smi_info
short_description: Tell what a cluster has of the Service Mesh Interface
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Tells which kinds are there, which versions of them are served and stored, how many objects there are, and who works
    with them.
  - Tells also what of all this does not go together. Changes nothing.
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Look at the Service Mesh Interface of a cluster
  servicemesh.platform.smi_info:
    kubeconfig: ~/.kube/config
  register: smi

- name: Show what does not go together
  ansible.builtin.debug:
    msg: "{{ smi.findings }}"
"""

RETURN = r"""
kinds:
  description: The kinds that the cluster has.
  returned: success
  type: list
  elements: dict
  contains:
    crd:
      description: Name of the CustomResourceDefinition.
      type: str
      sample: trafficsplits.split.smi-spec.io
    kind:
      description: Name of the kind.
      type: str
      sample: TrafficSplit
    served:
      description: The versions that are served.
      type: list
      elements: str
      sample: [v1alpha3, v1alpha4]
    storage:
      description: The version that objects are stored in when they are written.
      type: str
      sample: v1alpha4
    stored:
      description: The versions that objects may be stored in.
      type: list
      elements: str
      sample: [v1alpha4]
    conversion:
      description: How versions are converted, V(None) or V(Webhook).
      type: str
      sample: None
    headers:
      description: The shape of headers, V(list), V(map) or V(any); empty for kinds without headers.
      type: str
      sample: list
    managers:
      description: The field managers that have written the CustomResourceDefinition.
      type: list
      elements: str
      sample: [servicemesh.platform/crds]
    objects:
      description: Number of objects in all namespaces.
      type: int
      sample: 12
consumers:
  description: Who works with the objects, as far as their Deployments can be told by their images.
  returned: success
  type: list
  elements: str
  sample: ["flagger:smi:v1alpha3"]
findings:
  description: What does not go together; as M(servicemesh.platform.k8s_verify) has them.
  returned: success
  type: list
  elements: dict
severity:
  description: The worst severity among the findings.
  returned: success
  type: str
  sample: ok
"""

from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import by_severity, worst
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import installation
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.installation import Installed


def run(options: Dict[str, Any], _check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Look, and tell what was found."""
    try:
        with open_session(options) as session:
            return {"changed": False, **_look(session)}
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error)}


def _look(session: Session) -> Dict[str, Any]:
    discovery = Discovery(session)
    crds = _all(session, discovery, "apiextensions.k8s.io", "CustomResourceDefinition")
    kinds = installation.installed(crds)
    consumers = installation.consumers(_all(session, discovery, "apps", "Deployment"))
    findings = by_severity(installation.findings(kinds, consumers, crds))
    return {
        "kinds": [each.as_return(_number(session, discovery, each)) for each in kinds],
        "consumers": consumers,
        "findings": [finding.as_dict() for finding in findings],
        "severity": worst(findings).value,
    }


def _all(session: Session, discovery: Discovery, group: str, kind: str) -> List[Any]:
    resource = discovery.preferred(group, kind)
    return list(session.list_objects(resource.path())) if resource else []


def _number(session: Session, discovery: Discovery, installed: Installed) -> int:
    resource = discovery.preferred(installed.kind.api_group, installed.kind.name)
    return sum(1 for _each in session.list_metadata(resource.path())) if resource else 0


INTERFACE = ClusterInterface(dict(CONNECTION_ARGUMENTS), run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
