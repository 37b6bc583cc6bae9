# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: istio_webhooks
short_description: Remove webhooks of Istio that lead to an istiod that is gone
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - A revision of Istio that was removed by hand, or by other tooling, may leave its injector, its validation or its
    tags behind. With C(failurePolicy=Fail) the API server then refuses the pods or the objects that they are called
    for.
  - Removes the MutatingWebhookConfigurations and ValidatingWebhookConfigurations whose webhooks all have Istio's names
    (C(sidecar-injector.istio.io), C(validation.istio.io) and what ends so) and all lead to Services that do not exist.
  - One with a webhook that leads to a Service which exists, or to an address, stays. So does one that somebody has
    changed after it was looked at, with a failure that says so.
options:
  istiod_namespace:
    description: The namespace of the istiod that O(expected) names.
    type: str
    default: istio-system
  expected:
    description: Names of Services that are about to be made. What leads to them stays.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
    details: It is the API server's own dry run.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.k8s_verify
"""

EXAMPLES = r"""
- name: Remove webhooks that lead to an istiod that is gone
  servicemesh.platform.istio_webhooks:
    expected: [istiod]
  register: left

- name: Show which
  ansible.builtin.debug:
    msg: "{{ left.removed }}"
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: Its kind.
      type: str
      sample: MutatingWebhookConfiguration
    name:
      description: Its name.
      type: str
      sample: istio-sidecar-injector-old
    services:
      description: The Services that it led to.
      type: list
      elements: str
      sample: [istio-system/istiod-old]
"""

from typing import Any, Dict, List, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio import INJECTOR
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio_access import (
    SERVICE,
    VALIDATOR,
    LeftWebhook,
    left_webhooks,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import name_of
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "istiod_namespace": {"type": "str", "default": "istio-system"},
    "expected": {"type": "list", "elements": "str", "default": []},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Remove what is left behind, and tell of it."""
    try:
        with open_session(options) as session:
            removed = remove(session, options["istiod_namespace"], options["expected"], check_mode)
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": str(error)}
    return {"changed": bool(removed), "removed": removed}


def remove(session: Session, namespace: str, expected: List[str], dry_run: bool) -> List[Dict[str, Any]]:
    """What was removed. Raises KubeError."""
    discovery = Discovery(session)
    paths = {kind: discovery.resource(kind.api_version, kind.kind) for kind in (INJECTOR, VALIDATOR)}
    # Before the Services: one whose Service is made in between leads somewhere.
    configurations = {kind: list(session.list_objects(resource.path())) for kind, resource in paths.items()}
    services: Set[str] = {f"{namespace}/{name}" for name in expected}
    services |= {
        name_of(each) for each in session.list_metadata(discovery.resource(SERVICE.api_version, SERVICE.kind).path())
    }
    found = [each for each in left_webhooks(configurations, services, namespace) if each.is_whole]
    return [
        {"kind": each.kind.kind, "name": each.configuration["metadata"]["name"], "services": list(each.services)}
        for each in found
        if _delete(session, paths[each.kind].path(None, each.configuration["metadata"]["name"]), each, dry_run)
    ]


def _delete(session: Session, path: str, left: LeftWebhook, dry_run: bool) -> bool:
    """Whether it was there still. What was changed meanwhile is refused by the API server."""
    metadata = left.configuration["metadata"]
    body: Dict[str, Any] = {"preconditions": {name: metadata[name] for name in ("uid", "resourceVersion")}}
    if dry_run:
        body["dryRun"] = ["All"]
    try:
        session.request("DELETE", path, body=body)
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
