# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which workloads of a tenant have a sidecar, when only a share of them is to (pure).

The share is of workloads, not of pods: all pods of a workload are alike. Their order is that of a digest of their
names, and the first of them have a sidecar. So the same names give the same choice everywhere; a larger share only adds
workloads; and a workload that comes or goes changes at most one other.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Set

Object = Mapping[str, Any]

INJECT = "sidecar.istio.io/inject"
"""The label of pods by which they say themselves whether they get a sidecar."""
MARK = "servicemesh.platform/left-out-of-the-share"
"""The annotation of workloads that we have left out: others that have the label have it from their owner."""
API_VERSION = "apps/v1"
KINDS = ("DaemonSet", "Deployment", "StatefulSet")


class Tenant(NamedTuple):
    """``share``: how many of a hundred workloads in its namespaces have a sidecar."""

    name: str
    namespaces: Sequence[str]
    share: int


class Workload(NamedTuple):
    """The name of one."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def asked(tenants: Sequence[Mapping[str, Any]]) -> List[Tenant]:
    """Of tenants as the role tenancy has them, those that ask for a share."""
    return [
        Tenant(str(each["name"]), [*each.get("namespaces", []), *each.get("adopted_namespaces", [])], int(given))
        for each in tenants
        for given in [each.get("injection_share")]
        if given not in (None, "")
    ]


def share_problems(tenants: Sequence[Mapping[str, Any]], namespaces: Sequence[str]) -> Iterator[str]:
    """What is wrong with the shares of tenants, where these namespaces ask for sidecars, and what to write instead."""
    try:
        sharing = asked(tenants)
    except (TypeError, ValueError):
        yield "an injection_share is no number; write one from 0 to 100"
        return
    for tenant in sharing:
        if not 0 <= tenant.share <= 100:
            yield f"injection_share of {tenant.name} is {tenant.share}; write a number from 0 to 100"
        missing = [each for each in tenant.namespaces if each not in namespaces]
        if missing and tenant.share:
            named = ", ".join(missing)
            yield f"nothing asks for sidecars in {named} of {tenant.name}; write it into mesh_inject_namespaces"


def workload_of(item: Object) -> Workload:
    """The name of an object that has its kind with it."""
    return Workload(item["metadata"]["namespace"], item["kind"], item["metadata"]["name"])


def is_counted(item: Object) -> bool:
    """Whether the share is of it: not when its owner has decided, nor when its pods can have no sidecar."""
    template = item["spec"]["template"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    is_ours = MARK in (item["metadata"].get("annotations") or {})
    return (is_ours or INJECT not in labels) and not template["spec"].get("hostNetwork")


def is_left_out(item: Object) -> bool:
    """Whether the pods of a workload say that they get no sidecar."""
    labels = (item["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return bool(labels.get(INJECT) == "false")


def chosen(workloads: Sequence[Workload], share: int) -> Set[Workload]:
    """Those that have a sidecar: as many as come nearest to the share, and the upper number where two are as near."""
    wanted = (share * len(workloads) + 50) // 100
    return set(sorted(workloads, key=_rank)[:wanted])


def counted(tenant: Tenant, items: Sequence[Object]) -> List[Object]:
    """The workloads that the share of a tenant is of."""
    return [each for each in items if each["metadata"]["namespace"] in tenant.namespaces and is_counted(each)]


def fragments(tenants: Sequence[Tenant], items: Sequence[Object]) -> List[Dict[str, Any]]:
    """What the workloads that are not chosen have of us. The others have nothing: their namespace asks for sidecars."""
    found = []
    for tenant in tenants:
        workloads = sorted(workload_of(each) for each in counted(tenant, items))
        having = chosen(workloads, tenant.share)
        found += [_left_out(each) for each in workloads if each not in having]
    return found


def _rank(workload: Workload) -> str:
    return sha256("/".join(workload).encode()).hexdigest()


def _left_out(workload: Workload) -> Dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": workload.kind,
        "metadata": {"namespace": workload.namespace, "name": workload.name, "annotations": {MARK: "true"}},
        "spec": {"template": {"metadata": {"labels": {INJECT: "false"}}}},
    }
