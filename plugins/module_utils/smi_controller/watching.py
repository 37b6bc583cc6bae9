# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of a cluster, kept up to date: one list, then watches from there, however often they break."""

from __future__ import annotations

import logging
import random
import threading
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import PAGE, Session

LOG = logging.getLogger(__name__)

Object = Mapping[str, Any]
Name = Tuple[str, str]
"""Namespace and name."""

WATCH_SECONDS = 50
"""How long one watch runs: less than a session waits for the next byte."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before the next attempt when the server cannot be asked."""
ABSENT_PAUSE = 2.0
"""Seconds before the next look for a kind that the cluster does not serve."""


class Change(NamedTuple):
    """An object that has come (no ``before``), changed, or gone (no ``after``)."""

    name: Name
    before: Optional[Object]
    after: Optional[Object]


class Collection:
    """All objects of one kind.

    ``find`` gives the resource to read them from, None while the cluster does not serve it; it is asked before each
    list and after each watch. ``trim`` is what is kept of an object, ``note`` is told of every change.
    """

    def __init__(
        self,
        title: str,
        session: Session,
        find: Callable[[], Optional[Resource]],
        note: Callable[[Change], None],
        trim: Callable[[Object], Object],
    ) -> None:
        self.title = title
        self.problem = "not listed yet"
        """Why the objects are not known; empty when they are. A server that is away makes them old, not unknown."""
        self.restarts = 0
        """How often a list was taken after the first."""
        self._session = session
        self._find = find
        self._note = note
        self._trim = trim
        self._resource: Optional[Resource] = None
        self._lock = threading.Lock()
        self._objects: Dict[str, Dict[str, Object]] = {}
        self._listed = False

    @property
    def resource(self) -> Optional[Resource]:
        """Where the objects are read from; None when the cluster does not serve them."""
        return self._resource

    def get(self, namespace: str, name: str) -> Optional[Object]:
        """An object; None when there is none."""
        with self._lock:
            return self._objects.get(namespace, {}).get(name)

    def within(self, namespace: str) -> List[Object]:
        """The objects of a namespace."""
        with self._lock:
            return list(self._objects.get(namespace, {}).values())

    def namespaces(self) -> List[str]:
        """The namespaces that have any."""
        with self._lock:
            return list(self._objects)

    def count(self) -> int:
        """How many there are."""
        with self._lock:
            return sum(map(len, self._objects.values()))

    def run(self, stop: threading.Event) -> None:
        """Keep up until ``stop``."""
        pause = FIRST_PAUSE
        version = ""
        while not stop.is_set():
            try:
                found = self._find()
                if found is None or found != self._resource:
                    version = ""
                self._resource = found
                version = self._step(version, stop)
                pause = FIRST_PAUSE
            except KubeError as error:
                version = ""
                self._failed(error)
                stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret about it
                pause = min(pause * 2, LONGEST_PAUSE)

    def _step(self, version: str, stop: threading.Event) -> str:
        if self._resource is None:
            self._replace({})
            stop.wait(ABSENT_PAUSE)
            return ""
        return self._watch(self._resource, version, stop) if version else self._list(self._resource)

    def _failed(self, error: KubeError) -> None:
        if isinstance(error, ApiError) and error.status == 404:
            return  # taken away between two looks: the next one tells
        if isinstance(error, ApiError) and error.status == 403:
            self.problem = str(error)
        LOG.warning("%s cannot be read: %s", self.title, error)

    def _list(self, resource: Resource) -> str:
        found: Dict[Name, Object] = {}
        query: Dict[str, Union[str, int]] = {"limit": PAGE}
        while True:
            page = self._session.get_json(resource.path(), query)
            for item in page.get("items") or ():
                found[_name(item)] = self._kept(resource, item)
            token = page["metadata"].get("continue")
            if not token:
                break
            query["continue"] = token
        self.restarts += self._listed
        self._replace(found)
        return str(page["metadata"]["resourceVersion"])

    def _watch(self, resource: Resource, version: str, stop: threading.Event) -> str:
        """Returns the version to go on from, or nothing when a new list is needed."""
        query = {"resourceVersion": version, "allowWatchBookmarks": "true"}
        got = False
        for event in self._session.watch(resource.path(), query, WATCH_SECONDS):
            if event["type"] == "ERROR":  # the version is too old, most of the time
                return ""
            got = True
            version = str(event["object"]["metadata"]["resourceVersion"])
            if event["type"] != "BOOKMARK":
                gone = event["type"] == "DELETED"
                self._put(_name(event["object"]), None if gone else self._kept(resource, event["object"]))
            if stop.is_set():
                return version
        if not got:
            # It may have been refused: the list tells why, and that nothing was missed.
            stop.wait(FIRST_PAUSE)
            return ""
        return version

    def _kept(self, resource: Resource, item: Object) -> Object:
        return self._trim({**item, "apiVersion": resource.api_version, "kind": resource.kind})

    def _replace(self, found: Mapping[Name, Object]) -> None:
        with self._lock:
            before = {
                (namespace, name): each for namespace, named in self._objects.items() for name, each in named.items()
            }
        for name in before.keys() - found.keys():
            self._put(name, None)
        for name, each in found.items():
            self._put(name, each)
        self._listed, self.problem = True, ""

    def _put(self, name: Name, after: Optional[Object]) -> None:
        namespace, own = name
        with self._lock:
            before = self._objects.get(namespace, {}).get(own)
            if after is not None:
                self._objects.setdefault(namespace, {})[own] = after
            elif before is not None:
                del self._objects[namespace][own]
                if not self._objects[namespace]:
                    del self._objects[namespace]
        if before != after:
            self._note(Change(name, before, after))


def _name(item: Object) -> Name:
    metadata = item["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
