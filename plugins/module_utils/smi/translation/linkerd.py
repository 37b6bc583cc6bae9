# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits as HTTPRoutes, targets as Servers, routes and AuthorizationPolicies of Linkerd.

Routes are those of ``gateway.networking.k8s.io`` for both: since 2.14 Linkerd takes a Server as their parent and as
what an AuthorizationPolicy is about, so that ``policy.linkerd.io/HTTPRoute``, the older copy, is not needed.
Sources: linkerd2 ``policy-controller/k8s/api`` (Server v1beta3 has one port; exactly one MeshTLSAuthentication for an
AuthorizationPolicy), the policy pages of linkerd/website.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import Match, TrafficTarget
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import gateway_api
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.result import (
    Translation,
    Type,
    make,
    named,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.selectors import (
    Selectors,
    tcp_ports,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.sources import (
    Allowed,
    Name,
    Sources,
    allowed,
    identities,
    subject,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation.splits import TCP

GROUP = "policy.linkerd.io"
SERVER = Type(f"{GROUP}/v1beta3", "Server")
MESH_TLS = Type(f"{GROUP}/v1alpha1", "MeshTLSAuthentication")
AUTHORIZATION_POLICY = Type(f"{GROUP}/v1alpha1", "AuthorizationPolicy")


def translate(sources: Sources, surroundings: Surroundings, result: Translation) -> None:
    """Translate splits and targets."""
    gateway_api.translate_splits(sources, surroundings, result, (TCP,))
    for split in sources.splits:
        result.warning(
            "service-profile",
            subject(split),
            f"a ServiceProfile {split.root}.{split.namespace}.svc.* would win over the HTTPRoute",
            "After the TrafficSplit, delete the ServiceProfile that linkerd-smi left, unless it is your own.",
            "linkerd-smi empties it when a TrafficSplit goes, and leaves it behind.",
        )
    policies = _Policies(surroundings, result)
    for target in sources.targets:
        policies.add(target, sources)
    policies.tell_overlaps()
    for namespace in sorted({target.namespace for target in sources.targets}):
        result.error(
            "deny-by-default",
            f"Namespace {namespace}",
            "what has no Server here stays open, and Servers deny the probes of the kubelet too",
            "Annotate the namespace with config.linkerd.io/default-inbound-policy: deny, and authorize the probes.",
            "SMI denies what nothing allows; Linkerd does so only where a Server or that annotation says it.",
        )


class _Policies:
    """What stands for the targets; Servers and routes are shared by targets, for two of a kind would contend."""

    def __init__(self, surroundings: Surroundings, result: Translation) -> None:
        self._surroundings = surroundings
        self._result = result
        self._selectors = Selectors(surroundings)
        self._made: Set[Tuple[str, str, str]] = set()
        self._sources: Dict[Tuple[str, str], Dict[str, Set[Name]]] = {}

    def add(self, target: TrafficTarget, sources: Sources) -> None:
        """Translate one target."""
        accounts = identities(target, self._result)
        what = allowed(target, sources, self._result) if accounts else None
        selector = self._selectors.of(target, self._result) if what else None
        if what is None or selector is None:
            return
        ports = self._ports(target, what)
        routes = [made for made in (self._route_matches(match, target) for match in what.matches) if made]
        if not ports or (what.http and not routes):
            message = "not translated: it has no port, or no match that Linkerd can say"
            self._result.error("allows-nothing", subject(target), message, "Name the port in a TCPRoute.")
            return
        origin = f"TrafficTarget/{target.name}"
        self._mesh_tls(target, accounts, origin)
        for port in ports:
            server = named(target.destination.name, port)
            spec = {"podSelector": {"matchLabels": selector}, "port": port}
            self._once(SERVER, target.namespace, server, f"ServiceAccount/{target.destination.name}", spec)
            if not what.http:
                self._authorize(target, GROUP, "Server", server, named(target.name, port), origin)
            for matches in routes:
                route = self._route(target, server, matches)
                self._sources.setdefault((target.namespace, server), {}).setdefault(route, set()).update(accounts)
                name = named(target.name, port, route.rpartition("-")[2])
                self._authorize(target, gateway_api.GROUP, "HTTPRoute", route, name, origin)

    def tell_overlaps(self) -> None:
        """A finding for each Server where the specificity of routes decides who may send."""
        for (namespace, server), routes in sorted(self._sources.items()):
            if len(set(map(frozenset, routes.values()))) > 1:
                self._result.warning(
                    "routes-overlap",
                    f"Server {namespace}/{server}",
                    "its routes are open to different sources: a request that several of them match is authorized "
                    "by the most specific alone",
                    "Write matches that do not overlap.",
                    "SMI adds up what its targets allow.",
                )

    def _ports(self, target: TrafficTarget, what: Allowed) -> Sequence[int]:
        if what.ports is not None:
            return what.ports
        destination = target.destination
        return tcp_ports(self._surroundings.pods_of_account(destination.namespace, destination.name))

    def _route_matches(self, match: Match, target: TrafficTarget) -> Optional[List[Dict[str, Any]]]:
        found = gateway_api.http_matches(match, subject(target), self._result, gateway_api.ALL_REQUESTS)
        if found is not None and len(found) > gateway_api.MAX_MATCHES_OF_RULE:
            message = f"match {match.name!r} is left out: it has too many methods"
            self._result.error("limit", subject(target), message, "Name each method once.")
            return None
        return found

    def _mesh_tls(self, target: TrafficTarget, accounts: Sequence[Name], origin: str) -> None:
        refs = [{"kind": "ServiceAccount", "namespace": namespace, "name": name} for namespace, name in accounts]
        self._once(MESH_TLS, target.namespace, target.name, origin, {"identityRefs": refs})

    def _route(self, target: TrafficTarget, server: str, matches: List[Dict[str, Any]]) -> str:
        content = hashlib.sha256(json.dumps(matches, sort_keys=True).encode()).hexdigest()[:10]
        name = named(server, content)
        spec = {
            "parentRefs": [{"group": GROUP, "kind": "Server", "name": server}],
            "rules": [{"matches": matches}],
        }
        self._once(gateway_api.HTTP_ROUTE, target.namespace, name, f"ServiceAccount/{target.destination.name}", spec)
        return name

    def _authorize(self, target: TrafficTarget, group: str, kind: str, name: str, policy: str, origin: str) -> None:
        spec = {
            "targetRef": {"group": group, "kind": kind, "name": name},
            "requiredAuthenticationRefs": [{"group": GROUP, "kind": MESH_TLS.kind, "name": target.name}],
        }
        self._once(AUTHORIZATION_POLICY, target.namespace, policy, origin, spec)

    def _once(self, made: Type, namespace: str, name: str, origin: str, spec: Mapping[str, Any]) -> None:
        if (made.kind, namespace, name) not in self._made:
            self._made.add((made.kind, namespace, name))
            self._result.objects.append(make(made, namespace, name, origin, spec))
