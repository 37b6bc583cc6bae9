# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, and whether they may: both are for the API server to say, as with every extension API server.

Clients come through kube-apiserver, whose front proxy tells who they are (see ``front_proxy``). Who comes directly
shows a bearer token, which a TokenReview checks. What they may do a SubjectAccessReview says. Both are remembered for
REMEMBERED seconds, so a right that is taken away is gone within that time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, FrozenSet, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.certificates import Certificates
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import front_proxy
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.front_proxy import FrontProxy, User
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.paths import Target
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.remembered import Remembered
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.statuses import (
    Forbidden,
    Unauthorized,
    Unavailable,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.telemetry import Telemetry

LOG = logging.getLogger(__name__)

REMEMBERED = 10.0
"""Seconds."""
TIMEOUT = 10.0
"""Seconds for an answer of the API server."""
CONCURRENCY = 8
"""Reviews at once."""
AGAIN = 5.0
"""Seconds until the ConfigMap is read again when that failed."""

MASTERS = "system:masters"
"""The group that may do everything: k8s.io/apiserver does not ask for it either (``AlwaysAllowGroups``)."""

_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path, no token


class StaleConnection(Exception):
    """A connection that was made when another authority was trusted."""


class ApiServer:
    """The API server, asked from threads: its session waits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="api-server")

    async def front_proxy(self) -> FrontProxy:
        """What the ConfigMap says. Raises KubeError, asyncio.TimeoutError and NotUsable."""
        return front_proxy.parse(await self._ask("GET", front_proxy.CONFIG_MAP, None))

    async def review(self, path: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """The ``status`` of a review. Raises Unavailable when there is none."""
        group = "/".join(path.split("/")[2:4])
        body = {"apiVersion": group, "kind": kind, "spec": spec}
        try:
            answer = await self._ask("POST", path, body)
        except asyncio.TimeoutError:
            raise Unavailable(f"the API server gives no {kind} within {TIMEOUT:.0f} seconds") from None
        except KubeError as error:
            raise Unavailable(f"the API server gives no {kind}: {error}") from error
        status: Mapping[str, Any] = answer.get("status") or {}
        return status

    async def _ask(self, method: str, path: str, body: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._threads, lambda: self._session.request(method, path, body=body))
        return await asyncio.wait_for(asked, TIMEOUT)

    def close(self) -> None:
        """Wait for nothing any more."""
        self._threads.shutdown(wait=False)
        self._session.close()


class Trust:
    """Whom to believe who asks, as the API server says it of the day."""

    def __init__(self, server: ApiServer, found: FrontProxy, certificates: Certificates, telemetry: Telemetry) -> None:
        self._server = server
        self._certificates = certificates
        self._telemetry = telemetry
        self._take(found)
        self.problem = ""
        """Why it could not be read anew, as a sentence."""

    async def follow(self, seconds: float) -> None:
        """Read it anew again and again, every so many seconds. What cannot be used is logged, and the old stays."""
        while True:
            await asyncio.sleep(AGAIN if self.problem else seconds)
            await self.refresh()

    async def refresh(self) -> None:
        """Read it anew."""
        try:
            found = await self._server.front_proxy()
            self._certificates.trust(found.client_ca)
            self._take(found)
        except (KubeError, asyncio.TimeoutError, front_proxy.NotUsable, OSError) as error:
            self.problem = f"extension-apiserver-authentication: {error or 'no answer'}"
            LOG.error("what the API server says of its front proxy stays as it was: %s", self.problem)
            return
        self.problem = ""

    def user(self, connection: Any, headers: front_proxy.Headers) -> Optional[User]:
        """Who the front proxy tells of; None when it does not, or it is not the front proxy.

        ``connection`` is the SSLObject. Raises StaleConnection.
        """
        certificate = connection.getpeercert() if connection else None
        if not certificate:
            return None
        if frozenset(connection.context.get_ca_certs(binary_form=True)) != self._authorities:
            raise StaleConnection
        return self._found.user(headers) if self._found.believes(certificate) else None

    def _take(self, found: FrontProxy) -> None:
        self._found = found
        self._authorities = _authorities(found.client_ca)
        self._telemetry.authentication_read.set(time.time())


class Access:
    """Authentication and authorization of requests."""

    def __init__(self, server: ApiServer, trust: Trust, telemetry: Telemetry) -> None:
        self._server = server
        self._trust = trust
        self._reviews = telemetry.reviews
        self._users: Remembered[Optional[User]] = Remembered(REMEMBERED)
        self._rights: Remembered[str] = Remembered(REMEMBERED)

    async def user(self, connection: Any, headers: front_proxy.Headers) -> User:
        """Who asks. Raises Unauthorized, Unavailable and StaleConnection."""
        found = self._trust.user(connection, headers) or await self._bearer(headers)
        if found is None:
            raise Unauthorized(
                "nobody knows who asks: come through the API server (kubectl get --raw /apis/metrics.smi-spec.io/...), "
                "or show a bearer token that it accepts"
            )
        return front_proxy.with_own_group(found)

    async def check(self, user: User, target: Target) -> None:
        """Raises Forbidden when the user may not have this, and Unavailable when nobody says so."""
        if MASTERS in user.groups:
            return
        attributes = target.attributes()
        key = (user, tuple((kind, tuple(sorted(what.items()))) for kind, what in attributes.items()))
        refused = await self._rights.get(key, lambda: self._refused({**user.as_dict(), **attributes}))
        if refused:
            raise Forbidden(f"{_wanted(user, attributes)}{refused}")

    async def _bearer(self, headers: front_proxy.Headers) -> Optional[User]:
        given = next((value for name, value in headers if name.lower() == "authorization"), "")
        scheme, _space, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return None
        digest = hashlib.sha256(token.strip().encode()).digest()
        return await self._users.get(digest, lambda: self._owner(token.strip()))

    async def _owner(self, token: str) -> Optional[User]:
        status = await self._server.review(_TOKEN_REVIEWS, "TokenReview", {"token": token})
        accepted = status.get("authenticated") is True
        self._reviews.labels("token", "accepted" if accepted else "refused").inc()
        return _user(status.get("user") or {}) if accepted else None

    async def _refused(self, spec: Mapping[str, Any]) -> str:
        """Empty when it is allowed, else the reason that the API server has, as the end of a sentence."""
        status = await self._server.review(_ACCESS_REVIEWS, "SubjectAccessReview", spec)
        allowed = status.get("allowed") is True
        self._reviews.labels("access", "allowed" if allowed else "denied").inc()
        if allowed:
            return ""
        reason = status.get("reason") or status.get("evaluationError")
        return f": {reason}" if reason else ": no role gives that right"


def _authorities(pem: str) -> FrozenSet[bytes]:
    """The certificates, as a context lists them. Raises ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=pem)
    return frozenset(context.get_ca_certs(binary_form=True))


def _user(found: Mapping[str, Any]) -> User:
    extra = tuple((key, tuple(values or ())) for key, values in sorted((found.get("extra") or {}).items()))
    return User(found.get("username") or "", found.get("uid") or "", tuple(found.get("groups") or ()), extra)


def _wanted(user: User, attributes: Mapping[str, Mapping[str, str]]) -> str:
    """Who wanted what, as kube-apiserver says it."""
    path = attributes.get("nonResourceAttributes")
    if path:
        return f'User "{user.name}" cannot get path "{path["path"]}"'
    what = attributes["resourceAttributes"]
    resource = "/".join([what["resource"], *([what["subresource"]] if "subresource" in what else [])])
    place = f'in the namespace "{what["namespace"]}"' if "namespace" in what else "at the cluster scope"
    return (
        f'{resource}.{what["group"]} is forbidden: User "{user.name}" cannot {what["verb"]} resource "{resource}" in '
        f'API group "{what["group"]}" {place}'
    )
