# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: embedded_zone
short_description: Lose, cut, slow or heal a zone of an embedded cluster
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Breaks a zone of a cluster that M(servicemesh.platform.embedded_cluster) runs with real nodes, and mends it.
  - The control plane stands in no zone and goes on.
  - What was broken stays so until it is healed, by O(state=healed) or by the next
    M(servicemesh.platform.embedded_cluster) with V(started).
  - To see what the loss of a zone does to the workloads, M(servicemesh.platform.zone_drill) takes a zone, watches,
    and heals it.
requirements:
  - Linux, root, iproute2
  - cryptography >= 42 (for O(state=healed))
options:
  name:
    description:
      - The name of the cluster.
    type: str
    required: true
  state_dir:
    description:
      - The folder of the cluster, an absolute path.
    type: path
    required: true
  zone:
    description:
      - The name of the zone.
    type: str
    required: true
  state:
    description:
      - V(lost) is a loss of power. The zone goes off the network and all its nodes are killed at once, so nobody hears
        a goodbye.
      - V(cut) is a partition. The nodes and their pods go on and reach each other, but nothing else.
      - V(slow) lets everything that goes into or out of the zone wait O(delay_ms) each way and loses O(loss_percent) of
        it.
      - V(healed) undoes all of this, starts dead nodes again as they were started before, and waits until all nodes of
        the zone are Ready.
      - A zone that is lost can only be healed. One that is cut can be healed or lost.
    type: str
    choices: [lost, cut, slow, healed]
    required: true
  delay_ms:
    description:
      - Milliseconds of delay each way, for O(state=slow). The kernel must have C(sch_netem).
    type: float
    default: 100
  loss_percent:
    description:
      - Percent of the packets that are lost each way, for O(state=slow).
    type: float
    default: 0
  timeout:
    description:
      - Seconds until the nodes must be Ready for O(state=healed), or to wait for another run on the same O(state_dir)
        to end.
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
seealso:
  - module: servicemesh.platform.embedded_cluster
  - module: servicemesh.platform.zone_drill
"""

EXAMPLES = r"""
- name: Let zone c lose its power
  servicemesh.platform.embedded_zone:
    name: demo
    state_dir: "{{ lookup('env', 'HOME') }}/.cache/servicemesh-platform/environments/demo"
    zone: c
    state: lost

- name: Let everything between zone b and the others take 40 ms longer, there and back
  servicemesh.platform.embedded_zone:
    name: demo
    state_dir: "{{ lookup('env', 'HOME') }}/.cache/servicemesh-platform/environments/demo"
    zone: b
    state: slow
    delay_ms: 20

- name: Have zone c again
  servicemesh.platform.embedded_zone:
    name: demo
    state_dir: "{{ lookup('env', 'HOME') }}/.cache/servicemesh-platform/environments/demo"
    zone: c
    state: healed
"""

RETURN = r"""
zone:
  description: The zone.
  returned: success
  type: str
  sample: c
state:
  description:
    - How the zone is now, in check mode how it would be.
    - Besides the states that can be asked for, V(damaged) is a zone in which some nodes run and some do not.
  returned: success
  type: str
  sample: lost
nodes:
  description: The nodes of the zone.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the node.
      type: str
      sample: demo-c-1
    pid:
      description: Its process; 0 when it does not run.
      type: int
      sample: 0
actions:
  description: What was done, in check mode what would be done.
  returned: success
  type: list
  elements: str
  sample: ["take zone c off the network", "kill node-demo-c-1"]
"""

from pathlib import Path
from typing import Any, Dict

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.zones import (
    CUT,
    HEALED,
    LOST,
    SLOW,
    Change,
    Slowness,
    Zones,
    opened,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface, run_module

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state_dir": {"type": "path", "required": True},
    "zone": {"type": "str", "required": True},
    "state": {"type": "str", "choices": [LOST, CUT, SLOW, HEALED], "required": True},
    "delay_ms": {"type": "float", "default": 100},
    "loss_percent": {"type": "float", "default": 0},
    "timeout": {"type": "int", "default": 120},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Bring the zone into its state, and tell how it is."""
    if options["state"] == HEALED and pki.IMPORT_ERROR is not None:
        return {"failed": True, "msg": missing_required_lib("cryptography"), "exception": str(pki.IMPORT_ERROR)}
    try:
        change = _ensure(options, check_mode)
    except (EmbeddedError, OSError) as error:
        return {"failed": True, "msg": f"embedded cluster {options['name']}: {error}"}
    after = _expected(change, options["state"], check_mode)
    return {
        "changed": bool(change.actions),
        "zone": change.after.name,
        "state": after["state"],
        "nodes": [node._asdict() for node in change.after.nodes],
        "actions": list(change.actions),
        "diff": {"before": change.before.described(), "after": after},
    }


def _ensure(options: Dict[str, Any], check_mode: bool) -> Change:
    if not Path(options["state_dir"]).is_absolute():
        raise EmbeddedError(
            f"state_dir: {options['state_dir']!r} is not an absolute path; write one that begins with '/'"
        )
    slowness = Slowness(options["delay_ms"], options["loss_percent"])
    if options["state"] == SLOW:
        slowness.check("delay_ms", "loss_percent")
    with opened(options["name"], Path(options["state_dir"]), options["timeout"]) as zones:
        return _verb(zones, options, slowness, check_mode)


def _verb(zones: Zones, options: Dict[str, Any], slowness: Slowness, check_mode: bool) -> Change:
    zone, state = options["zone"], options["state"]
    if state == LOST:
        return zones.lose(zone, check_mode)
    if state == CUT:
        return zones.cut(zone, check_mode)
    if state == SLOW:
        return zones.slow(zone, slowness, check_mode)
    return zones.heal(zone, options["timeout"], check_mode)


def _expected(change: Change, state: str, check_mode: bool) -> Dict[str, Any]:
    """The zone after the run; in check mode, as far as it can be told."""
    after = change.after.described()
    return {**after, "state": state} if check_mode and change.actions else after


INTERFACE = Interface(ARGUMENTS, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
