# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking every istiod and every proxy of a mesh what the proxies run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.istio import sync_answers
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync import Istiod, Link, Proxy, proxies
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.upgrade import DEFAULT, REVISION
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.forward import Forward, ForwardFailed, Port
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

CONCURRENCY = 16
"""Pods that are asked at once."""
_SECONDS = 10.0
"""Without a byte of an answer."""
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_ISTIODS = "app=istiod"


@dataclass(frozen=True)
class Aim:
    """Where to look. ``namespaces``: of the proxies; empty for all. The ports are those of the pods."""

    istiod_namespace: str
    namespaces: Sequence[str]
    istiod_port: int
    admin_port: int
    certificates: bool


class View(NamedTuple):
    """What was seen, and when."""

    istiods: List[Istiod]
    proxies: List[Proxy]
    now: datetime


def look(session: Session, aim: Aim) -> View:
    """Ask them all. A proxy is asked only for what no istiod can tell.

    Raises KubeError when the cluster cannot be asked, or does not allow its pods to be.
    """
    asked = map_parallel(partial(_ask_istiod, session, aim.istiod_port), _istiods(session, aim), CONCURRENCY)
    links = [link for _istiod, own in asked for link in own if _is_meant(link.proxy, aim)]
    # The pods come after what istiod says: who was removed in between does not count.
    sidecars = sync_answers.sidecars(
        _pods(session, aim),
        session.list_metadata("/api/v1/namespaces"),
        session.list_metadata(_WEBHOOKS),
        [link.proxy for link in links],
    )
    found = proxies(links, sidecars)
    if aim.certificates:
        found = map_parallel(partial(_with_certificates, session, aim.admin_port), found, CONCURRENCY)
    return View([istiod for istiod, _own in asked], found, datetime.now(timezone.utc))


def _is_meant(proxy: str, aim: Aim) -> bool:
    return not aim.namespaces or proxy.partition("/")[0] in aim.namespaces


def _istiods(session: Session, aim: Aim) -> List[Mapping[str, Any]]:
    """The pods of istiod that run, of every revision."""
    pods = session.list_objects(f"/api/v1/namespaces/{aim.istiod_namespace}/pods", _ISTIODS)
    return [
        pod
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") == "Running"
    ]


def _pods(session: Session, aim: Aim) -> List[Mapping[str, Any]]:
    paths = [f"/api/v1/namespaces/{name}/pods" for name in aim.namespaces] or ["/api/v1/pods"]
    return [pod for path in paths for pod in session.list_objects(path)]


def _ask_istiod(session: Session, number: int, pod: Mapping[str, Any]) -> Tuple[Istiod, List[Link]]:
    metadata = pod["metadata"]
    revision = (metadata.get("labels") or {}).get(REVISION, DEFAULT)
    istiod = Istiod(f"{metadata['namespace']}/{metadata['name']}", revision)
    try:
        with Forward(session.connection, Port(metadata["namespace"], metadata["name"], number), _SECONDS) as forward:
            known = replace(istiod, version=forward.get("/version").body.decode(errors="replace").strip())
            clients = forward.get("/debug/connections").json()
            answer = forward.get("/debug/syncz")
            return known, sync_answers.links(known, answer.date, answer.json(), clients)
    except ForwardFailed as error:
        if error.is_forbidden:
            raise
        return replace(istiod, problem=error.reason), []
    except (ValueError, KeyError, TypeError, AttributeError):
        return replace(istiod, problem=f"port {number} does not answer like the debug interface of istiod"), []


def _with_certificates(session: Session, number: int, proxy: Proxy) -> Proxy:
    """The same proxy, with its certificates where a pod is behind it."""
    if not proxy.sidecar:
        return proxy
    namespace, _slash, name = proxy.name.partition("/")
    try:
        with Forward(session.connection, Port(namespace, name, number), _SECONDS) as forward:
            found = sync_answers.certificates(forward.get("/certs").json())
    except ForwardFailed as error:
        if error.is_forbidden:
            raise
        return replace(proxy, problem=error.reason)
    except (ValueError, KeyError, TypeError, AttributeError):
        return replace(proxy, problem=f"port {number} does not answer like the admin interface of Envoy")
    return replace(proxy, certificates=found)
