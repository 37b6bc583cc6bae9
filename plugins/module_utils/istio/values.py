# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user asks of Istio to the values of its Helm charts ``base`` and ``istiod``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Tuple

OWNED: Mapping[str, str] = {
    "autoscaleBehavior": "the role autoscaling scales istiod",
    "autoscaleEnabled": "the role autoscaling scales istiod",
    "autoscaleMax": "the role autoscaling scales istiod",
    "autoscaleMin": "the role autoscaling scales istiod",
    "defaultRevision": "write mesh_revision",
    "global.defaultPodDisruptionBudget": "the role autoscaling makes the budget of istiod",
    "global.istioNamespace": "write mesh_namespace",
    "global.networkPolicy": "the role network_policies makes them",
    "global.operatorManageWebhooks": "the webhooks are those of this role",
    "global.proxy.image": "write mesh_images.proxyv2",
    "global.proxy_init.image": "write mesh_images.proxyv2",
    "global.resourceScope": "the role installs all of it",
    "image": "write mesh_images.pilot",
    "pdb": "the role autoscaling makes the budget of istiod",
    "replicaCount": "the role autoscaling scales istiod",
    "revision": "write mesh_revision",
    "revisionTags": "write mesh_revision_tags",
    "topologySpreadConstraints": "the role autoscaling spreads istiod over the zones",
}
"""Values that are no one's to set by hand: dotted path -> why, or what to write instead."""

WITHOUT_FILTERS: Dict[str, Any] = {
    "env": {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"},
    "telemetry": {"enabled": False},
}
"""For the Envoy of the Envoy project, which lacks the filters of Istio's own (istio/proxy, extensions)."""


@dataclass(frozen=True)
class Settings:
    """What a user asks for. ``values`` are values of the chart istiod, which come last."""

    namespace: str
    revision: str
    revision_tags: List[str]
    trust_domain: str
    outbound_traffic: str
    access_log: bool
    priority_class: str
    resources: Mapping[str, Any]
    proxy_resources: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)


def base_values(settings: Settings) -> Dict[str, Any]:
    """Those of the chart ``base``, which has the definitions of resources and the webhook that validates them."""
    return {
        "defaultRevision": settings.revision or "default",
        "global": {"istioNamespace": settings.namespace},
    }


def istiod_values(settings: Settings) -> Dict[str, Any]:
    """Those of the chart ``istiod``, without the images."""
    mesh: Dict[str, Any] = {
        "trustDomain": settings.trust_domain,
        "outboundTrafficPolicy": {"mode": settings.outbound_traffic},
        "enablePrometheusMerge": True,
    }
    if settings.access_log:
        mesh["accessLogFile"] = "/dev/stdout"
    proxy: Dict[str, Any] = {"resources": dict(settings.proxy_resources)} if settings.proxy_resources else {}
    values: Dict[str, Any] = {
        "revision": settings.revision,
        "revisionTags": list(settings.revision_tags),
        "autoscaleEnabled": False,
        # More of them at once than there are zones would not find a place.
        "rollingMaxSurge": 1,
        "rollingMaxUnavailable": 0,
        "resources": dict(settings.resources),
        "meshConfig": mesh,
        "global": {
            "istioNamespace": settings.namespace,
            "priorityClassName": settings.priority_class,
            "defaultPodDisruptionBudget": {"enabled": False},
            "proxy": proxy,
        },
    }
    return merged(values, settings.values)


def owned(values: Mapping[str, Any], path: Tuple[str, ...] = ()) -> Iterator[str]:
    """The paths in a user's values that are not the user's to set."""
    for key, value in values.items():
        here = (*path, str(key))
        dotted = ".".join(here)
        if dotted in OWNED:
            yield dotted
        elif isinstance(value, Mapping):
            yield from owned(value, here)


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Dict[str, Any]:
    """Both, as Helm merges values: mappings key by key, of all else the upper one."""
    found = dict(lower)
    for key, value in upper.items():
        below = found.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            found[key] = merged(below, value)
        else:
            found[key] = value
    return found
