# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent, and what came of it (pure).

An answer tells the pod that it comes from by holding its name anywhere in its text, as answers do that tell the host
name. It tells who asked by holding X-Forwarded-Client-Cert as sidecars write it: ``By=...;URI=spiffe://...``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence, Tuple

HTTP, HTTP2, GRPC, TCP = "http", "http2", "grpc", "tcp"
PROTOCOLS = (HTTP, HTTP2, GRPC, TCP)
UNANSWERED = "unanswered"
"""The status of a request that got no answer."""
GRPC_HEALTH = "/grpc.health.v1.Health/Check"

_GOOD = re.compile(r"[23]\d\d|OK|answered")
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_PEER = re.compile(r"""\bURI=(spiffe://[^;,"'\s\\]+)""")
_TOLD = 200
"""Characters of an answer that are told as its reason."""


class TrafficError(Exception):
    """The probe cannot be done; the message says why and what to do."""


@dataclass(frozen=True)
class Order:
    """Requests that one client sends. Times are in seconds, the rate in requests per second; 0 for no limit.

    origins: the beginnings of the names of pods that may answer.
    """

    protocol: str
    host: str
    port: int
    path: str
    method: str
    headers: Mapping[str, str]
    requests: int
    rate: float
    request_timeout: float
    origins: Sequence[str] = ()

    def as_json(self, timeout: float) -> str:
        """For the program that sends. timeout: seconds after which it begins no request any more."""
        plain = {"headers": dict(self.headers), "origins": list(self.origins)}
        return json.dumps({**vars(self), **plain, "timeout": timeout})

    @property
    def target(self) -> str:
        """For people: where the requests go."""
        place = f"{self.host}:{self.port}"
        return f"tcp {place}" if self.protocol == TCP else f"{self.protocol} {self.method} {place}{self.path}"


@dataclass(frozen=True)
class Place:
    """A pod as an answer's origin: its name, what it is an instance of, and its zone (empty when unknown)."""

    pod: str
    backend: str
    zone: str


NOWHERE = Place("", "", "")


@dataclass(frozen=True)
class Outcome:
    """What became of one request. reason: why there was no answer, or the text of one that is not good.

    peer: the SPIFFE ID by which the answering side knew who asked; empty when it told none.
    """

    client_zone: str
    status: str
    milliseconds: float
    place: Place = NOWHERE
    peer: str = ""
    reason: str = ""

    @property
    def is_answered(self) -> bool:
        return self.status != UNANSWERED


@dataclass(frozen=True)
class Traffic:
    """All that became of the requests. unsent: number of requests per client zone that time did not allow."""

    outcomes: Sequence[Outcome]
    unsent: Mapping[str, int] = field(default_factory=dict)

    @property
    def zones(self) -> List[str]:
        """The zones of the clients, by name."""
        return sorted({one.client_zone for one in self.outcomes} | set(self.unsent))


def is_good(status: str) -> bool:
    """Whether a status is what one hopes for when nothing else is expected."""
    return bool(_GOOD.fullmatch(status))


def read(text: str, client_zone: str, places: Mapping[str, Place]) -> Traffic:
    """What the sending program has written. places: the pods that may answer, by name and by host name.

    Raises TrafficError for what no such program writes.
    """
    try:
        told = json.loads(text)
        kinds = [_kind(reply, places) for reply in told["replies"]]
        requests: List[Tuple[int, int]] = [(int(number), int(micros)) for number, micros in told["requests"]]
        outcomes = [_outcome(client_zone, kinds[number], micros) for number, micros in requests]
        return Traffic(outcomes, {client_zone: int(told["unsent"])})
    except (ValueError, TypeError, KeyError, IndexError):
        raise TrafficError(
            f"the client in zone {client_zone} wrote what traffic-probe does not write: {text[:_TOLD]!r}. Is it the "
            "program of this version of the collection?"
        ) from None


def merge(parts: Sequence[Traffic]) -> Traffic:
    """The traffic of several clients as one."""
    unsent: Dict[str, int] = {}
    for part in parts:
        for zone, number in part.unsent.items():
            unsent[zone] = unsent.get(zone, 0) + number
    return Traffic([outcome for part in parts for outcome in part.outcomes], unsent)


def _kind(reply: Mapping[str, Any], places: Mapping[str, Place]) -> Dict[str, Any]:
    """What all requests with the same reply have in common."""
    status, text, error = str(reply["status"]), str(reply["text"]), str(reply["error"])
    if error:
        return {"status": UNANSWERED, "reason": error}
    named = [places[word] for word in _WORD.findall(text) if word in places]
    # Sidecars append: what stands before the last one was sent along by the client.
    peers = _PEER.findall(text)
    return {
        "status": status,
        "place": named[0] if named else NOWHERE,
        "peer": peers[-1] if peers else "",
        "reason": "" if is_good(status) else " ".join(text.split())[:_TOLD],
    }


def _outcome(client_zone: str, kind: Mapping[str, Any], microseconds: int) -> Outcome:
    return Outcome(client_zone=client_zone, milliseconds=microseconds / 1000, **kind)
