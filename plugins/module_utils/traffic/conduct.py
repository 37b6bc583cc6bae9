# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing a probe: look, have clients, let them send, remove what was made.

A signal that ends the process only makes the work stop soon: what was made is removed first. When even that does not
happen (SIGKILL, a lost API server), the cluster removes the Jobs when their time is over.
"""

from __future__ import annotations

import secrets
import signal
import time
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    NODE,
    POD,
    KubeObject,
    Objects,
    is_true,
    labels_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.explain import why_not_ready
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic import places
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.clients import (
    CONTAINER,
    FIELD_MANAGER,
    PROGRAM,
    RUN_LABEL,
    ZONE_OF_CLIENT,
    Clients,
    job,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.execute import Container, run_program
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import (
    Order,
    Place,
    Traffic,
    TrafficError,
    merge,
    read,
)

_LOOK = 0.5
"""Seconds between two looks at whether the clients are ready."""
_REPLY = 10.0
"""Seconds that the answer of a client may take beyond the time of its requests."""
_SLICE_OF = "kubernetes.io/service-name"


class Interrupted(Exception):
    """A signal that ends the process has come; what was made is removed. The message is its name."""


@dataclass(frozen=True)
class Aim:
    """What is probed. port: 0 for the first one of the Service. expected: the names of backends."""

    namespace: str
    service: str
    port: int
    expected: Sequence[str]


@dataclass(frozen=True)
class Source:
    """Who sends. selector: of pods that exist; empty when they are made. zones: empty for all.

    Times are in seconds: until made pods are ready, and for sending.
    """

    clients: Clients
    selector: str
    container: str
    zones: Sequence[str]
    ready_timeout: float
    timeout: float


@dataclass(frozen=True)
class View:
    """The cluster as the probe has to know it. port: where requests go."""

    objects: Objects
    service: KubeObject
    zones: Sequence[str]
    port: int


@dataclass(frozen=True)
class Done:
    """What came of a probe. left: the Jobs that could not be removed."""

    traffic: Traffic
    policies: Sequence[str]
    left: Sequence[str] = field(default_factory=list)


class Signals:
    """The signals that end the process, while they are kept."""

    def __init__(self) -> None:
        self.stop = Event()
        self._name = ""

    def handle(self, number: int, _frame: object) -> None:
        self._name = signal.Signals(number).name
        self.stop.set()

    def raise_if_any(self) -> None:
        if self.stop.is_set():
            raise Interrupted(self._name)


def look(session: Session, aim: Aim, source: Source) -> View:
    """What is there before the probe. Raises TrafficError when it makes no sense to begin, and KubeError."""
    service = session.get_or_none(f"/api/v1/namespaces/{aim.namespace}/services/{aim.service}")
    objects = _objects(session, aim.namespace)
    if service is None:
        there = sorted(one["metadata"]["name"] for one in objects[places.SERVICE])
        raise TrafficError(f"there is no Service {aim.service} in namespace {aim.namespace}; {_told(there)}")
    _check_expected(aim, objects)
    _check_served(session, aim, objects)
    zones = _zones(session, source, objects)
    return View(objects, service, zones, _port(aim, service))


def probe(
    session: Session, aim: Aim, source: Source, view: View, order: Order, progress: Progress, signals: Signals
) -> Done:
    """Send the requests. Raises TrafficError, KubeError and Interrupted, each after what was made was removed."""
    run = secrets.token_hex(4)
    names = {} if source.selector else {zone: f"traffic-probe-{run}-{at}" for at, zone in enumerate(view.zones)}
    try:
        pods = _made(session, source, names, run, progress, signals) if names else _existing(session, source, view)
        progress.say(f"sending {order.requests} requests from each of zone {', '.join(view.zones)}")
        texts = _send(session, source, pods, order, signals)
        found = {**_places(view.objects, aim), **_places(_objects(session, aim.namespace), aim)}
        policies = _policies(session, aim, view, list(pods.values()))
    finally:
        left = _remove(session, source.clients.namespace, names)
    signals.raise_if_any()
    return Done(merge([read(text, zone, found) for zone, text in texts.items()]), policies, left)


def _objects(session: Session, namespace: str) -> Objects:
    """Nodes, and the pods and Services of the namespace."""
    return {
        NODE: list(session.list_objects("/api/v1/nodes")),
        POD: list(session.list_objects(f"/api/v1/namespaces/{namespace}/pods")),
        places.SERVICE: list(session.list_objects(f"/api/v1/namespaces/{namespace}/services")),
    }


def _places(objects: Objects, aim: Aim) -> Dict[str, Place]:
    return places.places(objects, aim.expected)


def _told(names: Sequence[str]) -> str:
    return f"there are {', '.join(names)}" if names else "there is none at all"


def _port(aim: Aim, service: KubeObject) -> int:
    ports = [int(one["port"]) for one in service["spec"].get("ports") or [] if one.get("protocol", "TCP") == "TCP"]
    if aim.port in ports or (not aim.port and ports):
        return aim.port or ports[0]
    raise TrafficError(
        f"port: Service {aim.service} has no TCP port {aim.port or ''}; {_told([str(port) for port in ports])}"
    )


def _check_expected(aim: Aim, objects: Objects) -> None:
    there = places.known(objects)
    missing = sorted(set(aim.expected) - there)
    if missing:
        raise TrafficError(
            f"expect: {', '.join(missing)} is neither a Service nor a workload with pods in namespace {aim.namespace}; "
            f"{_told(sorted(there))}"
        )


def _check_served(session: Session, aim: Aim, objects: Objects) -> None:
    """A Service without endpoints of its own may be the root of a split: then the expected backends have the pods."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{aim.namespace}/endpointslices"
    slices = session.list_objects(path, f"{_SLICE_OF}={aim.service}")
    ready = [one for piece in slices for one in piece.get("endpoints") or [] if _serves(one)]
    backends = [place for place in _places(objects, aim).values() if place.backend in aim.expected]
    if not ready and not backends:
        raise TrafficError(
            f"Service {aim.namespace}/{aim.service} has no ready endpoint, so nobody can answer. See that its selector "
            f"fits pods that are Ready: kubectl -n {aim.namespace} get endpointslices,pods"
        )


