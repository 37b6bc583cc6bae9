# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server that serves our SMI CRDs while the tests of this folder run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DRAFT_KINDS,
    KINDS,
    newest_versions,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import crds
from kubernetes import client, config

PLURALS = {(kind.api_group, kind.name): kind.plural for kind in (*KINDS, *DRAFT_KINDS)}


@dataclass(frozen=True)
class Refusal:
    """Why the server did not take an object: one text with all fields and messages."""

    status: int
    text: str


class Server:
    """What these tests ask of an API server: would it take this object?"""

    def __init__(self, kubeconfig: Path) -> None:
        self.api = config.new_client_from_config(str(kubeconfig))
        self.objects = client.CustomObjectsApi(self.api)

    def create(self, body: dict[str, Any], validation: str = "Strict") -> dict[str, Any]:
        """Create an object as a server dry run and return what would be stored."""
        group, version = body["apiVersion"].split("/")
        created: dict[str, Any] = self.objects.create_namespaced_custom_object(
            group,
            version,
            "default",
            PLURALS[group, body["kind"]],
            {**body, "metadata": {"name": "example", **body.get("metadata", {})}},
            dry_run="All",
            field_validation=validation,
        )
        return created

    def refusal(self, body: dict[str, Any]) -> Refusal:
        """Create an object as a server dry run and return why that is refused."""
        with pytest.raises(client.ApiException) as caught:
            self.create(body)
        status = json.loads(caught.value.body)
        causes = status.get("details", {}).get("causes", [])
        lines = [f"{cause.get('field')}: {cause['message']}" for cause in causes]
        return Refusal(caught.value.status, "\n".join([status["message"], *lines]))

    def wait_for(self, definition: dict[str, Any]) -> None:
        """Wait until all versions of a CRD are served: that takes a moment after it is Established."""
        spec = definition["spec"]
        deadline = time.monotonic() + 30
        for version in spec["versions"]:
            while version["served"]:
                try:
                    self.objects.list_namespaced_custom_object(
                        spec["group"], version["name"], "default", spec["names"]["plural"]
                    )
                    break
                except client.ApiException:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)

    def replace_crd(self, definition: dict[str, Any], **options: str) -> list[str]:
        """Put a CRD in the place of the one of the same name; return the warnings of the API server."""
        api = client.ApiextensionsV1Api(self.api)
        name = definition["metadata"]["name"]
        version = api.read_custom_resource_definition(name).metadata.resource_version
        body = {**definition, "metadata": {"name": name, "resourceVersion": version}}
        _body, _status, headers = api.replace_custom_resource_definition_with_http_info(
            name, body, field_validation="Strict", **options
        )
        return [value for key, value in headers.items() if key.lower() == "warning"]


Serving = Callable[[Sequence[dict[str, Any]]], AbstractContextManager[Server]]


@contextmanager
def served(cluster: Any, folder: Path, definitions: Sequence[dict[str, Any]]) -> Iterator[Server]:
    """The API server of the test cluster with these CRDs, Established and answering; they are gone afterwards."""
    manifest = folder / "crds.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}), encoding="utf-8")
    cluster.kubectl("apply", "--server-side", "-f", str(manifest))
    names = [f"crd/{definition['metadata']['name']}" for definition in definitions]
    try:
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        server = Server(cluster.kubeconfig)
        for definition in definitions:
            server.wait_for(definition)
        yield server
    finally:
        cluster.kubectl("delete", "--wait", "-f", str(manifest))


@pytest.fixture(scope="module")
def serving(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """A context manager with the API server that serves given CRDs."""
    return lambda definitions: served(cluster, tmp_path_factory.mktemp("smi"), definitions)


@pytest.fixture(scope="module")
def server(serving: Serving) -> Iterator[Server]:
    """The API server with the newest SMI CRDs."""
    with serving(crds(newest_versions())) as running:
        yield running
