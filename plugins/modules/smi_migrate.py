# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smi_migrate
short_description: Migrate TrafficSplits of SMI to routes of the Gateway API
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Makes the routes, waits until a controller has accepted them, keeps the TrafficSplits in a ConfigMap and deletes
    them, and deletes the ServiceProfiles that linkerd-smi leaves behind. A run that was cut off can be repeated.
  - A root service with an error among its findings is not touched; the others are migrated.
options:
  state:
    description:
      - V(planned) only tells what would be done, V(migrated) does it, V(verified) tells what is not as a finished
        migration leaves it, and V(rolled_back) creates the TrafficSplits again and then removes the routes.
      - With another state than V(planned) the module fails when there is a finding of severity V(error). What could be
        done was done all the same.
    type: str
    choices: [planned, migrated, verified, rolled_back]
    default: planned
  namespaces:
    description: Namespaces to work in; all of them when there is none.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Whether a TrafficSplit is deleted only when a controller has accepted the routes that take its place.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for that.
    type: int
    default: 120
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
- name: Migrate one namespace
  servicemesh.platform.smi_migrate:
    kubeconfig: ~/.kube/config
    context: staging
    namespaces: [shop]
    state: migrated
  register: result

- name: Show what stays, and why
  ansible.builtin.debug:
    msg: "{{ result.findings }}"
"""

RETURN = r"""
steps:
  description: What is done, or in check mode would be, in this order for each service.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: Namespace and name of the root service.
      type: str
      sample: shop/checkout
    action:
      description: One of V(keep), V(create), V(await) and V(delete).
      type: str
      sample: create
    object:
      description: What it is done with.
      type: str
      sample: HTTPRoute shop/checkout
findings:
  description: What is not migrated and why, and what else was found; as M(servicemesh.platform.k8s_verify) has them.
  returned: success
  type: list
  elements: dict
severity:
  description: The worst severity among the findings.
  returned: success
  type: str
  sample: warning
counts:
  description: How many objects were created, configured, unchanged and deleted.
  returned: success
  type: dict
"""

from typing import Any, Dict, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, worst
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import count
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError, shorten
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_migration.steps import Migration, Wishes

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {
        "type": "str",
        "choices": ["planned", "migrated", "verified", "rolled_back"],
        "default": "planned",
    },
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 120},
}

SHOWN = 5
"""How many findings the message of a failure lists."""


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Do what the state asks for, and tell what was found."""
    wishes = Wishes(options, options["namespaces"], options["wait"], options["wait_timeout"], check_mode)
    try:
        with open_session(options) as session:
            migration = Migration(session, wishes)
            steps = {
                "planned": migration.plan,
                "migrated": migration.migrate,
                "verified": migration.verify,
                "rolled_back": migration.roll_back,
            }
            steps[options["state"]]()
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error)}
    result = migration.result
    errors = [each for each in result.findings if each.severity is Severity.ERROR]
    failure = {"failed": True, "msg": _told(errors)} if errors and options["state"] != "planned" else {}
    return {
        **failure,
        "changed": result.changed,
        "steps": result.steps,
        "findings": [finding.as_dict() for finding in result.findings],
        "severity": worst(result.findings).value,
        "counts": count(result.changes),
    }


def _told(errors: Sequence[Finding]) -> str:
    lines = [f"{each.subject}: {each.message}. {each.mend}" for each in errors]
    return f"Not everything is as it should be ({len(errors)}):\n{shorten(lines, SHOWN)}"


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
