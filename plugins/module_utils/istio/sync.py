# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether proxies run what Istio's control plane holds: the model, and how a proxy's state follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.istio.upgrade import DEFAULT

NEEDED = ("CDS", "LDS")
"""What every proxy gets. Of other types there may be nothing to send."""
_VERSION = re.compile(r"(\d+)\.(\d+)")


class State(str, Enum):
    """How a proxy stands to what its istiod has for it, best first."""

    IN_STEP = "in step"
    PENDING = "pending"
    STALE = "stale"
    UNSENT = "unsent"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Position in the order; higher is worse."""
        return list(State).index(self)


@dataclass(frozen=True)
class Resource:
    """An xDS type of a proxy. ``sent`` and ``acked``: nonces. ``error``: why the proxy refused what was sent last."""

    type: str
    sent: str
    acked: str
    sent_at: Optional[datetime]
    error: str = ""

    def state(self, before: datetime) -> State:
        """``before``: what was sent earlier should have been acknowledged by now."""
        if self.error:
            return State.REJECTED
        if self.sent == self.acked:
            return State.IN_STEP if self.sent or self.type not in NEEDED else State.UNSENT
        return State.PENDING if self.sent_at and self.sent_at > before else State.STALE


@dataclass(frozen=True)
class Istiod:
    """A pod of istiod. ``problem``: why it gave no answer; empty when it did."""

    name: str
    revision: str
    version: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Link:
    """A connection of a proxy with an istiod, as this istiod told at ``asked_at``, by its own clock."""

    proxy: str
    istiod: Istiod
    asked_at: datetime
    version: str
    resources: Tuple[Resource, ...]
    connected_at: Optional[datetime]

    def states(self, seconds: float) -> Dict[str, State]:
        """By type. ``seconds``: how long an acknowledgement may take, and the first configuration to be sent."""
        before = self.asked_at - timedelta(seconds=seconds)
        is_young = bool(self.connected_at and self.connected_at > before)
        missing = State.PENDING if is_young else State.UNSENT
        found = {each.type: each.state(before) for each in self.resources}
        told = {name: missing if state is State.UNSENT else state for name, state in found.items()}
        return {**dict.fromkeys(NEEDED, missing), **told}


@dataclass(frozen=True)
class Sidecar:
    """A pod with a proxy. ``revision``: of who injected it. ``wanted``: what is asked for now; empty for none."""

    name: str
    revision: str
    wanted: str
    started_at: Optional[datetime]


@dataclass(frozen=True)
class Certificate:
    """A certificate that a proxy uses. ``identity``: of the workload; empty for that of an authority."""

    serial: str
    identity: str
    begins_at: datetime
    ends_at: datetime

    def left(self, now: datetime) -> timedelta:
        """The time until its end."""
        return self.ends_at - now

    def share_left(self, now: datetime) -> float:
        """The part of its life that is left, 0 to 1."""
        return max(self.left(now) / (self.ends_at - self.begins_at), 0.0)


@dataclass(frozen=True)
class Proxy:
    """All that is known of a proxy.

    ``sidecar``: None where no pod is behind it, such as on a virtual machine. ``link``: None where no istiod knows it.
    ``certificates``: None when they were not looked at; ``problem`` tells why, if that was not wanted.
    """

    name: str
    sidecar: Optional[Sidecar] = None
    link: Optional[Link] = None
    certificates: Optional[Sequence[Certificate]] = None
    problem: str = ""

    def states(self, seconds: float) -> Dict[str, State]:
        """By type; empty where no istiod knows it."""
        return self.link.states(seconds) if self.link else {}

    def state(self, seconds: float, now: datetime) -> State:
        """The worst of its states."""
        if self.link:
            return max(self.states(seconds).values(), key=lambda state: state.rank)
        started = self.sidecar.started_at if self.sidecar else None
        is_young = bool(started and now - started < timedelta(seconds=seconds))
        return State.PENDING if is_young else State.UNKNOWN

    @property
    def identity(self) -> Optional[Certificate]:
        """The certificate of its workload that ends first."""
        own = [each for each in self.certificates or () if each.identity]
        return min(own, key=lambda each: each.ends_at, default=None)


def proxies(links: Iterable[Link], sidecars: Iterable[Sidecar]) -> List[Proxy]:
    """All proxies by name. A proxy that several istiods know is with the one it has come to last."""
    newest: Dict[str, Link] = {}
    for link in links:
        former = newest.get(link.proxy)
        if not former or _came(former) <= _came(link):
            newest[link.proxy] = link
    known = {each.name: each for each in sidecars}
    return [Proxy(name, known.get(name), newest.get(name)) for name in sorted({*newest, *known})]


def _came(link: Link) -> float:
    return link.connected_at.timestamp() if link.connected_at else 0.0


def minor(version: str) -> Optional[Tuple[int, int]]:
    """The major and the minor of a version of Istio; None for one that is none."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else None


def wanted_revision(pod_labels: Mapping[str, str], namespace_labels: Mapping[str, str], tags: Mapping[str, str]) -> str:
    """The revision whose sidecar a new pod with these labels would get; empty for none.

    The order is that of the injector's selectors: the pod may opt out, the namespace decides before the pod does, and
    ``istio-injection`` before a revision (istio.io, "Installing the Sidecar"). ``tags``: the revision of each tag.
    """
    opted = pod_labels.get("sidecar.istio.io/inject")
    injection = namespace_labels.get("istio-injection")
    named = namespace_labels.get("istio.io/rev") or pod_labels.get("istio.io/rev")
    if opted == "false" or injection == "disabled":
        return ""
    if injection:
        named = DEFAULT
    elif opted == "true":
        named = named or DEFAULT
    return tags.get(named, named) if named else ""


def state_counts(states: Iterable[State]) -> Dict[str, int]:
    """How many proxies are in each state, every state present."""
    found = {state.value: 0 for state in State}
    for state in states:
        found[state.value] += 1
    return found


def row(proxy: Proxy, seconds: float, now: datetime) -> Dict[str, Any]:
    """A proxy for the result of a module."""
    link, sidecar, identity = proxy.link, proxy.sidecar, proxy.identity
    namespace, _slash, name = proxy.name.partition("/")
    return {
        "namespace": namespace,
        "name": name,
        "state": proxy.state(seconds, now).value,
        "types": {each: state.value for each, state in sorted(proxy.states(seconds).items())},
        "errors": {each.type: each.error for each in (link.resources if link else ()) if each.error},
        "istiod": link.istiod.name if link else "",
        "version": link.version if link else "",
        "istiod_version": link.istiod.version if link else "",
        "revision": sidecar.revision if sidecar else "",
        "wanted_revision": sidecar.wanted if sidecar else "",
        "certificate_ends": identity.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ") if identity else "",
    }