def _serves(endpoint: Mapping[str, Any]) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _zones(session: Session, source: Source, objects: Objects) -> List[str]:
    """Where clients are, or can be made. Raises TrafficError when there is none for a zone that was asked for."""
    if source.selector:
        there = sorted(_clients_by_zone(session, source, objects[NODE]))
        what = f"ready pod with the labels {source.selector} in namespace {source.clients.namespace}"
    else:
        there = places.open_zones(objects[NODE])
        what = "node that is Ready and takes pods"
        if session.get_or_none(f"/api/v1/namespaces/{source.clients.namespace}") is None:
            raise TrafficError(f"client_namespace: there is no namespace {source.clients.namespace}")
    missing = sorted(set(source.zones) - set(there))
    if missing or not there:
        where = f"zone {', '.join(missing)} has no {what}" if missing else f"no zone has a {what}"
        raise TrafficError(f"{where}; of those that have one {_told(there)}")
    return sorted(source.zones) or there


def _clients_by_zone(session: Session, source: Source, nodes: Sequence[KubeObject]) -> Dict[str, KubeObject]:
    """Pods that exist, the first by name of each zone."""
    zones = places.zones_of(nodes)
    pods = list(session.list_objects(f"/api/v1/namespaces/{source.clients.namespace}/pods", source.selector))
    found: Dict[str, KubeObject] = {}
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"]), reverse=True):
        zone = zones.get(pod["spec"].get("nodeName") or "", "")
        if zone and is_true(pod, "Ready") and not pod["metadata"].get("deletionTimestamp"):
            found[zone] = pod
    return found


