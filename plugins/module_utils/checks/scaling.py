# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether workloads are spread over zones, scaled and protected as asked."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Iterator, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    AUTOSCALER,
    BUDGET,
    DEPLOYMENT,
    NODE,
    POD,
    ZONE_LABEL,
    Check,
    KubeObject,
    Objects,
    condition,
    is_true,
    labels_of,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed


def scaling(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about each of ``workloads``: spread, replicas, autoscaler and disruption budget."""
    for workload in parameters["workloads"]:
        name = f"{workload['namespace']}/{workload['name']}"
        deployment = _named(objects[DEPLOYMENT], name)
        if deployment is None:
            yield Finding(
                "workload-missing",
                Severity.ERROR,
                f"Deployment {name}",
                "it is to be scaled but does not exist",
                "An autoscaler without a target does nothing.",
                "Install the workload, or take it out of autoscaling_workloads.",
            )
            continue
        yield from _replicas(deployment, workload)
        yield from _spread(deployment, workload, objects)
        yield from _autoscaler(_named(objects[AUTOSCALER], name), name, workload)
        yield from _budget(_named(objects[BUDGET], name), name)


def zone_skew(pods: List[KubeObject], nodes: List[KubeObject]) -> Dict[str, int]:
    """Number of the pods per zone, for every zone that has a ready node or one of the pods."""
    zone_of = {node["metadata"]["name"]: labels_of(node).get(ZONE_LABEL, "") for node in nodes}
    counted = Counter(zone_of.get(pod["spec"].get("nodeName", ""), "") for pod in pods)
    eligible = {labels_of(node).get(ZONE_LABEL, "") for node in nodes if _takes_pods(node)}
    return {zone: counted[zone] for zone in sorted(eligible | set(counted)) if zone}


def _takes_pods(node: KubeObject) -> bool:
    return is_true(node, "Ready") and not node["spec"].get("unschedulable")


def _named(items: List[KubeObject], name: str) -> KubeObject | None:
    return next((item for item in items if name_of(item) == name), None)


def _replicas(deployment: KubeObject, workload: Mapping[str, Any]) -> Iterator[Finding]:
    subject = f"Deployment {name_of(deployment)}"
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    wanted = deployment["spec"].get("replicas", 1)
    if ready >= workload["min_replicas"] and ready == wanted:
        yield passed("replicas-ready", subject, f"{ready} replicas are ready")
        return
    yield Finding(
        "replicas-ready",
        Severity.ERROR,
        subject,
        f"{ready} of {wanted} replicas are ready, at least {workload['min_replicas']} are asked for",
        "Fewer replicas than zones do not survive the loss of one.",
        f"kubectl -n {workload['namespace']} describe deployment {workload['name']}, and see the events of its pods",
    )


def _spread(deployment: KubeObject, workload: Mapping[str, Any], objects: Objects) -> Iterator[Finding]:
    subject = f"Deployment {name_of(deployment)}"
    per_zone = zone_skew(_pods_of(deployment, objects[POD]), objects[NODE])
    told = ", ".join(f"{zone}: {count}" for zone, count in per_zone.items()) or "no zone has any"
    skew = max(per_zone.values(), default=0) - min(per_zone.values(), default=0)
    if per_zone and skew <= workload["max_skew"]:
        yield passed("zone-spread", subject, f"replicas per zone: {told}")
        return
    yield Finding(
        "zone-spread",
        Severity.ERROR,
        subject,
        f"replicas per zone: {told}; the difference {skew} is more than {workload['max_skew']}",
        "The loss of the fullest zone takes more replicas than planned; spread is not mended after scaling down.",
        f"kubectl -n {workload['namespace']} rollout restart deployment {workload['name']}",
    )


def _pods_of(deployment: KubeObject, pods: List[KubeObject]) -> List[KubeObject]:
    """The pods that the deployment selects and that are not on their way out."""
    wanted = deployment["spec"]["selector"].get("matchLabels") or {}
    return [
        pod
        for pod in pods
        if pod["metadata"].get("namespace") == deployment["metadata"]["namespace"]
        and wanted.items() <= labels_of(pod).items()
        and "deletionTimestamp" not in pod["metadata"]
        and pod.get("status", {}).get("phase") in ("Pending", "Running")
    ]


def _autoscaler(autoscaler: KubeObject | None, name: str, workload: Mapping[str, Any]) -> Iterator[Finding]:
    subject = f"HorizontalPodAutoscaler {name}"
    if autoscaler is None:
        yield Finding(
            "autoscaler-active",
            Severity.ERROR,
            subject,
            "it does not exist",
            "The workload keeps its replicas whatever the load.",
            "Run site again with the component autoscaling.",
        )
    elif is_true(autoscaler, "ScalingActive"):
        spec = autoscaler["spec"]
        yield passed("autoscaler-active", subject, f"between {spec['minReplicas']} and {spec['maxReplicas']} replicas")
    else:
        reason = condition(autoscaler, "ScalingActive").get("message") or "it has not looked at the workload yet"
        yield Finding(
            "autoscaler-active",
            Severity.WARNING,
            subject,
            f"it keeps min_replicas {workload['min_replicas']} but cannot scale by CPU: {reason}",
            "Load above what the least number of replicas carries is not answered.",
            "Install metrics-server (pods played by kwok have no CPU usage, there this stays as it is).",
        )


def _budget(budget: KubeObject | None, name: str) -> Iterator[Finding]:
    subject = f"PodDisruptionBudget {name}"
    allowed = (budget or {}).get("status", {}).get("disruptionsAllowed", 0)
    if allowed:
        yield passed("disruptions-allowed", subject, f"{allowed} pods may be evicted now")
        return
    yield Finding(
        "disruptions-allowed",
        Severity.WARNING,
        subject,
        "no pod may be evicted now" if budget else "it does not exist",
        "Draining a node waits for it, upgrades of nodes with it." if budget else "A drain may evict all pods at once.",
        "Wait until all replicas are ready, or raise max_unavailable." if budget else "Run site with autoscaling.",
    )


CHECK = Check("scaling", (NODE, POD, DEPLOYMENT, AUTOSCALER, BUDGET), ("workloads",), scaling)
