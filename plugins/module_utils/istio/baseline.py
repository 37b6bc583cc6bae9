# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh of Istio is made to hold from the beginning: mutual TLS, denial by default, the scope of sidecars."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

Object = Dict[str, Any]


def baseline(namespace: str, mtls: str, sidecar_hosts: Sequence[str], deny: Sequence[str]) -> List[Object]:
    """The objects. What stands in the root namespace holds for the whole mesh (istio.io, "Global Mesh Options").

    namespace: of istiod, the root namespace. mtls: STRICT, PERMISSIVE or empty for Istio's default. sidecar_hosts:
    what proxies know of, as ``./*``; empty for all. deny: namespaces where nothing is allowed that no policy allows.
    """
    found: List[Object] = []
    if mtls:
        found.append(_object("security.istio.io/v1", "PeerAuthentication", "default", namespace, mtls={"mode": mtls}))
    if sidecar_hosts:
        egress = [{"hosts": list(sidecar_hosts)}]
        found.append(_object("networking.istio.io/v1", "Sidecar", "default", namespace, egress=egress))
    # A policy that allows and names no rule allows nothing.
    found += [_object("security.istio.io/v1", "AuthorizationPolicy", "allow-nothing", each) for each in deny]
    return found


def telemetry(namespace: str, provider: str, sampling: float) -> Object:
    """That all proxies send so many of a hundred traces to a provider."""
    tracing = [{"providers": [{"name": provider}], "randomSamplingPercentage": sampling}]
    return _object("telemetry.istio.io/v1", "Telemetry", "default", namespace, tracing=tracing)


def injection(namespaces: Sequence[str], revision: str, tags: Sequence[str]) -> List[Object]:
    """Fragments of namespaces whose pods get a sidecar, by the first tag, else by the revision."""
    wanted = (tags[0] if tags else "") or revision
    labels = {"istio.io/rev": wanted} if wanted else {"istio-injection": "enabled"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each, "labels": labels}} for each in namespaces
    ]


def _object(api_version: str, kind: str, name: str, namespace: str, **spec: Any) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
