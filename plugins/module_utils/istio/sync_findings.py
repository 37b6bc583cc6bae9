# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what proxies run to findings (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.sync import Istiod, Proxy, State, minor

SHOWN = 5
"""Proxies that a finding names; the rest is counted."""


@dataclass(frozen=True)
class Allowed:
    """What is not worth a finding.

    seconds: for an acknowledgement, the first configuration and the first connection. skew: minor versions that a proxy
    may be older than its istiod. life: share of the life of its certificate that a proxy must have left. days: the same
    for its authorities.
    """

    seconds: float
    skew: int
    life: float
    days: float


class _Said(NamedTuple):
    """What is said of a proxy: the same of many of them is one finding."""

    id: str
    severity: Severity
    message: str
    why: str
    mend: str


_MISSES = (
    "It goes by an older state of the mesh: traffic to pods that are gone, old weights, rules that are not there yet."
)
_STRANGER = "It is told of no change, and gets no new certificate when that of now has ended."


def findings(istiods: Sequence[Istiod], proxies: Sequence[Proxy], allowed: Allowed, now: datetime) -> List[Finding]:
    """What there is to say about these istiods and proxies at this time."""
    found = list(_silent(istiods))
    all_answered = bool(istiods) and not found
    grouped: Dict[Tuple[str, _Said], List[str]] = {}
    for proxy in proxies:
        for said in _said(proxy, istiods, allowed, all_answered, now):
            grouped.setdefault((proxy.name.partition("/")[0], said), []).append(proxy.name)
    found += [
        Finding(said.id, said.severity, _subject(names), said.message, said.why, said.mend)
        for (_namespace, said), names in grouped.items()
    ]
    return [_summary(proxies, allowed, now), *found]


def is_in_step(istiods: Sequence[Istiod], proxies: Sequence[Proxy], seconds: float, now: datetime) -> bool:
    """Whether every proxy that a pod is behind has acknowledged everything, and every istiod could tell."""
    answered = bool(istiods) and not any(each.problem for each in istiods)
    return answered and all(each.state(seconds, now) is State.IN_STEP for each in proxies if each.sidecar)


def _silent(istiods: Sequence[Istiod]) -> Iterator[Finding]:
    why = "What its proxies have cannot be told, nor whether they are its own."
    if not istiods:
        yield Finding(
            "mesh-istiod-silent",
            Severity.ERROR,
            "istiod",
            "no pod of it runs",
            _STRANGER,
            "Install the mesh, or name the namespace of its istiod.",
        )
    for each in istiods:
        if each.problem:
            mend = "See its log, and that its debug interface is on (ENABLE_DEBUG_ON_HTTP)."
            yield Finding("mesh-istiod-silent", Severity.ERROR, f"Pod {each.name}", each.problem, why, mend)


def _summary(proxies: Sequence[Proxy], allowed: Allowed, now: datetime) -> Finding:
    states = [each.state(allowed.seconds, now) for each in proxies if each.sidecar]
    others = {state: states.count(state) for state in State if state is not State.IN_STEP and state in states}
    told = f"{states.count(State.IN_STEP)} of {len(states)} proxies run what istiod holds"
    if not others:
        return passed("mesh-sync", "proxies", told)
    told += "".join(f", {number} {state.value}" for state, number in others.items())
    return Finding("mesh-sync", Severity.INFO, "proxies", told)


def _said(
    proxy: Proxy, istiods: Sequence[Istiod], allowed: Allowed, all_answered: bool, now: datetime
) -> Iterator[_Said]:
    yield from _rejected(proxy)
    # What no pod is behind any more stays with istiod until its keepalive, and may be as stale as it likes.
    if not proxy.sidecar:
        return
    yield from _behind(proxy, allowed)
    if proxy.state(allowed.seconds, now) is State.UNKNOWN:
        yield _unknown(proxy.sidecar.revision, istiods, all_answered, allowed.seconds)
    yield from _revision(proxy)
    yield from _version(proxy, allowed.skew)
    yield from _certificates(proxy, allowed, now)


def _rejected(proxy: Proxy) -> Iterator[_Said]:
    for each in proxy.link.resources if proxy.link else ():
        if each.error:
            yield _Said(
                "mesh-proxy-rejected",
                Severity.ERROR,
                f"rejects {each.type}: {each.error}",
                "It keeps what it had before, in part or in whole, and so takes no further change of this type.",
                "Mend or remove what this comes from: an EnvoyFilter most of the time, or a proxy too old for it.",
            )


def _behind(proxy: Proxy, allowed: Allowed) -> Iterator[_Said]:
    states = proxy.states(allowed.seconds)
    stale = ", ".join(sorted(name for name, state in states.items() if state is State.STALE))
    unsent = ", ".join(sorted(name for name, state in states.items() if state is State.UNSENT))
    if stale:
        yield _Said(
            "mesh-proxy-stale",
            Severity.ERROR,
            f"has not acknowledged {stale} within {allowed.seconds:g} s",
            _MISSES,
            "See the log of its container istio-proxy and whether it has the CPU and memory it needs; restart the pod.",
        )
    if unsent:
        yield _Said(
            "mesh-proxy-unsent",
            Severity.ERROR,
            f"was never sent {unsent}",
            "It has no configuration of this type at all, or one of another istiod.",
            "See the log of istiod for what it could not make, and its load; restart the pod when it stays so.",
        )


