# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conducting a drill: take the zone, watch, heal it, watch. How a zone is taken and healed is somebody else's matter.

Whatever happens, the zone is healed: signals that end a process interrupt the watching, and wait for everything else.
"""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Type

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import DEPLOYMENT, Kind
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.feed import Feed
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.picture import (
    KINDS,
    STATEFUL_SET,
    Name,
    Picture,
    picture,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.story import Loss, Recovery, unfit
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.verdict import SLOW, Drill, Limits
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.writes import WriteLoad
from ansible_collections.servicemesh.platform.plugins.module_utils.ending_signals import handled
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.explain import Explainer
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

SETTLING = 0.05
"""Seconds for which changes are gathered before the cluster is looked at: they come in bursts."""
LOOK = 1.0
"""Seconds after which it is looked at without a change, for the clock goes on."""
LEAD = 1.0
"""Seconds of writes before the zone is taken."""


class NotFit(Exception):
    """The cluster is not as it should be before a drill; the message says what is wrong."""


class Interrupted(BaseException):
    """A signal that ends the process has come; the message is its name."""


@dataclass(frozen=True)
class Order:
    """What to do. kind: lost, cut or slow. hold: seconds for which the zone stays away at least.

    take, heal: do so; heal waits until it is done, and both raise ``error`` when they cannot.
    """

    zone: str
    kind: str
    hold: float
    limits: Limits
    take: Callable[[], object]
    heal: Callable[[], object]
    error: Type[Exception]


def look(session: Session) -> Picture:
    """The cluster as it is now."""
    with Feed(session, KINDS) as feed:
        return picture(feed.objects())


def await_fit(session: Session, zone: str, seconds: float, progress: Progress) -> Picture:
    """The cluster before the drill. Raises NotFit when it does not become as it should be in time."""
    end = time.monotonic() + seconds
    with Feed(session, KINDS) as feed:
        while True:
            now = picture(feed.objects())
            problems = unfit(now, zone)
            if not problems:
                return now
            if time.monotonic() >= end:
                shown = "; ".join(problems[:10])
                raise NotFit(f"the cluster is not fit for a drill: {shown}. Mend this first")
            progress.say(f"waiting until the cluster is fit for a drill: {problems[0]}")
            feed.wait(min(LOOK, end - time.monotonic()))


def conduct(session: Session, params: Mapping[str, Any], order: Order, progress: Progress) -> Drill:
    """Do the drill. params: the options of the connection, for the writes.

    Raises NotFit and KubeError before the zone is taken; after that a cluster that does not answer is a finding.
    """
    signals = _Signals()
    with Feed(session, KINDS) as feed, handled(signals.handle):
        return _Conductor(session, feed, order, progress, signals).run(WriteLoad(params, session))


class _Signals:
    """The signals that end the process. They are kept, and only become an exception where they are heard."""

    def __init__(self) -> None:
        self._heard = False
        self._name = ""

    def handle(self, number: int, _frame: object) -> None:
        self._name = signal.Signals(number).name
        if self._heard:
            self._heard = False  # one is enough: what follows must be done
            raise Interrupted(self._name)

    def raise_if_any(self) -> None:
        if self._name:
            raise Interrupted(self._name)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """A block that may be interrupted."""
        self._heard = True
        try:
            self.raise_if_any()
            yield
        finally:
            self._heard = False


class _Conductor:
    def __init__(self, session: Session, feed: Feed, order: Order, progress: Progress, signals: _Signals) -> None:
        self._session = session
        self._feed = feed
        self._order = order
        self._progress = progress
        self._signals = signals
        self._taken_at = 0.0

    def run(self, load: WriteLoad) -> Drill:
        before = self._now()
        problems = unfit(before, self._order.zone)
        if problems:
            raise NotFit(f"the cluster is not fit for a drill any more: {'; '.join(problems)}")
        self._progress.say(f"writing before zone {self._order.zone} is taken")
        try:
            load.start()
            time.sleep(LEAD)
            drill = self._take_and_heal(before, load)
        finally:
            with contextlib.suppress(KubeError):
                load.remove()
        self._signals.raise_if_any()
        return drill

    def _take_and_heal(self, before: Picture, load: WriteLoad) -> Drill:
        loss = Loss(self._order.zone, before)
        recovery = Recovery(self._order.zone, before)
        explanations: Dict[Name, str] = {}
        self._signals.raise_if_any()
        self._taken_at = time.monotonic()
        try:
            self._order.take()
            with self._signals.heard():
                self._watch_loss(loss)
                explanations = self._explain(loss)
        finally:
            healed_at = self._seconds()
            not_healed = self._heal()
        if not not_healed:
            with self._signals.heard():
                self._watch_recovery(recovery)
        counted = load.stop(self._taken_at, time.monotonic())
        return Drill(
            self._order.kind,
            loss,
            recovery,
            self._now(),
            healed_at,
            counted,
            self._order.limits,
            explanations,
            not_healed,
        )

    def _watch_loss(self, loss: Loss) -> None:
        order = self._order
        while self._seconds() < max(order.limits.timeout, order.hold):
            loss.note(self._now(), self._seconds())
            # A slow zone need not lose anything: there is nothing to wait for but the time.
            if self._seconds() >= order.hold and (order.kind == SLOW or loss.is_over()):
                return
            self._progress.say(f"zone {order.zone} is {order.kind}: {loss.progress()}")
            self._settle()

    def _explain(self, loss: Loss) -> Dict[Name, str]:
        """Why workloads have not come back, as far as it was not seen already."""
        objects = self._feed.objects()
        explainer = Explainer(self._session)
        return {name: explainer.why_not_ready(_body(objects, name)) for name in loss.awaited()}

    def _heal(self) -> str:
        """What is wrong, when it cannot be healed."""
        self._progress.say(f"healing zone {self._order.zone}")
        try:
            self._order.heal()
        except self._order.error as error:
            return str(error)
        return ""

    def _watch_recovery(self, recovery: Recovery) -> None:
        end = time.monotonic() + self._order.limits.timeout
        while time.monotonic() < end:
            recovery.note(self._now(), self._seconds())
            if recovery.is_over():
                return
            self._progress.say(f"zone {self._order.zone} is healed: waiting for nodes and replicas")
            self._settle()

    def _now(self) -> Picture:
        return picture(self._feed.objects())

    def _seconds(self) -> float:
        return time.monotonic() - self._taken_at

    def _settle(self) -> None:
        self._feed.wait(LOOK)
        time.sleep(SETTLING)


def _body(objects: Mapping[Kind, List[Any]], name: Name) -> Optional[Mapping[str, Any]]:
    kind = DEPLOYMENT if name.kind == DEPLOYMENT.kind else STATEFUL_SET
    found: Iterator[Any] = (body for body in objects[kind] if _place(body) == (name.namespace, name.name))
    return next(found, None)


def _place(body: Mapping[str, Any]) -> Tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]
