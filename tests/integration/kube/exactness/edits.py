# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do to our objects between two runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import (
    Answer,
    Body,
    Server,
    collection_path,
    object_path,
)

OUTSIDER = "outsider"


@dataclass(frozen=True)
class Edit:
    """One thing that somebody does. ``manager`` is the field manager that the server notes for it."""

    manager: str = OUTSIDER

    def do(self, server: Server, ours: Body) -> bool:
        """Do it to the object that we define as ``ours``; tell whether the server took it."""
        live = server.get(object_path(ours))
        return live is not None and not self._send(server, ours, live).is_error

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        raise NotImplementedError


@dataclass(frozen=True)
class Patched(Edit):
    """Some fields are set, or removed (None), with a merge patch: ownership moves where a value changes."""

    content: Any = None

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.merge(object_path(ours), self.content, self.manager)


@dataclass(frozen=True)
class Replaced(Edit):
    """The object is read, changed and put back, as controllers and ``kubectl edit`` do."""

    content: Any = None

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.put(object_path(ours), merged(live, self.content), self.manager)


@dataclass(frozen=True)
class Restored(Edit):
    """Our own values are written by somebody else: what was changed is changed back."""

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.merge(object_path(ours), _without_identity(ours), self.manager)


@dataclass(frozen=True)
class Applied(Edit):
    """Another applies part of the object, and takes over what is ours when ``force``."""

    content: Any = None
    force: bool = True

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.apply(merged(_identity(ours), self.content), self.manager, self.force)


@dataclass(frozen=True)
class Twisted(Edit):
    """A list of the live object is put back otherwise: the ``number``-th that it has."""

    number: int = 0
    how: str = "reverse"

    WAYS = ("reverse", "repeat", "shorten", "lengthen")

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        changed = copy.deepcopy(live)
        lists = list(_lists({name: part for name, part in changed.items() if name != "status"}))
        if lists:
            _twist(lists[self.number % len(lists)], self.how)
        return server.put(object_path(ours), changed, self.manager)


@dataclass(frozen=True)
class StatusWritten(Edit):
    """A controller writes the status: another resourceVersion, no other content."""

    content: Any = None

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.merge(object_path(ours) + "/status", {"status": self.content}, self.manager)


@dataclass(frozen=True)
class Scaled(Edit):
    """The replicas are written through the subresource, as a HorizontalPodAutoscaler does."""

    replicas: int = 0

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.merge(object_path(ours) + "/scale", {"spec": {"replicas": self.replicas}}, self.manager)


@dataclass(frozen=True)
class Disowned(Edit):
    """All managedFields are cleared."""

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        return server.merge(object_path(ours), {"metadata": {"managedFields": [{}]}}, self.manager)


@dataclass(frozen=True)
class Deleted(Edit):
    """The object is deleted, and made again by another from our own definition when ``reborn``."""

    reborn: bool = False

    def _send(self, server: Server, ours: Body, live: Body) -> Answer:
        if live["metadata"].get("finalizers"):
            server.merge(object_path(ours), {"metadata": {"finalizers": None}}, self.manager)
        answer = server.delete(object_path(ours), {"propagationPolicy": "Background"})
        if not self.reborn:
            return answer
        return server.request("POST", collection_path(ours), {"fieldManager": self.manager}, ours)


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386), but None stays where nothing is: it is a value that one can apply."""
    if not isinstance(patch, dict) or not isinstance(target, dict):
        return copy.deepcopy(patch)
    result = dict(target)
    for name, value in patch.items():
        if value is None and name in result:
            del result[name]
        else:
            result[name] = merged(result.get(name), value)
    return result


def _identity(body: Body) -> Body:
    metadata = {name: body["metadata"][name] for name in ("name", "namespace") if name in body["metadata"]}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}


def _without_identity(body: Body) -> Body:
    metadata = {name: value for name, value in body["metadata"].items() if name not in ("name", "namespace")}
    rest = {name: value for name, value in body.items() if name not in ("apiVersion", "kind", "metadata")}
    return {**rest, "metadata": metadata} if metadata else rest


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name != "managedFields":
                yield from _lists(part)
    elif isinstance(value, list):
        if value:
            yield value
        for part in value:
            yield from _lists(part)


def _twist(items: list[Any], how: str) -> None:
    if how == "reverse":
        items.reverse()
    elif how == "repeat":
        items.append(copy.deepcopy(items[0]))
    elif how == "shorten":
        del items[0]
    else:
        items.insert(0, _another(items[0]))


def _another(item: Any) -> Any:
    """An item beside the given one that may well be valid."""
    if isinstance(item, dict):
        other = copy.deepcopy(item)
        for name in ("name", "containerPort", "port", "nodePort", "key"):
            if isinstance(item.get(name), str):
                other[name] = item[name] + "-x"
            elif isinstance(item.get(name), int):
                other[name] = item[name] + 7
        return other
    return item + "-x" if isinstance(item, str) else item