def _unknown(revision: str, istiods: Sequence[Istiod], all_answered: bool, seconds: float) -> _Said:
    there = sorted({each.revision for each in istiods})
    told = f"no istiod knows it, more than {seconds:g} s after it was started"
    mend = (
        "See the log of its container istio-proxy. It must reach port 15012 of istiod: look at NetworkPolicies and "
        "whether its authority is that of istiod."
    )
    if revision and revision not in there:
        told = f"no istiod of its revision {revision} runs, only of {', '.join(there)}" if there else "no istiod runs"
        mend = "Install this revision, or restart the pod to get a sidecar of one that is there."
    elif not all_answered:
        told = f"no istiod that answered knows it, more than {seconds:g} s after it was started"
    severity = Severity.ERROR if all_answered else Severity.WARNING
    return _Said("mesh-proxy-unknown", severity, told, _STRANGER, mend)


def _revision(proxy: Proxy) -> Iterator[_Said]:
    sidecar = proxy.sidecar
    if not sidecar or not sidecar.revision or sidecar.revision == sidecar.wanted:
        return
    wanted = f"revision {sidecar.wanted}" if sidecar.wanted else "no sidecar any more"
    yield _Said(
        "mesh-proxy-revision",
        Severity.WARNING if sidecar.wanted else Severity.INFO,
        f"has a sidecar of revision {sidecar.revision}, and its labels and its namespace ask for {wanted}",
        "Labels count when a pod is made: this one stays with its revision, which cannot be removed until then.",
        "Restart its workload: kubectl rollout restart.",
    )


def _version(proxy: Proxy, skew: int) -> Iterator[_Said]:
    if not proxy.link:
        return
    own, istiod = minor(proxy.link.version), minor(proxy.link.istiod.version)
    if not own or not istiod or istiod[0] != own[0]:
        return
    difference = istiod[1] - own[1]
    told = f"is of version {_text(own)}, its istiod of {_text(istiod)}"
    if difference > skew:
        why = f"Istio supports proxies that are one minor version older than istiod; {skew} are allowed here."
        yield _Said("mesh-proxy-version", Severity.WARNING, told, why, "Restart its workload: kubectl rollout restart.")
    elif difference < 0:
        why = "Istio does not support proxies that are newer than istiod."
        yield _Said("mesh-proxy-version", Severity.WARNING, told, why, "Upgrade istiod.")


def _text(version: Tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _certificates(proxy: Proxy, allowed: Allowed, now: datetime) -> Iterator[_Said]:
    if proxy.problem:
        yield _Said(
            "mesh-proxy-silent",
            Severity.WARNING,
            f"its certificate could not be looked at: {proxy.problem}",
            "Whether it is about to lose its identity is not known.",
            "See that its container istio-proxy runs, and that its admin port is the one that was asked.",
        )
    if proxy.certificates is not None and not proxy.identity and proxy.state(allowed.seconds, now) is not State.PENDING:
        yield _certificate(Severity.ERROR, "has no certificate of its workload")
    for each in proxy.certificates or ():
        left = each.left(now)
        whose = f"certificate of {each.identity}" if each.identity else "authority that it trusts or was signed by"
        if left <= timedelta(0):
            yield _certificate(Severity.ERROR, f"the {whose} has ended")
        elif each.identity and each.share_left(now) < allowed.life:
            told = f"the {whose} has less than {allowed.life:.0%} of its life left"
            yield _certificate(Severity.WARNING, told)
        elif not each.identity and left < timedelta(days=allowed.days):
            yield _certificate(Severity.WARNING, f"the {whose} ends on {each.ends_at:%Y-%m-%d}")


def _certificate(severity: Severity, told: str) -> _Said:
    return _Said(
        "mesh-proxy-certificate",
        severity,
        told,
        "Sidecars have theirs renewed when half of its life is over. When it ends, no other proxy talks to this one.",
        "See the log of its container istio-proxy and that of istiod, and how long the authority lasts.",
    )


def _subject(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"Proxy {names[0]}"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"Proxies {', '.join(names[:SHOWN])}{more}"


def table(rows: Sequence[Dict[str, Any]]) -> List[str]:
    """Proxies as lines of text."""
    head = ("proxy", "state", "istiod", "version", "revision", "certificate ends")
    lines = [head, *(_cells(each) for each in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def _cells(row: Dict[str, Any]) -> Tuple[str, ...]:
    others = [f"{name} {state}" for name, state in row["types"].items() if state != State.IN_STEP.value]
    state = ", ".join(others) or row["state"]
    return (
        f"{row['namespace']}/{row['name']}",
        state,
        row["istiod"].rpartition("/")[2],
        row["version"],
        row["revision"],
        row["certificate_ends"],
    )
