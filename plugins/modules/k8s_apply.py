#!/usr/bin/python
# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a cluster hold exactly the objects that are defined."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_apply
short_description: Make a cluster hold exactly the objects that are defined
version_added: 0.1.0
author:
  - The servicemesh.platform authors (@servicemesh)
description:
  - Applies any number of Kubernetes objects in one call with server-side apply, in the order they need one another
    (CustomResourceDefinitions, namespaces, what others rely on, services, workloads, the rest, admission webhooks).
  - Remembers which objects belong together as an ApplySet (KEP-3659) and removes those that are no longer defined.
  - Waits once, after everything was applied.
  - All definitions are checked before anything is sent, and every message names the file and the line.
  - An object that the server refuses does not stop the others; all failures are told together at the end, and then
    nothing is pruned and nothing waited for.
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
    details:
      - Asks the API server for a dry run. Objects whose namespace or kind is still to come are checked without the
        server, and returned with RV(objects[].verified=false).
  diff_mode:
    support: full
    details:
      - Shows what was written in the definitions, before and after. Values of Secrets are masked.
  idempotent:
    support: full
options:
  definitions:
    description:
      - The objects, as a list of mappings, as YAML text, or as a list of such texts.
      - Objects of a kind that ends in C(List) are taken apart.
    type: raw
  src:
    description:
      - Files, folders and globs to read definitions from. Of a folder every C(*.yaml), C(*.yml) and C(*.json) file in
        it and below counts, in the order of their names; hidden ones are left out.
    type: list
    elements: path
  fragments:
    description:
      - Parts of objects that something else makes, written as O(definitions) are. Their fields are applied to the
        object, which must exist, and nothing else of it is touched. They are members of no set.
      - With O(state=absent) the fields are given up, and the object stays. So they are when a fragment is no longer
        defined that was applied with the same O(applyset) and O(field_manager), unless O(prune=false).
    type: raw
  state:
    description:
      - V(present) makes the objects be as they are defined.
      - V(absent) removes them. With O(applyset) and without definitions it removes all members of the set and the set.
    type: str
    choices: [present, absent]
    default: present
  applyset:
    description:
      - The set that the objects are members of. The set is kept in a parent object, which is made when it is missing
        (its namespace too), and which is a member of no set.
      - A set that other tooling runs is refused.
    type: dict
    suboptions:
      name:
        description:
          - Name of the parent object.
        type: str
        required: true
      namespace:
        description:
          - Namespace of the parent object.
        type: str
        default: servicemesh-platform
      kind:
        description:
          - Kind of the parent object.
        type: str
        choices: [ConfigMap, Secret]
        default: ConfigMap
  prune:
    description:
      - Whether members of O(applyset) that are not defined any more are deleted.
      - A set without any definition is refused; say O(state=absent) to empty it.
      - An object that carries the label of the set because it was copied from a member is left alone, with a warning.
    type: bool
    default: true
  remove_with_content:
    description:
      - Namespaces and CustomResourceDefinitions that may be deleted although objects of others are in them, such as
        V(Namespace/shop). All others are then kept, with a warning.
      - What belongs to any set whose parent is in the namespace of O(applyset) does not count as of others.
    type: list
    elements: str
    default: []
  lock_timeout:
    description:
      - Seconds to wait for another run that is at work on the same O(applyset). Then the module fails and says who
        holds the set, and since when. A run that was killed holds it for 15 seconds more.
    type: int
    default: 300
  field_manager:
    description:
      - Name under which the fields are owned. Different owners of parts of one object need different names.
    type: str
    default: servicemesh.platform
  force_conflicts:
    description:
      - Whether to take over fields that other managers own. Without it they are a failure that names manager and field.
    type: bool
    default: false
  ignore_fields:
    description:
      - Fields that others write, and that are therefore never sent, not even on creation. The server's default stands
        until the other writer comes.
      - A field that was sent earlier and is ignored now is given up; the server resets it, unless another manager owns
        it too.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description:
          - Kind of the objects.
        type: str
        required: true
      name:
        description:
          - Name of the object; without it all of the kind are meant.
        type: str
      namespace:
        description:
          - Namespace of the object.
        type: str
      path:
        description:
          - Dotted path of the field, such as V(spec.replicas). It passes through lists, so
            V(webhooks.clientConfig.caBundle) is that of every webhook. A dot in a name is written C(\.).
        type: str
        required: true
  wait:
    description:
      - Whether to wait, after everything was applied, until the objects are ready, and after a removal until they are
        gone.
      - Waited for are Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, Pods, PersistentVolumeClaims, resource
        quotas, namespaces, CustomResourceDefinitions, APIServices, HorizontalPodAutoscalers, the kinds C(GatewayClass),
        C(Gateway) and C(*Route) of the Gateway API, C(Certificate), C(Issuer) and C(ClusterIssuer) of cert-manager, and
        what O(wait_for) names.
      - It ends at once when an object has failed for good, such as a Job, or when a pod of the newest revision of a
        workload is in a crash loop or has an image that cannot be. An image that cannot be pulled and a container that
        cannot be made count as failed after 30 seconds.
      - A PersistentVolumeClaim whose StorageClass binds it to its first consumer is not waited for before there is one.
      - The message has the conditions of the objects, their last events, and the states of their pods.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait, for all objects together.
    type: int
    default: 300
  wait_for:
    description:
      - Conditions for further kinds, or others than the usual ones.
      - With neither O(wait_for[].success) nor O(wait_for[].failure) the usual ones are meant. Nodes, services (of the
        type C(LoadBalancer), an address), ingresses (an address) and ValidatingAdmissionPolicies (no warnings) have
        such as well; other custom resources are ready with the condition C(Ready) and have failed with the condition
        C(Stalled).
    type: list
    elements: dict
    default: []
    suboptions:
      apiVersion:
        description:
          - API version of the object. Needed for an object that is not among the definitions.
        type: str
      kind:
        description:
          - Kind of the objects.
        type: str
        required: true
      name:
        description:
          - Name of the object; without it all defined objects of the kind are meant.
        type: str
      namespace:
        description:
          - Namespace of the object.
        type: str
      success:
        description:
          - JMESPath expression over the object that holds when it is ready. What usually counts as a failure of the
            kind still does, unless O(wait_for[].failure) is given.
        type: str
      failure:
        description:
          - JMESPath expression over the object that holds when it will never be ready. It is the only failure then, and
            pods are not looked at. V(`false`) never gives up before O(wait_timeout).
        type: str
  offline:
    description:
      - In check mode, for a cluster that does not exist yet. Nothing is connected to; the definitions are checked as
        far as that goes, and every object counts as created, with RV(objects[].verified=false).
    type: bool
    default: false
  return_unchanged:
    description:
      - Whether RV(objects) lists the unchanged objects too.
    type: bool
    default: false
