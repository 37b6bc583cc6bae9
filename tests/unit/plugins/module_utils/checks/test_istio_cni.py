# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the CNI plugin is where pods with sidecars need it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio_cni import (
    CHECK,
    DAEMON_SET,
    NAMESPACE,
    istio_cni,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import NODE, POD
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity

Object = dict[str, Any]
SYSTEM = "istio-system"


def node(name: str) -> Object:
    return {"metadata": {"name": name}}


def plugin(on: str, ready: bool = True) -> Object:
    labels = {"k8s-app": "istio-cni-node"}
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    return {
        "metadata": {"namespace": SYSTEM, "name": f"on-{on}", "labels": labels},
        "spec": {"nodeName": on},
        "status": status,
    }


def daemon_set(desired: int, current: int) -> Object:
    status = {"desiredNumberScheduled": desired, "currentNumberScheduled": current}
    return {"metadata": {"namespace": SYSTEM, "name": "istio-cni-node"}, "status": status}


def namespace(name: str, level: str = "") -> Object:
    return {"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": level} if level else {}}}


def waiting(name: str) -> Object:
    metadata = {"namespace": "shop", "name": name}
    return {"metadata": metadata, "spec": {"initContainers": [{"name": "istio-validation"}]}}


def found(wanted: bool = True, plays: bool = False, **objects: list[Object]) -> list[Finding]:
    kinds = {"daemon_sets": DAEMON_SET, "namespaces": NAMESPACE, "nodes": NODE, "pods": POD}
    assert set(kinds.values()) == set(CHECK.needs)
    parameters = {"namespace": SYSTEM, "namespaces": ["shop"], "plays": plays, "wanted": wanted}
    return list(istio_cni({kind: objects.get(name, []) for name, kind in kinds.items()}, parameters))


def test_ready_everywhere() -> None:
    (finding,) = found(daemon_sets=[daemon_set(2, 2)], nodes=[node("a"), node("b")], pods=[plugin("a"), plugin("b")])
    assert (finding.severity, finding.message) == (Severity.OK, "the plugin is ready on 2 nodes")


def test_a_node_where_it_is_not_ready_is_named() -> None:
    pods = [plugin("a"), plugin("b", ready=False)]
    (finding,) = found(daemon_sets=[daemon_set(2, 2)], nodes=[node("a"), node("b")], pods=pods)
    assert (finding.severity, finding.subject) == (Severity.ERROR, "Node b")
    assert "spec.nodeName=b" in finding.mend


def test_and_one_where_it_has_no_pod_unless_a_user_keeps_it_away() -> None:
    nodes = [node("a"), node("b")]
    (finding,) = found(daemon_sets=[daemon_set(2, 1)], nodes=nodes, pods=[plugin("a")])
    assert finding.subject == "Node b"
    (finding,) = found(daemon_sets=[daemon_set(1, 1)], nodes=nodes, pods=[plugin("a")])
    assert finding.severity is Severity.OK
    # Nobody has looked at a DaemonSet of this moment.
    (finding,) = found(daemon_sets=[daemon_set(0, 0)], nodes=[node("a")])
    assert finding.subject == "Node a"


def test_pods_of_others_do_not_count() -> None:
    other = {**plugin("a"), "metadata": {**plugin("a")["metadata"], "namespace": "kube-system"}}
    (finding,) = found(daemon_sets=[daemon_set(1, 1)], nodes=[node("a")], pods=[other])
    assert finding.severity is Severity.OK
    (finding,) = found(daemon_sets=[daemon_set(1, 0)], nodes=[node("a")], pods=[other])
    assert finding.subject == "Node a"


def test_none_at_all() -> None:
    (finding,) = found(nodes=[node("a")])
    assert (finding.severity, finding.subject) == (Severity.ERROR, f"DaemonSet {SYSTEM}/istio-cni-node")


def test_where_kwok_plays_the_pods_nobody_is_asked() -> None:
    assert found(plays=True, nodes=[node("a")]) == []
    assert found(wanted=False, plays=True, namespaces=[namespace("shop", "baseline")]) == []


def test_one_that_is_not_wanted_any_more_and_who_keeps_it() -> None:
    (finding,) = found(wanted=False, daemon_sets=[daemon_set(1, 1)], pods=[waiting("one"), plugin("a")])
    assert finding.severity is Severity.WARNING
    assert finding.message == "mesh_cni is off, and it stands; 1 need it: Pod shop/one"
    (finding,) = found(wanted=False, daemon_sets=[daemon_set(1, 1)])
    assert finding.message == "mesh_cni is off, and it stands"
    assert found(wanted=False, pods=[waiting("one")]) == []


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_namespace_that_forbids_the_init_container(level: str) -> None:
    asking = [namespace("shop", level), namespace("other", level)]
    (finding,) = found(wanted=False, namespaces=asking)
    assert (finding.severity, finding.subject) == (Severity.ERROR, "Namespace shop")
    assert level in finding.message
    assert "mesh_cni: true" in finding.mend
    assert all(each.subject != "Namespace shop" for each in found(namespaces=asking))


def test_namespaces_that_allow_it() -> None:
    assert found(wanted=False, namespaces=[namespace("shop", "privileged")]) == []
    assert found(wanted=False, namespaces=[namespace("shop")]) == []
