# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zone_drill
short_description: Lose a zone on purpose and tell what became of the workloads
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Takes a zone of an embedded cluster with real nodes, watches the cluster until it has coped with that or a deadline
    has passed, heals the zone, and watches until everything is complete again.
  - Findings say how long it took until the nodes counted as lost, until no service sent requests into the zone any
    more, and until the replicas were back elsewhere, what was not spread well enough, and whether writes on the
    Kubernetes API went on. A deadline that passes is a finding, no failure of the module.
  - It begins only when all nodes are Ready and all Deployments and StatefulSets have their replicas.
  - The zone is healed in any case, when the module is interrupted too. What a drill that was killed has left behind is
    healed by the next one, and by M(servicemesh.platform.embedded_cluster) with V(started).
  - In check mode nothing is taken. The findings then tell what stands in the zone.
requirements:
  - Linux, root, iproute2
  - cryptography >= 42
options:
  name:
    description:
      - The name of the embedded cluster.
    type: str
    required: true
  state_dir:
    description:
      - The folder of the embedded cluster, an absolute path. Unless O(kubeconfig) or O(host) is given, the cluster is
        watched with the kubeconfig in there.
    type: path
    required: true
  zone:
    description:
      - The zone to take. The last one when it is not given.
    type: str
  kind:
    description:
      - What happens to the zone, see O(servicemesh.platform.embedded_zone#module:state).
      - V(slow) is watched for O(hold_seconds), for there need not be an end of it.
    type: str
    choices: [lost, cut, slow]
    default: lost
  delay_ms:
    description:
      - Milliseconds of delay each way, for O(kind=slow).
    type: float
    default: 100
  loss_percent:
    description:
      - Percent of the packets that are lost each way, for O(kind=slow).
    type: float
    default: 0
  hold_seconds:
    description:
      - Seconds for which the zone stays away at least. The default is 30 for O(kind=slow) and 0 otherwise.
    type: float
  timeout:
    description:
      - Seconds after which it is not waited any longer, for each of the loss, the healing of the zone, and the recovery
        of the workloads. Also for another run on the same O(state_dir) to end.
    type: float
    default: 180
  fit_timeout:
    description:
      - Seconds to wait at the beginning until all nodes are Ready and all workloads have their replicas. Shortly after
        the start of a cluster, or after an interrupted drill, pods are still on their way.
    type: float
    default: 60
  max_endpoints_seconds:
    description:
      - Seconds after which no service may have a ready endpoint in the zone.
    type: float
    default: 45
  max_replicas_seconds:
    description:
      - Seconds after which every workload must have all its replicas in the other zones.
    type: float
    default: 90
  max_write_gap_seconds:
    description:
      - Seconds for which the Kubernetes API may not take a write.
    type: float
    default: 5
  progress:
    description:
      - A file for one line that says how far the drill is. The action of the same name shows it.
    type: path
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details: Every drill moves pods.
notes:
  - The writes go to ConfigMaps in a namespace C(zone-drill-...), which is removed afterwards.
  - The lock of O(state_dir) is held until the end of the drill, so that nothing else changes the cluster meanwhile.
seealso:
  - module: servicemesh.platform.embedded_zone
"""

EXAMPLES = r"""
- name: Lose zone c
  servicemesh.platform.zone_drill:
    name: demo
    state_dir: "{{ lookup('env', 'HOME') }}/.cache/servicemesh-platform/environments/demo"
    zone: c
  register: drill

- name: Tell the story
  ansible.builtin.debug:
    msg: "{{ drill.story }}"

- name: Report, and fail when it was too bad
  servicemesh.platform.report:
    environment_name: demo-zone-drill
    findings: "{{ drill.findings }}"
    directory: reports
"""

RETURN = r"""
zone:
  description: The zone that was taken.
  returned: success
  type: str
  sample: c
kind:
  description: What happened to it.
  returned: success
  type: str
  sample: lost
timeline:
  description: What happened when. Empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    seconds:
      description: Seconds since the zone was taken.
      type: float
      sample: 22.4
    event:
      description: What happened.
      type: str
      sample: "NotReady: demo-c-1"
story:
  description: The same for people, with the cluster before and after it.
  returned: success
  type: list
  elements: str
  sample: ["  22.4 s  NotReady: demo-c-1"]
findings:
  description:
    - What was found, passed checks among it, as M(servicemesh.platform.k8s_verify) returns it.
    - The ids are C(zone-drill-detection), C(zone-drill-endpoints), C(zone-drill-replicas), C(zone-drill-spread),
      C(zone-drill-spread-after), C(zone-drill-writes) and C(zone-drill-healed).
  returned: success
  type: list
  elements: dict
  sample: []
severity:
  description: The worst severity among the findings.
  returned: success
  type: str
  sample: ok
writes:
  description: The writes on the Kubernetes API during the drill.
  returned: when not in check mode
  type: dict
  contains:
    acknowledged:
      description: Writes that the API server acknowledged.
      type: int
      sample: 312
    failed:
      description: Writes that it did not.
      type: int
      sample: 0
    lost:
      description: Acknowledged writes that were not there in the end.
      type: int
      sample: 0
    longest_gap_seconds:
      description: The longest time without an acknowledged write.
      type: float
      sample: 0.24
    slowest_seconds:
      description: The longest time that one acknowledged write took.
      type: float
      sample: 0.05
actions:
  description: What was done to the cluster, in check mode what would be done.
  returned: success
  type: list
  elements: str
  sample: ["take zone c off the network", "kill node-demo-c-1", "heal zone c"]
"""

from pathlib import Path
from typing import Any, Dict, List, Tuple

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.servicemesh.platform.plugins.module_utils.drill import tally
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.conduct import (
    Interrupted,
    NotFit,
    Order,
    await_fit,
    conduct,
    look,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import Picture
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.story import tell, unfit
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.target import Target, choose, is_noted
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.verdict import (
    SLOW,
    Limits,
    findings,
    forecast,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.zones import CUT, LOST, Slowness, opened
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, worst
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

SLOW_SECONDS = 30.0
CONCURRENCY = 10

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state_dir": {"type": "path", "required": True},
    "zone": {"type": "str"},
    "kind": {"type": "str", "choices": [LOST, CUT, SLOW], "default": LOST},
    "delay_ms": {"type": "float", "default": 100},
    "loss_percent": {"type": "float", "default": 0},
    "hold_seconds": {"type": "float"},
    "timeout": {"type": "float", "default": 180},
    "fit_timeout": {"type": "float", "default": 60},
    "max_endpoints_seconds": {"type": "float", "default": 45},
    "max_replicas_seconds": {"type": "float", "default": 90},
    "max_write_gap_seconds": {"type": "float", "default": 5},
    "progress": {"type": "path"},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Do the drill, and tell what was seen."""
    if pki.IMPORT_ERROR is not None:
        return {"failed": True, "msg": missing_required_lib("cryptography"), "exception": str(pki.IMPORT_ERROR)}
    start = f"zone drill of embedded cluster {options['name']}"
    try:
        return _drill(options, check_mode)
    except (EmbeddedError, NotFit, OSError) as error:
        return {"failed": True, "msg": f"{start}: {error}"}
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": f"{start}: {error}{_left_behind(options)}"}
    except Interrupted as error:
        left = _left_behind(options) or " The zone was healed."
        return {"failed": True, "msg": f"{start}: interrupted by {error}.{left}"}


def _drill(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    _check(options)
    slowness = Slowness(options["delay_ms"], options["loss_percent"])
    if options["kind"] == SLOW:
        slowness.check("delay_ms", "loss_percent")
    with opened(options["name"], Path(options["state_dir"]), options["timeout"]) as zones:
        zone = choose(zones, options["zone"] or "")
        target = Target(zones, zone, options["kind"], slowness, options["timeout"])
        params = _connection(options, zones.kubeconfig)
        healed = target.clear(check_mode)
        with open_session(params, CONCURRENCY) as session:
            if check_mode:
                return _foretold(look(session), target, healed)
            before = await_fit(session, zone, options["fit_timeout"], Progress(options["progress"]))
            return _done(options, params, session, target, before, healed)


def _left_behind(options: Dict[str, Any]) -> str:
    """What to add to the message of a drill that was cut off, when its zone is not healed."""
    if not is_noted(Path(options["state_dir"])):
        return ""
    return " The zone could not be healed: run site, or the drill again."


def _check(options: Dict[str, Any]) -> None:
    if not Path(options["state_dir"]).is_absolute():
        raise EmbeddedError(
            f"state_dir: {options['state_dir']!r} is not an absolute path; write one that begins with '/'"
        )
    for name, value in options.items():
        if name.endswith(("timeout", "_seconds")) and value is not None and value < 0:
            raise EmbeddedError(f"{name}: {value:g} is negative; write a number of seconds")


def _connection(options: Dict[str, Any], kubeconfig: Path) -> Dict[str, Any]:
    """The options of the connection; without any, those of the embedded cluster."""
    given = {name: options[name] for name in CONNECTION_ARGUMENTS}
    return given if given["kubeconfig"] or given["host"] else {**given, "kubeconfig": str(kubeconfig)}


def _foretold(now: Picture, target: Target, healed: List[str]) -> Dict[str, Any]:
    problems = unfit(now, target.zone)
    if problems and not healed:
        raise NotFit(f"the cluster is not fit for a drill: {'; '.join(problems[:10])}. Mend this first")
    told = _told(target, forecast(now, target.zone))
    actions = [*healed, *([] if healed else target.plan()), f"heal zone {target.zone}"]
    spread = _spread(now)
    return {**told, "timeline": [], "story": [], "actions": actions, "diff": {"before": spread, "after": spread}}


def _done(
    options: Dict[str, Any],
    params: Dict[str, Any],
    session: Session,
    target: Target,
    before: Picture,
    healed: List[str],
) -> Dict[str, Any]:
    hold = options["hold_seconds"]
    order = Order(
        zone=target.zone,
        kind=target.kind,
        hold=hold if hold is not None else SLOW_SECONDS if target.kind == SLOW else 0.0,
        limits=_limits(options),
        take=target.take,
        heal=target.heal,
        error=EmbeddedError,
    )
    actions = [*healed, *target.plan(), f"heal zone {target.zone}"]
    drill = conduct(session, params, order, Progress(options["progress"]))
    moments = [*drill.loss.moments, *drill.recovery.moments]
    return {
        **_told(target, findings(drill)),
        "timeline": [{"seconds": round(moment.seconds, 1), "event": moment.text} for moment in moments],
        "story": tell(drill.loss, drill.recovery, drill.kind, drill.healed_at, drill.after),
        "writes": dict(tally.as_dict(drill.tally)),
        "actions": actions,
        "diff": {"before": _spread(before), "after": _spread(drill.after)},
    }


def _limits(options: Dict[str, Any]) -> Limits:
    return Limits(
        options["max_endpoints_seconds"],
        options["max_replicas_seconds"],
        options["max_write_gap_seconds"],
        options["timeout"],
    )


def _told(target: Target, found: List[Finding]) -> Dict[str, Any]:
    return {
        "changed": True,
        "zone": target.zone,
        "kind": target.kind,
        "findings": [finding.as_dict() for finding in found],
        "severity": worst(found).value,
    }


def _spread(seen: Picture) -> Dict[str, Dict[str, int]]:
    """For the diff: where the ready replicas are."""
    zones = seen.zones()
    pairs: List[Tuple[str, Dict[str, int]]] = [(str(one.name), one.per_zone(zones)) for one in seen.workloads.values()]
    return dict(sorted(pairs))


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run)


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
