# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of things: what must stand before what. Within a wave the order does not matter."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Tuple, TypeVar

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey

T = TypeVar("T")

_ORDER: Tuple[Tuple[Tuple[str, str], ...], ...] = (
    (("apiextensions.k8s.io", "CustomResourceDefinition"),),
    (("", "Namespace"),),
    # What others are counted against, run as, read, or are granted.
    (
        ("", "ResourceQuota"),
        ("", "LimitRange"),
        ("", "ServiceAccount"),
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("storage.k8s.io", "StorageClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("policy", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
    ),
    # Who may not do everything may only bind roles that are there.
    (
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ),
    # Pods get the addresses of services that stand before them.
    (
        ("", "Service"),
        ("", "Endpoints"),
        ("discovery.k8s.io", "EndpointSlice"),
    ),
    (
        ("", "Pod"),
        ("", "ReplicationController"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "Job"),
        ("batch", "CronJob"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("networking.k8s.io", "Ingress"),
    ),
    (),  # every other kind: custom resources, which the workloads above may serve
    # Last, for what they are served by must stand, and they could refuse everything else.
    (
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("apiregistration.k8s.io", "APIService"),
    ),
)

_WAVE: Dict[Tuple[str, str], int] = {kind: number for number, kinds in enumerate(_ORDER) for kind in kinds}
_OTHERS = _ORDER.index(())


def wave_of(key: ObjectKey) -> int:
    """The number of the wave in which an object is applied."""
    return _WAVE.get((key.group, key.kind), _OTHERS)


def in_waves(items: Iterable[T], key: Callable[[T], ObjectKey]) -> List[List[T]]:
    """The items grouped into waves, first wave first; removal goes through them backwards."""
    waves: Dict[int, List[T]] = {}
    for item in items:
        waves.setdefault(wave_of(key(item)), []).append(item)
    return [waves[number] for number in sorted(waves)]
