# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API over HTTP: who asks, what for, whether they may, and the answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from typing import Any, Dict, List, Mapping, Tuple

try:
    from aiohttp import web
except ImportError:  # the program checks for it: see ``serving.arguments.require_packages``
    web = None  # type: ignore[assignment]

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import (
    discovery,
    paths,
    queries,
    windows,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.access import Access, StaleConnection
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.model import (
    Interval,
    traffic_metrics_list,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.paths import Target
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import Profile
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.prometheus import (
    NotAnswered,
    Prometheus,
    Vector,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import Reference
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.statuses import (
    BadRequest,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    Refusal,
    Unavailable,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.telemetry import Telemetry

LOG = logging.getLogger(__name__)

_READING = ("GET", "HEAD")
_OTHER = "other"


class Service:
    """Answers requests. ``window`` is that of requests which ask for none, in seconds."""

    def __init__(
        self, profile: Profile, access: Access, prometheus: Prometheus, telemetry: Telemetry, window: int
    ) -> None:
        self._profile = profile
        self._access = access
        self._prometheus = prometheus
        self._telemetry = telemetry
        self._window = window
        self._documents = discovery.documents(profile)

    def add_to(self, app: web.Application) -> None:
        """Answer everything that the application is asked."""
        app.router.add_route("*", "/{path:.*}", self._handle)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        start = time.monotonic()
        asked_for, response = await self._respond(request)
        seconds = time.monotonic() - start
        self._telemetry.requests.labels(asked_for, str(response.status)).inc()
        self._telemetry.seconds.labels(asked_for).observe(seconds)
        told = {"path": request.path, "status": response.status, "seconds": round(seconds, 4)}
        LOG.log(logging.WARNING if response.status >= 500 else logging.DEBUG, "answered", extra=told)
        return response

    async def _respond(self, request: web.Request) -> Tuple[str, web.Response]:
        """The answer, and a word for what was asked for."""
        asked_for = _OTHER
        try:
            connection = request.transport.get_extra_info("ssl_object") if request.transport else None
            user = await self._access.user(connection, list(request.headers.items()))
            target = paths.parse(request.path)
            asked_for = _word(target)
            _check_method(request)
            await self._access.check(user, target)
            answer = await self._answer(target, request)
        except StaleConnection:
            # Without a word, so that the API server asks again, on a connection that is verified anew.
            if request.transport:
                request.transport.abort()
            return asked_for, web.Response(status=401)
        except Refusal as refusal:
            return asked_for, _refused(refusal)
        return asked_for, _json(200, answer)

    async def _answer(self, target: Target, request: web.Request) -> Mapping[str, Any]:
        if target.reference is None:
            return self._document(target, request.headers.get("Accept", ""))
        seconds = self._seconds(request.query)
        if target.edges:
            return await self._edges(target.reference, seconds)
        return await self._traffic(target.reference, seconds)

    def _document(self, target: Target, accept: str) -> Mapping[str, Any]:
        found = self._documents.get(target.path)
        if found is None:
            raise NotFound(f"there is nothing at {target.path}; the paths are {', '.join(self._documents)}")
        if discovery.AGGREGATED in accept:
            raise NotAcceptable("aggregated discovery is not served; ask for application/json")
        return found

    def _seconds(self, query: Mapping[str, str]) -> int:
        """The window that is asked for. Raises BadRequest, also for what would have to be heeded and is not."""
        for selector in ("labelSelector", "fieldSelector"):
            if query.get(selector):
                raise BadRequest(f"{selector}: not supported; leave it out and choose among the items of the list")
        try:
            return windows.parse(query["window"]) if "window" in query else self._window
        except ValueError as error:
            raise BadRequest(f"window: {error}") from error

    async def _traffic(self, reference: Reference, seconds: int) -> Mapping[str, Any]:
        self._check_known(reference, edges=False)
        found = await self._ask([queries.about(self._profile, reference, seconds)], seconds)
        if not reference.name:
            return traffic_metrics_list(reference, found)
        if not found:
            raise NotFound(
                f"Prometheus has no traffic of {reference} within {windows.spell(seconds)}: nothing was asked of it, "
                "or it is not scraped, or the window (?window=5m) does not hold two scrapes"
            )
        return found[0]

    async def _edges(self, reference: Reference, seconds: int) -> Mapping[str, Any]:
        self._check_known(reference, edges=True)
        questions = queries.about_edges(self._profile, reference, seconds)
        return traffic_metrics_list(reference, await self._ask(questions, seconds))

    def _check_known(self, reference: Reference, edges: bool) -> None:
        plural = reference.plural
        if plural not in self._profile.resources:
            known = ", ".join(self._profile.resources)
            raise NotFound(
                f"there are no metrics of {plural} with --profile {self._profile.name}; there are of {known}"
            )
        if edges and not self._profile.has_edges(plural):
            raise NotFound(f"the metrics of --profile {self._profile.name} do not tell between which {plural} they are")

    async def _ask(self, questions: Any, seconds: int) -> List[Dict[str, Any]]:
        interval = Interval(time.time(), seconds)
        asked = [self._query(promql, interval.end) for question in questions for promql in question.queries.values()]
        try:
            answers = iter(await asyncio.gather(*asked))
        except NotAnswered as error:
            raise Unavailable(str(error)) from error
        found: List[Dict[str, Any]] = []
        for question in questions:
            found += queries.items(question, {name: next(answers) for name in question.queries}, interval)
        return found

    async def _query(self, promql: str, moment: float) -> Vector:
        start = time.monotonic()
        outcome = "failed"
        try:
            answer = await self._prometheus.query(promql, moment)
            outcome = "answered"
        finally:
            self._telemetry.query_seconds.labels(outcome).observe(time.monotonic() - start)
        LOG.debug("asked Prometheus", extra={"query": promql, "samples": len(answer)})
        return answer


def _check_method(request: web.Request) -> None:
    if request.method not in _READING:
        raise MethodNotAllowed(f"metrics can only be read: {request.method} is not possible, GET is")
    if request.query.get("watch", "") not in ("", "0", "false"):
        raise MethodNotAllowed("metrics cannot be watched: leave out watch and ask again when you want newer ones")


def _word(target: Target) -> str:
    if target.reference is None:
        return "discovery"
    return f"{target.reference.plural}/edges" if target.edges else target.reference.plural


def _refused(refusal: Refusal) -> web.Response:
    # Without Retry-After: kubectl would ask ten times before it tells the reason to anybody.
    return _json(refusal.code, refusal.as_dict())


def _json(code: int, body: Mapping[str, Any]) -> web.Response:
    """Content and an ETag, by which the aggregator of kube-apiserver knows that a document is the same."""
    content = json.dumps(body, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    return web.Response(status=code, body=content, content_type="application/json", headers={"ETag": etag})
