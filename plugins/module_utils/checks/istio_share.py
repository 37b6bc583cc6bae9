# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether as many workloads of a tenant have a sidecar as it asks for, and the right ones."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    POD,
    Check,
    Kind,
    KubeObject,
    Objects,
    labels_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.share import (
    API_VERSION,
    KINDS,
    Tenant,
    Workload,
    chosen,
    counted,
    is_left_out,
    workload_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.pods import selects

_WORKLOADS = tuple(Kind(API_VERSION, kind) for kind in KINDS)
_ENDED = ("Failed", "Succeeded")


def istio_share(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about each of ``tenants``: ``name``, ``namespaces`` and ``share``.

    With ``plays`` no pod has a sidecar, and what the workloads say of their pods counts alone.
    """
    items = [{**each, "kind": kind.kind} for kind in _WORKLOADS for each in objects[kind]]
    pods = [] if parameters["plays"] else [each for each in objects[POD] if _lives(each)]
    for each in parameters["tenants"]:
        tenant = Tenant(each["name"], each["namespaces"], each["share"])
        yield _share(tenant, counted(tenant, items), pods)


def _lives(pod: KubeObject) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in _ENDED


def _share(tenant: Tenant, items: Sequence[KubeObject], pods: Sequence[KubeObject]) -> Finding:
    subject = f"Tenant {tenant.name}"
    workloads = [workload_of(each) for each in items]
    wanted = chosen(workloads, tenant.share)
    having = {workload_of(each) for each in items if _has_sidecar(each, pods)}
    told = f"{len(having)} of {len(workloads)} workloads have a sidecar, and {tenant.share} % are asked for"
    lacking, superfluous = sorted(wanted - having), sorted(having - wanted)
    if not lacking and not superfluous:
        return passed("injection-share", subject, told)
    return Finding(
        "injection-share",
        Severity.ERROR,
        subject,
        told + _named("should have one", lacking) + _named("should have none", superfluous),
        "Who has a sidecar is in the mesh: its traffic is encrypted, split and authorized.",
        "Run the component mesh. Where that changes nothing, restart them: kubectl rollout restart.",
    )


def _named(what: str, workloads: List[Workload]) -> str:
    more = f" and {len(workloads) - 10} more" if len(workloads) > 10 else ""
    return f"; {what}: {', '.join(map(str, workloads[:10]))}{more}" if workloads else ""


def _has_sidecar(item: KubeObject, pods: Sequence[KubeObject]) -> bool:
    """By its pods where there are any; otherwise by what it says of them."""
    own = [each for each in pods if _is_of(each, item)]
    if not own:
        return not is_left_out(item)
    return any("sidecar.istio.io/status" in (each["metadata"].get("annotations") or {}) for each in own)


def _is_of(pod: KubeObject, item: KubeObject) -> bool:
    same = pod["metadata"]["namespace"] == item["metadata"]["namespace"]
    return bool(same and selects(item["spec"]["selector"], labels_of(pod)))


CHECK = Check("istio_share", (*_WORKLOADS, POD), ("plays", "tenants"), istio_share)
