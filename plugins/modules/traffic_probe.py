# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_probe
short_description: Send real requests to a Service from every zone and judge who answered
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Sends requests to a Service from a pod in each zone, over HTTP/1.1, HTTP/2, gRPC or TCP, and counts them by backend,
    zone and status, with percentiles of their time.
  - Compares the answers with expected weights by an exact statistical test, and with an expected status and mutual TLS.
    What does not fit is a finding, no failure of the module.
  - Pods that send are made for this and removed afterwards, unless O(client_selector) names some that exist.
  - An answer tells its backend by holding the name of its pod anywhere in its text. It tells the identity of the client
    by holding the header C(X-Forwarded-Client-Cert) of its request, as sidecars add it.
  - Every request has a connection of its own. Its time includes the connection.
requirements:
  - kubernetes
options:
  name:
    description: What findings call the probe, where there are several of one Service.
    type: str
  service:
    description: The name of the Service.
    type: str
    required: true
  namespace:
    description: Its namespace. The backends are in it too.
    type: str
    required: true
  port:
    description: The port of the Service. Its first TCP port when it is not given.
    type: int
  protocol:
    description:
      - V(http) is HTTP/1.1, V(http2) is HTTP/2 without TLS, V(grpc) calls the health check of gRPC, V(tcp) sends an
        empty line and waits for any byte.
    type: str
    choices: [http, http2, grpc, tcp]
    default: http
  path:
    description:
      - The path of HTTP requests, or the method of gRPC ones. It should be one whose answer tells the host name.
      - The default is V(/), for O(protocol=grpc) V(/grpc.health.v1.Health/Check).
    type: str
  method:
    description: The method of HTTP requests. gRPC always has V(POST).
    type: str
    default: GET
  headers:
    description: Headers of HTTP requests, or metadata of gRPC ones.
    type: dict
    default: {}
  requests:
    description: How many requests each zone sends, at most 100000.
    type: int
    default: 200
  rate:
    description: Requests per second from each zone. V(0) is as fast as the answers come, eight at a time.
    type: float
    default: 100
  request_timeout:
    description: Seconds after which a request counts as unanswered.
    type: float
    default: 2
  timeout:
    description: Seconds after which no further request is sent.
    type: float
    default: 120
  ready_timeout:
    description: Seconds for pods that are made to become ready.
    type: float
    default: 60
  zones:
    description: The zones to send from. All with a node that is Ready and takes pods, or with a client, when not given.
    type: list
    elements: str
    default: []
  image:
    description:
      - The image with the program C(/traffic-probe), for pods that are made. The playbook C(traffic) builds it.
      - One of O(image) and O(client_selector) is required.
    type: str
  client_namespace:
    description: The namespace of the pods that send. That of the Service when it is not given.
    type: str
  client_service_account:
    description: The service account of pods that are made, which is their identity in a mesh.
    type: str
    default: default
  client_labels:
    description: Further labels of pods that are made, for example V(sidecar.istio.io/inject).
    type: dict
    default: {}
  client_selector:
    description:
      - A label selector of pods that exist and have the program C(/traffic-probe). Of each zone the first that is ready
        sends.
    type: str
  client_container:
    description: The container of those pods that has the program.
    type: str
    default: traffic-probe
  expect:
    description:
      - Weights by backend. A backend is a Service or a workload of O(namespace). Weights need not add up to 100.
      - A backend with weight 0 must not answer at all. Other backends neither.
    type: dict
    default: {}
  expect_status:
    description:
      - The status that every request must get - a number of HTTP such as V(403), a name of gRPC such as
        V(PERMISSION_DENIED), V(answered) for TCP, or V(unanswered) when none may be answered.
      - V(2xx), V(3xx), V(OK) and V(answered) are good when it is not given.
    type: str
  expect_mtls:
    description:
      - Whether every answer, or none, must tell the identity of the client. Nothing is expected when it is not given.
      - Not for O(protocol=tcp), whose answers cannot tell it. An answer that a sidecar gives by itself does not tell it
        either.
    type: bool
  significance:
    description:
      - How seldom a right split may be called wrong, for all tests of this probe together.
    type: float
    default: 0.001
  progress:
    description: A file for one line that says how far the probe is. The action of the same name shows it.
    type: path
