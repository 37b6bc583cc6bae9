# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the CNI plugin of Istio is where pods with sidecars need it, and whether pods could come without it."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.istio import NAMESPACE
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    NODE,
    POD,
    Check,
    Kind,
    KubeObject,
    Objects,
    is_true,
    labels_of,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.cni import users

DAEMON_SET = Kind("apps/v1", "DaemonSet")
LEVEL = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that says what its pods may."""
_NAME = "istio-cni-node"
_FORBIDDING = ("baseline", "restricted")
_STUCK = "Pods with a sidecar do not start there: they wait for the rules that the plugin sets up."


def istio_cni(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about the plugin of ``namespace``, and about ``namespaces``, whose pods get a sidecar.

    ``wanted`` says whether the plugin is to be there, ``plays`` that kwok plays its pods.
    """
    name = f"{parameters['namespace']}/{_NAME}"
    found = next((each for each in objects[DAEMON_SET] if name_of(each) == name), None)
    if not parameters["wanted"]:
        yield from _left(name, found, objects[POD])
        if not parameters["plays"]:
            yield from _forbidden(objects[NAMESPACE], parameters["namespaces"])
    elif not parameters["plays"]:
        yield from _nodes(name, found, objects)


def _nodes(name: str, found: Any, objects: Objects) -> Iterator[Finding]:
    """Each node on which the plugin is not ready."""
    namespace = name.partition("/")[0]
    pods = [each for each in objects[POD] if _is_of_plugin(each, namespace)]
    if found is None:
        yield Finding(
            "mesh-cni", Severity.ERROR, f"DaemonSet {name}", "there is none", _STUCK, "Run the component mesh."
        )
        return
    ready = {each["spec"].get("nodeName") for each in pods if is_true(each, "Ready")}
    lacking = [each for each in map(name_of, objects[NODE]) if each not in ready and _belongs(each, pods, found)]
    for node in lacking:
        yield Finding(
            "mesh-cni",
            Severity.ERROR,
            f"Node {node}",
            "the CNI plugin of Istio is not ready",
            _STUCK,
            f"See its pod: kubectl describe pods -n {namespace} -l k8s-app={_NAME} "
            f"--field-selector spec.nodeName={node}",
        )
    if not lacking:
        yield passed("mesh-cni", f"DaemonSet {name}", f"the plugin is ready on {len(ready)} nodes")


def _is_of_plugin(pod: KubeObject, namespace: str) -> bool:
    return bool(pod["metadata"]["namespace"] == namespace and labels_of(pod).get("k8s-app") == _NAME)


def _belongs(node: str, pods: Sequence[KubeObject], found: KubeObject) -> bool:
    """Whether the plugin is to be on the node: a user may keep it away from some."""
    status = found.get("status") or {}
    complete = int(status.get("currentNumberScheduled") or 0) >= int(status.get("desiredNumberScheduled") or 0) > 0
    return not complete or any(each["spec"].get("nodeName") == node for each in pods)


def _left(name: str, found: Any, pods: Sequence[KubeObject]) -> Iterator[Finding]:
    """A plugin that is not wanted any more, and what keeps it."""
    if found is None:
        return
    keeping = users(pods, [])
    yield Finding(
        "mesh-cni-left",
        Severity.WARNING,
        f"DaemonSet {name}",
        f"mesh_cni is off, and it stands{_named(keeping)}",
        "When their node restarts, the rules of such pods are set up by the plugin or not at all.",
        "Restart these pods (kubectl rollout restart), in namespaces that allow their init container. Then run the "
        "component mesh, also with another revision that stands beside it.",
    )


def _named(names: List[str]) -> str:
    more = ", ..." if len(names) > 10 else ""
    return f"; {len(names)} need it: {', '.join(names[:10])}{more}" if names else ""


def _forbidden(namespaces: Sequence[KubeObject], asking: Sequence[str]) -> Iterator[Finding]:
    """Namespaces where pods get an init container that is forbidden there."""
    for each in namespaces:
        level = labels_of(each).get(LEVEL, "")
        if name_of(each) not in asking or level not in _FORBIDDING:
            continue
        yield Finding(
            "sidecar-forbidden",
            Severity.ERROR,
            f"Namespace {name_of(each)}",
            f"its pods get a sidecar, whose init container the Pod Security level {level} forbids",
            "The init container sets up iptables. New pods of the namespace are refused.",
            "Have the CNI plugin do that (mesh_cni: true), or give the tenant pod_security: privileged.",
        )


CHECK = Check(
    "istio_cni",
    (DAEMON_SET, NAMESPACE, NODE, POD),
    ("namespace", "namespaces", "plays", "wanted"),
    istio_cni,
)
