# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of several replicas writes: the one that holds a Lease, and renews it in time.

https://kubernetes.io/docs/concepts/architecture/leases/ - as client-go does it, how old a renewal is goes by the clock
of who looks (since when it has seen the Lease unchanged), never by the time written in it: clocks may differ.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

LOG = logging.getLogger(__name__)

DURATION = 15.0
"""Seconds without a renewal after which others may take the Lease."""
GIVE_UP = 10.0
"""Seconds without a renewal after which its holder stops writing: well before anybody else may begin."""
PAUSE = 2.0
"""Seconds between two renewals, or two looks at a Lease that another holds."""

_LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases", namespaced=True)


class Election:
    """Takes part in the election. ``begin`` is called whenever this replica is the one that writes."""

    def __init__(self, session: Session, namespace: str, name: str, identity: str, begin: Callable[[], None]) -> None:
        self._session = session
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._begin = begin
        self._renewed_at: Optional[float] = None
        self._seen: Tuple[str, float] = ("", 0.0)

    def leads(self) -> bool:
        """Whether this replica may write now."""
        return self._renewed_at is not None and time.monotonic() < self._renewed_at + GIVE_UP

    def run(self, stop: threading.Event) -> None:
        """Take part until ``stop``; then let go, so that the next need not wait."""
        problem = ""
        while not stop.is_set():
            led = self.leads()
            try:
                self._take_or_renew()
                problem = ""
            except KubeError as error:
                if str(error) != problem:
                    LOG.warning("the Lease cannot be looked at: %s", error)
                problem = str(error)
            if self.leads() and not led:
                LOG.info("this replica writes now", extra={"identity": self._identity})
                self._begin()
            elif led and not self.leads():
                LOG.warning("this replica no longer writes", extra={"identity": self._identity})
            stop.wait(PAUSE)
        self._let_go()

    @property
    def _path(self) -> str:
        return _LEASES.path(self._namespace, self._name)

    def _take_or_renew(self) -> None:
        asked_at = time.monotonic()
        lease = self._session.get_or_none(self._path)
        if lease is None:
            self._write("POST", _LEASES.path(self._namespace), self._body({"name": self._name}, {}), asked_at)
        elif self._is_ours(lease) or self._is_left(lease):
            self._write("PUT", self._path, self._body(lease["metadata"], lease["spec"]), asked_at)
        else:
            self._renewed_at = None

    def _write(self, method: str, path: str, body: Dict[str, Any], asked_at: float) -> None:
        """Write the Lease, unless somebody else was quicker."""
        try:
            self._session.request(method, path, body=body)
            self._renewed_at = asked_at
        except ApiError as error:
            if error.status != 409:
                raise

    def _is_ours(self, lease: Mapping[str, Any]) -> bool:
        return bool(lease["spec"].get("holderIdentity") == self._identity)

    def _is_left(self, lease: Mapping[str, Any]) -> bool:
        """Whether nobody holds it, or nobody has renewed it for as long as it says, by our own clock."""
        version = str(lease["metadata"]["resourceVersion"])
        if self._seen[0] != version:
            self._seen = (version, time.monotonic())
        duration = float(lease["spec"].get("leaseDurationSeconds") or DURATION)
        return not lease["spec"].get("holderIdentity") or time.monotonic() > self._seen[1] + duration

    def _body(
        self, metadata: Mapping[str, Any], before: Mapping[str, Any], holder: Optional[str] = None
    ) -> Dict[str, Any]:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        is_new = before.get("holderIdentity") != self._identity
        return {
            "apiVersion": _LEASES.api_version,
            "kind": _LEASES.kind,
            "metadata": {name: metadata[name] for name in ("name", "uid", "resourceVersion") if name in metadata},
            "spec": {
                "holderIdentity": self._identity if holder is None else holder,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": now if is_new else before.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": int(before.get("leaseTransitions") or 0) + is_new,
            },
        }

    def _let_go(self) -> None:
        if not self.leads():
            return
        self._renewed_at = None
        try:
            lease = self._session.get_or_none(self._path)
            if lease and self._is_ours(lease):
                self._session.request("PUT", self._path, body=self._body(lease["metadata"], lease["spec"], holder=""))
        except KubeError as error:
            LOG.info("the Lease ends by itself: %s", error)
