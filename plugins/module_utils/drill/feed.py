# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping up with all objects of some kinds: one list of each, then watches from there, however often they break."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import Kind
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ConnectionFailed
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import PAGE, Session

WATCH_SECONDS = 30
"""How long one watch runs. The next goes on where it ended, without a new list."""
PAUSE = 0.5
"""Seconds before a new list, so that watches that end at once are no busy loop."""

Objects = Dict[Kind, List[Any]]


class Feed:
    """The objects of each kind as they are now. paths: where each kind is. Use it as a context."""

    def __init__(self, session: Session, paths: Mapping[Kind, str]) -> None:
        self._news: queue.SimpleQueue[Optional[Exception]] = queue.SimpleQueue()
        self._collections = {kind: _Collection(session, path, self._news) for kind, path in paths.items()}

    def __enter__(self) -> Feed:
        """Read everything once and begin to watch. Raises as ``Session.request`` does."""
        for collection in self._collections.values():
            collection.begin()
        for collection in self._collections.values():
            # Daemons: who is in a watch need not be waited for.
            threading.Thread(target=collection.follow, daemon=True).start()
        return self

    def __exit__(self, *_reason: object) -> None:
        for collection in self._collections.values():
            collection.stop()

    def objects(self) -> Objects:
        """All objects, as they are known now."""
        return {kind: collection.items() for kind, collection in self._collections.items()}

    def wait(self, seconds: float) -> None:
        """Wait until something has changed, at most so long. Raises what has ended a watch for good."""
        try:
            news = self._news.get(timeout=max(seconds, 0.0))
            while True:
                if news is not None:
                    raise news
                news = self._news.get_nowait()
        except queue.Empty:
            pass


class _Collection:
    """The objects of one kind."""

    def __init__(self, session: Session, path: str, news: queue.SimpleQueue[Optional[Exception]]) -> None:
        self._session = session
        self._path = path
        self._news = news
        self._items: Dict[Tuple[str, str], Any] = {}
        self._version = ""
        self._stopped = threading.Event()

    def items(self) -> List[Any]:
        # A copy in one step: the thread that follows changes the original.
        return list(self._items.copy().values())

    def begin(self) -> None:
        self._version = self._list()

    def stop(self) -> None:
        self._stopped.set()

    def follow(self) -> None:
        try:
            while not self._stopped.is_set():
                self._version = self._watch() if self._version else self._list_again()
        except Exception as error:  # noqa: BLE001 - the thread that waits raises it
            self._news.put(error)

    def _list(self) -> str:
        """Returns the version to watch from."""
        fresh: Dict[Tuple[str, str], Any] = {}
        query: Dict[str, Union[str, int]] = {"limit": PAGE}
        version = ""
        while True:
            page = self._session.get_json(self._path, query)
            version = version or str(page["metadata"]["resourceVersion"])
            fresh.update((_place(item), item) for item in page["items"] or ())
            token = page["metadata"].get("continue")
            if not token:
                break
            query["continue"] = token
        self._items = fresh
        self._news.put(None)
        return version

    def _list_again(self) -> str:
        """With patience for a server that is away: what happens then is what a drill wants to know."""
        self._stopped.wait(PAUSE)
        try:
            return self._list()
        except ConnectionFailed:
            return ""

    def _watch(self) -> str:
        """Returns the version to go on from, or nothing when a new list is needed."""
        began = time.monotonic()
        query = {"resourceVersion": self._version, "allowWatchBookmarks": "true"}
        version = ""
        for event in self._session.watch(self._path, query, WATCH_SECONDS):
            if self._stopped.is_set():
                return version
            if event["type"] == "ERROR":  # the version is too old, most of the time
                return ""
            version = str(event["object"]["metadata"]["resourceVersion"])
            self._take(event["type"], event["object"])
        if not version and time.monotonic() - began < WATCH_SECONDS - 1:
            return ""
        return version or self._version

    def _take(self, kind: str, item: Any) -> None:
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self._items.pop(_place(item), None)
        else:
            self._items[_place(item)] = item
        self._news.put(None)


def _place(item: Any) -> Tuple[str, str]:
    """Namespace (empty for what is cluster-wide) and name."""
    return item["metadata"].get("namespace") or "", item["metadata"]["name"]
