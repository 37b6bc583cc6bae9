# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether istiod is reached by who needs it, proxies and the API server, and whether webhooks lead to one that stands.

The ports are those of istio.io, "Application Requirements"; what a NetworkPolicy allows is read as its API has it
(networking.k8s.io/v1 NetworkPolicySpec).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import AbstractSet, Any, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio import INJECTOR, NAMESPACE
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    DEPLOYMENT,
    Check,
    Kind,
    KubeObject,
    Objects,
    labels_of,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import selects

VALIDATOR = Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
SERVICE = Kind("v1", "Service")
POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy")

XDS, WEBHOOKS = 15012, 15017
"""Where proxies get their configuration and certificates, and where the API server asks."""
_EVERYWHERE = ("0.0.0.0/0", "::/0")
_ISTIO = re.compile(r"(^|\.)(sidecar-injector|validation)\.istio\.io$")


@dataclass(frozen=True)
class LeftWebhook:
    """A configuration of webhooks that leads to Services which do not exist.

    ``is_whole``: it is Istio's, and no part of it leads anywhere else.
    """

    kind: Kind
    configuration: KubeObject
    services: Tuple[str, ...]
    is_whole: bool

    @property
    def subject(self) -> str:
        return f"{self.kind.kind} {self.configuration['metadata']['name']}"


