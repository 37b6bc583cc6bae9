# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failures pass by themselves, how long that is waited for, and at what pace a request is repeated."""

from __future__ import annotations

import random
import re
import time
from typing import Any, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    Conflict,
    NamespaceTerminating,
    TooLarge,
    WebhookFailed,
)

PATIENCE = 30.0
"""Seconds for which a request is repeated when the server is away, turns it away for now, or says that this passes."""
DOUBT = 5.0
"""Seconds for which it is repeated when the failure may as well last."""
SETTLING = 20.0
"""Seconds after its start in which an API server may not have read yet who may do what, and forbids it."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0

_AWAY = (429, 502, 503, 504)
_PASSING = re.compile(r"etcdserver: (?!mvcc: database space exceeded)|rpc error: code = (Unavailable|DeadlineExceeded)")
"""What an API server says while its storage changes its leader or is restarted (without a reason of its own)."""
_LASTING = re.compile(r"failed to create typed patch object")
"""What it says with this status although it is the definition that is wrong: a field that the schema lacks."""
_MODIFIED = "the object has been modified"
_STILL_TO_COME = re.compile(
    r'serviceaccount "[^"]*" not found|status unknown for quota|not yet ready to handle request'
)
"""What a controller makes a moment after a namespace or a quota was made, and what admission says at its start."""


def seconds_for(error: ApiError, method: str, body: Any, was_away: float = 0.0) -> float:
    """For how many seconds a refused request (that may be repeated without harm) is worth repeating; 0 for not.

    ``was_away`` is when (of time.monotonic) the server did not answer last; 0 for never.
    """
    if isinstance(error, (Conflict, NamespaceTerminating, TooLarge, WebhookFailed)):
        return 0.0
    if error.status in _AWAY or error.reason == "ServerTimeout":
        return PATIENCE
    if error.status == 500:
        return PATIENCE if _PASSING.search(error.message) else 0.0 if _LASTING.search(error.message) else DOUBT
    if error.status == 409:
        return PATIENCE if _is_race(error, method, body) else 0.0
    if error.status == 403:
        if was_away and time.monotonic() < was_away + SETTLING:
            return SETTLING
        return DOUBT if _STILL_TO_COME.search(error.message) else 0.0
    return 0.0


def _is_race(error: ApiError, method: str, body: Any) -> bool:
    """Whether two writers met, which the next attempt does not mind unless it insists on the version it has seen."""
    if _insists_on_version(body):
        return False
    return _MODIFIED in error.message or (method == "PATCH" and error.reason == "AlreadyExists")


def _insists_on_version(body: Any) -> bool:
    """Whether a body names the resourceVersion that it is for: an object does, or a test of a JSON patch."""
    if isinstance(body, list):
        return any(step.get("op") == "test" and step.get("path") == "/metadata/resourceVersion" for step in body)
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    return bool(isinstance(metadata, Mapping) and metadata.get("resourceVersion"))


class Backoff:
    """The pauses between the attempts of one request."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE
        self._first_failure: Optional[float] = None

    def pause(self, seconds: float, retry_after: float = 0.0, since: float = 0.0) -> Optional[float]:
        """How long to wait before the next attempt; None when there shall be no further one.

        ``seconds`` is for how long this failure is worth repeating the request, counted from the first failure or
        from ``since`` (of time.monotonic), whichever is later. ``retry_after`` is what the server asks for.
        """
        now = time.monotonic()
        if self._first_failure is None:
            self._first_failure = now
        # Not all at once: those who were turned away together would meet again.
        own = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - nothing secret about it
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        wait = retry_after + own if retry_after else own
        return wait if now + wait <= max(self._first_failure, since) + seconds else None