requirements:
  - jmespath (for O(wait))
seealso:
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Apply a folder and remove what has left it
  servicemesh.platform.k8s_apply:
    kubeconfig: ~/.kube/config
    context: staging
    src: [manifests/]
    applyset:
      name: shop
    wait: true

- name: Apply rendered definitions; the replicas belong to an autoscaler
  servicemesh.platform.k8s_apply:
    definitions: "{{ lookup('ansible.builtin.template', 'web.yaml.j2') }}"
    field_manager: servicemesh.platform/web
    ignore_fields:
      - kind: Deployment
        path: spec.replicas

- name: Wait for what only the status of a custom resource tells, and for a Secret that its controller makes
  servicemesh.platform.k8s_apply:
    src: [bucket.yaml]
    wait: true
    wait_timeout: 120
    wait_for:
      - kind: ObjectBucketClaim
        success: status.phase == 'Bound'
        failure: status.phase == 'Failed'
      - apiVersion: v1
        kind: Secret
        namespace: shop
        name: bucket
        success: data.AWS_ACCESS_KEY_ID

- name: Spread the pods of a Deployment that a chart has installed
  servicemesh.platform.k8s_apply:
    field_manager: servicemesh.platform/spread
    fragments:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: istiod, namespace: istio-system}
      spec:
        template:
          spec:
            topologySpreadConstraints:
              - topologyKey: topology.kubernetes.io/zone
                maxSkew: 1
                whenUnsatisfiable: DoNotSchedule
                labelSelector:
                  matchLabels: {app: istiod}

- name: Remove everything of a set
  servicemesh.platform.k8s_apply:
    applyset:
      name: shop
    state: absent
    wait: true
