# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules as data. Their numbers are for documents; programs go by their ids, which stay from version to version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity

OBJECT = "object"
"""The object alone shows whether the rule is kept."""
CLUSTER = "cluster"
"""Other objects have to be looked at."""
BOTH = "both"
"""A part of the rule can be seen in the object alone, the rest needs other objects."""

PROVIDERS: Tuple[str, ...] = (
    "linkerd",
    "osm",
    "traefik-mesh",
    "nginx-service-mesh",
    "smi-adapter-istio",
    "istio-smi-controller",
    "consul-smi-controller",
    "flagger",
    "argo-rollouts",
)
"""Who may carry out what the objects say."""
_ALIASES = {"linkerd-smi": "linkerd", "open-service-mesh": "osm"}


@dataclass(frozen=True)
class Rule:
    """What SMI objects have to keep to.

    ``severity`` is that of a breach; a mild case of it may have less. ``exceptions`` has another severity per
    provider. ``only_for`` names the providers that have the rule; empty for all.
    """

    number: int
    id: str
    title: str
    source: str
    severity: Severity
    scope: str
    exceptions: Mapping[str, Severity] = field(default_factory=dict)
    only_for: Tuple[str, ...] = ()

    def severity_for(self, provider: str, mild: Optional[Severity] = None) -> Optional[Severity]:
        """The severity of a breach, ``mild`` where it is a mild case; None when the provider has no such rule."""
        if self.only_for and provider not in self.only_for:
            return None
        return self.exceptions.get(provider, mild or self.severity)


def provider_named(name: str) -> str:
    """The provider that is meant; empty for none in particular. Raises ValueError."""
    found = _ALIASES.get(name, name)
    if found and found not in PROVIDERS:
        raise ValueError(f"{name!r} is no provider; write one of: {', '.join(PROVIDERS)}")
    return found


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_SPLIT_TEXT = "smi-spec, traffic-split"

RULES: Tuple[Rule, ...] = (
    Rule(1, "smi-split-fields", "A split names its service, its backends, and of each backend service and weight",
         "smi-sdk-go crds/split.yaml", _ERROR, OBJECT),
    Rule(2, "smi-weight", "A weight is a whole number that is not negative; a quantity in v1alpha1",
         f"{_SPLIT_TEXT}; smi-spec issue 235; osm issue 3615", _ERROR, OBJECT),
    Rule(3, "smi-weight-sum", "Weights are shares of any sum, but not all of them 0",
         "smi-spec issue 235; smi-adapter-istio weightToPercent", _WARNING, OBJECT),
    Rule(4, "smi-backends", "A split has at least one backend, and none twice",
         "smi-adapter-istio keys weights by name", _ERROR, OBJECT),
    Rule(5, "smi-self-reference", "The root service is not among its own backends",
         f"{_SPLIT_TEXT}, tradeoffs; Linkerd's tutorial and the default of Argo Rollouts do it", _WARNING, OBJECT,
         {"linkerd": _INFO, "argo-rollouts": _INFO}),
    Rule(6, "smi-hierarchy", "No backend is the root of another split",
         f"{_SPLIT_TEXT}; Traefik Mesh: circular reference detected", _ERROR, CLUSTER),
    Rule(7, "smi-split-service", "Root and backends are services in the namespace of the split",
         "smi-spec issues 160, 215, 223; osm issue 2797", _ERROR, BOTH),
    Rule(8, "smi-split-ports", "Every backend has the ports of the root, with the same numbers",
         f"{_SPLIT_TEXT}, ports; Traefik Mesh validateServiceAndBackendPorts", _ERROR, CLUSTER),
    Rule(9, "smi-one-split", "A root service has one split",
         "osm outbound_traffic_policies.go; smi-spec issue 227", _ERROR, CLUSTER),
    Rule(10, "smi-split-matches", "The matches of a split are HTTPRouteGroups of its namespace",
         "smi-sdk-go crds/split.yaml; Traefik Mesh", _ERROR, BOTH),
    Rule(11, "smi-headless", "No service of a split is headless",
         "NGINX Service Mesh documentation", _ERROR, CLUSTER),
    Rule(12, "smi-root-selector", "The root service does not select the pods of its backends",
         "osm issue 4296; the workflow in the text of smi-spec does it", _ERROR, CLUSTER, only_for=("osm",)),
    Rule(13, "smi-target-fields", "A target has a destination, at least one rule and at least one source",
         "smi-spec, traffic-access v1alpha3", _ERROR, OBJECT),
    Rule(14, "smi-target-namespace", "The destination is in the namespace of the target",
         "osm validators.go; smi-spec issue 103", _ERROR, OBJECT),
    Rule(15, "smi-subject", "Subjects are service accounts, each with a name and a namespace",
         "smi-spec, traffic-access; smi-adapter-istio builds cluster.local/ns//sa/x without it", _ERROR, OBJECT),
    Rule(16, "smi-service-account", "Service accounts exist, pods run as them, and they are not the default one",
         "consul-smi-controller, aclBindingRuleSelector", _ERROR, BOTH),
    Rule(17, "smi-target-rules", "The rules of a target name routes of its namespace, and matches that these have",
         "smi-sdk-go crds/access.yaml; smi-adapter-istio findMatches; Traefik Mesh", _ERROR, BOTH),
    Rule(18, "smi-all-matches", "A rule that names no matches allows all of them",
         "smi-spec, traffic-access; smi-adapter-istio generates no rules", _INFO, OBJECT,
         {"smi-adapter-istio": _ERROR}),
    Rule(19, "smi-route-matches", "Matches have unique names, RE2 expressions, HTTP methods, headers as the CRD has",
         "smi-spec, traffic-specs; smi-sdk-go", _ERROR, BOTH),
    Rule(20, "smi-port", "Ports are whole numbers from 1 to 65535", "the ports that TCP and UDP have", _ERROR, OBJECT),
    Rule(21, "smi-identity-binding", "An identity is given by pod labels or a service account, and SPIFFE IDs parse",
         "smi-controller-sdk, webhook of IdentityBinding", _ERROR, OBJECT),
    Rule(22, "smi-target-writers", "Only the owner of the destination may write targets",
         "smi-spec, traffic-access", _WARNING, CLUSTER),
)  # fmt: skip
"""The rules of the Service Mesh Interface and of those who carry it out, by number."""

UNKNOWN_OBJECT = Rule(0, "smi-unknown-object", "Objects are of a kind and a version that SMI has",
                      "smi-spec v0.6.0", _ERROR, OBJECT)  # fmt: skip
NOT_LOOKED_AT = Rule(0, "smi-not-looked-at", "What other objects have to be known for was looked at",
                     "servicemesh.platform", _INFO, CLUSTER)  # fmt: skip
LOOKED_AT = Rule(0, "smi-looked-at", "SMI objects were looked at", "servicemesh.platform", Severity.OK, CLUSTER)
FURTHER: Tuple[Rule, ...] = (UNKNOWN_OBJECT, NOT_LOOKED_AT, LOOKED_AT)
"""What findings tell beside the rules."""

BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in (*RULES, *FURTHER)}
BY_NUMBER: Mapping[int, Rule] = {rule.number: rule for rule in RULES}
