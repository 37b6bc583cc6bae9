# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_sync
short_description: See whether the proxies of an Istio mesh run what its control plane holds
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Asks every pod of istiod, of every revision, which proxies it knows, what it has sent to each of them and what they
    have acknowledged or rejected. Asks each proxy for its certificates, which istiod does not know of.
  - Holds that against the pods of the cluster - who has a sidecar that no istiod knows, or one of another revision than
    is asked for now.
  - What is not right is a finding, no failure of the module. It fails only where it cannot look at all.
requirements:
  - kubernetes
options:
  istiod_namespace:
    description: The namespace of istiod.
    type: str
    default: istio-system
  namespaces:
    description: The namespaces whose proxies are looked at. All when it is empty.
    type: list
    elements: str
    default: []
  stale_after:
    description:
      - Seconds that a proxy may take to acknowledge what it was sent, and after its start to be known to an istiod.
    type: float
    default: 10
  version_skew:
    description:
      - How many minor versions a proxy may be older than the istiod that it is connected to.
      - Istio supports one (U(https://istio.io/latest/docs/releases/supported-releases/)). A proxy that is newer than
        its istiod is always a finding.
    type: int
    default: 1
  certificates:
    description: Whether to look at the certificates of proxies. Each of them is asked for that.
    type: bool
    default: true
  certificate_life:
    description:
      - Percent of the life of its certificate that a proxy must have left. A sidecar has it renewed when half is over,
        so one that is below this is no longer given new ones.
    type: float
    default: 25
  authority_days:
    description: Days for which the authorities that proxies trust, or are signed by, must still last.
    type: float
    default: 30
  wait:
    description:
      - Whether to wait until all proxies are in step. They must be in two looks in a row with O(settle) seconds in
        between, for istiod sends a change only when it has heard of it and no other follows.
    type: bool
    default: false
  settle:
    description: Seconds between two looks. More than the time for which istiod collects changes, a tenth of a second.
    type: float
    default: 1
  timeout:
    description: Seconds to wait. What is not in step by then is a finding.
    type: float
    default: 60
  istiod_port:
    description: The port of istiod that has its debug interface and its metrics.
    type: int
    default: 15014
  admin_port:
    description: The port of Envoy's admin interface in the pods.
    type: int
    default: 15000
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
    details: It changes nothing anyway.
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - It wants to list pods, namespaces and MutatingWebhookConfigurations, and to get and create C(pods/portforward) in
    the namespace of istiod, and for O(certificates=true) in those of the proxies. No program is started in any pod.
  - In step means that a proxy runs what its istiod has made for it. An istiod that has lost the API server does not
    hear of changes, and its proxies are in step with it all the same.
seealso:
  - module: servicemesh.platform.report
  - module: servicemesh.platform.k8s_restart
"""

EXAMPLES = r"""
- name: See whether all proxies run what istiod holds
  servicemesh.platform.mesh_sync:
  register: sync

- name: Show it
  ansible.builtin.debug:
    msg: "{{ sync.table }}"

- name: Report, and fail when one of them rejects something
  servicemesh.platform.report:
    environment_name: demo-sync
    findings: "{{ sync.findings }}"
    directory: reports

- name: Wait until a change has arrived at all proxies of a namespace
  servicemesh.platform.mesh_sync:
    namespaces: [shop]
    certificates: false
    wait: true
    timeout: 120
  register: sync
  failed_when: not sync.in_step
"""

RETURN = r"""
findings:
  description:
    - What was found, passed checks among it, as M(servicemesh.platform.k8s_verify) returns it. The same of several
      proxies of a namespace is one finding.
    - The ids are C(mesh-sync) (how many are in step), C(mesh-istiod-silent), C(mesh-proxy-unknown),
      C(mesh-proxy-stale), C(mesh-proxy-unsent), C(mesh-proxy-rejected), C(mesh-proxy-revision),
      C(mesh-proxy-version), C(mesh-proxy-certificate) and C(mesh-proxy-silent).
  returned: success
  type: list
  elements: dict
  sample: []
severity:
  description: The worst severity among the findings.
  returned: success
  type: str
  sample: ok
in_step:
  description: Whether every istiod has answered, and every proxy that a pod is behind has acknowledged everything.
  returned: success
  type: bool
  sample: true
states:
  description: How many proxies are in each state.
  returned: success
  type: dict
  sample: {"in step": 6, "pending": 0, "rejected": 0, "stale": 0, "unknown": 0, "unsent": 0}
table:
  description: The proxies as lines of text.
  returned: success
  type: list
  elements: str
  sample: ["proxy                         state    istiod  version  revision  certificate ends"]
istiods:
  description: The pods of istiod.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Namespace and name.
      type: str
      sample: istio-system/istiod-c74b54dd-8gt9r
    revision:
      description: Its revision.
      type: str
      sample: default
    version:
      description: Its version. Empty when it did not answer.
      type: str
      sample: 1.30.2
    problem:
      description: Why it did not answer. Empty when it did.
      type: str
      sample: ""
proxies:
  description: All proxies, those that no pod is behind among them.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of its pod.
      type: str
      sample: shop
    name:
      description: The name of its pod.
      type: str
      sample: backend-v1-5c69966b88-wwjnf
    state:
      description:
        - The worst of its states - C(in step), C(pending) (sent a moment ago), C(stale), C(unsent), C(rejected), or
          C(unknown) when no istiod knows it.
      type: str
      sample: in step
    types:
      description: The state of each xDS type. Empty when no istiod knows it.
      type: dict
      sample: {"CDS": "in step", "EDS": "in step", "LDS": "in step", "RDS": "in step"}
    errors:
      description: Why it rejects what it was sent, by xDS type.
      type: dict
      sample: {}
    istiod:
      description: The pod of istiod that it is connected to.
      type: str
      sample: istio-system/istiod-c74b54dd-8gt9r
    version:
      description: The version of Istio that it is from.
      type: str
      sample: 1.30.2
    istiod_version:
      description: The version of that istiod.
      type: str
      sample: 1.30.2
    revision:
      description: The revision of the injector that has made it. Empty when it was none.
      type: str
      sample: default
    wanted_revision:
      description: The revision that its labels and its namespace ask for now.
      type: str
      sample: default
    certificate_ends:
      description: When the certificate of its workload ends, in UTC. Empty when it is not known.
      type: str
      sample: "2026-11-27T16:31:01Z"
"""

import math
import time
from dataclasses import asdict, replace
from typing import Any, Dict

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import worst
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync import row, state_counts
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync_findings import (
    Allowed,
    findings,
    is_in_step,
    table,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import InvalidArgument, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.mesh_sync.look import Aim, View, look

COMPONENT = "mesh"

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "istiod_namespace": {"type": "str", "default": "istio-system"},
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "stale_after": {"type": "float", "default": 10},
    "version_skew": {"type": "int", "default": 1},
    "certificates": {"type": "bool", "default": True},
    "certificate_life": {"type": "float", "default": 25},
    "authority_days": {"type": "float", "default": 30},
    "wait": {"type": "bool", "default": False},
    "settle": {"type": "float", "default": 1},
    "timeout": {"type": "float", "default": 60},
    "istiod_port": {"type": "int", "default": 15014},
    "admin_port": {"type": "int", "default": 15000},
}


def run(options: Dict[str, Any], _check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Look, wait where that is asked for, and tell what was found."""
    try:
        _check(options)
        with open_session(options) as session:
            view = _awaited(session, options) if options["wait"] else look(session, _aim(options))
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": f"looking whether the mesh is in step: {error}"}
    return _told(view, options)


def _check(options: Dict[str, Any]) -> None:
    """Raise InvalidArgument for options that make no sense."""
    for name in ("stale_after", "settle", "timeout"):
        if not 0 < options[name] < math.inf:
            raise InvalidArgument(f"{name}: {options[name]:g} is no time; write a number of seconds above 0")
    if not 0 <= options["certificate_life"] <= 100:
        raise InvalidArgument(f"certificate_life: {options['certificate_life']:g} is no percentage from 0 to 100")
    if options["version_skew"] < 0 or not 0 <= options["authority_days"] < math.inf:
        raise InvalidArgument("version_skew and authority_days are 0 or more")


def _aim(options: Dict[str, Any]) -> Aim:
    return Aim(
        options["istiod_namespace"],
        options["namespaces"],
        options["istiod_port"],
        options["admin_port"],
        options["certificates"],
    )


def _awaited(session: Session, options: Dict[str, Any]) -> View:
    """What is seen when all are in step twice in a row, or when the time is over."""
    deadline = time.monotonic() + options["timeout"]
    bare = replace(_aim(options), certificates=False)
    were_in_step = False
    while True:
        view = look(session, bare)
        are_in_step = is_in_step(view.istiods, view.proxies, options["stale_after"], view.now)
        if (are_in_step and were_in_step) or time.monotonic() > deadline:
            return look(session, _aim(options)) if options["certificates"] else view
        were_in_step = are_in_step
        time.sleep(options["settle"])


def _told(view: View, options: Dict[str, Any]) -> Dict[str, Any]:
    allowed = Allowed(
        options["stale_after"], options["version_skew"], options["certificate_life"] / 100, options["authority_days"]
    )
    found = [replace(each, component=COMPONENT) for each in findings(view.istiods, view.proxies, allowed, view.now)]
    rows = [row(each, allowed.seconds, view.now) for each in view.proxies]
    return {
        "changed": False,
        "findings": [finding.as_dict() for finding in found],
        "severity": worst(found).value,
        "in_step": is_in_step(view.istiods, view.proxies, allowed.seconds, view.now),
        "states": state_counts(each.state(allowed.seconds, view.now) for each in view.proxies),
        "table": table(rows),
        "istiods": [asdict(each) for each in view.istiods],
        "proxies": rows,
    }


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
