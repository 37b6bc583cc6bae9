# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_cluster
short_description: Run a real Kubernetes cluster without a container engine
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Runs etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of the calling user that go on
    when the module has ended.
  - Without O(nodes), kwok plays the nodes and their pods. Root is not needed, and everything listens on 127.0.0.1 only.
  - With O(nodes), every node is real - containerd, kubelet, kube-proxy and Felix in namespaces and a cgroup of their
    own. This wants root. The control plane stands in a network namespace that routes between the zones, each a subnet,
    and is reached from this machine over a link of its own.
  - Ports are free ones that are chosen once and remembered. All certificates come from the cluster's own authorities.
    RBAC is on, anonymous requests are refused.
  - A second run asks every component for its health and changes nothing. What was killed is started again, and what
    runs with another command line, binary or certificate than it should is restarted. The data is kept.
  - Certificates are issued anew when they have less than 30 days left, were changed, or cannot be read.
  - A kwok node is made by whoever wants it, with the annotation C(kwok.x-k8s.io/node=fake). Real nodes join by
    themselves, with certificates that they ask for and renew (TLS bootstrapping).
requirements:
  - Linux
  - cryptography >= 42 (for O(state=started))
  - bcrypt (for O(nodes))
  - haproxy >= 2.6 (for O(high_availability))
