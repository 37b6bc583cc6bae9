# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads and writes which version of SMI, and what has to be served so that all of them work on one cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.bundles import bundle
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    GROUPS,
    METRICS,
    Kind,
    api_group,
    kinds_of,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import needs_conversion
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import ANY
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP


class UnknownConsumer(ValueError):
    """A name that stands for no consumer; the message lists those that do."""


class State(str, Enum):
    """What becomes of a consumer."""

    ACTIVE = "active"
    EXPERIMENTAL = "experimental"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class Consumer:
    """A product that works with SMI objects.

    ``reads`` are the versions of each group that its code asks the API server for and acts on, ``writes`` those that
    it creates objects in; all of them have to be served. ``headers`` is the shape of headers that it takes, None when
    it looks at none. ``bundle`` names the CRDs that its installation brings, see bundles.py. With ``newest_only`` it
    starts only when its version is the newest served of the group, with ``replaces_crds`` it puts its own CRDs in the
    place of others whenever it starts. ``metrics`` are the versions of metrics.smi-spec.io that it serves itself.
    """

    name: str
    title: str
    state: State
    source: str
    reads: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    writes: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    headers: Optional[str] = None
    bundle: str = ""
    newest_only: bool = False
    replaces_crds: bool = False
    metrics: Tuple[str, ...] = ()
    note: str = ""

    def versions(self, group: str) -> List[str]:
        """The versions of a group, given by its short name, that have to be served for it, oldest first."""
        return sorted({*self.reads.get(group, ()), *self.writes.get(group, ())}, key=version_key)


@dataclass(frozen=True)
class Needs:
    """What a set of consumers needs: arguments for crds(), and what is to be said about it.

    ``versions`` are those to serve by short group name, ``headers`` the shape of headers, ``conversion`` whether a
    conversion webhook has to run.
    """

    versions: Dict[str, List[str]]
    headers: str
    conversion: bool
    findings: List[Finding]

    @property
    def possible(self) -> bool:
        """Whether one cluster can serve all of them at all."""
        return all(finding.severity != Severity.ERROR for finding in self.findings)


def _writer(name: str, title: str, version: str, source: str, note: str = "") -> Consumer:
    """A controller for progressive delivery: it writes TrafficSplits for a mesh to read."""
    return Consumer(name, title, State.ACTIVE, source, writes={"split": (version,)}, note=note)


_FLAGGER = "fluxcd/flagger 1.44: pkg/router/factory.go"
_ARGO = "argoproj/argo-rollouts: --traffic-split-api-version"
_NO_CODE = "no smi-spec.io in its code"

