# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_identity
short_description: Make sure that a connection leads to the cluster of the environment
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Asks the cluster for the UID of its namespace C(kube-system), which tells it from all others, and compares it with
    the UID in O(cluster_uid) or, without it, with the one remembered in an earlier run. Another cluster is an error.
  - Remembers the UID the first time.
options:
  remember:
    description: File that holds the identity of the cluster of the environment; made when it is missing.
    type: path
    required: true
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
- name: Stop unless it is the cluster that the last run was for
  servicemesh.platform.cluster_identity:
    kubeconfig: ~/.kube/config
    context: staging-eu
    remember: ~/.local/state/staging-eu.json
"""

RETURN = r"""
uid:
  description: UID of the namespace C(kube-system).
  returned: success
  type: str
  sample: 5a1c0d0e-6a4b-4f2e-9d5e-2f0f4f3c1b7a
version:
  description: Version of Kubernetes.
  returned: success
  type: str
  sample: v1.36.3
server:
  description: Address of the API server.
  returned: success
  type: str
  sample: https://127.0.0.1:6443
"""

from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.identity import (
    identify,
    remember,
    remembered,
)

ARGUMENTS = {"remember": {"type": "path", "required": True}}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Compare, remember when there is nothing to compare with, and tell which cluster it is."""
    path = options["remember"]
    try:
        identity = identify(options, path)
        changed = remembered(path) != identity["uid"]
        if changed and not check_mode:
            remember(path, identity["uid"], identity["server"])
    except (KubeError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": changed, **identity}


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
