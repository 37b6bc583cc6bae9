# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to ask Prometheus, in PromQL, and what its answers say.

One question gives the counts, by the labels that tell success from failure, and one more each quantile. They are asked
for the same moment. ``increase`` and ``rate`` extrapolate to the edges of the window, so counts may be fractions.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, DefaultDict, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.model import (
    FROM,
    QUANTILES,
    SERVER,
    TO,
    Edge,
    Interval,
    Traffic,
    traffic_metrics,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import Profile, View
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import Reference

COUNTS = "sum by ({by}) (increase({metric}{{{where}}}[{window}s]))"
LATENCIES = "histogram_quantile({quantile}, sum by ({by}, le) (rate({metric}{{{where}}}[{window}s])))"

Vector = Sequence[Tuple[Mapping[str, str], float]]
"""An instant vector: labels and value of each sample."""


@dataclass(frozen=True)
class Question:
    """What is asked about the objects of a reference: the PromQL for each answer, and how to read the answers.

    ``queries`` are by name: ``counts`` and those of QUANTILES. ``direction`` is empty for all received traffic.
    """

    profile: Profile
    view: View
    reference: Reference
    direction: str
    queries: Mapping[str, str]


def about(profile: Profile, reference: Reference, seconds: int) -> Question:
    """What objects receive: one object, those of a namespace, or all of their kind."""
    return _question(profile, profile.received, reference, "", seconds)


def about_edges(profile: Profile, reference: Reference, seconds: int) -> Tuple[Question, Question]:
    """What an object receives, by sender, and what it sends, by receiver."""
    return (
        _question(profile, profile.incoming, reference, FROM, seconds),
        _question(profile, profile.outgoing, reference, TO, seconds),
    )


def _question(profile: Profile, view: View, reference: Reference, direction: str, seconds: int) -> Question:
    labels = view.subject[reference.plural] + (view.peer[reference.plural] if direction else ())
    where = ",".join([*view.matchers, *_chosen(view, reference), *(_somebody(label, profile) for label in labels)])
    outcomes = [label for label, _pattern in profile.failures]
    queries = {
        "counts": COUNTS.format(
            by=", ".join([*labels, *outcomes]), metric=profile.requests, where=where, window=seconds
        )
    }
    for name, quantile in QUANTILES:
        queries[name] = LATENCIES.format(
            quantile=quantile, by=", ".join(labels), metric=profile.latencies, where=where, window=seconds
        )
    return Question(profile, view, reference, direction, queries)


def _chosen(view: View, reference: Reference) -> List[str]:
    """Matchers for the namespace and the name, as far as the reference gives them."""
    wanted = (reference.namespace, reference.name) if reference.resource.namespaced else (reference.name,)
    pairs = zip(view.subject[reference.plural], wanted)
    return [f"{label}={_quoted(value)}" for label, value in pairs if value]


def _somebody(label: str, profile: Profile) -> str:
    """A matcher that leaves out series without this label."""
    return f"{label}!~{_quoted('|' + profile.nobody)}" if profile.nobody else f'{label}!=""'


def _quoted(value: str) -> str:
    """A string of PromQL, whose escapes are those of Go."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def items(question: Question, answers: Mapping[str, Vector], interval: Interval) -> List[Dict[str, Any]]:
    """The TrafficMetrics that the answers tell of, in the order of names.

    ``answers`` are by the names of the queries. What has no sample at all is not there. Where there were no requests
    in the window, the counts are 0 and there are no latencies: Prometheus has NaN for them, and 0 would be a lie.
    """
    found: DefaultDict[Tuple[Reference, Optional[Reference]], Traffic] = defaultdict(Traffic)
    for labels, value in answers["counts"]:
        traffic = found[_ends(question, labels)]
        if _is_failure(question.profile, labels):
            traffic.failures += _finite(value)
        else:
            traffic.successes += _finite(value)
    for name, _quantile in QUANTILES:
        for labels, value in answers[name]:
            latencies = found[_ends(question, labels)].latencies
            if math.isfinite(value):
                latencies[name] = value * question.profile.milliseconds
    ordered = sorted(found.items(), key=lambda pair: (pair[0][0], pair[0][1] or pair[0][0]))
    return [
        traffic_metrics(reference, _edge(question, peer), interval, traffic) for (reference, peer), traffic in ordered
    ]


def _ends(question: Question, labels: Mapping[str, str]) -> Tuple[Reference, Optional[Reference]]:
    """The object that a sample is about, and who is on the other side."""
    plural = question.reference.plural
    subject = _reference(plural, labels, question.view.subject[plural])
    if not question.direction:
        return subject, None
    return subject, _reference(plural, labels, question.view.peer[plural])


def _reference(plural: str, labels: Mapping[str, str], names: Iterable[str]) -> Reference:
    values = [labels.get(name, "") for name in names]
    return Reference(plural, namespace=values[0], name=values[-1])


def _edge(question: Question, peer: Optional[Reference]) -> Edge:
    return Edge(question.direction, question.view.side, peer) if peer else Edge(FROM, SERVER)


def _is_failure(profile: Profile, labels: Mapping[str, str]) -> bool:
    return any(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in profile.failures)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
