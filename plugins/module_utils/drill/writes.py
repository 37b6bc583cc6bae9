# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load of writes on the API server, each with a key of its own, so that each can be read back in the end."""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Set
from urllib.parse import urlencode

from ansible_collections.servicemesh.platform.plugins.module_utils.drill.tally import Attempt, Tally, tally
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import resolve_connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

try:
    import urllib3
    from urllib3.exceptions import HTTPError
except ImportError:  # Session tells what to install
    urllib3 = None  # type: ignore[assignment]
    HTTPError = OSError  # type: ignore[assignment, misc]

EVERY = 0.2
"""Seconds from one write to the next."""
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
"""How long a write waits for its answer: a client that waits longer sees an outage that is its own."""
KEYS_PER_OBJECT = 500
"""Every write sends the whole ConfigMap to etcd, so it must stay small."""
LABEL = "servicemesh.platform/zone-drill"
NAMESPACES = "/api/v1/namespaces"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_APPLIER = {"fieldManager": "servicemesh.platform/zone-drill", "force": "true"}
_WRITER = {"fieldManager": "servicemesh.platform/zone-drill-writes"}


class OnceSession(Session):
    """A session that can try a request once, with little patience, so that failures can be counted."""

    def patch_once(self, path: str, query: Mapping[str, str], body: Any, content_type: str) -> str:
        """Send a patch; returns what is wrong, or an empty text when it was acknowledged."""
        access = self._access
        headers = urllib3.HTTPHeaderDict({"Content-Type": content_type, "Accept": "application/json"})
        if access.connection.authorization:
            headers["Authorization"] = access.connection.authorization
        if access.connection.impersonate_user:
            headers["Impersonate-User"] = access.connection.impersonate_user
        for group in access.connection.impersonate_groups:
            headers.add("Impersonate-Group", group)
        try:
            response = access.pool.request(
                "PATCH",
                f"{access.base}{path}?{urlencode(query)}",
                body=json.dumps(body).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
                retries=False,
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            return str(error) or type(error).__name__
        if response.status < 400:
            return ""
        return f"HTTP {response.status}: {response.data[:200].decode(errors='replace')}"


class WriteLoad:
    """Writes until it is stopped, in a thread and a namespace of its own."""

    def __init__(self, params: Mapping[str, Any], session: Session) -> None:
        """params: the options of the connection. session: for what is done before and after, with patience."""
        self._params = params
        self._session = session
        self._namespace = f"zone-drill-{secrets.token_hex(4)}"
        self._attempts: List[Attempt] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writes", daemon=True)

    def start(self) -> None:
        """Make the namespace, and begin to write. Raises KubeError when the cluster takes no writes."""
        _remove_namespaces(self._session)  # of drills that were killed
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": _metadata(self._namespace)}
        path = f"{NAMESPACES}/{self._namespace}"
        self._session.request("PATCH", path, _APPLIER, namespace, _APPLY)
        self._thread.start()

    def stop(self, began: float, ended: float) -> Tally:
        """Stop writing, read everything back, and tell. began, ended: of the time to look at (time.monotonic)."""
        self.halt()
        present: Set[str] = set()
        for item in self._session.list_objects(f"{NAMESPACES}/{self._namespace}/configmaps"):
            present.update(item.get("data") or ())
        return tally(self._attempts, present, began, ended)

    def halt(self) -> None:
        """Stop writing."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def remove(self) -> None:
        """Remove what was written. Raises KubeError."""
        self.halt()
        self._session.request("DELETE", f"{NAMESPACES}/{self._namespace}")

    def _run(self) -> None:
        session = OnceSession(resolve_connection(self._params), concurrency=1)
        with session:
            number, made = 0, -1
            due = time.monotonic()
            while not self._stopped.wait(max(0.0, due - time.monotonic())):
                due = max(due + EVERY, time.monotonic())
                began = time.monotonic()
                target = number // KEYS_PER_OBJECT
                error = "" if made == target else self._make(session, target)
                made = made if error else target
                error = error or self._write(session, target, number)
                self._attempts.append(Attempt(_key(number), began, time.monotonic(), error))
                number += 1

    def _make(self, session: OnceSession, target: int) -> str:
        """Make the next ConfigMap; the one that is there stays as it is."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(f"writes-{target}")}
        return session.patch_once(self._path(target), _APPLIER, body, _APPLY)

    def _write(self, session: OnceSession, target: int, number: int) -> str:
        body = {"data": {_key(number): datetime.now(timezone.utc).isoformat(timespec="milliseconds")}}
        return session.patch_once(self._path(target), _WRITER, body, _MERGE)

    def _path(self, target: int) -> str:
        return f"{NAMESPACES}/{self._namespace}/configmaps/writes-{target}"


def _key(number: int) -> str:
    return f"write-{number:06d}"


def _metadata(name: str) -> Dict[str, Any]:
    return {"name": name, "labels": {LABEL: "true", "app.kubernetes.io/managed-by": "servicemesh.platform"}}


def _remove_namespaces(session: Session) -> None:
    for namespace in list(session.list_metadata(NAMESPACES, f"{LABEL}=true")):
        if not namespace["metadata"].get("deletionTimestamp"):
            with suppress(ApiError):  # somebody else removes it, too
                session.request("DELETE", f"{NAMESPACES}/{namespace['metadata']['name']}")
