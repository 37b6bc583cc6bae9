# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istiod, Envoy and the API server answer, as the model of ``sync``."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync import (
    Certificate,
    Istiod,
    Link,
    Resource,
    Sidecar,
    wanted_revision,
)

Object = Mapping[str, Any]

CONTAINER = "istio-proxy"
_STATUS = "sidecar.istio.io/status"
_SHORT = {
    "Cluster": "CDS",
    "ClusterLoadAssignment": "EDS",
    "Listener": "LDS",
    "RouteConfiguration": "RDS",
    "TypedExtensionConfig": "ECDS",
    "Secret": "SDS",
    "NameTable": "NDS",
    "ProxyConfig": "PCDS",
}
_FLAT = {"cluster": "CDS", "endpoint": "EDS", "listener": "LDS", "route": "RDS", "extensionconfig": "ECDS"}
"""How an istiod that does not list resources names the types."""
_NUMBER = re.compile(r"-\d+$")
_MARK = re.compile(r"goo\.gle/\w+\s+")
_SECOND = "%Y-%m-%dT%H:%M:%S"


def links(istiod: Istiod, asked_at: datetime, statuses: Iterable[Object], clients: Object) -> List[Link]:
    """What an istiod answers to /debug/syncz, with the times of /debug/connections."""
    times = _connected(clients)
    return [
        Link(
            proxy=proxy_name(str(each["proxy"])),
            istiod=istiod,
            asked_at=asked_at,
            version=str(each.get("istio_version") or ""),
            resources=tuple(_resources(each)),
            connected_at=times.get(str(each["proxy"])),
        )
        for each in statuses
    ]


def proxy_name(node: str) -> str:
    """``namespace/pod`` of the ``pod.namespace`` that istiod knows it by. A namespace has no dot in its name."""
    pod, _dot, namespace = node.rpartition(".")
    return f"{namespace}/{pod}"


def _connected(clients: Object) -> Dict[str, datetime]:
    """The last time by node. The id of a connection is the node and a number."""
    found: Dict[str, datetime] = {}
    for each in clients.get("clients") or ():
        node, moment = _NUMBER.sub("", str(each["connectionId"])), time_of(each.get("connectedAt"))
        if moment and (node not in found or found[node] < moment):
            found[node] = moment
    return found


def _resources(status: Object) -> List[Resource]:
    given = status.get("resources")
    if given is None:
        return [
            Resource(short, str(status.get(f"{flat}_sent") or ""), str(status.get(f"{flat}_acked") or ""), None)
            for flat, short in _FLAT.items()
            if status.get(f"{flat}_sent") or short in ("CDS", "LDS")
        ]
    return [
        Resource(
            type=short_type(url),
            sent=str(each.get("sent") or ""),
            acked=str(each.get("acked") or ""),
            sent_at=time_of(each.get("sentTime")),
            error=_reason(str(each.get("lastError") or "")),
        )
        for url, each in sorted(given.items())
    ]


def _reason(text: str) -> str:
    """In one line, and the same from all proxies: protobuf marks what it prints with a word and spaces by chance."""
    return " ".join(_MARK.sub("", text).split())


def short_type(url: str) -> str:
    """The name that people use of a type of xDS; the message's own where there is none."""
    message = url.rpartition(".")[2]
    return _SHORT.get(message, message)


def sidecars(
    pods: Iterable[Object], namespaces: Iterable[Object], webhooks: Iterable[Object], known: Iterable[str]
) -> List[Sidecar]:
    """The pods whose proxy runs: those that the injector has marked, and those that an istiod knows."""
    spaces = {str(each["metadata"]["name"]): each["metadata"].get("labels") or {} for each in namespaces}
    tags, names = _tags(webhooks), set(known)
    found = []
    for pod in pods:
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        annotations = metadata.get("annotations") or {}
        running = _running(pod)
        if running is None or not (_STATUS in annotations or name in names):
            continue
        wanted = wanted_revision(metadata.get("labels") or {}, spaces.get(metadata["namespace"], {}), tags)
        found.append(Sidecar(name, _revision(annotations), wanted, running))
    return found


def _tags(webhooks: Iterable[Object]) -> Dict[str, str]:
    labels = (each["metadata"].get("labels") or {} for each in webhooks)
    return {each["istio.io/tag"]: each.get("istio.io/rev", "default") for each in labels if "istio.io/tag" in each}


def _revision(annotations: Mapping[str, str]) -> str:
    """Of the injector, as it has written down; empty where it was none that made the proxy."""
    try:
        written: Any = json.loads(annotations.get(_STATUS) or "{}")
    except ValueError:
        return ""
    return str(written.get("revision") or "") if isinstance(written, dict) else ""


def _running(pod: Object) -> Optional[datetime]:
    """When the proxy of a pod was started; None while it does not run, or is on its way out."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return None
    # A native sidecar is an init container.
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        running = (each.get("state") or {}).get("running")
        if each["name"] == CONTAINER and running:
            return time_of(running.get("startedAt"))
    return None


def certificates(answer: Object) -> List[Certificate]:
    """What Envoy answers to /certs, each certificate once: it tells those of every TLS context."""
    found: Dict[Tuple[str, str], Certificate] = {}
    for context in answer.get("certificates") or ():
        for each in (*(context.get("ca_cert") or ()), *(context.get("cert_chain") or ())):
            certificate = _certificate(each)
            if certificate:
                found[certificate.serial, certificate.identity] = certificate
    return sorted(found.values(), key=lambda each: (not each.identity, each.ends_at))


def _certificate(given: Object) -> Optional[Certificate]:
    begins_at, ends_at = time_of(given.get("valid_from")), time_of(given.get("expiration_time"))
    if not begins_at or not ends_at or begins_at >= ends_at:
        return None
    names = [str(each.get("uri") or "") for each in given.get("subject_alt_names") or ()]
    identity = next((each for each in names if each.startswith("spiffe://")), "")
    return Certificate(str(given.get("serial_number") or ""), identity, begins_at, ends_at)


def time_of(text: Any) -> Optional[datetime]:
    """A time as Go and Envoy write it (RFC 3339, UTC); None for that of Go which says there is none."""
    try:
        moment = datetime.strptime(str(text)[:19], _SECOND).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return moment if moment.year > 1 else None
