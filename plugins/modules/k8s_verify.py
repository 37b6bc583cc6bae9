# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_verify
short_description: Compare a cluster with what is asked of it
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Asks the API server, by a dry run, whether applying the definitions would change anything, and runs checks over the
    objects of the cluster. Changes nothing.
  - Everything that is found is returned as findings. The module fails only where it cannot look at all.
options:
  component:
    description:
      - Name of the component that asks. Stands in each finding, and makes the field manager
        C(servicemesh.platform/<component>) that the definitions were applied with.
    type: str
    required: true
  definitions:
    description: The objects that should be there, as for M(servicemesh.platform.k8s_apply).
    type: raw
  src:
    description: Files, folders and globs with further objects that should be there.
    type: list
    elements: path
    default: []
  fragments:
    description: Fields that objects of others should have, as for M(servicemesh.platform.k8s_apply).
    type: raw
  applyset:
    description: The set that the definitions are members of. A member that is not defined is a finding.
    type: dict
    suboptions:
      name:
        description: Name of the parent object.
        type: str
        required: true
      namespace:
        description: Namespace of the parent object.
        type: str
        default: servicemesh-platform
      kind:
        description: Kind of the parent object.
        type: str
        choices: [ConfigMap, Secret]
        default: ConfigMap
  ignore_fields:
    description: Fields that others write, as for M(servicemesh.platform.k8s_apply).
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind of the objects.
        type: str
        required: true
      name:
        description: Name of the object; without it all of the kind are meant.
        type: str
      namespace:
        description: Namespace of the objects; without it all are meant.
        type: str
      path:
        description: The field.
        type: str
        required: true
  prune:
    description: Whether the definitions are all that O(applyset) should have.
    type: bool
    default: true
  checks:
    description:
      - Checks to run, each with its name in C(check) and its parameters beside it.
      - V(zones) looks at nodes. C(zones) lists the zones that must have a ready node, C(nodes) the nodes that there
        should be, each with C(name) and C(zone), and C(region) names the region of all of them or is empty.
      - V(scaling) looks at spread, replicas, autoscaler and disruption budget of each of C(workloads), which have
        C(namespace), C(name), C(min_replicas) and C(max_skew).
      - V(gateway_api) looks whether the Gateway API that the cluster has is enough. C(minimum) is the lowest bundle
        version that will do and C(channel) the channel that is wanted.
      - V(gateway_api_install) looks whether a Gateway API may be installed. C(version) is its version,
        C(channel) its channel, C(field_manager) the name under which it is installed, and C(take_over) whether it may
        replace that of others.
      - V(smi) looks whether the CustomResourceDefinitions of SMI go together with those who work with them, seen by
        their Deployments or named by C(consumers).
      - V(smi_conversion) looks whether each of C(definitions), names of CustomResourceDefinitions, has a conversion
        webhook, that of the Service C(service) (C(namespace/name)) unless this is empty.
      - V(smi_targets) looks whether somebody carries out TrafficTargets. C(mesh) is what the SMI controller translates
        for.
      - V(istio) looks whether the istiod C(deployment) in C(namespace) serves its mesh. C(plays) says that kwok plays
        its pods, C(lacks_filters) that its proxies lack Istio's own filters, C(authority) what the filter
        P(servicemesh.platform.istio_authority#filter) tells of its Secret C(cacerts).
      - V(istio_access) looks whether the istiods in C(namespace) are reached by proxies and by the API server, as far
        as NetworkPolicies tell, and whether webhooks lead to one that is gone.
      - V(istio_cni) looks whether Istio's CNI plugin is ready on every node, where it is C(wanted), in C(namespace),
        and whether pods of C(namespaces), which get sidecars, may come without it. C(plays) says that kwok plays the
        pods.
      - V(istio_release) looks whether the release of Istio whose istiod is C(image) goes together with the Kubernetes
        and the Gateway API of the cluster, and whether it is supported still on the day C(today).
      - V(istio_share) looks whether as many workloads of each of C(tenants) have a sidecar as it asks for, C(name),
        C(namespaces) and C(share) of a hundred. C(plays) says that kwok plays the pods.
      - V(beside) looks whether programs beside an embedded cluster are ready, which C(processes) tells - a mapping of
        their names to that.
      - V(serving) looks whether what the API server asks answers - C(deployments), each as C(namespace/name),
        C(processes), a mapping of names to whether they are ready, and C(api_services) by name - and whether
        C(certificates), each with C(subject), C(days_left) and C(renewed_at), last.
    type: list
    elements: dict
    default: []
  offline:
    description: In check mode, for a cluster that does not exist yet. There is nothing to look at then.
    type: bool
    default: false
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
- name: Look whether every zone has a ready node
  servicemesh.platform.k8s_verify:
    kubeconfig: ~/.kube/config
    context: staging
    component: cluster
    checks:
      - check: zones
        zones: [eu-west-1a, eu-west-1b, eu-west-1c]
        nodes: []
        region: eu-west-1
  register: result

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ result.findings | rejectattr('severity', 'eq', 'ok') }}"
"""

RETURN = r"""
findings:
  description: What was found, passed checks among it.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What kind of finding it is; stays the same from version to version.
      type: str
      sample: node-without-zone
    severity:
      description: One of V(ok), V(info), V(warning) and V(error).
      type: str
      sample: error
    component:
      description: The component that asked.
      type: str
      sample: cluster
    subject:
      description: What it is about.
      type: str
      sample: Node worker-3
    message:
      description: What was seen.
      type: str
      sample: it has no label topology.kubernetes.io/zone
    why:
      description: Why it matters. Empty for a passed check.
      type: str
      sample: Spread over zones counts nodes by this label.
    mend:
      description: What to do about it. Empty for a passed check.
      type: str
      sample: kubectl label node worker-3 topology.kubernetes.io/zone=<zone>