CONSUMERS: Mapping[str, Consumer] = {
    consumer.name: consumer
    for consumer in (
        Consumer(
            "linkerd-smi",
            "linkerd-smi, the SMI extension of Linkerd",
            State.DEPRECATED,
            "linkerd/linkerd-smi at c0c39b1; Linkerd's documentation: will be removed",
            reads={"split": ("v1alpha1",)},
            bundle="linkerd-smi",
            note="reads no matches; leaves ServiceProfiles behind that go before HTTPRoutes",
        ),
        _writer("flagger:linkerd", "Flagger with provider linkerd", "v1alpha1", _FLAGGER),
        _writer("flagger:osm", "Flagger with provider osm", "v1alpha2", _FLAGGER),
        _writer("flagger:smi:v1alpha1", "Flagger with provider smi:v1alpha1", "v1alpha1", _FLAGGER),
        _writer("flagger:smi:v1alpha2", "Flagger with provider smi:v1alpha2", "v1alpha2", _FLAGGER),
        _writer("flagger:smi:v1alpha3", "Flagger with provider smi:v1alpha3", "v1alpha3", _FLAGGER),
        _writer("argo-rollouts", "Argo Rollouts", "v1alpha1", _ARGO),
        _writer("argo-rollouts:v1alpha2", "Argo Rollouts with TrafficSplit v1alpha2", "v1alpha2", _ARGO),
        _writer("argo-rollouts:v1alpha3", "Argo Rollouts with TrafficSplit v1alpha3", "v1alpha3", _ARGO),
        Consumer(
            "open-service-mesh",
            "Open Service Mesh 1.2",
            State.ARCHIVED,
            "openservicemesh/osm at 7bec5b6: pkg/smi, cmd/osm-bootstrap",
            reads={"split": ("v1alpha2",), "access": ("v1alpha3",), "specs": ("v1alpha4",)},
            headers=LIST,
            bundle="open-service-mesh",
            replaces_crds=True,
            note="osm-bootstrap also stops at a CRD that has no labels",
        ),
        Consumer(
            "traefik-mesh",
            "Traefik Mesh 1.4",
            State.ARCHIVED,
            "traefik/mesh at 9a344c9: pkg/k8s/smi.go; mesh-helm-chart issue 8",
            reads={"split": ("v1alpha3",), "access": ("v1alpha2",), "specs": ("v1alpha3",)},
            headers=LIST,
            bundle="traefik-mesh",
            newest_only=True,
        ),
        Consumer(
            "nginx-service-mesh",
            "NGINX Service Mesh 2.0",
            State.ARCHIVED,
            "nginxinc/nginx-service-mesh: CRDs and documentation",
            reads={"split": ("v1alpha3",), "access": ("v1alpha2",), "specs": ("v1alpha3",)},
            headers=MAP,
            bundle="nginx-service-mesh",
            metrics=("v1alpha1",),
        ),
        Consumer(
            "smi-adapter-istio",
            "smi-adapter-istio",
            State.ARCHIVED,
            "servicemeshinterface/smi-adapter-istio at 540c15f, its issues 93 and 94",
            reads={"split": ("v1alpha2",), "access": ("v1alpha1",), "specs": ("v1alpha1",)},
            bundle="smi-adapter-istio",
            note="breaks on Istio 1.7 and later; reads no TCPRoute",
        ),
        Consumer(
            "istio-smi-controller",
            "istio-smi-controller of smi-controller-sdk",
            State.EXPERIMENTAL,
            "servicemeshinterface/smi-controller-sdk at 6a7dfd7",
            reads={"split": ("v1alpha4",), "access": ("v1alpha3",), "specs": ("v1alpha4",)},
            headers=MAP,
            bundle="smi-controller-sdk",
            note="acts on TrafficSplits only, for the other kinds it writes a line of log",
        ),
        Consumer(
            "consul-smi-controller",
            "Consul SMI controller",
            State.EXPERIMENTAL,
            "hashicorp/consul-smi-controller",
            reads={"access": ("v1alpha1",), "specs": ("v1alpha1",)},
            bundle="consul-smi-controller",
            note="writes a status on TrafficTargets, which no version of SMI has and these CRDs do not keep",
        ),
        Consumer(
            "smi-metrics",
            "smi-metrics",
            State.ARCHIVED,
            "servicemeshinterface/smi-metrics, last commit 2020-10",
            metrics=("v1alpha1",),
            note="works with Linkerd before edge-20.8.4 and with Istio",
        ),
        Consumer("istio", "Istio", State.ACTIVE, _NO_CODE),
        Consumer("linkerd", "Linkerd without its SMI extension", State.ACTIVE, f"{_NO_CODE} since 2.12"),
        Consumer("consul", "Consul on Kubernetes", State.ACTIVE, _NO_CODE),
    )
}


def consumer(name: str) -> Consumer:
    """The consumer of that name. Raises :class:`UnknownConsumer`."""
    if name not in CONSUMERS:
        raise UnknownConsumer(f"{name!r} is no known consumer of SMI; write some of: {', '.join(CONSUMERS)}")
    return CONSUMERS[name]


def union(names: Sequence[str]) -> Needs:
    """What has to be served so that all these consumers work. Raises :class:`UnknownConsumer`.

    A finding of severity error means that no cluster can do it, see :attr:`Needs.possible`.
    """
    consumers = [consumer(name) for name in dict.fromkeys(names)]
    versions = {group: _versions(consumers, group) for group in GROUPS if _versions(consumers, group)}
    torn = list(_kinds_to_convert(versions))
    findings = [
        *(finding for each in consumers for finding in _about(each, versions)),
        *_headers_clash(consumers),
        *_unread(consumers),
        *_conversion_wanted(torn, versions),
    ]
    return Needs(versions, _headers(consumers), bool(torn), findings)


def _versions(consumers: Sequence[Consumer], group: str) -> List[str]:
    return sorted({version for each in consumers for version in each.versions(group)}, key=version_key)


def _headers(consumers: Sequence[Consumer]) -> str:
    shapes = {each.headers for each in consumers if each.headers}
    return ANY if len(shapes) > 1 else next(iter(shapes), LIST)


def _kinds_to_convert(versions: Mapping[str, Sequence[str]]) -> Iterator[Kind]:
    for group, wanted in versions.items():
        for kind in kinds_of(group):
            served = [version for version in kind.versions if version in wanted]
            if served and needs_conversion(kind, served):
                yield kind


