#!/usr/bin/python
# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace pods that are out of date, within what PodDisruptionBudgets allow."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_restart
short_description: Replace pods that are out of date, within what PodDisruptionBudgets allow
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Some things come into a pod only when it is made, such as the sidecar of a mesh. This replaces the pods that
    O(outdated) holds for, and waits until their workloads are ready again.
  - Deployments, StatefulSets and DaemonSets are restarted by their own rolling update, as C(kubectl rollout restart)
    does. Those with the strategy C(OnDelete), and ReplicaSets that are nobody's, have their pods evicted one after the
    other.
  - A rolling update asks no PodDisruptionBudget. So this waits until the budgets of a workload allow what its update
    takes away at once, and leaves alone a workload whose update takes more than a budget ever allows.
  - Workloads under the same budget are restarted one after the other.
  - Nothing is remembered. What is out of date is read from the pods, so a run that was cut off goes on where it ended.
options:
  namespaces:
    description: Where to look.
    type: list
    elements: str
    required: true
  outdated:
    description:
      - JMESPath over a pod, which holds for one that is to be replaced. Put what follows a C(!) in brackets, for that
        binds closer than the dot.
      - It must not hold for the new pods. If it does, the module fails and names them.
    type: str
    required: true
  at_once:
    description: How many workloads are restarted at the same time.
    type: int
    default: 4
  wait_timeout:
    description: Seconds for that many workloads, together with what their budgets make them wait.
    type: int
    default: 300
  progress:
    description: A file for one line that says how far the work is. The action of the same name shows it.
    type: path
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
notes:
  - It wants to list pods, PodDisruptionBudgets, Deployments, ReplicaSets, StatefulSets and DaemonSets, to patch the
    last four, and to create C(pods/eviction).
seealso:
  - module: servicemesh.platform.k8s_rollout
"""

EXAMPLES = r"""
- name: Give every pod the sidecar of the revision canary
  servicemesh.platform.k8s_restart:
    namespaces: [shop]
    outdated: >-
      !contains(not_null(metadata.annotations."sidecar.istio.io/status", ''), '"revision":"canary"')
  register: restart

- name: Tell what has to be restarted by hand
  ansible.builtin.debug:
    msg: "{{ restart.left }}"

- name: Replace what was made without a sidecar, one workload after the other
  servicemesh.platform.k8s_restart:
    namespaces: [shop, bank]
    outdated: "!(spec.[containers, initContainers][] | [?name == 'istio-proxy'])"
    at_once: 1
"""

RETURN = r"""
restarted:
  description: The workloads whose pods were replaced, in order. Told on failure as well.
  returned: always
  type: list
  elements: dict
  contains:
    object:
      description: The workload.
      type: str
      sample: Deployment shop/backend-v1
    by:
      description: How, V(rolling update) or V(eviction).
      type: str
      sample: rolling update
    pods:
      description: The pods that were out of date.
      type: list
      elements: str
      sample: [backend-v1-6d4b9c-x2x7k]
left:
  description: What is still out of date, and why.
  returned: success
  type: list
  elements: dict
  contains:
    object:
      description: The workload, or the pod.
      type: str
      sample: Pod shop/debug
    reason:
      description: Why it was left alone, and what can be done.
      type: str
      sample: nothing would make it anew, for no workload owns it; delete and create it yourself
"""

from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.restart import Order, restart
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "outdated": {"type": "str", "required": True},
    "at_once": {"type": "int", "default": 4},
    "wait_timeout": {"type": "int", "default": 300},
    "progress": {"type": "path"},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Replace the pods, and tell what was restarted."""
    try:
        order = _order(options)
        with open_session(options) as session:
            outcome = restart(session, order, check_mode, Progress(options["progress"]))
    except KubeError as error:
        details = {"restarted": [], **error.details()}
        return {**details, "changed": bool(details["restarted"]), "failed": True, "msg": str(error)}
    return {
        "changed": bool(outcome.restarted),
        "restarted": [each.as_return() for each in outcome.restarted],
        "left": [{"object": each.subject, "reason": each.reason} for each in outcome.left],
    }


def _order(options: Dict[str, Any]) -> Order:
    for name in ("at_once", "wait_timeout"):
        if options[name] < 1:
            raise InvalidArgument(f"{name}: {options[name]} is too little; write 1 or more.")
    return Order(options["namespaces"], options["outdated"], options["at_once"], options["wait_timeout"])


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
