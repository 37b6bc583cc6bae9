# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: a Lease that is made before the first write, renewed meanwhile, and deleted after the last.

https://kubernetes.io/docs/concepts/architecture/leases/

How old a lease is goes by the API server's clock alone: the time at which it noted the last renewal, and the
time that it gives to an object which it is asked to make, without making it.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, Mapping, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ConnectionFailed,
    KubeError,
    Locked,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

DURATION = 15.0
"""Seconds after the last renewal from which on a lease counts as left behind."""
RENEWALS = 4
"""How often a lease is renewed within DURATION."""
POLL = 0.5
"""Seconds between two looks at a lease that another run holds."""

FIELD_MANAGER = "servicemesh.platform-lease"
_LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases", namespaced=True)


@contextmanager
def held(session: Session, namespace: str, name: str, patience: float) -> Iterator[Hold]:
    """Hold the lease of this name while the block runs; waits ``patience`` seconds for another holder to be done.

    Raises Locked, which names the holder, and ApiError (404) when the namespace does not exist.
    """
    hold = Hold(session, namespace, name)
    hold.acquire(patience)
    renewing = threading.Thread(target=hold.renew_until_released, daemon=True)
    renewing.start()
    is_reachable = True
    try:
        yield hold
    except ConnectionFailed:
        is_reachable = False  # waiting for the server was over already, and the lease ends by itself
        raise
    finally:
        hold.released.set()
        if is_reachable:
            renewing.join()
            hold.release()


class Hold:
    """Our hold on a lease."""

    def __init__(self, session: Session, namespace: str, name: str) -> None:
        self._session = session
        self._namespace = namespace
        self._name = name
        self._holder = f"{_user()}@{socket.gethostname()}, process {os.getpid()} ({uuid.uuid4().hex[:8]})"
        self._lease: Dict[str, Any] = {}
        self._taken_by = ""
        self._ours_until = 0.0
        self._renewing = threading.Lock()
        self.released = threading.Event()

    def check(self) -> None:
        """Raise Locked when the lease was lost: this process stood still for so long that another run took it.

        Whoever has just woken up finds that out here, before it writes: the thread that renews may be later.
        """
        if _clock() > self._ours_until:
            with self._renewing:
                if _clock() > self._ours_until and not self._taken_by:
                    self._renew()
        if self._taken_by:
            raise Locked(
                f"This run stood still for more than {DURATION:.0f} seconds, and {self._taken_by} took the lease "
                f"{self._namespace}/{self._name} over. Run it again."
            )

    def acquire(self, patience: float) -> None:
        """Make the lease; another's is waited for, one that was left behind is removed."""
        deadline = time.monotonic() + patience
        while not self._create():
            other = self._session.get_or_none(self._path)
            if other is None:
                continue
            if self._is_ours(other):
                self._lease = other
                return
            now = self._server_time()
            if (now - _renewed(other)).total_seconds() > _duration(other):
                self._delete(other)
            elif time.monotonic() + POLL > deadline:
                raise Locked(self._told(other, now))
            else:
                time.sleep(POLL)

    def release(self) -> None:
        """Delete the lease if it is still ours; the next run need not wait for it to be left behind."""
        try:
            self._delete(self._lease)
        except KubeError:
            # The work is done, and what it came to must not be hidden: the lease ends by itself.
            return

    def renew_until_released(self) -> None:
        """Renew the lease in time, for as long as the work goes on and nobody has taken it."""
        while not self._taken_by and not self.released.wait(DURATION / RENEWALS):
            try:
                with self._renewing:
                    self._renew()
            except KubeError:
                continue  # who cannot reach the server now tries again; nobody else reaches it either

    @property
    def _path(self) -> str:
        return _LEASES.path(self._namespace, self._name)

    def _create(self) -> bool:
        begin = _clock()
        try:
            self._lease = self._post(self._body({"name": self._name}))
        except ApiError as error:
            if error.reason == "AlreadyExists":
                return False
            raise
        self._ours_until = begin + DURATION
        return True

    def _post(self, body: Mapping[str, Any], dry_run: bool = False) -> Dict[str, Any]:
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        return self._session.request("POST", _LEASES.path(self._namespace), query, body)

    def _renew(self) -> None:
        metadata = {name: self._lease["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
        body = self._body(metadata, self._lease["spec"]["acquireTime"])
        begin = _clock()
        try:
            self._lease = self._session.request("PUT", self._path, {"fieldManager": FIELD_MANAGER}, body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            self._look_again()
        self._ours_until = begin + DURATION

    def _look_again(self) -> None:
        """Find out who holds the lease; an update of ours may have come through although its answer did not."""
        lease = self._session.get_or_none(self._path)
        if lease is not None and self._is_ours(lease):
            self._lease = lease
        else:
            self._taken_by = lease["spec"].get("holderIdentity", "somebody") if lease else "somebody"

    def _body(self, metadata: Mapping[str, Any], acquired: Optional[str] = None) -> Dict[str, Any]:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": _LEASES.api_version,
            "kind": _LEASES.kind,
            "metadata": dict(metadata),
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": max(round(DURATION), 1),
                "acquireTime": acquired or now,
                "renewTime": now,
            },
        }

    def _delete(self, lease: Mapping[str, Any]) -> None:
        """Delete just this state of the lease: who has renewed or taken it meanwhile keeps it."""
        metadata = lease["metadata"]
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        try:
            self._session.request("DELETE", self._path, body={"preconditions": preconditions})
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def _server_time(self) -> datetime:
        made = self._post(self._body({"generateName": f"{self._name}-"}), dry_run=True)
        return _time(made["metadata"]["creationTimestamp"])

    def _is_ours(self, lease: Mapping[str, Any]) -> bool:
        return bool(lease["spec"].get("holderIdentity") == self._holder)

    def _told(self, lease: Mapping[str, Any], now: datetime) -> str:
        age = now - _time(lease["metadata"]["creationTimestamp"])
        renewed = now - _renewed(lease)
        return (
            f"Another run is at work on it: {lease['spec'].get('holderIdentity', 'somebody')}, for {_span(age)}, last "
            f"heard of {_span(renewed)} ago (Lease {self._namespace}/{self._name}). Wait for it to end, or allow more "
            "time with lock_timeout."
        )


def _renewed(lease: Mapping[str, Any]) -> datetime:
    """When the server noted the last change of the lease."""
    metadata = lease["metadata"]
    noted = [entry["time"] for entry in metadata.get("managedFields") or () if entry.get("time")]
    return max(map(_time, [*noted, metadata["creationTimestamp"]]))


def _duration(lease: Mapping[str, Any]) -> float:
    return float(lease["spec"].get("leaseDurationSeconds") or DURATION)


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def _span(span: timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _clock() -> float:
    """Seconds that go on while the machine sleeps, where there is such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"  # a container may run as a user without a name
