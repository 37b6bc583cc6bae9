# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the webhooks."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any, Callable, Dict, List, Mapping, Tuple

try:
    from aiohttp import web
except ImportError:  # the program checks for it: see ``arguments.require_packages``
    web = None  # type: ignore[assignment]

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller import admission, conversion
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.events import REFUSED, Recorder
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.measures import Measures
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.state import State

LOG = logging.getLogger(__name__)

Answer = Dict[str, Any]

_SHORT = 64 * 1024
"""Bytes of a request that is answered in about a millisecond."""


class Webhooks:
    """Answers ConversionReviews (without any state) and AdmissionReviews."""

    def __init__(self, state: State, provider: str, recorder: Recorder, measures: Measures) -> None:
        self._state = state
        self._provider = provider
        self._recorder = recorder
        self._measures = measures

    def routes(self) -> List[web.RouteDef]:
        """The paths that the API server is told."""
        return [
            web.post("/convert", self._handler("convert", self._convert)),
            web.post("/validate", self._handler("validate", self._validate)),
        ]

    def _handler(self, name: str, answer: Callable[[Mapping[str, Any]], Tuple[str, Answer]]) -> Any:
        def answered(body: bytes) -> Tuple[int, bytes]:
            begin = time.perf_counter()
            try:
                result, content = answer(_read(body))
            except conversion.NotAReview as error:
                self._measures.requests.labels(name, "invalid").inc()
                return 400, json.dumps({"error": str(error)}).encode()
            self._measures.requests.labels(name, result).inc()
            self._measures.seconds.labels(name).observe(time.perf_counter() - begin)
            return 200, json.dumps(content, separators=(",", ":")).encode()

        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            # A long list must not hold up probes and other requests. For the rest a thread costs more than the answer.
            status, content = answered(body) if len(body) <= _SHORT else await asyncio.to_thread(answered, body)
            return web.Response(status=status, body=content, content_type="application/json")

        return handle

    def _convert(self, request: Mapping[str, Any]) -> Tuple[str, Answer]:
        answer = conversion.review(request)
        response = answer["response"]
        if response["result"]["status"] == "Success":
            self._measures.objects.inc(len(response["convertedObjects"]))
            return "converted", answer
        LOG.warning("refused to convert: %s", response["result"]["message"])
        return "refused", answer

    def _validate(self, request: Mapping[str, Any]) -> Tuple[str, Answer]:
        asked = admission.asked(request)
        obj = asked.get("object")
        if not isinstance(obj, Mapping):  # a deletion
            return "allowed", admission.answer(asked, [], [])
        obj = _placed(obj, str(asked.get("namespace") or ""))
        around = self._state.near(obj)
        refused = admission.refusals(obj, around, self._provider)
        warned = admission.warnings(obj, around, self._provider, refused)
        if refused and not asked.get("dryRun"):
            self._recorder.tell(obj, REFUSED, refused[0])
        return ("refused" if refused else "allowed"), admission.answer(asked, refused, warned)


def _placed(obj: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    """The object with its namespace, which may stand only in the request."""
    return {**obj, "metadata": {**(obj.get("metadata") or {}), "namespace": namespace}}


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise conversion.NotAReview(f"this is no JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise conversion.NotAReview("this is no object")
    return found