def istio_access(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about the istiods in ``namespace``."""
    namespace = parameters["namespace"]
    yield from _webhooks(objects, namespace)
    istiods = [each for each in objects[DEPLOYMENT] if _is_istiod(each, namespace)]
    for istiod in istiods:
        policies = [each for each in objects[POLICY] if _isolates(each, istiod)]
        yield from _reach(istiod, policies, objects[NAMESPACE])


def _is_istiod(deployment: KubeObject, namespace: str) -> bool:
    return deployment["metadata"]["namespace"] == namespace and labels_of(deployment).get("app") == "istiod"


def left_webhooks(
    configurations: Mapping[Kind, Sequence[KubeObject]], services: AbstractSet[str], namespace: str
) -> Iterator[LeftWebhook]:
    """Those that lead to none of ``services``: of Istio anywhere, of others where it would be in ``namespace``."""
    for kind in (INJECTOR, VALIDATOR):
        for each in configurations[kind]:
            is_istio = _is_istio(each)
            places = [_place(webhook) for webhook in each.get("webhooks") or []]
            wanted = {one for one in places if one and (is_istio or one.startswith(f"{namespace}/"))}
            missing = wanted - services
            if missing:
                yield LeftWebhook(kind, each, tuple(sorted(missing)), is_istio and missing == set(places))


def _place(webhook: Mapping[str, Any]) -> str:
    """The Service that it leads to; empty when it leads to an address."""
    service = (webhook.get("clientConfig") or {}).get("service")
    return f"{service['namespace']}/{service['name']}" if service else ""


def _is_istio(configuration: KubeObject) -> bool:
    """Whether all that it calls are webhooks as Istio names them, in its charts and with `istioctl tag`."""
    webhooks = configuration.get("webhooks") or []
    return bool(webhooks) and all(_ISTIO.search(each.get("name") or "") for each in webhooks)


def _webhooks(objects: Objects, namespace: str) -> Iterator[Finding]:
    for each in left_webhooks(objects, {name_of(each) for each in objects[SERVICE]}, namespace):
        yield _left_behind(each)


def _left_behind(left: LeftWebhook) -> Finding:
    command = f"kubectl delete {left.subject.replace(' ', '/', 1).lower()}"
    removal = f"run the component mesh with mesh_remove_left_webhooks: true, or {command}" if left.is_whole else command
    return Finding(
        "webhook-left-behind",
        Severity.ERROR,
        left.subject,
        f"it leads to Service {' and '.join(left.services)}, which does not exist",
        "Pods that it is called for, or objects of Istio, are refused as long as nobody answers.",
        f"If its revision is gone for good: {removal}. Otherwise run the component mesh with that mesh_revision.",
    )


def _isolates(policy: KubeObject, istiod: KubeObject) -> bool:
    spec = policy["spec"]
    labels = (istiod["spec"]["template"].get("metadata") or {}).get("labels") or {}
    is_ingress = "Ingress" in (spec.get("policyTypes") or ["Ingress"])
    same = policy["metadata"]["namespace"] == istiod["metadata"]["namespace"]
    return same and is_ingress and selects(spec.get("podSelector") or {}, labels)


def _reach(istiod: KubeObject, policies: List[KubeObject], namespaces: List[KubeObject]) -> Iterator[Finding]:
    subject = f"Deployment {name_of(istiod)}"
    if not policies:
        yield passed("istiod-reached", subject, "no NetworkPolicy stands before it")
        return
    names = ", ".join(sorted(name_of(each) for each in policies))
    rules = [rule for policy in policies for rule in policy["spec"].get("ingress") or []]
    asking = [each for each in namespaces if _asks(each)]
    left_out = sorted(
        each["metadata"]["name"] for each in asking if not any(_lets_in(rule, XDS, istiod, each) for rule in rules)
    )
    if left_out:
        yield _blocked(
            subject,
            f"NetworkPolicy {names} lets nobody from {', '.join(left_out)} reach port {XDS}",
            "Proxies get no configuration and no certificate there, so their pods do not become ready.",
            f"Allow ingress to port {XDS} from these namespaces: from: [{{namespaceSelector: {{}}}}], or from each by "
            "its label kubernetes.io/metadata.name.",
        )
    if not any(_lets_in_anybody(rule, WEBHOOKS, istiod) for rule in rules):
        yield _blocked(
            subject,
            f"NetworkPolicy {names} does not let the API server reach port {WEBHOOKS}",
            "It is no pod, so no selector covers it. Pods that ask for a sidecar are refused, objects of Istio too.",
            f"Allow ingress to port {WEBHOOKS} without from, or from the ipBlock of the API servers.",
        )
    elif not left_out:
        yield passed("istiod-reached", subject, f"NetworkPolicy {names} lets in who needs it")


def _blocked(subject: str, message: str, why: str, mend: str) -> Finding:
    return Finding("istiod-reached", Severity.ERROR, subject, message, why, mend)


def _asks(namespace: KubeObject) -> bool:
    labels = labels_of(namespace)
    return labels.get("istio-injection") == "enabled" or "istio.io/rev" in labels


def _lets_in(rule: Mapping[str, Any], port: int, istiod: KubeObject, namespace: KubeObject) -> bool:
    peers = rule.get("from")
    return _opens(rule, port, istiod) and (not peers or any(_covers(peer, istiod, namespace) for peer in peers))


def _covers(peer: Mapping[str, Any], istiod: KubeObject, namespace: KubeObject) -> bool:
    """Whether some pod of the namespace may be meant. Of addresses, only all of them are."""
    if "ipBlock" in peer:
        return peer["ipBlock"].get("cidr") in _EVERYWHERE
    if "namespaceSelector" not in peer:
        return bool(namespace["metadata"]["name"] == istiod["metadata"]["namespace"])
    return selects(peer["namespaceSelector"] or {}, labels_of(namespace))


def _lets_in_anybody(rule: Mapping[str, Any], port: int, istiod: KubeObject) -> bool:
    peers = rule.get("from")
    return _opens(rule, port, istiod) and (not peers or any("ipBlock" in peer for peer in peers))


def _opens(rule: Mapping[str, Any], port: int, istiod: KubeObject) -> bool:
    ports = rule.get("ports")
    return not ports or any(_is_port(each, port, istiod) for each in ports)


def _is_port(given: Mapping[str, Any], port: int, istiod: KubeObject) -> bool:
    wanted = given.get("port")
    if given.get("protocol", "TCP") != "TCP":
        return False
    if isinstance(wanted, str):
        containers = istiod["spec"]["template"]["spec"]["containers"]
        named = {one.get("name"): one["containerPort"] for each in containers for one in each.get("ports") or []}
        wanted = named.get(wanted, -1)
    return wanted is None or wanted <= port <= given.get("endPort", wanted)


CHECK = Check(
    "istio_access",
    (DEPLOYMENT, INJECTOR, NAMESPACE, POLICY, SERVICE, VALIDATOR),
    ("namespace",),
    istio_access,
)
