# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of SMI CRDs that others ship and that clusters therefore have: what they serve, store and only list.

Sources: the tags of smi-sdk-go and its main branch at a143f8b, smi-controller-sdk, linkerd-smi 0.2.7
(``charts/linkerd-smi/templates/trafficsplit-crd.yaml``), Open Service Mesh at 7bec5b6 (``cmd/osm-bootstrap/crds``),
Traefik Mesh 1.4.8 at 9a344c9, NGINX Service Mesh 2.0, smi-adapter-istio at 540c15f, consul-smi-controller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    IDENTITY_BINDING,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import LIST, MAP

V1 = "apiextensions.k8s.io/v1"
V1BETA1 = "apiextensions.k8s.io/v1beta1"
"""What no Kubernetes since 1.22 takes. Clusters that were upgraded from before still have the CRDs, as v1."""


@dataclass(frozen=True)
class Listed:
    """One CRD of a bundle. Stored is the newest version served, unless ``stored`` says another."""

    kind: Kind
    served: Tuple[str, ...]
    unserved: Tuple[str, ...] = ()
    stored: str = ""

    @property
    def storage(self) -> str:
        """The version that objects are stored in."""
        return self.stored or self.served[-1]


@dataclass(frozen=True)
class Bundle:
    """The CRDs of one product. ``headers`` is their shape (wire.LIST, wire.MAP), None where no version has headers."""

    name: str
    title: str
    api_version: str
    crds: Tuple[Listed, ...]
    headers: Optional[str] = None
    conversion: bool = False
    note: str = ""

    @property
    def installable(self) -> bool:
        """Whether a Kubernetes of today (1.22 and later) takes it."""
        return self.api_version == V1

    def served(self) -> Dict[str, List[str]]:
        """The versions served per short group name, oldest first."""
        found: Dict[str, List[str]] = {}
        for listed in self.crds:
            versions = {*found.get(listed.kind.group, []), *listed.served}
            found[listed.kind.group] = sorted(versions, key=version_key)
        return found


_A1, _A2, _A3, _A4 = ("v1alpha1",), ("v1alpha2",), ("v1alpha3",), ("v1alpha4",)
_TO_A2, _TO_A3, _TO_A4 = _A1 + _A2, _A1 + _A2 + _A3, _A1 + _A2 + _A3 + _A4
_GROUP_WITHOUT_S = "its routes are in the group spec.smi-spec.io, not specs.smi-spec.io"

