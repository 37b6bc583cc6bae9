# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One CustomResourceDefinition, changed while its objects stay; and what waits until the API server acts on that."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.handover_fields import without_manager
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_storage.backup import FIELD_MANAGER

ATTEMPTS = 8
"""How often a change is tried that meets the writes of others."""
SERVED_TIMEOUT = 30.0
"""Seconds for the API server to serve the versions that a CRD lists."""
NOTICE = 0.2
"""Seconds for a CRD that one API server acts on to have reached the others, and all parts of it.

Which versions are served can be seen, in which one objects are stored cannot.
"""
_POLL = 0.1
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Crd:
    """A CRD by its name. Its methods raise KubeError."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._path = f"{_CRDS}/{name}"
        self.name = name

    def read(self) -> Any:
        """The CRD as it is, None when there is none."""
        return self._session.get_or_none(self._path)

    def put_spec(self, spec: Mapping[str, Any]) -> None:
        """Put a spec in the place of the one that is there, owned by nobody, and wait until it is acted on."""
        self._put("", lambda live: {**live, "spec": spec})
        self._await_served(spec)
        time.sleep(NOTICE)

    def finish(self, version: str, spec: Mapping[str, Any]) -> None:
        """Tell that objects are stored in this version only, and put the spec that knows no other."""
        self._put("/status", lambda live: {**live, "status": {**live["status"], "storedVersions": [version]}})
        self._put("", lambda live: {**live, "spec": spec})
        self._await_served(spec)

    def put_owners(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Give the fields back to who owned them: for a spec that is as it was."""
        self._put("", lambda live: {**live, "metadata": {**live["metadata"], "managedFields": list(entries)}})

    def _put(self, subresource: str, change: Callable[[Dict[str, Any]], Dict[str, Any]]) -> None:
        for _attempt in range(ATTEMPTS):
            live = self._session.get_json(self._path)
            try:
                written = self._session.request(
                    "PUT", self._path + subresource, {"fieldManager": FIELD_MANAGER}, change(live)
                )
            except ApiError as error:
                if error.status != 409:
                    raise
                continue
            disown(self._session, self._path, written)
            return
        raise KubeError(f"CustomResourceDefinition {self.name} is being written by others all the time. Run it again.")

    def _await_served(self, spec: Mapping[str, Any]) -> None:
        deadline = time.monotonic() + SERVED_TIMEOUT
        waiting = list(spec["versions"])
        while waiting:
            waiting = [each for each in waiting if self._is_served(spec, each["name"]) != each["served"]]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(each["name"] for each in waiting)
                raise KubeError(
                    f"CustomResourceDefinition {self.name}: the API server does not act on {names} in time."
                )
            time.sleep(_POLL if waiting else 0)

    def _is_served(self, spec: Mapping[str, Any], version: str) -> bool:
        path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
        try:
            self._session.get_json(path, {"limit": 1})
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True


def disown(
    session: Session, path: str, written: Mapping[str, Any], owners: Optional[Sequence[Mapping[str, Any]]] = None
) -> None:
    """Give up the ownership that a write brought: who applies the object next shall meet no conflict with us.

    ``owners`` are the entries of the others, where they are not those that the write has left. Somebody else's write
    in between does no harm: then the entry stays until the next time.
    """
    metadata = written["metadata"]
    entries: List[Dict[str, Any]] = list(metadata.get("managedFields") or ())
    others = without_manager(entries, FIELD_MANAGER)
    left = others if owners is None else list(owners)
    if left == entries:
        return
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": left or [{}]},
    ]
    try:
        session.request("PATCH", path, body=patch, content_type="application/json-patch+json")
    except ApiError as error:
        if error.status not in (404, 409, 422):
            raise
