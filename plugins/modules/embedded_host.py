# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_host
short_description: Tell whether this machine can run real nodes, and what it lacks
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Decides which kind of nodes an embedded cluster has here, and says why.
  - Looks at the user, the capabilities, the namespaces and cgroups of the kernel, and tries in a network namespace of
    its own, which goes away at once, what real nodes need of the network.
  - Changes nothing.
requirements:
  - Linux
options:
  nodes:
    description:
      - V(kubelet) fails with everything that is missing when real nodes cannot run here.
      - V(kwok) is possible everywhere.
      - V(auto) keeps what the cluster in O(state_dir) was made with, and chooses V(kubelet) for a new one where real
        nodes can run.
    type: str
    choices: [auto, kubelet, kwok]
    default: auto
  high_availability:
    description:
      - Whether the cluster is to have O(servicemesh.platform.embedded_cluster#module:high_availability), which needs a
        package more.
    type: bool
    default: false
  state_dir:
    description: The folder of the cluster, as for M(servicemesh.platform.embedded_cluster).
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
  - module: servicemesh.platform.embedded_cluster
"""

EXAMPLES = r"""
- name: Look at this machine
  servicemesh.platform.embedded_host:
    state_dir: ~/.cache/servicemesh-platform/environments/demo
  register: host

- name: Install what is missing
  ansible.builtin.apt:
    name: "{{ host.packages }}"
    update_cache: true
  when: host.nodes == 'kubelet'
"""

RETURN = r"""
nodes:
  description: V(kubelet) or V(kwok).
  returned: success
  type: str
  sample: kubelet
reason:
  description: Why it is that one.
  returned: success
  type: str
  sample: real nodes can run on this machine
images:
  description: What M(servicemesh.platform.embedded_cluster) returns as C(images), as its last run left it.
  returned: success
  type: dict
  sample: {coredns: registry.embedded/coredns@sha256:7f0b...}
packages:
  description: The Debian packages that real nodes need and that are not installed. Empty for V(kwok).
  returned: success
  type: list
  elements: str
  sample: [nftables]
"""

from pathlib import Path
from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import host, system_images
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.state_folder import Memory, StateFolder
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "nodes": {"type": "str", "choices": ["auto", "kubelet", "kwok"], "default": "auto"},
    "high_availability": {"type": "bool", "default": False},
    "state_dir": {"type": "path", "required": True},
}


def run(options: Dict[str, Any], _check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Decide, and say why."""
    try:
        state = Path(options["state_dir"]).resolve()
        memory = StateFolder(Layout(state), "").recall()
        return {
            "changed": False,
            "images": system_images.published(state),
            **_decide(options["nodes"], memory, options.get("high_availability", False)),
        }
    except (EmbeddedError, OSError) as error:
        return {"failed": True, "msg": str(error)}


def _decide(asked: str, memory: Memory, high_availability: bool) -> Dict[str, Any]:
    proxy = host.missing_proxy() if high_availability else []
    if asked == "auto" and memory.ports:
        made_with = "kubelet" if memory.link else "kwok"
        return _answer(made_with, "the cluster was made with them", [*host.missing_packages(), *proxy])
    if asked == "kwok":
        return _answer("kwok", "that is what was asked for", [])
    found = host.examine()
    if found.fit:
        return _answer("kubelet", "real nodes can run on this machine", [*found.packages, *proxy])
    lacks = "; ".join(found.lacks)
    if asked == "auto":
        return _answer("kwok", f"real nodes cannot run on this machine, it lacks: {lacks}", [])
    raise EmbeddedError(
        f"real nodes cannot run on this machine, it lacks: {lacks}. "
        "Mend that, or let kwok play the nodes: cluster_embedded_nodes: kwok"
    )


def _answer(nodes: str, reason: str, packages: Any) -> Dict[str, Any]:
    return {"nodes": nodes, "reason": reason, "packages": list(packages) if nodes == "kubelet" else []}


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
