# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule 22: who may write TrafficTargets, by RBAC.

Looked at are the bindings of roles that may create, update or patch TrafficTargets. Told are those to everybody
(the groups of all users, all who are logged in, all service accounts), and to service accounts of another namespace
than that of the targets. Of single users and of other groups nobody can tell from the cluster what they own; service
accounts of Kubernetes itself (kube-system) are left out. Other authorizers than RBAC are not looked at.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Dict, Iterable, Iterator, Mapping, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import TRAFFIC_TARGET
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import (
    Breach,
    items_of,
    mapping,
    text,
)

EVERYBODY = ("system:authenticated", "system:unauthenticated", "system:serviceaccounts")
_ALL_OF_NAMESPACE = "system:serviceaccounts:"
_WRITING = ("create", "update", "patch", "*")
_KUBERNETES = "kube-system"

_Key = Tuple[str, str, str]


def target_writers(access: Iterable[Mapping[str, Any]], namespaces: AbstractSet[str]) -> Iterator[Breach]:
    """The bindings that let others than the owners write the targets of the namespaces."""
    objects = list(access)
    roles: Dict[_Key, bool] = {_key(each): _may_write(each) for each in objects if "rules" in each}
    for binding in objects:
        if "roleRef" not in binding:
            continue
        kind, namespace, name = _key(binding)
        role = mapping(binding.get("roleRef"))
        role_kind = text(role.get("kind"))
        role_namespace = namespace if role_kind == "Role" else ""
        is_there = not namespace or namespace in namespaces
        if is_there and roles.get((role_kind, role_namespace, text(role.get("name")))):
            for subject in items_of(binding, "subjects"):
                yield from _judge(mapping(subject), kind, namespace, name, namespaces)


def _key(obj: Mapping[str, Any]) -> _Key:
    metadata = mapping(obj.get("metadata"))
    kind = text(obj.get("kind"))
    namespace = "" if kind.startswith("Cluster") else text(metadata.get("namespace")) or "default"
    return kind, namespace, text(metadata.get("name"))


def _may_write(role: Mapping[str, Any]) -> bool:
    return any(
        _has(rule, "apiGroups", (TRAFFIC_TARGET.api_group, "*"))
        and _has(rule, "resources", (TRAFFIC_TARGET.plural, "*"))
        and _has(rule, "verbs", _WRITING)
        for rule in map(mapping, items_of(role, "rules"))
    )


def _has(rule: Mapping[str, Any], name: str, wanted: Tuple[str, ...]) -> bool:
    return any(value in wanted for value in items_of(rule, name))


def _judge(
    subject: Mapping[str, Any], kind: str, namespace: str, name: str, namespaces: AbstractSet[str]
) -> Iterator[Breach]:
    who = _foreign(subject, {namespace} if namespace else namespaces)
    if not who:
        return
    where = f"of namespace {namespace}" if namespace else "of all namespaces"
    yield Breach(
        22,
        "subjects",
        f"{who} may write the TrafficTargets {where}",
        "Who may write a target decides who gets into its destination; by the text that is for its owner alone.",
        "Bind a role without traffictargets of access.smi-spec.io, or bind it where its accounts are.",
        subject=f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}",
    )


def _foreign(subject: Mapping[str, Any], owners: AbstractSet[str]) -> str:
    """The subject as people call it when it owns none of the namespaces, or not all of them; else nothing."""
    kind, name = text(subject.get("kind")), text(subject.get("name"))
    if kind == "Group" and name in EVERYBODY:
        return f"everybody in group {name}"
    if kind == "Group" and name.startswith(_ALL_OF_NAMESPACE):
        namespace = name[len(_ALL_OF_NAMESPACE) :]
        return "" if owners <= {namespace} or namespace == _KUBERNETES else f"every service account of {namespace}"
    if kind == "ServiceAccount":
        namespace = text(subject.get("namespace"))
        return "" if owners <= {namespace} or namespace == _KUBERNETES else f"ServiceAccount {namespace}/{name}"
    return ""