"""

RETURN = r"""
objects:
  description: The objects that changed, and with O(return_unchanged) the others too. Told on failure as well.
  returned: always
  type: list
  elements: dict
  contains:
    apiVersion:
      description: API version of the object.
      type: str
      returned: always
      sample: apps/v1
    kind:
      description: Kind of the object.
      type: str
      returned: always
      sample: Deployment
    namespace:
      description: Namespace of the object, empty for a cluster-wide one.
      type: str
      returned: always
      sample: shop
    name:
      description: Name of the object.
      type: str
      returned: always
      sample: web
    action:
      description: What was done, one of V(created), V(configured), V(deleted) and V(unchanged).
      type: str
      returned: always
      sample: configured
    verified:
      description: Whether the API server has looked at it. V(false) only in check mode.
      type: bool
      returned: always
      sample: true
counts:
  description: The number of objects per action, whether they are listed or not.
  returned: always
  type: dict
  sample: {created: 3, configured: 1, unchanged: 296, deleted: 0}
problems:
  description: What is wrong with the definitions, each with its place and a message.
  returned: when definitions are refused before anything was sent
  type: list
  elements: dict
  sample:
    - place: manifests/web.yaml:17
      message: "Deployment web: metadata.labels.tier is 1, but must be a string: quote it"
"""

from typing import Any, Dict, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import changes
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import APPLYSET_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.ignored_fields import (
    IGNORED_FIELD_ARGUMENTS,
    ignored_field,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.wait import WAIT_FOR_ARGUMENTS, WaitFor

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "definitions": {"type": "raw", "no_log": True},
    "src": {"type": "list", "elements": "path"},
    "fragments": {"type": "raw", "no_log": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "applyset": {"type": "dict", "options": APPLYSET_ARGUMENTS},
    "prune": {"type": "bool", "default": True},
    "remove_with_content": {"type": "list", "elements": "str", "default": []},
    "lock_timeout": {"type": "int", "default": 300},
    "field_manager": {"type": "str", "default": "servicemesh.platform"},
    "force_conflicts": {"type": "bool", "default": False},
    "ignore_fields": {"type": "list", "elements": "dict", "default": [], "options": IGNORED_FIELD_ARGUMENTS},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
    "wait_for": {"type": "list", "elements": "dict", "default": [], "options": WAIT_FOR_ARGUMENTS},
    "offline": {"type": "bool", "default": False},
    "return_unchanged": {"type": "bool", "default": False},
}


def run(options: Dict[str, Any], check_mode: bool, diff: bool) -> Dict[str, Any]:
    """Converge, and tell what changed."""
    with_unchanged = options["return_unchanged"]
    try:
        outcome = converge(request_from(options, check_mode, diff))
    except KubeError as error:
        told = {"failed": True, "msg": str(error), "warnings": list(error.warnings)}
        return {**result_of(error.done, with_unchanged), **error.details(), **told}
    result = result_of(outcome.changes, with_unchanged)
    return {**result, "changed": outcome.changed, "warnings": outcome.warnings}


def request_from(options: Dict[str, Any], check_mode: bool, diff: bool) -> Request:
    """The request that the options describe."""
    return Request(
        connection=options,
        definitions=options["definitions"],
        src=options["src"] or [],
        fragments=options["fragments"],
        applyset=options["applyset"],
        prune=options["prune"],
        absent=options["state"] == "absent",
        field_manager=options["field_manager"],
        force_conflicts=options["force_conflicts"],
        ignored=[ignored_field(entry) for entry in options["ignore_fields"]],
        remove_with_content=options["remove_with_content"],
        lock_timeout=options["lock_timeout"],
        wait=options["wait"],
        wait_timeout=options["wait_timeout"],
        wait_for=[_wait_for(_without_none(entry)) for entry in options["wait_for"]],
        offline=options["offline"],
        dry_run=check_mode,
        diff=diff,
    )


def result_of(done: Sequence[changes.Change], with_unchanged: bool) -> Dict[str, Any]:
    """What the module returns about the changes."""
    shown = [change for change in done if with_unchanged or change.action != changes.UNCHANGED]
    result: Dict[str, Any] = {
        "changed": any(change.action != changes.UNCHANGED for change in done),
        "objects": [change.as_return() for change in shown],
        "counts": changes.count(done),
    }
    diffs = [change.diff for change in done if change.diff]
    return {**result, "diff": diffs} if diffs else result


def _wait_for(entry: Dict[str, Any]) -> WaitFor:
    return WaitFor(api_version=entry.pop("apiVersion", ""), **entry)


def _without_none(entry: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}


INTERFACE = ClusterInterface(
    {**ARGUMENTS, **CONNECTION_ARGUMENTS},
    run,
    concealed=("definitions", "fragments"),
    required_one_of=[("definitions", "src", "fragments", "applyset")],
)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
