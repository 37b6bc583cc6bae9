# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what became of requests to findings (pure)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.counting import peers
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.model import (
    Outcome,
    Traffic,
    is_good,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.traffic.statistics import binomial_p, holm

COMPONENT = "traffic"
FEW = 5
"""With fewer answers expected (or expected to be elsewhere) the test sees gross mistakes only."""

_MENDS = {
    "name not found": "See that the Service exists and that the name service of the cluster knows it.",
    "name service does not answer": "Let the clients reach the name service (egress to port 53), and see that it runs.",
    "connection refused": "See that the pods listen at the targetPort of the Service.",
    "connection reset": "A sidecar that wants mutual TLS resets plain text: give the clients a sidecar, or look at "
    "PeerAuthentication.",
    "connection closed without an answer": "A sidecar closes what it does not let in, and what it has no route for: "
    "look at the authorization policies and at the protocol of the port (its name, or appProtocol).",
    "no connection in time": "Packets get lost on the way. Look at the NetworkPolicies of both sides.",
    "no route": "Look at the network between the zones.",
    "no answer in time": "The pods have the connection and do not answer: look at their load and their logs, or give a "
    "longer request_timeout.",
}


@dataclass(frozen=True)
class Wanted:
    """What is expected. weights: by backend, empty for no expectation. status: empty for any good one.

    mtls: None for no expectation. significance: how seldom a right split may be called wrong.
    """

    weights: Mapping[str, float]
    status: str
    mtls: Optional[bool]
    significance: float

    def is_met_by(self, one: Outcome) -> bool:
        """Whether the status is the expected one."""
        return one.status == self.status if self.status else is_good(one.status)

    @property
    def shares(self) -> Dict[str, float]:
        """The weights as parts of 1, by name."""
        total = sum(self.weights.values())
        return {name: weight / total for name, weight in sorted(self.weights.items())}


@dataclass(frozen=True)
class Comparison:
    """One exact binomial test. zone: of the clients; empty for all of them. corrected: the p-value for all tests."""

    zone: str
    backend: str
    hits: int
    requests: int
    share: float
    p_value: float
    corrected: float = 1.0

    def as_dict(self) -> Dict[str, Any]:
        """For the result of a module."""
        return {
            "client_zone": self.zone,
            "backend": self.backend,
            "answers": self.hits,
            "of": self.requests,
            "expected_share": self.share,
            "p_value": self.p_value,
            "corrected_p_value": self.corrected,
        }


def compare(traffic: Traffic, wanted: Wanted) -> List[Comparison]:
    """The tests of the expected shares: from each zone, and from all together where there are several.

    Of two backends only the first is tested, for the other one follows from it.
    """
    shares = {name: share for name, share in wanted.shares.items() if share}
    tested = sorted(shares)[:1] if len(shares) == 2 else sorted(shares)
    zones = traffic.zones
    made = []
    for zone in [*zones, ""] if len(zones) > 1 else zones:
        counted = _counted(traffic, wanted, zone)
        total = sum(counted[name] for name in shares)
        if total and len(shares) > 1:
            made += [(zone, name, counted[name], total, shares[name]) for name in tested]
    p_values = [binomial_p(hits, total, share) for _zone, _name, hits, total, share in made]
    return [Comparison(*one, p, corrected) for one, p, corrected in zip(made, p_values, holm(p_values))]


def findings(
    subject: str, traffic: Traffic, wanted: Wanted, tested: Sequence[Comparison], policies: Sequence[str]
) -> List[Finding]:
    """All findings of a probe. policies: the NetworkPolicies that the requests have to pass."""
    found = [*_status(subject, traffic, wanted, policies), *_weights(subject, traffic, wanted, tested)]
    if wanted.mtls is not None:
        found.append(_mtls(subject, traffic, wanted))
    unsent = sum(traffic.unsent.values())
    if unsent:
        found.append(
            Finding(
                "traffic-unsent",
                Severity.WARNING,
                subject,
                f"{unsent} requests were not sent, for the time was up ({_by_zone(traffic.unsent)})",
                "What was not sent says nothing, and the rest says less than was asked for.",
                "Give a longer timeout, fewer requests or a higher rate.",
            )
        )
    return [replace(finding, component=COMPONENT) for finding in found]


def _status(subject: str, traffic: Traffic, wanted: Wanted, policies: Sequence[str]) -> Iterator[Finding]:
    wrong = [one for one in traffic.outcomes if not wanted.is_met_by(one)]
    hoped = f"expected is {wanted.status}" if wanted.status else "expected is success"
    total = len(traffic.outcomes)
    if not total:
        yield Finding(
            "traffic-status",
            Severity.ERROR,
            subject,
            "no request was sent",
            "Nothing was proven.",
            "Give a longer timeout.",
        )
    elif not wrong:
        yield passed("traffic-status", subject, f"{total} of {total} requests: {wanted.status or 'success'}")
    answered = [one for one in wrong if one.is_answered]
    if answered:
        yield Finding(
            "traffic-status",
            Severity.ERROR,
            subject,
            f"{len(answered)} of {total} requests got another status, {hoped}: {_reasons(answered)}",
            "This is what clients get.",
            "Look at the routes and authorization policies of the Service, and at the logs of what answers.",
        )
    yield from _unanswered(subject, [one for one in wrong if not one.is_answered], total, policies)


def _unanswered(subject: str, silent: Sequence[Outcome], total: int, policies: Sequence[str]) -> Iterator[Finding]:
    """One finding for each reason, for each has its own mend."""
    for reason, number in sorted(Counter(one.reason for one in silent).items()):
        zones = Counter(one.client_zone for one in silent if one.reason == reason)
        hint = f" In the way may be NetworkPolicy {', '.join(policies)}." if policies and _may_be_policy(reason) else ""
        yield Finding(
            "traffic-unanswered",
            Severity.ERROR,
            subject,
            f"{number} of {total} requests got no answer: {reason} ({_by_zone(zones)})",
            "Clients see the Service as down.",
            _MENDS.get(reason, "Look at the clients and at the pods of the Service.") + hint,
        )


def _may_be_policy(reason: str) -> bool:
    return reason in ("no connection in time", "name service does not answer")


def _weights(subject: str, traffic: Traffic, wanted: Wanted, tested: Sequence[Comparison]) -> Iterator[Finding]:
    if not wanted.weights:
        return
    met = [one for one in traffic.outcomes if wanted.is_met_by(one)]
    expected = ", ".join(f"{name} {share:.1%}" for name, share in wanted.shares.items())
    if not any(one.place.backend in wanted.weights for one in met):
        yield _nothing_counted(subject, met, expected)
        return
    strangers = Counter(one.place.backend for one in met if one.place.backend not in wanted.weights)
    if strangers:
        yield _strangers(subject, strangers, len(met))
    dismissed = list(_none_expected(subject, traffic, wanted))
    yield from dismissed
    failed = [test for test in tested if test.corrected < wanted.significance]
    for test in failed:
        yield Finding(
            "traffic-weights",
            Severity.ERROR,
            f"{subject} from zone {test.zone}" if test.zone else subject,
            f"{test.backend} gave {test.hits} of {test.requests} answers ({test.hits / test.requests:.1%}), expected "
            f"are {test.share:.1%}; by chance so much occurs with probability {test.corrected:.1e}",
            "The share of users who get a version is not what was decided.",
            "See that the proxies have the newest routes, and that the weights stand where they are read.",
        )
    if tested and not failed and not dismissed:
        lowest = min(test.corrected for test in tested)
        yield passed("traffic-weights", subject, f"the answers fit {expected} (lowest p-value {lowest:.2g})")
    elif not tested and not strangers and not dismissed:
        yield passed("traffic-weights", subject, f"all {len(met)} answers are from {expected}")
    few = [test for test in tested if round(test.requests * min(test.share, 1 - test.share), 6) < FEW]
    if few:
        yield Finding(
            "traffic-few",
            Severity.WARNING,
            subject,
            f"with {min(test.requests for test in few)} answers to count, fewer than {FEW} are expected of one side",
            "So few answers fit almost any split.",
            "Send more requests.",
        )


def _nothing_counted(subject: str, met: Sequence[Outcome], expected: str) -> Finding:
    told = f"none of {len(met)} answers is" if met else "no answer with the expected status, so none is"
    return Finding(
        "traffic-weights",
        Severity.ERROR,
        subject,
        f"{told} from a backend that was expected ({expected})",
        "The split cannot be judged.",
        "Let answers hold the name of their pod, as those of a path that tells the host name do.",
    )


def _strangers(subject: str, strangers: Mapping[str, int], total: int) -> Finding:
    named = ", ".join(f"{name or 'no pod that is known'} {number}" for name, number in sorted(strangers.items()))
    return Finding(
        "traffic-backends",
        Severity.ERROR,
        subject,
        f"of {total} answers some are not from expected backends: {named}",
        "Requests reach what they should not, or the proof is not whole.",
        "Look at the selector and the routes of the Service; answers must hold the name of their pod.",
    )


def _none_expected(subject: str, traffic: Traffic, wanted: Wanted) -> Iterator[Finding]:
    """A backend with weight 0 gets nothing, whatever it answers: here chance is no excuse."""
    answered = [one for one in traffic.outcomes if one.is_answered]
    for name, weight in sorted(wanted.weights.items()):
        zones = Counter(one.client_zone for one in answered if one.place.backend == name)
        if not weight and zones:
            yield Finding(
                "traffic-zero-weight",
                Severity.ERROR,
                subject,
                f"{name} gave {sum(zones.values())} of {len(answered)} answers and has weight 0 ({_by_zone(zones)})",
                "What was taken out of service still serves.",
                "See that the proxies have the newest routes.",
            )


def _mtls(subject: str, traffic: Traffic, wanted: Wanted) -> Finding:
    met = [one for one in traffic.outcomes if wanted.is_met_by(one) and one.is_answered]
    seen = sum(peers(met).values())
    told = f"{seen} of {len(met)} answers tell by which identity the client was known"
    who = "".join(f", {name}" for name in peers(met))
    if met and seen == (len(met) if wanted.mtls else 0):
        return passed("traffic-mtls", subject, told + who)
    if wanted.mtls:
        return Finding(
            "traffic-mtls",
            Severity.ERROR,
            subject,
            f"{told}{who}; expected are all",
            "Requests without mutual TLS can be read and forged on their way.",
            "See that both sides have a sidecar and PeerAuthentication is STRICT, and that the answers hold the header "
            "X-Forwarded-Client-Cert of their request.",
        )
    return Finding(
        "traffic-mtls",
        Severity.ERROR,
        subject,
        f"{told}{who}; expected are none",
        "The clients were to be outside of the mesh.",
        "Look at the labels for injection of the clients' namespace.",
    )


def _counted(traffic: Traffic, wanted: Wanted, zone: str) -> Counter[str]:
    """Answers with the expected status by backend; from all zones when none is named."""
    here = [one for one in traffic.outcomes if not zone or one.client_zone == zone]
    return Counter(one.place.backend for one in here if wanted.is_met_by(one))


def _reasons(outcomes: Sequence[Outcome]) -> str:
    told = Counter(f"{one.status} {one.reason}".strip() for one in outcomes)
    shown = [f"{text} ({number})" for text, number in told.most_common(3)]
    return ", ".join(shown) + (f", and {len(told) - 3} others" if len(told) > 3 else "")


def _by_zone(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"zone {zone}: {number}" for zone, number in sorted(numbers.items()) if number)