extends_documentation_fragment:
  - servicemesh.platform.attributes
  - servicemesh.platform.connection
attributes:
  check_mode:
    support: full
    details: Nothing is made or sent. What the cluster must have for the probe is looked at.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: It leaves nothing behind.
notes:
  - Pods that are made belong to a Job each, which ends and removes them by itself should this module be killed.
  - It wants to list nodes, pods, Services, EndpointSlices and NetworkPolicies, to create and delete Jobs, and to get
    and create C(pods/exec).
seealso:
  - module: servicemesh.platform.report
"""

EXAMPLES = r"""
- name: See that the split is what the proxies do
  servicemesh.platform.traffic_probe:
    service: backend
    namespace: shop
    image: registry.example.com/mesh/traffic-probe:1
    expect:
      backend-v1: 80
      backend-v2: 20
    expect_mtls: true
  register: probe

- name: Show it
  ansible.builtin.debug:
    msg: "{{ probe.table }}"

- name: Report, and fail when it is not so
  servicemesh.platform.report:
    environment_name: demo-traffic
    findings: "{{ probe.findings }}"
    directory: reports

- name: See that another identity is not let in
  servicemesh.platform.traffic_probe:
    service: backend
    namespace: shop
    image: registry.example.com/mesh/traffic-probe:1
    client_service_account: stranger
    requests: 20
    expect_status: "403"
"""

RETURN = r"""
findings:
  description:
    - What was found, passed checks among it, as M(servicemesh.platform.k8s_verify) returns it.
    - The ids are C(traffic-status), C(traffic-unanswered), C(traffic-weights), C(traffic-zero-weight),
      C(traffic-backends), C(traffic-few), C(traffic-mtls), C(traffic-unsent) and C(traffic-left).
  returned: success
  type: list
  elements: dict
  sample: []
severity:
  description: The worst severity among the findings.
  returned: success
  type: str
  sample: ok
table:
  description: The counts as lines of text. Empty in check mode.
  returned: success
  type: list
  elements: str
  sample: ["from zone  backend     in zone  status  requests  share  p50 ms  p90 ms  p99 ms"]
counts:
  description: How many requests had what in common.
  returned: when not in check mode
  type: list
  elements: dict
  contains:
    client_zone:
      description: The zone that they came from.
      type: str
      sample: a
    backend:
      description: The expected backend, or the workload, that answered. Empty when it is not known.
      type: str
      sample: backend-v1
    backend_zone:
      description: Its zone. Empty when it is not known.
      type: str
      sample: b
    status:
      description: The status, V(unanswered) when there was no answer.
      type: str
      sample: "200"
    reason:
      description: Why there was no answer, or the beginning of an answer that is not good.
      type: str
      sample: ""
    requests:
      description: How many.
      type: int
      sample: 53
    p50_ms:
      description: Milliseconds that half of them did not exceed.
      type: float
      sample: 1.62
    p90_ms:
      description: The same for 90 percent.
      type: float
      sample: 2.4
    p99_ms:
      description: The same for 99 percent.
      type: float
      sample: 5.03
p_values:
  description:
    - The exact binomial tests, from each zone and from all together (C(client_zone) is empty). Empty when no weights
      are expected. Of two backends only the first is tested, for the other one follows from it.
  returned: when not in check mode
  type: list
  elements: dict
  contains:
    client_zone:
      description: The zone that the requests came from.
      type: str
      sample: a
    backend:
      description: The backend.
      type: str
      sample: backend-v1
    answers:
      description: How many answers it gave.
      type: int
      sample: 161
    of:
      description: Of how many.
      type: int
      sample: 200
    expected_share:
      description: The share that is expected, from 0 to 1.
      type: float
      sample: 0.8
    p_value:
      description: How likely is a count that is no more likely than this one, when the share is right.
      type: float
      sample: 0.93
    corrected_p_value:
      description: The same, corrected for the number of tests (Holm).
      type: float
      sample: 1.0
