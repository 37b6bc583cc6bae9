# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user asks of Istio to the values of its Helm charts ``base``, ``cni``, ``istiod`` and ``gateway``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Tuple

OWNED: Mapping[str, str] = {
    "autoscaleBehavior": "the role autoscaling scales istiod",
    "autoscaleEnabled": "the role autoscaling scales istiod",
    "autoscaleMax": "the role autoscaling scales istiod",
    "autoscaleMin": "the role autoscaling scales istiod",
    "cni.enabled": "write mesh_cni",
    "defaultRevision": "write mesh_revision",
    "global.defaultPodDisruptionBudget": "the role autoscaling makes the budget of istiod",
    "global.istioNamespace": "write mesh_namespace",
    "global.networkPolicy": "the role network_policies makes them",
    "global.operatorManageWebhooks": "the webhooks are those of this role",
    "global.proxy.image": "write mesh_images.proxyv2",
    "global.proxy_init.image": "write mesh_images.proxyv2",
    "global.resourceScope": "the role installs all of it",
    "image": "write mesh_images.pilot",
    "meshConfig.connectTimeout": "write mesh_connect_timeout",
    "meshConfig.rootNamespace": "write mesh_root_namespace",
    "pdb": "the role autoscaling makes the budget of istiod",
    "pilot.cni.enabled": "write mesh_cni",
    "replicaCount": "the role autoscaling scales istiod",
    "revision": "write mesh_revision",
    "revisionTags": "write mesh_revision_tags",
    "topologySpreadConstraints": "the role autoscaling spreads istiod over the zones",
}
"""Values that are no one's to set by hand: dotted path -> why, or what to write instead."""

OWNED_OF_GATEWAYS: Mapping[str, str] = {
    "autoscaling": "the role autoscaling scales gateways",
    "global.networkPolicy": "the role network_policies makes them",
    "name": "write the name of the gateway",
    "podDisruptionBudget": "the role autoscaling makes the budget of gateways",
    "replicaCount": "the role autoscaling scales gateways",
    "resources": "write the resources of the gateway",
    "revision": "write mesh_revision",
    "service.ports": "write the ports of the gateway",
    "service.type": "write the service_type of the gateway",
    "topologySpreadConstraints": "the role autoscaling spreads gateways over the zones",
}
"""The same of the chart ``gateway``."""

OWNED_OF_CNI: Mapping[str, str] = {
    "global.networkPolicy": "the role network_policies makes them",
    "global.resourceScope": "the role installs all of it",
    "image": "write mesh_images.install_cni",
    "revision": "all revisions share it",
}
"""The same of the chart ``cni``."""

AMBIENT: Tuple[Tuple[str, str], ...] = (
    ("profile", "ambient"),
    ("global.profile", "ambient"),
    ("ambient.enabled", "true"),
    ("cni.ambient.enabled", "true"),
    ("env.PILOT_ENABLE_AMBIENT", "true"),
    ("meshConfig.defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE", "true"),
)
"""Values that ask for ambient, which wants ztunnel on the nodes: dotted path, and value as text."""

TRACING = "mesh-tracing"
"""The name of the provider that mesh_tracing makes."""

STATUS_PORT = {"name": "status-port", "port": 15021, "targetPort": 15021, "protocol": "TCP"}
"""Where a gateway tells load balancers whether it is ready."""

WITHOUT_FILTERS: Dict[str, Any] = {
    "env": {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"},
    "telemetry": {"enabled": False},
}
"""For the Envoy of the Envoy project, which lacks the filters of Istio's own (istio/proxy, extensions)."""


@dataclass(frozen=True)
class Settings:
    """What a user asks for. ``values`` are values of the chart istiod, which come last.

    ``connect_timeout``: how long a proxy tries to reach a pod, as JSON has a protobuf Duration (``1s``).
    """

    namespace: str
    revision: str
    revision_tags: List[str]
    trust_domain: str
    outbound_traffic: str
    access_log: bool
    priority_class: str
    resources: Mapping[str, Any]
    proxy_resources: Mapping[str, Any]
    connect_timeout: str
    values: Mapping[str, Any] = field(default_factory=dict)
    root_namespace: str = ""
    tracing: Mapping[str, Any] = field(default_factory=dict)
    cni: bool = False
    cni_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """By which workloads ask for it: the first tag, else the revision; empty for the default one."""
        return (self.revision_tags[0] if self.revision_tags else "") or self.revision


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
        "connectTimeout": settings.connect_timeout,
        "enablePrometheusMerge": True,
    }
    if settings.access_log:
        mesh["accessLogFile"] = "/dev/stdout"
    if settings.root_namespace:
        mesh["rootNamespace"] = settings.root_namespace
    if settings.tracing:
        backend = {"service": settings.tracing["service"], "port": settings.tracing["port"]}
        mesh["extensionProviders"] = [{"name": TRACING, settings.tracing["protocol"]: backend}]
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
    if settings.cni:
        values["pilot"] = {"cni": {"enabled": True}}
    return merged(values, settings.values)


def cni_values(settings: Settings) -> Dict[str, Any]:
    """Those of the chart ``cni``, without the image and the folders of the nodes."""
    # Every Kubernetes that we take has the field; the annotation is deprecated.
    return merged({"useAppArmorAnnotation": False}, settings.cni_values)


def gateway_values(settings: Settings, gateway: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of the chart ``gateway``."""
    service: Dict[str, Any] = {"type": gateway["service_type"]}
    if gateway["ports"]:
        service["ports"] = [STATUS_PORT, *(_port(each) for each in gateway["ports"])]
    if gateway["service_annotations"]:
        service["annotations"] = dict(gateway["service_annotations"])
    values: Dict[str, Any] = {"revision": settings.name, "autoscaling": {"enabled": False}, "service": service}
    if gateway["resources"]:
        values["resources"] = dict(gateway["resources"])
    return merged(values, gateway["values"])


def owned(values: Mapping[str, Any], others: Mapping[str, str], path: Tuple[str, ...] = ()) -> Iterator[str]:
    """The paths in a user's values that are not the user's to set, for they are those of others."""
    for key, value in values.items():
        here = (*path, str(key))
        dotted = ".".join(here)
        if dotted in others:
            yield dotted
        elif isinstance(value, Mapping):
            yield from owned(value, others, here)


def ambient(values: Mapping[str, Any]) -> Iterator[str]:
    """The paths in a user's values that ask for ambient."""
    for dotted, asking in AMBIENT:
        found: Any = values
        for key in dotted.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if str(found).lower() == asking:
            yield dotted


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


def _port(port: Mapping[str, Any]) -> Dict[str, Any]:
    target = port.get("target_port") or port["port"]
    return {"name": port["name"], "port": port["port"], "targetPort": target, "protocol": "TCP"}