BUNDLES: Tuple[Bundle, ...] = (
    Bundle(
        "smi-sdk-go-0.1",
        "smi-sdk-go v0.1.0",
        V1BETA1,
        (Listed(TRAFFIC_SPLIT, _A1), Listed(TRAFFIC_TARGET, _A1)),
        note=_GROUP_WITHOUT_S,
    ),
    Bundle(
        "smi-sdk-go-0.2",
        "smi-sdk-go v0.2.0",
        V1BETA1,
        (Listed(TRAFFIC_SPLIT, _A2), Listed(TRAFFIC_TARGET, _A1)),
        note=_GROUP_WITHOUT_S,
    ),
    Bundle(
        "smi-sdk-go-0.3",
        "smi-sdk-go v0.3.0",
        V1BETA1,
        (
            Listed(TRAFFIC_SPLIT, _A3, unserved=_TO_A2),
            Listed(TRAFFIC_TARGET, _A1),
            Listed(HTTP_ROUTE_GROUP, _A2, unserved=_A1),
            Listed(TCP_ROUTE, _A2, unserved=_A1),
        ),
        headers=LIST,
    ),
    Bundle(
        "smi-sdk-go-0.4",
        "smi-sdk-go v0.4.0 and v0.4.1",
        V1BETA1,
        (
            Listed(TRAFFIC_SPLIT, _A3, unserved=_TO_A2),
            Listed(TRAFFIC_TARGET, _A2, unserved=_A1),
            Listed(HTTP_ROUTE_GROUP, _A3, unserved=_TO_A2),
            Listed(TCP_ROUTE, _A3, unserved=_TO_A2),
        ),
        headers=LIST,
    ),
    Bundle(
        "smi-sdk-go-0.5",
        "smi-sdk-go v0.5.0",
        V1BETA1,
        (
            Listed(TRAFFIC_SPLIT, _A4, unserved=_TO_A3),
            Listed(TRAFFIC_TARGET, _A3, unserved=_TO_A2),
            Listed(HTTP_ROUTE_GROUP, _A4, unserved=_TO_A3),
            Listed(TCP_ROUTE, _A4, unserved=_TO_A3),
            Listed(UDP_ROUTE, _A4, unserved=_TO_A3),
        ),
        headers=LIST,
    ),
    Bundle(
        "smi-sdk-go",
        "smi-sdk-go, main branch",
        V1,
        (
            Listed(TRAFFIC_SPLIT, _A4, unserved=_A2 + _A3),
            Listed(TRAFFIC_TARGET, _A3, unserved=_TO_A2),
            Listed(HTTP_ROUTE_GROUP, _A4, unserved=_TO_A3),
            Listed(TCP_ROUTE, _A4),
            Listed(UDP_ROUTE, _A4),
        ),
        headers=LIST,
    ),
    Bundle(
        "smi-controller-sdk",
        "smi-controller-sdk",
        V1,
        (
            Listed(TRAFFIC_SPLIT, _TO_A4),
            Listed(TRAFFIC_TARGET, _TO_A4),
            Listed(IDENTITY_BINDING, _A4),
            Listed(HTTP_ROUTE_GROUP, _TO_A4),
            Listed(TCP_ROUTE, _TO_A4),
            Listed(UDP_ROUTE, _A4),
        ),
        headers=MAP,
        conversion=True,
        note="stores TrafficTargets in the draft v1alpha4; its webhook turns 1.5 into 15 and drops ports and matches",
    ),
    Bundle(
        "linkerd-smi",
        "linkerd-smi 0.2.7",
        V1,
        (Listed(TRAFFIC_SPLIT, _TO_A2, stored="v1alpha1"),),
        note="stores v1alpha1, not the newest version served; sets preserveUnknownFields (linkerd2 issue 14447)",
    ),
    Bundle(
        "open-service-mesh",
        "Open Service Mesh 1.2",
        V1,
        (
            Listed(TRAFFIC_SPLIT, _A2, unserved=_A3 + _A4),
            Listed(TRAFFIC_TARGET, _A3, unserved=_TO_A2),
            Listed(HTTP_ROUTE_GROUP, _A4, unserved=_TO_A3),
            Listed(TCP_ROUTE, _A4),
        ),
        headers=LIST,
        note="has no UDPRoute",
    ),
    Bundle(
        "traefik-mesh",
        "Traefik Mesh 1.4.8",
        V1,
        (
            Listed(TRAFFIC_SPLIT, _A3, unserved=_TO_A2),
            Listed(TRAFFIC_TARGET, _A2, unserved=_A1),
            Listed(HTTP_ROUTE_GROUP, _A3, unserved=_TO_A2),
            Listed(TCP_ROUTE, _A3, unserved=_TO_A2),
        ),
        headers=LIST,
    ),
    Bundle(
        "nginx-service-mesh",
        "NGINX Service Mesh 2.0",
        V1,
        (
            Listed(TRAFFIC_SPLIT, _A3),
            Listed(TRAFFIC_TARGET, _A2),
            Listed(HTTP_ROUTE_GROUP, _A3),
            Listed(TCP_ROUTE, _A3),
        ),
        headers=MAP,
    ),
    Bundle(
        "smi-adapter-istio",
        "smi-adapter-istio",
        V1BETA1,
        (Listed(TRAFFIC_SPLIT, _A2), Listed(TRAFFIC_TARGET, _A1), Listed(HTTP_ROUTE_GROUP, _A1)),
        note="has no TCPRoute",
    ),
    Bundle(
        "consul-smi-controller",
        "Consul SMI controller",
        V1BETA1,
        (Listed(TRAFFIC_TARGET, _A1), Listed(HTTP_ROUTE_GROUP, _A1), Listed(TCP_ROUTE, _A1)),
    ),
)


def bundle(name: str) -> Bundle:
    """The bundle of that name. KeyError when there is none."""
    return {each.name: each for each in BUNDLES}[name]
