# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain client of the API server, so that the engine does not judge itself."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3
import yaml

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
CONNECTIONS = 8
TOO_EARLY = 429
EFFECT_TIMEOUT = 30
"""Seconds for what was configured to take effect."""

Body = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")

PLURALS = {
    "ClusterRole": "clusterroles",
    "ConfigMap": "configmaps",
    "CronJob": "cronjobs",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Deployment": "deployments",
    "Exact": "exacts",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Ingress": "ingresses",
    "LimitRange": "limitranges",
    "Loose": "loosies",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "Namespace": "namespaces",
    "NetworkPolicy": "networkpolicies",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "ResourceQuota": "resourcequotas",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "StatefulSet": "statefulsets",
    "Trap": "traps",
}


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: Body

    @property
    def is_error(self) -> bool:
        return self.status >= 400

    @property
    def conflicts(self) -> set[tuple[str, str]]:
        """Field and what is said of it, for each field that belongs to another manager."""
        causes = (self.body.get("details") or {}).get("causes") or ()
        return {
            (cause["field"].lstrip("."), cause["message"])
            for cause in causes
            if cause.get("reason") == "FieldManagerConflict"
        }


def collection_path(body: Body) -> str:
    """The path of the collection that an object is in."""
    version = body["apiVersion"]
    start = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = body["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{start}{within}/{PLURALS[body['kind']]}"


def object_path(body: Body) -> str:
    """The path of an object."""
    return f"{collection_path(body)}/{body['metadata']['name']}"


class Server:
    """Requests as the administrator. Safe to use from many threads."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pair:
            for part in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[part]))
            pair.flush()
            context.load_cert_chain(pair.name)
        self.address = str(cluster["server"])
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=context, retries=False)

    def request(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        content_type: str = "",
        deadline: float = 0.0,
    ) -> Answer:
        deadline = deadline or time.monotonic() + EFFECT_TIMEOUT
        suffix = "?" + urlencode(query) if query else ""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type or "application/json", "Accept": "application/json"}
        response = self._pool.request(method, self.address + path + suffix, body=data, headers=headers)
        if response.status == TOO_EARLY and time.monotonic() < deadline:
            time.sleep(0.1)  # a kind has changed, and its storage is made anew
            return self.request(method, path, query, body, content_type, deadline)
        try:
            return Answer(response.status, json.loads(response.data))
        except json.JSONDecodeError:
            return Answer(response.status, {"message": response.data.decode()})

    def get(self, path: str) -> Body | None:
        """The object; None when it does not exist."""
        answer = self.request("GET", path)
        return None if answer.status == 404 else good(answer)

    def items(self, path: str) -> list[Body]:
        """All objects of a collection."""
        return good(self.request("GET", path)).get("items") or []

    def apply(self, body: Body, manager: str, force: bool = False, dry_run: bool = False) -> Answer:
        """One server-side apply, as the engine would send it."""
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        if force:
            query["force"] = "true"
        if dry_run:
            query["dryRun"] = "All"
        return self.request("PATCH", object_path(body), query, body, APPLY)

    def merge(self, path: str, patch: Body, manager: str = "outsider") -> Answer:
        return self.request("PATCH", path, {"fieldManager": manager}, patch, MERGE)

    def put(self, path: str, body: Body, manager: str = "outsider") -> Answer:
        return self.request("PUT", path, {"fieldManager": manager}, body)

    def create(self, body: Body) -> Body:
        return good(self.request("POST", collection_path(body), body=body))

    def delete(self, path: str, query: dict[str, Any] | None = None) -> Answer:
        return self.request("DELETE", path, query)

    def await_effect(self, what: str, test: Callable[[], bool]) -> None:
        """Wait until what was configured is seen to act, or not to act any more."""
        deadline = time.monotonic() + EFFECT_TIMEOUT
        while not test():
            assert time.monotonic() < deadline, f"{what}: not within {EFFECT_TIMEOUT} s"
            time.sleep(0.05)


def good(answer: Answer) -> Body:
    """The body of an answer that must not be an error."""
    assert not answer.is_error, answer
    return answer.body


def each(work: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
    """The results of doing something to many objects at a time, in the order of the objects."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return list(threads.map(work, items))
