# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the objects around SMI objects: services, accounts, pods, who may write, further SMI ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, DefaultDict, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

Name = Tuple[str, str]
"""Namespace and name."""
ACCESS_KINDS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
"""The kinds of RBAC that say who may do what."""


@dataclass(frozen=True)
class Surroundings:
    """The objects around. ``known`` are the kinds of which all are here: only of these an absence says anything."""

    services: Mapping[Name, Mapping[str, Any]] = field(default_factory=dict)
    service_accounts: FrozenSet[Name] = frozenset()
    pods: Mapping[Name, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """The pods by the namespace and name of their service account."""
    known: FrozenSet[str] = frozenset()
    namespaces: FrozenSet[str] = frozenset()
    """Where they were looked for; empty for everywhere."""
    access: Sequence[Mapping[str, Any]] = ()
    """Roles, ClusterRoles, RoleBindings and ClusterRoleBindings; all of them when ClusterRoleBinding is known."""
    smi: Sequence[Mapping[str, Any]] = ()
    """SMI objects that are there as well, without being looked at themselves."""
    headers: str = ""
    """The shape of headers that the installed CRD takes: wire.LIST or wire.MAP; empty for either."""

    def knows(self, kind: str, namespace: str) -> bool:
        """Whether what is not here of a kind does not exist in the namespace."""
        return kind in self.known and (not self.namespaces or namespace in self.namespaces)

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]], known: Iterable[str] = ()) -> Surroundings:
        """Sort objects of the kinds Service, ServiceAccount and Pod, and of RBAC; others are left aside."""
        services: Dict[Name, Mapping[str, Any]] = {}
        accounts: Set[Name] = set()
        pods: DefaultDict[Name, List[Mapping[str, Any]]] = defaultdict(list)
        access: List[Mapping[str, Any]] = []
        for obj in objects:
            metadata = obj["metadata"]
            namespace = metadata.get("namespace") or "default"
            if obj.get("kind") == "Service":
                services[namespace, metadata["name"]] = obj
            elif obj.get("kind") == "ServiceAccount":
                accounts.add((namespace, metadata["name"]))
            elif obj.get("kind") == "Pod":
                account = (obj.get("spec") or {}).get("serviceAccountName") or "default"
                pods[namespace, account].append(obj)
            elif obj.get("kind") in ACCESS_KINDS:
                access.append(obj)
        return cls(services, frozenset(accounts), dict(pods), frozenset(known), access=tuple(access))

    def service(self, namespace: str, name: str) -> Optional[Mapping[str, Any]]:
        """The Service of this name; None when there is none, or none is known."""
        return self.services.get((namespace, name))

    def ports_of(self, namespace: str, name: str) -> List[Mapping[str, Any]]:
        """The ports (core/v1 ServicePort) of a service."""
        service = self.service(namespace, name) or {}
        return list((service.get("spec") or {}).get("ports") or ())

    def pods_of_account(self, namespace: str, name: str) -> Sequence[Mapping[str, Any]]:
        """The pods that run as a service account."""
        return self.pods.get((namespace, name), ())