mtls:
  description: The identities by which clients were known.
  returned: when not in check mode
  type: dict
  contains:
    answers:
      description: How many requests were answered.
      type: int
      sample: 600
    with_peer:
      description: How many of these answers tell an identity.
      type: int
      sample: 600
    peers:
      description: How many answers tell each of them.
      type: dict
      sample: {"spiffe://cluster.local/ns/shop/sa/default": 600}
actions:
  description: What was done, in check mode what would be done.
  returned: success
  type: list
  elements: str
  sample: ["send 200 requests from zone a to http GET backend.shop.svc:80/"]
"""

import math
from typing import Any, Dict, List

from ansible_collections.servicemesh.platform.plugins.module_utils.ending_signals import handled
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, worst
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import run_module
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.arguments import ClusterInterface
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import CONNECTION_ARGUMENTS
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.clients import GRACE, Clients
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.conduct import (
    Aim,
    Done,
    Interrupted,
    Signals,
    Source,
    View,
    look,
    probe,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.counting import count, peers, table
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import (
    GRPC,
    GRPC_HEALTH,
    HTTP,
    PROTOCOLS,
    TCP,
    Order,
    TrafficError,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.places import origins
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.verdict import (
    COMPONENT,
    Wanted,
    compare,
    findings,
)

MOST_REQUESTS = 100_000

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str"},
    "service": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "port": {"type": "int"},
    "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": HTTP},
    "path": {"type": "str"},
    "method": {"type": "str", "default": "GET"},
    "headers": {"type": "dict", "default": {}},
    "requests": {"type": "int", "default": 200},
    "rate": {"type": "float", "default": 100},
    "request_timeout": {"type": "float", "default": 2},
    "timeout": {"type": "float", "default": 120},
    "ready_timeout": {"type": "float", "default": 60},
    "zones": {"type": "list", "elements": "str", "default": []},
    "image": {"type": "str"},
    "client_namespace": {"type": "str"},
    "client_service_account": {"type": "str", "default": "default"},
    "client_labels": {"type": "dict", "default": {}},
    "client_selector": {"type": "str"},
    "client_container": {"type": "str", "default": "traffic-probe"},
    "expect": {"type": "dict", "default": {}},
    "expect_status": {"type": "str"},
    "expect_mtls": {"type": "bool"},
    "significance": {"type": "float", "default": 0.001},
    "progress": {"type": "path"},
}


def run(options: Dict[str, Any], check_mode: bool, _diff: bool) -> Dict[str, Any]:
    """Do the probe, and tell what was seen."""
    start = f"traffic probe of Service {options['namespace']}/{options['service']}"
    try:
        _check(options)
        wanted = _wanted(options)
        with open_session(options) as session:
            return _probe(session, options, wanted, check_mode)
    except TrafficError as error:
        return {"failed": True, "msg": f"{start}: {error}"}
    except KubeError as error:
        return {**error.details(), "failed": True, "msg": f"{start}: {error}"}
    except Interrupted as error:
        told = f"interrupted by {error}. What it had made is removed, at the latest when its time is over."
        return {"failed": True, "msg": f"{start}: {told}"}


def _check(options: Dict[str, Any]) -> None:
    """Raise TrafficError for options that make no sense."""
    for name in ("request_timeout", "timeout", "ready_timeout"):
        if not 0 < options[name] < math.inf:
            raise TrafficError(f"{name}: {options[name]:g} is no time to wait; write a number of seconds above 0")
    if not 0 <= options["rate"] < math.inf:
        raise TrafficError(f"rate: {options['rate']:g} is no rate; write requests per second, or 0 for no limit")
    if not 0 < options["requests"] <= MOST_REQUESTS:
        raise TrafficError(f"requests: {options['requests']} is not between 1 and {MOST_REQUESTS}")
    if not 0 < options["significance"] < 1:
        raise TrafficError(f"significance: {options['significance']:g} is not between 0 and 1")
    if options["expect_mtls"] is not None and options["protocol"] == TCP:
        raise TrafficError(
            "expect_mtls: answers over TCP cannot tell it; leave it out, or probe a port that speaks HTTP"
        )
    if not (options["path"] or "/").startswith("/"):
        raise TrafficError(f"path: {options['path']!r} does not begin with '/'")


def _wanted(options: Dict[str, Any]) -> Wanted:
    """What is expected. Raises TrafficError for weights that are none."""
    weights = {}
    for name, given in options["expect"].items():
        try:
            weights[str(name)] = float(given)
        except (TypeError, ValueError):
            raise TrafficError(f"expect: the weight {given!r} of {name} is no number") from None
    if any(not 0 <= weight < math.inf for weight in weights.values()) or (weights and not sum(weights.values())):
        raise TrafficError("expect: weights are 0 or more, and at least one of them is more than 0")
    return Wanted(weights, options["expect_status"] or "", options["expect_mtls"], options["significance"])


def _probe(session: Session, options: Dict[str, Any], wanted: Wanted, check_mode: bool) -> Dict[str, Any]:
    aim = Aim(options["namespace"], options["service"], options["port"] or 0, sorted(wanted.weights))
    source = _source(options)
    view = look(session, aim, source)
    order = _order(options, view)
    actions = _actions(source, view, order)
    if check_mode:
        return {"changed": False, "actions": actions, "findings": [], "severity": Severity.OK.value, "table": []}
    signals = Signals()
    with handled(signals.handle):
        done = probe(session, aim, source, view, order, Progress(options["progress"]), signals)
    subject = f"Service {aim.namespace}/{aim.service}"
    named = f"{options['name']}: {subject}" if options["name"] else subject
    return {**_told(named, done, wanted), "actions": actions}


def _source(options: Dict[str, Any]) -> Source:
    clients = Clients(
        namespace=options["client_namespace"] or options["namespace"],
        service_account=options["client_service_account"],
        image=options["image"] or "",
        labels={str(name): str(value) for name, value in options["client_labels"].items()},
        lifetime=math.ceil(options["ready_timeout"] + options["timeout"] + options["request_timeout"]) + GRACE,
    )
    return Source(
        clients,
        options["client_selector"] or "",
        options["client_container"],
        options["zones"],
        options["ready_timeout"],
        options["timeout"],
    )


def _order(options: Dict[str, Any], view: View) -> Order:
    is_grpc = options["protocol"] == GRPC
    return Order(
        origins=origins(view.objects),
        protocol=options["protocol"],
        host=f"{options['service']}.{options['namespace']}.svc",
        port=view.port,
        path=options["path"] or (GRPC_HEALTH if is_grpc else "/"),
        method="POST" if is_grpc else options["method"],
        headers={str(name): str(value) for name, value in options["headers"].items()},
        requests=options["requests"],
        rate=options["rate"],
        request_timeout=options["request_timeout"],
    )


def _actions(source: Source, view: View, order: Order) -> List[str]:
    sent = [f"send {order.requests} requests from zone {zone} to {order.target}" for zone in view.zones]
    if source.selector:
        return sent
    made = [f"make a client in zone {zone}" for zone in view.zones]
    return [*made, *sent, *(f"remove the client in zone {zone}" for zone in view.zones)]


def _told(subject: str, done: Done, wanted: Wanted) -> Dict[str, Any]:
    tested = compare(done.traffic, wanted)
    found = findings(subject, done.traffic, wanted, tested, done.policies) + _left(done)
    counts = count(done.traffic)
    answered = [one for one in done.traffic.outcomes if one.is_answered]
    known = peers(answered)
    return {
        "changed": False,
        "findings": [finding.as_dict() for finding in found],
        "severity": worst(found).value,
        "table": table(counts),
        "counts": [one.as_dict() for one in counts],
        "p_values": [test.as_dict() for test in tested],
        "mtls": {"answers": len(answered), "with_peer": sum(known.values()), "peers": known},
    }


def _left(done: Done) -> List[Finding]:
    return [
        Finding(
            "traffic-left",
            Severity.WARNING,
            f"Job {name}",
            "the client could not be removed",
            "Its pod waits and does nothing until its time is over.",
            "Nothing: the cluster removes it by itself.",
            COMPONENT,
        )
        for name in done.left
    ]


INTERFACE = ClusterInterface({**ARGUMENTS, **CONNECTION_ARGUMENTS}, run, required_one_of=[("image", "client_selector")])


def main() -> None:
    """Entry point of the module."""
    run_module(INTERFACE)


if __name__ == "__main__":
    main()
