# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups, kinds, names and versions of the Service Mesh Interface.

Sources: the texts of smi-spec v0.6.0 (``apis/*/v1alpha*``) and the CRDs of smi-sdk-go at a143f8b. Two things stand
apart: ``metrics.smi-spec.io``, which is an aggregated API and never a CRD (:data:`METRICS`), and the draft
``access.smi-spec.io/v1alpha4`` with IdentityBinding (:data:`DRAFT_KINDS` and :attr:`Kind.drafts`), which was merged
into the text after the last release, stands in the CRDs of smi-controller-sdk only, and is served when it is asked for.
The fields of each version are in the schemas: :func:`schemas.fields`.

A kind is known by its API group and its name together, never by its name alone: see :data:`GATEWAY_API_NAMESAKES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

DOMAIN = "smi-spec.io"
CATEGORY = "smi"


@dataclass(frozen=True)
class Kind:
    """One kind of SMI object.

    ``group`` is the short name that the spec's texts use (``split``), ``versions`` all that a release of the spec
    has published for this kind, oldest first, and ``drafts`` those that none has.
    """

    name: str
    group: str
    plural: str
    short_name: str
    versions: Tuple[str, ...]
    drafts: Tuple[str, ...] = ()

    @property
    def api_group(self) -> str:
        """The API group as Kubernetes has it: ``split.smi-spec.io``."""
        return api_group(self.group)

    @property
    def singular(self) -> str:
        """The name for one object on the command line: ``trafficsplit``."""
        return self.name.lower()

    @property
    def list_kind(self) -> str:
        """The kind of a list of these objects: ``TrafficSplitList``."""
        return f"{self.name}List"

    @property
    def crd_name(self) -> str:
        """The name of the CustomResourceDefinition: ``trafficsplits.split.smi-spec.io``."""
        return f"{self.plural}.{self.api_group}"

    @property
    def all_versions(self) -> Tuple[str, ...]:
        """The published versions and the drafts, oldest first."""
        return (*self.versions, *self.drafts)

    @property
    def newest(self) -> str:
        """The newest published version. IndexError for a kind that is only a draft."""
        return self.versions[-1]


TRAFFIC_SPLIT = Kind("TrafficSplit", "split", "trafficsplits", "ts", ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"))
TRAFFIC_TARGET = Kind(
    "TrafficTarget", "access", "traffictargets", "tt", ("v1alpha1", "v1alpha2", "v1alpha3"), drafts=("v1alpha4",)
)
HTTP_ROUTE_GROUP = Kind(
    "HTTPRouteGroup", "specs", "httproutegroups", "htr", ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4")
)
TCP_ROUTE = Kind("TCPRoute", "specs", "tcproutes", "tr", ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"))
UDP_ROUTE = Kind("UDPRoute", "specs", "udproutes", "ur", ("v1alpha4",))
IDENTITY_BINDING = Kind("IdentityBinding", "access", "identitybindings", "ib", (), drafts=("v1alpha4",))

KINDS: Tuple[Kind, ...] = (TRAFFIC_SPLIT, TRAFFIC_TARGET, HTTP_ROUTE_GROUP, TCP_ROUTE, UDP_ROUTE)
"""The kinds that a release of the spec has published."""
DRAFT_KINDS: Tuple[Kind, ...] = (IDENTITY_BINDING,)
GROUPS: Tuple[str, ...] = ("split", "access", "specs")
"""The short names of the groups whose kinds are served by CRDs."""

# The Gateway API (group gateway.networking.k8s.io; standard channel since its 1.6) has kinds and plurals of the very
# same names with another meaning. `kubectl get tcproutes` picks one of the two: write tcproutes.specs.smi-spec.io.
GATEWAY_API_NAMESAKES: Tuple[Kind, ...] = (TCP_ROUTE, UDP_ROUTE)


@dataclass(frozen=True)
class AggregatedApi:
    """An API that a server of its own brings, registered as APIServices: never a CRD, and never stored."""

    group: str
    kinds: Tuple[str, ...]
    versions: Tuple[str, ...]
    drafts: Tuple[str, ...]
    fields: Tuple[str, ...]

    @property
    def service_names(self) -> Tuple[str, ...]:
        """The names of the APIServices: ``v1alpha1.metrics.smi-spec.io``."""
        return tuple(f"{version}.{api_group(self.group)}" for version in self.versions)


METRICS = AggregatedApi(
    group="metrics",
    kinds=("TrafficMetrics", "TrafficMetricsList"),
    versions=("v1alpha1",),
    # Only Go types of smi-sdk-go: they add backend{apex,name,weight}.
    drafts=("v1alpha2",),
    fields=("resource", "edge.direction", "edge.side", "edge.resource", "timestamp", "window", "metrics[]"),
)
"""Traffic metrics. Latencies are in seconds by the text, in milliseconds (``ms``) by what smi-sdk-go writes."""


def api_group(group: str) -> str:
    """The API group that belongs to a short group name."""
    return f"{group}.{DOMAIN}"


def kinds_of(group: str) -> List[Kind]:
    """The kinds of a group, given by its short name; none for a name that SMI does not have."""
    return [kind for kind in KINDS if kind.group == group]


def kinds_and_drafts_of(group: str) -> List[Kind]:
    """The kinds of a group with those that are only drafts."""
    return [kind for kind in (*KINDS, *DRAFT_KINDS) if kind.group == group]


def newest_versions() -> Dict[str, List[str]]:
    """Per short group name a list with its newest published version: what is served when nobody asks for more."""
    return {group: [max((kind.newest for kind in kinds_of(group)), key=version_key)] for group in GROUPS}


def version_key(version: str) -> int:
    """Sorting key of an SMI version. All of them are ``v1alpha<N>``; anything else is a ValueError."""
    prefix, _alpha, number = version.partition("alpha")
    if prefix != "v1" or not number.isdigit():
        raise ValueError(f"{version!r} is not an SMI version; they are called v1alpha1, v1alpha2 and so on")
    return int(number)
