#!/usr/bin/python
# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll out Deployments, and go back to what stood before where a new version does not become ready."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_rollout
short_description: Roll out Deployments, and go back where a new version does not become ready
version_added: 0.1.0
author:
  - The servicemesh.platform authors (@servicemesh)
description:
  - Applies objects as M(servicemesh.platform.k8s_apply) does, as the members of an ApplySet, and waits for them.
  - When a Deployment does not become ready, it goes back to the version that stood before, with all objects of its unit
    (see O(unit_label)) as they were defined then. The module waits until that version runs again, and fails with the
    reason and with what was done. What did become ready stays.
  - There is nothing to go back to for a Deployment that is new, that did not run before either, or that this call did
    not change. It is left as it is, to be looked at.
  - CustomResourceDefinitions and namespaces are never taken back. Objects of a new version may be stored already.
  - Nothing is remembered of what failed. The next call tries again what is asked for.
notes:
  - What stood before is read from the objects - the fields that O(field_manager) applied. So it does not matter who or
    what made the last version, as long as it was done under this name.
  - A unit whose objects the server refuses (a failure of the call itself, not of the rollout) is not taken back.
options:
  definitions:
    description: The objects, as M(servicemesh.platform.k8s_apply) takes them.
    type: raw
  src:
    description:
      - Files, folders and globs with further objects, such as CustomResourceDefinitions. They are of no unit.
    type: list
    elements: path
    default: []
  state:
    description:
      - V(present) rolls the objects out.
      - V(absent) removes all members of O(applyset) and waits until they are gone.
    type: str
    choices: [present, absent]
    default: present
  applyset:
    description: The set that the objects are members of.
    type: dict
    required: true
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
  unit_label:
    description: The label that names the unit of an object. An object without it is of no unit and stays as it is.
    type: str
    default: app.kubernetes.io/name
  rollback:
    description: Whether to go back. Otherwise what failed is left as it is.
    type: bool
    default: true
  field_manager:
    description: Name under which the fields are owned.
    type: str
    default: servicemesh.platform
  lock_timeout:
    description: Seconds to wait for another run that is at work on the same O(applyset).
    type: int
    default: 300
  wait_timeout:
    description: Seconds to wait for a rollout, and once more for going back.
    type: int
    default: 300
  offline:
    description: In check mode, for a cluster that does not exist yet. The definitions are checked as far as that goes.
    type: bool
    default: false
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
    details:
      - Asks the API server for a dry run, as M(servicemesh.platform.k8s_apply) does. Whether a version would become
        ready cannot be told.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - jmespath
seealso:
  - module: servicemesh.platform.k8s_apply
  - module: servicemesh.platform.controller_images
"""

EXAMPLES = r"""
- name: Roll out the shop, and keep the old version if the new one does not work
  servicemesh.platform.k8s_rollout:
    kubeconfig: ~/.kube/config
    context: staging
    definitions: "{{ lookup('ansible.builtin.template', 'shop.yaml.j2') }}"
    src: [crds/]
    applyset:
      name: shop
    field_manager: example.com/shop
    wait_timeout: 120
"""

RETURN = r"""
objects:
  description: The objects that changed, as M(servicemesh.platform.k8s_apply) returns them. Told on failure as well.
  returned: always
  type: list
  elements: dict
counts:
  description: The number of objects per action.
  returned: always
  type: dict
  sample: {created: 7, configured: 0, unchanged: 0, deleted: 0}
failed_rollouts:
  description: What did not become ready.
  returned: when a rollout failed and O(rollback=true)
  type: list
  elements: dict
  contains:
    name:
      description: The unit.
      type: str
      sample: shop
    object:
      description: Its Deployment.
      type: str
      sample: Deployment shop/shop
    version:
      description: The version that failed, by its label C(app.kubernetes.io/version), or else its images.
      type: str
      sample: v1.3.0
    restored:
      description: The version that stands again. Empty when there was none to go back to.
      type: str
      sample: v1.2.4
    reason:
      description: What was seen of it.
      type: str
      sample: "1 of 2 replicas available; pod shop-6d4b: container shop CrashLoopBackOff"
"""

from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube import changes
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import APPLYSET_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.rollout import roll_out

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "definitions": {"type": "raw", "no_log": True},
    "src": {"type": "list", "elements": "path", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "applyset": {"type": "dict", "required": True, "options": APPLYSET_ARGUMENTS},
    "unit_label": {"type": "str", "default": "app.kubernetes.io/name"},
    "rollback": {"type": "bool", "default": True},
    "field_manager": {"type": "str", "default": "servicemesh.platform"},
    "lock_timeout": {"type": "int", "default": 300},
    "wait_timeout": {"type": "int", "default": 300},
    "offline": {"type": "bool", "default": False},
}


def run(options: Dict[str, Any], check_mode: bool, diff: bool) -> Dict[str, Any]:
    """Roll out, and tell what changed."""
    try:
        outcome = roll_out(request_from(options, check_mode, diff), options["unit_label"], options["rollback"])
    except KubeError as error:
        told = {"failed": True, "msg": str(error), "warnings": list(error.warnings)}
        return {**_changed(error.done), **error.details(), **told}
    return {**_changed(outcome.changes), "changed": outcome.changed, "warnings": outcome.warnings}


def request_from(options: Dict[str, Any], check_mode: bool, diff: bool) -> Request:
    """The request that the options describe."""
    is_absent = options["state"] == "absent"
    return Request(
        connection=options,
        definitions=None if is_absent else options["definitions"],
        src=() if is_absent else options["src"],
        applyset=options["applyset"],
        absent=is_absent,
        field_manager=options["field_manager"],
        lock_timeout=options["lock_timeout"],
        wait=True,
        wait_timeout=options["wait_timeout"],
        offline=options["offline"],
        dry_run=check_mode,
        diff=diff,
    )


def _changed(done: Any) -> Dict[str, Any]:
    shown = [change.as_return() for change in done if change.action != changes.UNCHANGED]
    result = {"changed": bool(shown), "objects": shown, "counts": changes.count(done)}
    diffs = [change.diff for change in done if change.diff]
    return {**result, "diff": diffs} if diffs else result


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run, concealed=("definitions",))


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