def _about(each: Consumer, versions: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """What is to be said about one consumer, given all versions that are going to be served."""
    subject = each.name
    if each.state in (State.ARCHIVED, State.DEPRECATED):
        yield Finding(
            "smi-consumer-ended",
            Severity.WARNING,
            subject,
            f"{each.title} is {each.state.value}",
            "nobody mends its faults or follows new versions of Kubernetes",
            "plan the way to the Gateway API",
        )
    if each.metrics:
        services = ", ".join(f"{version}.{api_group(METRICS.group)}" for version in each.metrics)
        yield Finding(
            "smi-consumer-metrics",
            Severity.INFO,
            subject,
            f"serves {services} itself",
            "metrics of SMI are an APIService with a server behind it, never a CRD",
        )
    if not (each.reads or each.writes or each.metrics):
        yield Finding(
            "smi-consumer-none",
            Severity.WARNING,
            subject,
            f"{each.title} reads no SMI object: {each.source}",
            "objects of SMI are stored and nothing happens",
            "install something that reads them for this mesh, or use the API of the mesh",
        )
    if each.note:
        yield Finding("smi-consumer-note", Severity.INFO, subject, each.note)
    yield from _own_crds(each, versions)
    yield from _not_the_newest(each, versions)


def _own_crds(each: Consumer, versions: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    if not each.bundle:
        return
    own = bundle(each.bundle).served()
    lacking = {
        group: [version for version in wanted if version not in own.get(group, [])]
        for group, wanted in versions.items()
        if group in own
    }
    lost = ", ".join(f"{group} {version}" for group, missing in lacking.items() for version in missing)
    if lost and each.replaces_crds:
        yield Finding(
            "smi-consumer-replaces-crds",
            Severity.ERROR,
            each.name,
            f"{each.title} replaces the CRDs whenever it starts, with CRDs that do not serve {lost}",
            "the other consumers lose their version, and the conversion is switched off",
            "run it on a cluster of its own",
        )
    elif lost:
        yield Finding(
            "smi-consumer-brings-crds",
            Severity.WARNING,
            each.name,
            f"the CRDs that come with {each.title} do not serve {lost}",
            "installed later they take these versions away from the other consumers",
            "install it without its CRDs",
        )


def _not_the_newest(each: Consumer, versions: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for group, own in each.reads.items():
        newest = versions[group][-1]
        if each.newest_only and newest not in own:
            yield Finding(
                "smi-consumer-wants-the-newest",
                Severity.ERROR,
                each.name,
                f"{each.title} starts only when {own[-1]} is the newest version served of {api_group(group)}, and "
                f"others need {newest}",
                f"it stops with: unable to find group {api_group(group)!r} version {own[-1]!r}, got {newest!r}",
                f"run it on a cluster of its own, or the others with {own[-1]}",
            )


def _headers_clash(consumers: Sequence[Consumer]) -> Iterator[Finding]:
    readers = {shape: [each.name for each in consumers if each.headers == shape] for shape in (LIST, MAP)}
    if not all(readers.values()):
        return
    shared = set.intersection(
        *({version for name in names for version in CONSUMERS[name].versions("specs")} for names in readers.values())
    )
    where = f"in {', '.join(sorted(shared, key=version_key))}, which both read" if shared else "in different versions"
    yield Finding(
        "smi-consumers-headers",
        Severity.WARNING,
        ", ".join(name for names in readers.values() for name in names),
        f"{', '.join(readers[LIST])} take headers of an HTTPRouteGroup as a list, {', '.join(readers[MAP])} as a "
        f"mapping, {where}",
        "they are served untyped, unchecked by the API server, and one object with headers suits only one side; a "
        "controller can stop reading all route groups at the first of the other shape",
        "write no headers, or let each of them watch namespaces of its own",
    )


def _unread(consumers: Sequence[Consumer]) -> Iterator[Finding]:
    for each in consumers:
        for group, written in each.writes.items():
            if any(group in other.reads for other in consumers):
                continue
            yield Finding(
                "smi-consumer-unread",
                Severity.WARNING,
                each.name,
                f"{each.title} writes {', '.join(written)} of {api_group(group)}, and none of the consumers reads it",
                "the objects are stored and no traffic moves",
                f"name the mesh that reads them, one of: {', '.join(_readers(group))}",
            )


def _readers(group: str) -> List[str]:
    return [each.name for each in CONSUMERS.values() if group in each.reads]


def _conversion_wanted(torn: Sequence[Kind], versions: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for kind in torn:
        served = [version for version in kind.versions if version in versions[kind.group]]
        yield Finding(
            "smi-consumers-conversion",
            Severity.WARNING,
            kind.crd_name,
            f"{', '.join(served)} are wanted, and they differ in their fields",
            "without a conversion webhook the API server cuts off what one version does not know",
            "run the conversion webhook, or configure all consumers to one version",
        )