def _existing(session: Session, source: Source, view: View) -> Dict[str, KubeObject]:
    found = _clients_by_zone(session, source, view.objects[NODE])
    gone = [zone for zone in view.zones if zone not in found]
    if gone:
        raise TrafficError(f"the client in zone {', '.join(gone)} is not ready any more")
    return {zone: found[zone] for zone in view.zones}


def _made(
    session: Session, source: Source, names: Mapping[str, str], run: str, progress: Progress, signals: Signals
) -> Dict[str, KubeObject]:
    """Pods that are made, by zone, once all are Ready."""
    jobs = f"/apis/batch/v1/namespaces/{source.clients.namespace}/jobs"
    for zone, name in names.items():
        body = job(source.clients, name, run, zone)
        query = {"fieldManager": FIELD_MANAGER}
        session.request("PATCH", f"{jobs}/{name}", query, body, content_type="application/apply-patch+yaml")
    end = time.monotonic() + source.ready_timeout
    pods = f"/api/v1/namespaces/{source.clients.namespace}/pods"
    while True:
        ready = {
            labels_of(pod)[ZONE_OF_CLIENT]: pod
            for pod in session.list_objects(pods, f"{RUN_LABEL}={run}")
            if is_true(pod, "Ready")
        }
        missing = sorted(set(names) - set(ready))
        if not missing:
            return dict(sorted(ready.items()))
        if time.monotonic() > end:
            why = why_not_ready(session, session.get_or_none(f"{jobs}/{names[missing[0]]}"))
            raise TrafficError(
                f"the client in zone {', '.join(missing)} is not ready after {source.ready_timeout:g} s: {why}"
            )
        progress.say(f"waiting for the client in zone {', '.join(missing)}")
        signals.stop.wait(_LOOK)
        signals.raise_if_any()


def _send(
    session: Session, source: Source, pods: Mapping[str, KubeObject], order: Order, signals: Signals
) -> Dict[str, str]:
    """What each client has written, by zone."""
    container = source.container if source.selector else CONTAINER
    command = [PROGRAM, "send", order.as_json(source.timeout)]
    seconds = source.timeout + order.request_timeout + _REPLY

    def send(pod: KubeObject) -> str:
        metadata = pod["metadata"]
        where = Container(metadata["namespace"], metadata["name"], container)
        return run_program(session.connection, where, command, seconds, signals.stop)

    try:
        return dict(zip(pods, map_parallel(send, pods.values(), len(pods))))
    except TrafficError:
        signals.raise_if_any()
        raise


def _policies(session: Session, aim: Aim, view: View, clients: Sequence[KubeObject]) -> List[str]:
    """The NetworkPolicies that the requests have to pass; none when they cannot be read, for they are only a hint."""
    serving = [pod for pod in view.objects[POD] if pod["metadata"]["name"] in _serving_names(view, aim)]
    ingress = places.blockers(_policies_in(session, aim.namespace), "Ingress", serving)
    egress = places.blockers(_policies_in(session, clients[0]["metadata"]["namespace"]), "Egress", clients)
    return sorted({*ingress, *egress})


def _serving_names(view: View, aim: Aim) -> List[str]:
    """The pods of the Service and of the expected backends."""
    own = [str(pod["metadata"]["name"]) for pod in places.serving(view.service, view.objects[POD])]
    return own + [place.pod for place in _places(view.objects, aim).values() if place.backend in aim.expected]


def _policies_in(session: Session, namespace: str) -> List[KubeObject]:
    try:
        return list(session.list_objects(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"))
    except ApiError:
        return []


def _remove(session: Session, namespace: str, names: Mapping[str, str]) -> List[str]:
    """Remove the Jobs with their pods; those that could not be."""
    left = []
    for name in names.values():
        try:
            path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
            session.request("DELETE", path, body={"propagationPolicy": "Background"})
        except KubeError as error:
            if not isinstance(error, ApiError) or error.status != 404:
                left.append(f"{namespace}/{name}")
    return left
