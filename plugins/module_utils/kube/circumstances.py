# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server goes by, beside the objects themselves, when it works out what an apply changes.

These are the schemas and defaults of an API version, for which the server publishes a hash
(https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3), and the mutating admission: webhooks
and policies, told by their UID and generation. What a webhook decides differently today than yesterday, with
the same configuration, cannot be seen from here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, List, Mapping
from urllib.parse import parse_qs, urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import group_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import MUTATION
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

_ADMISSION = "admissionregistration.k8s.io"


def read(session: Session, discovery: Discovery, api_versions: Iterable[str]) -> Dict[str, str]:
    """A digest of each circumstance: one per API version, and MUTATION. What cannot be read is left out.

    Who may not list webhook configurations gets no MUTATION, and with that no proof of anything.
    """
    try:
        published = session.get_json("/openapi/v3").get("paths") or {}
        mutation = _digest(_mutating(session, discovery))
    except ApiError as error:
        if error.status in (403, 404):
            return {}
        raise
    known = {version: _hash(published, version) for version in api_versions}
    return {MUTATION: mutation, **{version: _digest(found) for version, found in known.items() if found}}


def _mutating(session: Session, discovery: Discovery) -> List[Any]:
    kinds = [
        each
        for each in discovery.all_preferred()
        if each.group == _ADMISSION and each.kind.startswith("Mutating") and "list" in each.verbs
    ]
    found = []
    for kind in kinds:
        for item in session.list_metadata(kind.path()):
            metadata: Mapping[str, Any] = item["metadata"]
            found.append([metadata["uid"], metadata.get("generation")])
    return sorted(found)


def _hash(published: Mapping[str, Mapping[str, str]], api_version: str) -> str:
    path = f"apis/{api_version}" if group_of(api_version) else f"api/{api_version}"
    address = (published.get(path) or {}).get("serverRelativeURL", "")
    return "".join(parse_qs(urlsplit(address).query).get("hash", ()))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