severity:
  description: The worst severity among the findings.
  returned: success
  type: str
  sample: error
"""

from dataclasses import replace
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.checks import registry
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import Kind, Objects
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, worst
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import APPLYSET_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.drift import drift
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import (
    IGNORED_FIELD_ARGUMENTS,
    ignored_field,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "component": {"type": "str", "required": True},
    "definitions": {"type": "raw", "no_log": True},
    "src": {"type": "list", "elements": "path", "default": []},
    "fragments": {"type": "raw", "no_log": True},
    "applyset": {"type": "dict", "options": APPLYSET_ARGUMENTS},
    "ignore_fields": {"type": "list", "elements": "dict", "default": [], "options": IGNORED_FIELD_ARGUMENTS},
    "prune": {"type": "bool", "default": True},
    "checks": {"type": "list", "elements": "dict", "default": []},
    "offline": {"type": "bool", "default": False},
}

TO_COME = Finding(
    "not-verified",
    Severity.INFO,
    "objects",
    "the cluster does not exist yet, so nothing could be looked at",
    "Only a server can tell whether it takes the definitions.",
    "Run without --check.",
)


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Look, and tell what was found."""
    try:
        found = look(options, check_mode)
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error)}
    findings = [replace(finding, component=options["component"]) for finding in found]
    return {
        "changed": False,
        "findings": [finding.as_dict() for finding in findings],
        "severity": worst(findings).value,
    }


def look(options: Dict[str, Any], check_mode: bool) -> List[Finding]:
    """The drift of the definitions and the findings of the checks. Raises KubeError."""
    complaints = registry.complaints(options["checks"])
    if complaints:
        raise InvalidArgument("; ".join(complaints))
    if options["offline"] and not check_mode:
        raise InvalidArgument("offline: true is for check mode only; without a cluster nothing can be verified.")
    if options["offline"]:
        return [TO_COME]
    with open_session(options) as session:
        return [*_drift(options, session), *_checked(options, session)]


def _checked(options: Dict[str, Any], session: Session) -> List[Finding]:
    try:
        return registry.run(options["checks"], _objects(options, session))
    except ValueError as error:
        raise InvalidArgument(str(error)) from error


def _drift(options: Dict[str, Any], session: Session) -> List[Finding]:
    if not any(options[name] for name in ("definitions", "src", "fragments")):
        return []
    request = Request(
        connection=options,
        definitions=options["definitions"],
        src=options["src"],
        fragments=options["fragments"],
        applyset=options["applyset"],
        ignored=[ignored_field(entry) for entry in options["ignore_fields"]],
        prune=options["prune"],
        field_manager=f"servicemesh.platform/{options['component']}",
    )
    return drift(request, session)


def _objects(options: Dict[str, Any], session: Session) -> Objects:
    """All objects of the kinds that the checks look at; a kind that the cluster does not serve has none."""
    discovery = Discovery(session)
    return {kind: _all(session, discovery, kind) for kind in sorted(registry.needs(options["checks"]))}


def _all(session: Session, discovery: Discovery, kind: Kind) -> List[Any]:
    resource = discovery.find(kind.api_version, kind.kind)
    return list(session.list_objects(resource.path())) if resource else []


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run, concealed=("definitions", "fragments"))


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
