# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_image
short_description: Load an image into the real nodes of an embedded cluster
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Loads the images of an OCI archive, as M(servicemesh.platform.oci_image) writes it, into every running node of a
    cluster that M(servicemesh.platform.embedded_cluster) made with real nodes. No registry is asked.
  - Pods that name such an image need C(imagePullPolicy) V(Never) or V(IfNotPresent).
  - Nodes that have the images by the same names and digests are left alone. A node that joins later has to be loaded
    again; what all nodes may pull belongs into the registry of the environment.
requirements:
  - Linux, root
options:
  state_dir:
    description:
      - The folder of the cluster, an absolute path.
    type: path
    required: true
  archive:
    description:
      - The archive. Every image in it has a name.
    type: path
    required: true
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: servicemesh.platform.oci_image
  - module: servicemesh.platform.embedded_cluster
"""

EXAMPLES = r"""
- name: Build an image
  servicemesh.platform.oci_image:
    name: local.test/shop:1
    path: "{{ ansible_env.HOME }}/shop.tar"
    files:
      - src: build/shop
        dest: /shop
    entrypoint: [/shop]

- name: Load it into all nodes
  servicemesh.platform.embedded_image:
    state_dir: "{{ ansible_env.HOME }}/.cache/servicemesh-platform/environments/demo"
    archive: "{{ ansible_env.HOME }}/shop.tar"
"""

RETURN = r"""
images:
  description: The images of the archive, name to digest.
  returned: success
  type: dict
  sample: {local.test/shop:1: sha256:7f0b...}
nodes:
  description: The nodes that were loaded, in check mode those that would be.
  returned: success
  type: list
  elements: str
  sample: [node-demo-a-1]
"""

from pathlib import Path
from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import loading
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state_dir": {"type": "path", "required": True},
    "archive": {"type": "path", "required": True},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Load what is missing."""
    state_dir, archive = Path(options["state_dir"]), Path(options["archive"])
    try:
        plan = loading.plan(state_dir, archive)
        if not check_mode:
            loading.load(state_dir, archive, plan.missing)
    except (EmbeddedError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    return {"changed": bool(plan.missing), "images": dict(plan.images), "nodes": list(plan.missing)}


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
