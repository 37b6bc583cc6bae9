# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events: where people look first for what became of an object. Each is told once, and never holds up the work."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

LOG = logging.getLogger(__name__)

COMPONENT = "smi-controller"
REFUSED, NOT_TRANSLATED, CONFLICT = "Refused", "NotTranslated", "Conflict"

_EVENTS = Resource("v1", "Event", "events", namespaced=True)
_MOST_WAITING = 10_000
_LONGEST_MESSAGE = 1024
_LONGEST_NAME = 253
_DIGEST = 16


class _Told(NamedTuple):
    reason: str
    message: str
    about: Mapping[str, Any]


class Recorder:
    """Writes Events behind the back of whoever tells of something."""

    def __init__(self, session: Session, identity: str) -> None:
        self._session = session
        self._identity = identity
        self._waiting: queue.Queue[_Told] = queue.Queue(_MOST_WAITING)

    def tell(self, about: Mapping[str, Any], reason: str, finding: Finding) -> None:
        """Tell of a finding about an object, which has a namespace. With too much waiting, it is only logged."""
        message = ". ".join(part.rstrip(".") for part in (finding.message, finding.why, finding.mend) if part)
        LOG.warning("%s", message, extra={"subject": finding.subject, "finding": finding.id, "reason": reason})
        try:
            self._waiting.put_nowait(_Told(reason, f"{message}."[:_LONGEST_MESSAGE], about))
        except queue.Full:
            return

    def run(self, stop: threading.Event) -> None:
        """Write Events until ``stop``."""
        while not stop.is_set():
            try:
                told = self._waiting.get(timeout=1)
            except queue.Empty:
                continue
            try:
                self._write(told)
            except KubeError as error:
                LOG.warning("an Event cannot be written: %s", error)

    def _write(self, told: _Told) -> None:
        event = self._event(told)
        path = _EVENTS.path(event["metadata"]["namespace"])
        try:
            self._session.request("POST", path, body=event)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            self._again(f"{path}/{event['metadata']['name']}", event)

    def _again(self, path: str, event: Dict[str, Any]) -> None:
        before: Optional[Dict[str, Any]] = self._session.get_or_none(path)
        if before:
            changes = {"count": int(before.get("count") or 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            self._session.request("PATCH", path, body=changes, content_type="application/merge-patch+json")

    def _event(self, told: _Told) -> Dict[str, Any]:
        metadata = told.about["metadata"]
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {
            "apiVersion": told.about["apiVersion"],
            "kind": told.about["kind"],
            **{name: metadata[name] for name in ("name", "namespace", "uid") if metadata.get(name)},
        }
        digest = hashlib.sha256("\0".join([*map(str, about.values()), told.reason, told.message]).encode()).hexdigest()
        name = str(metadata.get("name") or metadata.get("generateName") or "unnamed")
        return {
            "apiVersion": _EVENTS.api_version,
            "kind": _EVENTS.kind,
            "metadata": {
                "name": f"{name[: _LONGEST_NAME - _DIGEST - 1].rstrip('-.')}.{digest[:_DIGEST]}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": about,
            "reason": told.reason,
            "message": told.message,
            "type": "Warning",
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._identity,
        }
