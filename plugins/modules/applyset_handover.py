#!/usr/bin/python
# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand an ApplySet over from one tool to another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: applyset_handover
short_description: Hand an ApplySet over from one tool to another
version_added: 0.1.0
author:
  - The servicemesh.platform authors (@servicemesh)
description:
  - A set of objects (ApplySet, KEP-3659) is run by one tool, which its parent object names.
    M(servicemesh.platform.k8s_apply) and C(kubectl apply --applyset) refuse the sets of others. This module gives a
    set from one to the other, with all its members, and changes no value that anybody wrote.
  - The fields that the former tool applied become fields that the new one applied. So what is dropped from the
    definitions later goes from the cluster, and what is changed meets no conflict.
  - The members go first and the parent last. A hand-over that was cut off, or that one member refuses, leaves the set
    with the former tool; run it again before that changes anything.
  - Objects that merely carry the label of the set, because they were copied from a member, are left alone, with a
    warning.
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
    details:
      - Every request is sent as a dry run, so that admission has its say.
  diff_mode:
    support: full
    details:
      - Shows the tooling and the scope of the parent, and the field managers of every member that moves.
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the parent object.
    type: str
    required: true
  namespace:
    description:
      - Namespace of the parent object. For C(kubectl) that is the one given with C(-n).
    type: str
    default: servicemesh-platform
  kind:
    description:
      - Kind of the parent object. C(kubectl) takes a Secret unless it is told otherwise.
    type: str
    choices: [ConfigMap, Secret]
    default: ConfigMap
  from:
    description:
      - The tool that runs the set now, such as V(kubectl). It must be the one that the parent names.
    type: str
    required: true
  to:
    description:
      - The tool that runs the set from now on. A set that it runs already is no error, whatever O(from) is.
    type: str
    choices: [kubectl, servicemesh.platform]
    required: true
  managers:
    description:
      - The field managers under which the tool O(from) applies members. A member that was applied to the set under
        another name is refused, with that name.
      - Default is V(kubectl) and V(kubectl-client-side-apply) for V(kubectl), and V(servicemesh.platform) for
        V(servicemesh.platform). Other tools have none.
    type: list
    elements: str
    default: []
  field_manager:
    description:
      - The field manager under which the tool O(to) applies the members. What C(kubectl) is given with
        C(--field-manager), or what O(servicemesh.platform.k8s_apply#module:field_manager) is.
      - Default is V(servicemesh.platform), and for C(kubectl) what that uses by itself, which is V(kubectl), or
        V(kubectl-client-side-apply) with O(client_side).
    type: str
  client_side:
    description:
      - With O(to=kubectl), whether it will be used without C(--server-side). All that a member consists of is then
        written into an annotation of it too, which is how C(kubectl) knows what to remove; of Secrets too.
    type: bool
    default: false
  lock_timeout:
    description:
      - Seconds to wait for another run of this collection that is at work on the set.
    type: int
    default: 300
seealso:
  - module: servicemesh.platform.k8s_apply
  - name: KEP-3659
    description: ApplySets, and what tools owe one another.
    link: https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/3659-kubectl-apply-prune
"""

EXAMPLES = r"""
- name: Take over what kubectl apply --applyset=shop -n shop has applied
  servicemesh.platform.applyset_handover:
    kubeconfig: ~/.kube/config
    context: staging
    name: shop
    namespace: shop
    kind: Secret
    from: kubectl
    to: servicemesh.platform
    field_manager: servicemesh.platform/shop

- name: Run it from now on
  servicemesh.platform.k8s_apply:
    kubeconfig: ~/.kube/config
    context: staging
    src: [manifests/]
    field_manager: servicemesh.platform/shop
    applyset:
      name: shop
      namespace: shop
      kind: Secret

- name: Give it back, for kubectl apply --server-side --applyset=shop --prune -n shop
  servicemesh.platform.applyset_handover:
    kubeconfig: ~/.kube/config
    context: staging
    name: shop
    namespace: shop
    kind: Secret
    from: servicemesh.platform
    managers: [servicemesh.platform/shop]
    to: kubectl

- name: Take over from a pipeline that calls kubectl apply with --field-manager=ci
  servicemesh.platform.applyset_handover:
    name: shop
    namespace: shop
    from: kubectl
    managers: [ci]
    to: servicemesh.platform
"""

RETURN = r"""
parent:
  description: The parent object, as it is now or in check mode would be.
  returned: success
  type: dict
  contains:
    kind:
      description: Kind of the parent.
      type: str
      returned: success
      sample: ConfigMap
    namespace:
      description: Namespace of the parent.
      type: str
      returned: success
      sample: servicemesh-platform
    name:
      description: Name of the parent.
      type: str
      returned: success
      sample: shop
    tooling:
      description: The tool that runs the set, with its version.
      type: str
      returned: success
      sample: servicemesh.platform/v1
members:
  description:
    - The number of members that moved, that were the new tool's already, and of objects that were left alone because
      the label of the set was not applied to them.
  returned: success
  type: dict
  sample: {moved: 42, unchanged: 0, left_alone: 1}
"""

from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import APPLYSET_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.handover import TOOLS, Handover, hand_over

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    **APPLYSET_ARGUMENTS,
    "from": {"type": "str", "required": True},
    "to": {"type": "str", "required": True, "choices": sorted(TOOLS)},
    "managers": {"type": "list", "elements": "str", "default": []},
    "field_manager": {"type": "str"},
    "client_side": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 300},
}


def run(options: Dict[str, Any], check_mode: bool, diff: bool) -> Dict[str, Any]:
    """Hand over, and tell what moved."""
    applyset = {name: options[name] for name in APPLYSET_ARGUMENTS}
    try:
        outcome = hand_over(
            Handover(
                connection=options,
                applyset=applyset,
                former=options["from"],
                to=options["to"],
                managers=options["managers"],
                field_manager=options["field_manager"] or "",
                client_side=options["client_side"],
                lock_timeout=options["lock_timeout"],
                dry_run=check_mode,
                diff=diff,
            )
        )
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error), "warnings": list(error.warnings)}
    result = {
        "changed": outcome.changed,
        "parent": {**applyset, "tooling": outcome.tooling},
        "members": {"moved": outcome.moved, "unchanged": outcome.unchanged, "left_alone": outcome.left_alone},
        "warnings": outcome.warnings,
    }
    return {**result, "diff": outcome.diffs} if outcome.diffs else result


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