options:
  name:
    description:
      - The name of the cluster, a DNS label.
    type: str
    required: true
  state:
    description:
      - V(started) means that all components run and are healthy.
      - V(stopped) ends the processes and keeps the data.
      - V(absent) ends the processes and removes O(state_dir).
    type: str
    choices: [started, stopped, absent]
    default: started
  state_dir:
    description:
      - The folder for everything that belongs to the cluster. It must be empty or missing when the cluster is started
        for the first time, and belongs to the cluster from then on. A folder that the module did not make is refused,
        and so is a relative path, because a module does not run where the playbook was called.
    type: path
    required: true
  binary:
    description:
      - The multi-call binary C(kube) with all components. Required for O(state=started). In check mode it may still
        have to be built, and may be missing here when it is not known yet where it will be.
    type: path
  service_cidr:
    description:
      - The IPv4 network of the service addresses. It cannot be changed once the cluster is there.
    type: str
    default: 10.96.0.0/16
  pod_cidr:
    description:
      - The IPv4 network of the pods. Every node gets a /24 of it. It cannot be changed once the cluster is there.
    type: str
    default: 10.244.0.0/16
  nodes:
    description:
      - The real nodes. Those of an earlier run that are not named any more are removed. A cluster that was made without
        real nodes cannot get any, and the other way round.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the node, a DNS subdomain.
        type: str
        required: true
      zone:
        description: The zone that it stands in. The nodes of a zone share a subnet and a way to the other zones.
        type: str
        required: true
      labels:
        description: Labels of the Node object when it is made.
        type: dict
        default: {}
  programs:
    description:
      - What real nodes are made of, as the role P(servicemesh.platform.cluster#role) builds it. Required with O(nodes);
        in check mode it may still have to be built.
    type: dict
    suboptions:
      nodes:
        description: The folder of containerd, its shim, the CNI plugins, noderun, CoreDNS, metrics-server and pause.
        type: path
      runc:
        description: The program runc.
        type: path
      calico:
        description: The folder of C(calico-felix) and C(calico).
        type: path
      storage:
        description: The program C(local-path-provisioner).
        type: path
  high_availability:
    description:
      - Whether the first three zones have a control plane each, behind HAProxy, so that losing any zone keeps the
        control plane. It needs O(nodes) in at least three zones and the program C(haproxy), and cannot be changed once
        the cluster is there.
      - The components of a zone carry its name, for example C(etcd-a). The address of the API server is that of the
        proxy. The registry remains a single one.
    type: bool
    default: false
  durable:
    description:
      - Whether etcd waits until a write is on the disk. V(false) is faster, and loses or breaks the data when the
        machine (not only a process) fails. It is meant for tests.
    type: bool
    default: true
  timeout:
    description:
      - Seconds for the whole start, or to wait for another run on the same O(state_dir) to end.
    type: int
    default: 120
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - The processes end with the machine or the container that they run in. Nothing starts them again but this module.
  - When a component fails, the others are left running, so that one can look at them. O(state=stopped) or
    O(state=absent) ends them.
"""

EXAMPLES = r"""
- name: Start a cluster
  servicemesh.platform.embedded_cluster:
    name: demo
    state_dir: ~/.cache/servicemesh-platform/environments/demo
    binary: ~/.cache/servicemesh-platform/bin/kubernetes-1.36-0f3c/kube
  register: cluster

- name: Let kwok play a node
  kubernetes.core.k8s:
    kubeconfig: "{{ cluster.kubeconfig }}"
    definition:
      apiVersion: v1
      kind: Node
      metadata:
        name: node-a
        annotations:
          kwok.x-k8s.io/node: fake

- name: Remove the cluster
  servicemesh.platform.embedded_cluster:
    name: demo
    state: absent
    state_dir: ~/.cache/servicemesh-platform/environments/demo
"""

RETURN = r"""
kubeconfig:
  description: The administrator's kubeconfig (mode 0600). It is there once the cluster was started.
  returned: success
  type: str
  sample: /home/me/.cache/servicemesh-platform/environments/demo/kubeconfig
server:
  description: Where the API server is. Empty when the cluster was never started.
  returned: success
  type: str
  sample: https://127.0.0.1:26270
version:
  description: The version of Kubernetes. Empty when the cluster was never started.
  returned: success
  type: str
  sample: v1.36.3
running:
  description:
    - Whether the API server runs now. In check mode that is what was found, so it tells whether the cluster of a later
      task is still to come.
  returned: success
  type: bool
  sample: true
components:
  description: The components, in the order in which they start. Empty when the cluster is absent.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the component.
      type: str
      sample: kube-apiserver
    state:
      description: V(running) or V(stopped); in check mode what it would be.
      type: str
      sample: running
    pid:
      description: The process; 0 when there is none.
      type: int
      sample: 4711
    port:
      description: The port; 0 when none was chosen yet, and for a node.
      type: int
      sample: 26270
    log:
      description: The log file.
      type: str
      sample: /home/me/.cache/servicemesh-platform/environments/demo/logs/kube-apiserver.log
registry:
  description: The registry that real nodes pull from. Empty without real nodes, and unless the cluster is started.
  returned: success
  type: dict
  contains:
    endpoint:
      description: Its address and port, as clients on this machine name it.
      type: str
      sample: 198.18.12.34:23456
    name:
      description: Its name on the nodes, the same for every environment.
      type: str
      sample: registry.embedded
    docker_config:
      description: A folder with the credentials, for E(DOCKER_CONFIG) (mode 0700).
      type: str
      sample: /home/me/.cache/servicemesh-platform/environments/demo/registry/docker
    ca_path:
      description: The authority that its certificate comes from.
      type: str
      sample: /home/me/.cache/servicemesh-platform/environments/demo/pki/ca.crt
images:
  description:
    - The images in the registry that clusters of real nodes are made of, by name, as pods name them. Empty before they
      were put there.
  returned: success
  type: dict
  sample: {coredns: registry.embedded/coredns@sha256:7f0b...}
actions:
  description: What was done, in check mode what would be done.
  returned: success
  type: list
  elements: str
  sample: ["start kube-apiserver (not running)"]
"""

from dataclasses import fields
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki, registry, system_images
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.cluster import (
    ComponentView,
    Outcome,
    ensure_absent,
    ensure_started,
    ensure_stopped,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import (
    NodeSettings,
    Programs,
    Settings,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module

PROGRAMS = tuple(program.name for program in fields(Programs))
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
    "state_dir": {"type": "path", "required": True},
    "binary": {"type": "path"},
    "service_cidr": {"type": "str", "default": "10.96.0.0/16"},
    "pod_cidr": {"type": "str", "default": "10.244.0.0/16"},
    "nodes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "zone": {"type": "str", "required": True},
            "labels": {"type": "dict", "default": {}},
        },
    },
    "programs": {
        "type": "dict",
        "options": {name: {"type": "path"} for name in PROGRAMS},
    },
    "high_availability": {"type": "bool", "default": False},
    "durable": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 120},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Bring the cluster into its state, and tell how it is."""
    if options["state"] == "started" and pki.IMPORT_ERROR is not None:
        return {"failed": True, "msg": missing_required_lib("cryptography"), "exception": str(pki.IMPORT_ERROR)}
    if options["state"] == "started" and options["nodes"] and registry.IMPORT_ERROR is not None:
        return {"failed": True, "msg": missing_required_lib("bcrypt"), "exception": str(registry.IMPORT_ERROR)}
    try:
        outcome = _ensure(options, check_mode)
    except (EmbeddedError, OSError) as error:
        return {"failed": True, "msg": f"embedded cluster {options['name']}: {error}"}
    return {
        "changed": outcome.changed,
        "kubeconfig": outcome.kubeconfig,
        "server": outcome.server,
        "version": outcome.version,
        "running": outcome.running,
        "components": outcome.components(),
        "registry": _registry(outcome),
        "images": system_images.published(Path(outcome.kubeconfig).parent),
        "actions": list(outcome.actions),
        "diff": {"before": _states(outcome.before), "after": _states(outcome.after)},
    }


def _ensure(params: Dict[str, Any], check_mode: bool) -> Outcome:
    state_dir = _absolute("state_dir", params["state_dir"])
    if params["state"] == "absent":
        return ensure_absent(params["name"], state_dir, params["timeout"], check_mode)
    if params["state"] == "stopped":
        return ensure_stopped(params["name"], state_dir, params["timeout"], check_mode)
    settings = Settings(
        name=params["name"],
        binary=_absolute("binary", params["binary"]) if params["binary"] else None,
        service_cidr=params["service_cidr"],
        pod_cidr=params["pod_cidr"],
        durable=params["durable"],
        nodes=[NodeSettings(node["name"], node["zone"], node["labels"]) for node in params["nodes"]],
        programs=_programs(params["programs"]),
        high_availability=params["high_availability"],
    )
    return ensure_started(settings, state_dir, params["timeout"], check_mode)


def _programs(paths: Optional[Dict[str, Optional[str]]]) -> Optional[Programs]:
    """The programs; None when not all of them are known, as in check mode before they are built."""
    known = {name: path for name, path in (paths or {}).items() if path}
    if len(known) < len(PROGRAMS):
        return None
    return Programs(**{name: _absolute(f"programs.{name}", path) for name, path in known.items()})


def _registry(outcome: Outcome) -> Dict[str, str]:
    place = outcome.registry
    if not place:
        return {}
    return {
        "endpoint": place.endpoint,
        "name": registry.NAME,
        "docker_config": str(place.docker_config),
        "ca_path": str(place.authority),
    }


def _absolute(option: str, path: str) -> Path:
    if not Path(path).is_absolute():
        raise EmbeddedError(f"{option}: {path!r} is not an absolute path; write one that begins with '/'")
    return Path(path)


def _states(views: Sequence[ComponentView]) -> Dict[str, str]:
    """The components for a diff: pids and log files would differ without saying anything."""
    return {view.name: f"{view.state} on port {view.port}" if view.port else view.state for view in views}


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
