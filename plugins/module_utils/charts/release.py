# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Helm renders, arranged for server-side apply: namespaces, hooks, and what outlives its release.

Helm itself puts objects without a namespace into that of the release, runs hooks in their turn (helm.sh/docs, "Chart
Hooks"), and leaves standing what has the resource policy ``keep``. Rendering alone does none of that.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Set, Tuple

Object = Dict[str, Any]

HOOK, WEIGHT, POLICY = "helm.sh/hook", "helm.sh/hook-weight", "helm.sh/resource-policy"
BEFORE = frozenset(("crd-install", "pre-install", "pre-upgrade"))
AFTER = frozenset(("post-install", "post-upgrade"))
_RUNS = ("Job", "Pod")
_LONGEST = 63
"""Of the name of a Job, which becomes a label of its pods."""

_CLUSTER_WIDE: Mapping[str, Tuple[str, ...]] = {
    "": ("Namespace", "Node", "PersistentVolume"),
    "admissionregistration.k8s.io": (
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "apiregistration.k8s.io": ("APIService",),
    "certificates.k8s.io": ("CertificateSigningRequest", "ClusterTrustBundle"),
    "flowcontrol.apiserver.k8s.io": ("FlowSchema", "PriorityLevelConfiguration"),
    "gateway.networking.k8s.io": ("GatewayClass",),
    "networking.k8s.io": ("IngressClass", "IPAddress", "ServiceCIDR"),
    "node.k8s.io": ("RuntimeClass",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"),
}


class Release(NamedTuple):
    """The objects of a release.

    foundation: the namespace. kept: what is not removed with the release. stages: what is to stand, and to be ready,
    before the next stage, which has all objects of those before it. skipped: hooks that are never applied.
    """

    foundation: List[Object]
    kept: List[Object]
    stages: List[List[Object]]
    skipped: List[str]


def arranged(rendered: Iterable[Object], namespace: str, create_namespace: bool) -> Release:
    """The objects of a chart as they are to be applied."""
    objects = list(rendered)
    cluster_wide = _cluster_wide(objects)
    placed = [_placed(each, namespace, cluster_wide) for each in objects]
    applied = [each for each in placed if not _hooks(each) or _hooks(each) & (BEFORE | AFTER)]
    foundation = (
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}] if create_namespace else []
    )
    own = [each for each in applied if not _is_namespace(each, namespace)] if create_namespace else applied
    members = [_once(each) if _hooks(each) else each for each in own if not _is_kept(each)]
    return Release(
        foundation,
        [each for each in own if _is_kept(each)],
        _stages(foundation, members),
        [f"{_name(each)} ({', '.join(sorted(_hooks(each)))})" for each in placed if each not in applied],
    )


def unsteady(first: Iterable[Object], second: Iterable[Object]) -> List[str]:
    """The objects that are others when the chart is rendered again."""
    one, other = (Counter(json.dumps(each, sort_keys=True) for each in objects) for objects in (first, second))
    return sorted({_name(json.loads(text)) for text in ((one - other) + (other - one))})


def _stages(foundation: Sequence[Object], members: Sequence[Object]) -> List[List[Object]]:
    definitions = [each for each in members if each.get("kind") == "CustomResourceDefinition"]
    others = [each for each in members if each.get("kind") != "CustomResourceDefinition"]
    parts: Dict[Tuple[int, int], List[Object]] = {}
    for each in others:
        parts.setdefault(_turn(each), []).append(each)
    stages: List[List[Object]] = []
    so_far = [*foundation, *definitions]
    for turn in sorted(parts):
        so_far = [*so_far, *parts[turn]]
        if turn[0] == 0 or any(each.get("kind") in _RUNS for each in parts[turn]):
            stages.append(so_far)
    if not stages or len(stages[-1]) < len(so_far):
        stages.append(so_far)
    return stages


def _turn(body: Object) -> Tuple[int, int]:
    """When it is applied: hooks before all else by weight, then what is no hook, then those after it by weight."""
    hooks = _hooks(body)
    if not hooks:
        return (0, 0)
    try:
        weight = int(str(_annotations(body).get(WEIGHT) or 0))
    except ValueError:
        weight = 0
    return (-1 if hooks & BEFORE else 1, weight)


def _once(hook: Object) -> Object:
    """A Job of a hook under a name of its own for each content: it runs again when it changes, and else never.

    Jobs cannot be changed, and one that removed itself when it was done would be made anew by each run.
    """
    if hook.get("kind") not in _RUNS:
        return hook
    spec = {key: value for key, value in (hook.get("spec") or {}).items() if key != "ttlSecondsAfterFinished"}
    digest = hashlib.sha256(json.dumps({**hook, "spec": spec}, sort_keys=True).encode()).hexdigest()[:8]
    metadata = dict(hook["metadata"])
    name = str(metadata.pop("generateName", "") or metadata.get("name", "")).rstrip("-")
    metadata["name"] = f"{name[: _LONGEST - 9].rstrip('-.')}-{digest}"
    return {**hook, "metadata": metadata, "spec": spec}


def _placed(body: Object, namespace: str, cluster_wide: Set[Tuple[str, str]]) -> Object:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace") or _kind(body) in cluster_wide:
        return body
    return {**body, "metadata": {**metadata, "namespace": namespace}}


def _cluster_wide(objects: Sequence[Object]) -> Set[Tuple[str, str]]:
    """The kinds without namespaces: Kubernetes' own, and those that definitions in the chart say."""
    known = {(group, kind) for group, kinds in _CLUSTER_WIDE.items() for kind in kinds}
    for body in objects:
        spec = body.get("spec")
        if body.get("kind") == "CustomResourceDefinition" and isinstance(spec, dict) and spec.get("scope") == "Cluster":
            known.add((str(spec.get("group")), str((spec.get("names") or {}).get("kind"))))
    return known


def _kind(body: Object) -> Tuple[str, str]:
    return str(body.get("apiVersion", "")).rpartition("/")[0], str(body.get("kind", ""))


def _annotations(body: Object) -> Mapping[str, Any]:
    metadata = body.get("metadata")
    return (metadata.get("annotations") if isinstance(metadata, dict) else None) or {}


def _hooks(body: Object) -> Set[str]:
    return {each.strip() for each in str(_annotations(body).get(HOOK) or "").split(",") if each.strip()}


def _is_kept(body: Object) -> bool:
    return str(_annotations(body).get(POLICY) or "").strip().lower() == "keep"


def _is_namespace(body: Object, name: str) -> bool:
    return _kind(body) == ("", "Namespace") and (body.get("metadata") or {}).get("name") == name


def _name(body: Object) -> str:
    metadata = body.get("metadata") or {}
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{body.get('kind')} {place}{metadata.get('name')}"
