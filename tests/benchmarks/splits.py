# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TrafficSplits by the thousand, with their services, and the HTTPRoutes that come of them (pure)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import translate
from ansible_collections.servicemesh.platform.tests.benchmarks import floor

GROUP = "split.smi-spec.io"
STORED, ANOTHER = "v1alpha4", "v1alpha2"
"""The version in which splits are stored and written here, and one in which they are read."""
PORT = 8080
SPLITS = f"/apis/{GROUP}/{STORED}/trafficsplits"
OTHERS = f"/apis/{GROUP}/{ANOTHER}/trafficsplits"
ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"

Name = Tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class Split:
    """One TrafficSplit over two backends. weight: of the first one, of 100."""

    namespace: str
    name: str
    weight: int = 50

    @property
    def weights(self) -> Tuple[int, int]:
        """Of both backends."""
        return self.weight, 100 - self.weight


def splits(number: int, namespaces: int) -> List[Split]:
    """As many splits, spread evenly over the namespaces, with weights that differ."""
    return [Split(f"splits-{index % namespaces}", f"service-{index:05d}", 1 + index % 99) for index in range(number)]


def changed(given: Sequence[Split], turn: int) -> Split:
    """The split whose turn it is, with the weights that it gets then: another one each time it comes round."""
    split = given[turn % len(given)]
    return replace(split, weight=1 + (split.weight + turn // len(given)) % 99)


def manifest(split: Split, version: str = STORED) -> Dict[str, Any]:
    """The object."""
    first, second = split.weights
    backends = [{"service": f"{split.name}-v1", "weight": first}, {"service": f"{split.name}-v2", "weight": second}]
    made = {
        "apiVersion": f"{GROUP}/{STORED}",
        "kind": "TrafficSplit",
        "metadata": {"name": split.name, "namespace": split.namespace},
        "spec": {"service": split.name, "backends": backends},
    }
    return convert(made, version)


def services(split: Split) -> Iterator[Dict[str, Any]]:
    """Its root and its backends. Without selectors: what Kubernetes itself makes of a service is not measured."""
    for name in (split.name, f"{split.name}-v1", f"{split.name}-v2"):
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": split.namespace},
            "spec": {"ports": [{"name": "http", "port": PORT}]},
        }


def routes(given: Sequence[Split]) -> List[Dict[str, Any]]:
    """The HTTPRoutes that the splits become."""
    around = Surroundings.of([each for split in given for each in services(split)], ["Service"])
    return translate([manifest(split) for split in given], "gateway-api", around).objects


def review(given: Sequence[Split]) -> Dict[str, Any]:
    """What the API server asks to have the splits as they are stored in the other version."""
    wanted = {"uid": "benchmark", "desiredAPIVersion": f"{GROUP}/{ANOTHER}", "objects": list(map(manifest, given))}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": wanted}


def preparations(given: Sequence[Split]) -> List[List[floor.Request]]:
    """Requests that make the namespaces, and then the services."""
    spaces = [{"metadata": {"name": name}} for name in dict.fromkeys(split.namespace for split in given)]
    made = [each for split in given for each in services(split)]
    return [
        [("POST", "/api/v1/namespaces", json.dumps(each)) for each in spaces],
        [("POST", f"/api/v1/namespaces/{each['metadata']['namespace']}/services", json.dumps(each)) for each in made],
    ]


def creations(given: Iterable[Split]) -> List[floor.Request]:
    """Requests that make the splits."""
    return [("POST", _within(SPLITS, split.namespace), json.dumps(manifest(split))) for split in given]


def applications(given: Sequence[Split]) -> List[floor.Request]:
    """Requests that make the routes by server-side apply, as a translator would without anything to think about."""
    query = "?fieldManager=floor&force=true"
    return [("PATCH", f"{_path(ROUTES, each['metadata'])}{query}", json.dumps(each)) for each in routes(given)]


def change(split: Split, version: str = STORED) -> floor.Request:
    """The request that gives a split its weights."""
    return "PATCH", f"{path_of(split, version)}?fieldManager=operator&force=true", json.dumps(manifest(split, version))


def path_of(split: Split, version: str) -> str:
    """Where the split is read in a version."""
    return f"/apis/{GROUP}/{version}/namespaces/{split.namespace}/trafficsplits/{split.name}"


def differences(given: Iterable[Split], live: Iterable[Mapping[str, Any]]) -> List[Name]:
    """The splits whose HTTPRoute is not there, or has other weights, and the routes that nobody has asked for."""
    wanted = {(split.namespace, f"{split.name}-{PORT}"): split.weights for split in given}
    found = {(each["metadata"]["namespace"], each["metadata"]["name"]): _weights(each) for each in live}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def _weights(route: Mapping[str, Any]) -> Tuple[int, ...]:
    return tuple(each["weight"] for rule in route["spec"]["rules"] for each in rule["backendRefs"])


def _path(collection: str, metadata: Mapping[str, str]) -> str:
    return f"{_within(collection, metadata['namespace'])}/{metadata['name']}"


def _within(collection: str, namespace: str) -> str:
    root, _slash, plural = collection.rpartition("/")
    return f"{root}/namespaces/{namespace}/{plural}"
