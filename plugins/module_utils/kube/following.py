# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping up with the objects of a collection: one list, then watches from there, however often they break."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Set, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    ConnectionFailed,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import PAGE, Session

WATCH_SECONDS = 30
"""How long one watch runs. The next goes on where it ended, without a new list."""
PAUSE = 1.0
"""Seconds before a new list, so that watches that end at once are no busy loop."""
POLL = 2.0
"""Seconds between lists for who may list but not watch."""
PATIENCE = 30.0
"""Seconds for which a refusal is taken for the aftermath of a restart: an API server that has just started does not
know its roles and custom resources yet, and refuses for a moment what it granted before."""

Place = Tuple[str, str]
"""Namespace (empty for what is cluster-wide) and name."""
Note = Callable[[Place, Optional[Mapping[str, Any]]], bool]
"""Called with an object as it is now, or with None when it does not exist. Returns whether it is still of interest."""


class Follower:
    """Tells of some objects of one collection until none is of interest any more. ``deadline`` is of time.monotonic."""

    def __init__(
        self,
        session: Session,
        path: str,
        query: Mapping[str, str],
        places: Set[Place],
        note: Note,
        deadline: float,
    ) -> None:
        self._session = session
        self._path = path
        self._query = query
        self._places = places
        self._tell = note
        self._deadline = deadline
        self._version = ""
        self._stopped = threading.Event()

    def begin(self) -> None:
        """Tell of all objects once. Raises as ``Session.request`` does."""
        self._version = self._list()

    def follow(self) -> None:
        """Tell of every change. Ends when it is stopped, nothing is of interest any more, or at the deadline.

        Raises what ends all work (credentials that are not accepted any more, a refusal that lasts), but waits
        for an API server that does not answer.
        """
        while not self.is_over():
            self._version = self._watch() if self._version else self._list_again()

    def stop(self) -> None:
        """Have it end with the next event."""
        self._stopped.set()

    def is_over(self) -> bool:
        """Whether there is nothing left to tell."""
        return not self._places or self._stopped.is_set() or time.monotonic() >= self._deadline

    def _list(self) -> str:
        """Returns the version to watch from."""
        query: Dict[str, Union[str, int]] = {**self._query, "limit": PAGE}
        missing = set(self._places)
        version = ""
        while True:
            page = self._session.get_json(self._path, query)
            version = version or str(page["metadata"]["resourceVersion"])
            for item in page["items"] or ():
                missing.discard(self._note(item))
            token = page["metadata"].get("continue")
            if not token:
                break
            query["continue"] = token
        for place in missing:
            self._note_at(place, None)
        return version

    def _list_again(self) -> str:
        """As ``_list``, with patience: it went well before."""
        refused_at: Optional[float] = None
        while not self.is_over():
            try:
                return self._list()
            except ConnectionFailed:
                pass
            except ApiError:
                refused_at = refused_at or time.monotonic()
                if time.monotonic() - refused_at > PATIENCE:
                    raise
            self._stopped.wait(PAUSE)
        return ""

    def _watch(self) -> str:
        """Returns the version to go on from, or nothing when a new list is needed."""
        seconds = max(1, min(WATCH_SECONDS, int(self._deadline - time.monotonic())))
        ends = time.monotonic() + seconds - 1
        query = {**self._query, "resourceVersion": self._version, "allowWatchBookmarks": "true"}
        version = ""
        try:
            for event in self._session.watch(self._path, query, seconds):
                if event["type"] == "ERROR":  # the version is too old, most of the time
                    self._stopped.wait(PAUSE)
                    return ""
                version = str(event["object"]["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    self._note(event["object"], is_gone=event["type"] == "DELETED")
                if self.is_over():
                    return version
        except ApiError:
            self._stopped.wait(POLL)
            return ""
        if version or time.monotonic() >= ends:
            return version or self._version
        self._stopped.wait(PAUSE)
        return ""

    def _note(self, item: Mapping[str, Any], is_gone: bool = False) -> Place:
        metadata = item["metadata"]
        place = (metadata.get("namespace") or "", metadata["name"])
        self._note_at(place, None if is_gone else item)
        return place

    def _note_at(self, place: Place, item: Optional[Mapping[str, Any]]) -> None:
        if place in self._places and not self._tell(place, item):
            self._places.discard(place)


def follow_all(followers: Sequence[Follower], at_once: int, failed: Callable[[Exception], None]) -> None:
    """Run followers in threads of their own, so many at a time. ``failed`` is told what one of them raises.

    The threads are daemons: who is in a watch need not be waited for.
    """
    left = list(followers)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not left:
                    return
                follower = left.pop(0)
            try:
                follower.follow()
            except Exception as error:  # noqa: BLE001 - the thread that waits raises it
                failed(error)

    for _number in range(min(at_once, len(left))):
        threading.Thread(target=work, daemon=True).start()
