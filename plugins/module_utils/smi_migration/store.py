# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration reads from a cluster, and where it keeps what it deletes."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    UDP_ROUTE,
    Kind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.migration import (
    ROOT_LABEL,
    Found,
    Root,
    original,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings

ROUTE_GROUP = "gateway.networking.k8s.io"
ROUTE_KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
ORIGINALS_LABEL = "smi-migration.servicemesh.platform/originals"
_DATA = "originals.json"


class Reader:
    """The objects of the namespaces in question; all namespaces when none is named."""

    def __init__(self, session: Session, discovery: Discovery, namespaces: Sequence[str]) -> None:
        self._session = session
        self._discovery = discovery
        self._namespaces = namespaces

    def found(self) -> Found:
        """Everything that the plan is made of."""
        others = [each for kind in (TRAFFIC_TARGET, TCP_ROUTE, UDP_ROUTE) for each in self._smi(kind)]
        return Found(
            self._smi(TRAFFIC_SPLIT),
            self._smi(HTTP_ROUTE_GROUP),
            others,
            self.routes(),
            self.profiles(),
            self.originals(),
        )

    def missing_namespaces(self) -> List[str]:
        """Those of the namespaces in question that there are not."""
        return [name for name in self._namespaces if self._session.get_or_none(f"/api/v1/namespaces/{name}") is None]

    def routes(self) -> List[Dict[str, Any]]:
        """The routes of the Gateway API."""
        return [each for kind in ROUTE_KINDS for each in self._all(ROUTE_GROUP, kind)]

    def profiles(self) -> List[Dict[str, Any]]:
        """The ServiceProfiles of Linkerd."""
        return self._all("linkerd.io", "ServiceProfile")

    def originals(self) -> List[Dict[str, Any]]:
        """What earlier runs kept."""
        return [json.loads(each["data"][_DATA]) for each in self._all("", "ConfigMap", f"{ORIGINALS_LABEL}=true")]

    def surroundings(self) -> Surroundings:
        """The Services and Pods around."""
        kinds = ("Service", "ServiceAccount", "Pod")
        return Surroundings.of([each for kind in kinds for each in self._all("", kind)], kinds)

    def resource(self, obj: Mapping[str, Any]) -> Resource:
        """Where the kind of an object that was read is found."""
        return self._discovery.resource(obj["apiVersion"], obj["kind"])

    def _smi(self, kind: Kind) -> List[Dict[str, Any]]:
        return self._all(kind.api_group, kind.name)

    def _all(self, group: str, kind: str, selector: str = "") -> List[Dict[str, Any]]:
        resource = self._discovery.preferred(group, kind)
        if resource is None:
            return []
        paths = [resource.path(namespace) for namespace in self._namespaces] or [resource.path()]
        head = {"apiVersion": resource.api_version, "kind": kind}
        return [{**head, **each} for path in paths for each in self._session.list_objects(path, selector)]


def originals_of(
    root: Root,
    splits: Sequence[Mapping[str, Any]] = (),
    routes: Sequence[Mapping[str, Any]] = (),
    profiles: Sequence[Mapping[str, Any]] = (),
) -> Dict[str, Any]:
    """The ConfigMap that keeps the splits and profiles of a root, and tells which routes were made for them.

    One for each root: none grows with their number.
    """
    kept = {
        "root": list(root),
        "splits": [original(each) for each in splits],
        "profiles": [original(each) for each in profiles],
        "routes": [
            {
                "apiVersion": each["apiVersion"],
                "kind": each["kind"],
                "metadata": {key: each["metadata"][key] for key in ("name", "namespace")},
            }
            for each in routes
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": originals_name(root),
            "namespace": root[0],
            "labels": {ORIGINALS_LABEL: "true", ROOT_LABEL: root[1]},
        },
        "data": {_DATA: json.dumps(kept, sort_keys=True)},
    }


def originals_name(root: Root) -> str:
    """The name of that ConfigMap, with a digest: a service may be named like anything."""
    return f"smi-migration-{root[1]}-{hashlib.sha256('/'.join(root).encode()).hexdigest()[:8]}"
