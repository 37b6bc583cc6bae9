# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds a cluster serves and under which paths, from aggregated discovery: two requests for everything.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple
from urllib.parse import quote

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ConnectionFailed, UnknownKind
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import group_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True)
class Resource:
    """A kind as the cluster serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: Tuple[str, ...] = ()
    has_status: bool = False
    """Whether the status is a subresource, so that the server ignores it in what is sent of the object itself."""

    @property
    def group(self) -> str:
        return group_of(self.api_version)

    def path(self, namespace: Optional[str] = None, name: Optional[str] = None) -> str:
        """The path of an object, or without a name of the collection (over all namespaces without a namespace)."""
        root = "/apis/" if self.group else "/api/"
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        last = f"/{quote(name, safe='')}" if name else ""
        return f"{root}{self.api_version}{within}/{self.plural}{last}"


class Discovery:
    """The kinds of one cluster, read when first asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kinds: Dict[Tuple[str, str], Resource] = {}
        self._stale: Set[str] = set()
        self._loaded = False
        self._read_again = False

    def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind; reads the discovery once more before it raises UnknownKind."""
        found = self.find(api_version, kind)
        if found is None and not self._read_again:
            self._read_again = True
            self.refresh()
            found = self.find(api_version, kind)
        if found is None:
            raise UnknownKind(self._unknown(api_version, kind))
        return found

    def find(self, api_version: str, kind: str) -> Optional[Resource]:
        """The resource of a kind as far as it is known, without a new look."""
        self._load()
        return self._kinds.get((api_version, kind))

    def existing(self, api_version: str, kind: str) -> Optional[Resource]:
        """As ``find``, for who takes None as "there are no such objects".

        Raises UnknownKind when that cannot be told, for the API service behind the version does not answer.
        """
        found = self.find(api_version, kind)
        if found is None and api_version in self._stale:
            raise UnknownKind(self._unknown(api_version, kind))
        return found

    def preferred(self, group: str, kind: str) -> Optional[Resource]:
        """The resource of a kind in the version that the server prefers; None and UnknownKind as in ``existing``."""
        self._load()
        matches = [each for each in self._kinds.values() if each.group == group and each.kind == kind]
        if matches:
            return matches[0]
        for api_version in sorted(self._stale):
            if group_of(api_version) == group:
                raise UnknownKind(self._unknown(api_version, kind))
        return None

    def all_preferred(self) -> List[Resource]:
        """Every kind once, in the version that the server prefers."""
        self._load()
        first: Dict[Tuple[str, str], Resource] = {}
        for resource in self._kinds.values():
            first.setdefault((resource.group, resource.kind), resource)
        return list(first.values())

    def serves(self, api_version: str) -> bool:
        """Whether there is any kind of this API version."""
        self._load()
        return any(known == api_version for known, _kind in self._kinds)

    def refresh(self) -> None:
        """Read the kinds anew, as after CustomResourceDefinitions were applied."""
        kinds: Dict[Tuple[str, str], Resource] = {}
        stale: Set[str] = set()
        for path in ("/api", "/apis"):
            answer = self._session.request("GET", path, accept=_AGGREGATED)
            if answer.get("kind") != "APIGroupDiscoveryList":
                raise ConnectionFailed(
                    f"{self._session.connection.host} does not tell which kinds it serves (aggregated discovery under "
                    f"{path}). Does something stand between that changes the header Accept?"
                )
            for group in answer.get("items") or ():
                _read_group(group, kinds, stale)
        self._kinds, self._stale, self._loaded = kinds, stale, True

    def _load(self) -> None:
        if not self._loaded:
            self.refresh()

    def _unknown(self, api_version: str, kind: str) -> str:
        message = f"the cluster does not serve the kind {kind} in {api_version}"
        if api_version in self._stale:
            return f"{message}: the API service behind {api_version} does not answer at the moment."
        served_as = [version for version, known in self._kinds if known == kind]
        if served_as:
            return f"{message}. It serves {kind} as {', '.join(served_as)}."
        spelled_alike = {known.lower(): known for _version, known in self._kinds}
        close = difflib.get_close_matches(kind.lower(), spelled_alike, n=3)
        if close:
            similar = ", ".join(f"{spelled_alike[name]} ({self._version_of(spelled_alike[name])})" for name in close)
            return f"{message}. Did you mean {similar}?"
        return f"{message}. Apply its CustomResourceDefinition first, or in the same call."

    def _version_of(self, kind: str) -> str:
        return next(version for version, known in self._kinds if known == kind)


def _read_group(group: Mapping[str, Any], kinds: Dict[Tuple[str, str], Resource], stale: Set[str]) -> None:
    """What one group serves. An extension API server that tells nonsense costs its own kinds and no others."""
    name = (group.get("metadata") or {}).get("name") or ""
    for version in group.get("versions") or ():
        api_version = f"{name}/{version['version']}" if name else version["version"]
        if version.get("freshness") == "Stale":
            stale.add(api_version)
        for entry in version.get("resources") or ():
            kind = (entry.get("responseKind") or {}).get("kind")
            if kind and entry.get("resource") and entry.get("verbs"):
                namespaced = entry.get("scope") == "Namespaced"
                has_status = any(each["subresource"] == "status" for each in entry.get("subresources") or ())
                verbs = tuple(entry["verbs"])
                resource = Resource(api_version, kind, entry["resource"], namespaced, verbs, has_status)
                kinds.setdefault((api_version, kind), resource)
