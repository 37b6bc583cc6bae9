# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Istio's control plane serves its mesh: istiod, its injector, its authority, and what it can and cannot do."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Set, Tuple

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

INJECTOR = Kind("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")
NAMESPACE = Kind("v1", "Namespace")
NEAR_ITS_END = 60
"""Days: what is signed with an authority must end before it."""
ROOT_NEAR_ITS_END = 180
"""Days: a new root takes weeks to reach every workload."""
_TEXT = "Pods of namespaces that ask for a sidecar are refused or come without one, and proxies are told of no change."


def istio(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about the istiod ``deployment`` in ``namespace``.

    ``plays`` says that kwok plays its pods, ``lacks_filters`` that the proxies are the Envoy of the Envoy project.
    ``authority`` is what ``istio.authority.examine`` tells of the Secret cacerts.
    """
    if parameters["plays"]:
        yield _note("istiod-runs", "Istio", "its objects stand, and no pod runs a program: kwok plays them", _PLAYED)
    else:
        yield _istiod(f"{parameters['namespace']}/{parameters['deployment']}", objects[DEPLOYMENT])
        yield from _injectors(objects[INJECTOR], parameters)
    yield from _authority(parameters)
    yield from _injected_twice(objects[NAMESPACE])
    yield from _called_twice(objects[NAMESPACE], objects[INJECTOR])
    if parameters["lacks_filters"]:
        yield _note("istio-metrics", "Istio", "its proxies have no metrics of Istio, only those of Envoy", _LACKED)


_PLAYED = "For traffic and sidecars take real nodes: cluster_embedded_nodes: kubelet."
_LACKED = (
    "The images are built with the Envoy of the Envoy project. Name those of a release in mesh_images for the rest."
)


def _note(identifier: str, subject: str, message: str, mend: str) -> Finding:
    return Finding(identifier, Severity.INFO, subject, message, "", mend)


def _istiod(name: str, deployments: List[KubeObject]) -> Finding:
    found = next((each for each in deployments if name_of(each) == name), None)
    ready = int(((found or {}).get("status") or {}).get("readyReplicas") or 0)
    if ready:
        return passed("istiod-runs", f"Deployment {name}", f"{ready} replicas are ready")
    return Finding(
        "istiod-runs",
        Severity.ERROR,
        f"Deployment {name}",
        "no replica is ready" if found else "there is none",
        _TEXT,
        f"See its pods: kubectl describe pods -n {name.partition('/')[0]} -l app=istiod. Then run the component mesh.",
    )


def _injectors(webhooks: List[KubeObject], parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """One finding for each injector of this istiod."""
    service = (parameters["namespace"], parameters["deployment"])
    for each in webhooks:
        clients = [webhook.get("clientConfig") or {} for webhook in each.get("webhooks") or []]
        if not any(_service(client) == service for client in clients):
            continue
        subject = f"MutatingWebhookConfiguration {name_of(each)}"
        if all(client.get("caBundle") for client in clients):
            yield passed("sidecar-injector", subject, "istiod has written its certificate into it")
            continue
        yield Finding(
            "sidecar-injector",
            Severity.ERROR,
            subject,
            "istiod has not written its certificate into it",
            _TEXT,
            "See the log of istiod; restart it when somebody has emptied caBundle.",
        )


def _service(client: Mapping[str, Any]) -> Any:
    service = client.get("service") or {}
    return service.get("namespace"), service.get("name")


def _authority(parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Of the Secret cacerts, as ``istio.authority`` has examined it."""
    subject = f"Secret {parameters['namespace']}/cacerts"
    authority = parameters["authority"]
    days, root_days = float(authority["days_left"]), float(authority["root_days_left"])
    if authority["problem"]:
        yield Finding("mesh-authority", Severity.ERROR, subject, authority["problem"], _UNSIGNED, _SIGN)
        return
    if root_days <= ROOT_NEAR_ITS_END:
        yield Finding(
            "mesh-root",
            Severity.ERROR if root_days <= 0 else Severity.WARNING,
            subject,
            f"its root has {int(root_days)} days left" if root_days > 0 else "its root has ended",
            "Workloads that know only the old root trust nobody who is signed with a new one.",
            "Make a new root, have both in the root certificate of this Secret until all workloads are restarted, and "
            "only then sign with the new one.",
        )
    if days > NEAR_ITS_END:
        yield passed("mesh-authority", subject, f"{int(days)} days left")
        return
    told = f"{int(days)} days left" if days > 0 else "it has ended"
    severity = Severity.WARNING if days > 0 else Severity.ERROR
    yield Finding("mesh-authority", severity, subject, told, _UNSIGNED, _SIGN)


_UNSIGNED = (
    "What is signed with it ends with it. From then on no connection comes about, new pods that ask for a sidecar are "
    "refused, and an istiod that is restarted does not start."
)
_SIGN = (
    "Sign a new one with the same root, which istiod takes by itself within two minutes. Where the role has made it: "
    "run the component mesh with mesh_renew_authority: true."
)


def _injected_twice(namespaces: List[KubeObject]) -> Iterator[Finding]:
    """Namespaces that two injectors feel called by."""
    for each in namespaces:
        labels = labels_of(each)
        asked = [name for name in ("istio-injection", "istio.io/rev") if labels.get(name) not in (None, "disabled")]
        if "linkerd.io/inject" in labels or "linkerd.io/inject" in (each["metadata"].get("annotations") or {}):
            asked.append("linkerd.io/inject")
        if len(asked) > 1:
            yield Finding(
                "injected-twice",
                Severity.ERROR,
                f"Namespace {name_of(each)}",
                f"it asks for sidecars by {' and '.join(asked)}",
                "Its pods get the sidecar of one mesh or of two, whichever webhook comes first.",
                "Remove all of these labels and annotations but one.",
            )


def _called_twice(namespaces: List[KubeObject], injectors: List[KubeObject]) -> Iterator[Finding]:
    """Namespaces whose label two istiods answer, as when a tag has the name of a revision or is default."""
    for each in namespaces:
        calling = {name_of(one): _injects(one, labels_of(each)) for one in injectors}
        services = {service for called in calling.values() for service in called}
        if len(services) > 1:
            names = sorted(name for name, called in calling.items() if called)
            yield Finding(
                "injected-twice",
                Severity.ERROR,
                f"Namespace {name_of(each)}",
                f"{len(services)} istiods inject there, by MutatingWebhookConfiguration {' and '.join(names)}",
                "Its pods get the sidecar of whichever comes last.",
                "Have one of them lead there: take the tag out of mesh_revision_tags, or give it another name.",
            )


def _injects(injector: KubeObject, labels: Mapping[str, str]) -> Set[Tuple[str, str]]:
    """The istiods that a pod without labels would get a sidecar of, in a namespace with these labels."""
    return {
        _service(webhook["clientConfig"])
        for webhook in injector.get("webhooks") or []
        if ((webhook.get("clientConfig") or {}).get("service") or {}).get("path", "").startswith("/inject")
        and selects(webhook.get("namespaceSelector") or {}, labels)
        and selects(webhook.get("objectSelector") or {}, {})
    }


CHECK = Check(
    "istio",
    (DEPLOYMENT, INJECTOR, NAMESPACE),
    ("authority", "deployment", "lacks_filters", "namespace", "plays"),
    istio,
)
