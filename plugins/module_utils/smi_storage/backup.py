# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of SMI objects as they were stored, in ConfigMaps of the cluster: what a run that is cut off goes on from."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge_in
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

NAMESPACE = "servicemesh-platform"
APPLYSET = {"name": "smi-storage", "namespace": NAMESPACE, "kind": "ConfigMap"}
FIELD_MANAGER = "servicemesh.platform/smi-storage"
SIZE = 400_000
"""Characters of JSON in one ConfigMap, which may have 1 MiB."""

_LABEL = "smi-storage.servicemesh.platform/originals"
_DATA = "originals.json"

Objects = Sequence[Mapping[str, Any]]


class Backup:
    """The copies of all objects that are being moved, by the names of their CRDs."""

    def __init__(self, session: Session, connection: Mapping[str, Any]) -> None:
        self._session = session
        self._connection = connection

    def read(self) -> Dict[str, List[Dict[str, Any]]]:
        """What an earlier run has kept; empty when it has come to its end."""
        found: Dict[str, List[Dict[str, Any]]] = {}
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        for each in self._session.list_objects(path, f"{_LABEL}=true"):
            part = json.loads(each["data"][_DATA])
            found.setdefault(part["crd"], []).extend(part["objects"])
        return found

    def keep(self, objects: Mapping[str, Objects]) -> None:
        """Put these copies in the place of all earlier ones."""
        parts = [part for crd, originals in objects.items() for part in _parts(crd, originals)]
        self._converge(definitions=[_config_map(number, part) for number, part in enumerate(parts)])

    def drop(self) -> None:
        """Take all copies away."""
        self._converge(absent=True)

    def _converge(self, **options: Any) -> None:
        converge_in(
            self._session,
            Request(connection=self._connection, applyset=APPLYSET, field_manager=FIELD_MANAGER, **options),
        )


def _parts(crd: str, objects: Objects) -> Iterator[str]:
    """The objects of a CRD as JSON, in parts that fit into a ConfigMap each; one part when there are none."""
    part: List[str] = []
    for text in map(_text, objects):
        if part and sum(map(len, part)) + len(text) > SIZE:
            yield _joined(crd, part)
            part = []
        part.append(text)
    yield _joined(crd, part)


def _joined(crd: str, texts: Iterable[str]) -> str:
    return f'{{"crd":{json.dumps(crd)},"objects":[{",".join(texts)}]}}'


def _text(obj: Mapping[str, Any]) -> str:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return json.dumps({**obj, "metadata": metadata}, separators=(",", ":"), sort_keys=True)


def _config_map(number: int, part: str) -> Dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"smi-storage-{number}", "namespace": NAMESPACE, "labels": {_LABEL: "true"}},
        "data": {_DATA: part},
    }
