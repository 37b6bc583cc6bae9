# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks apply: objects as a platform gives them to its tenants.

One template (`tenants.yaml.j2`) and a list of tenants. Rendered it is the file that `src` and the peers read; as it is,
it is what a playbook renders into `definitions`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Sequence

import yaml
from jinja2 import Environment, StrictUndefined

TEMPLATE = Path(__file__).parent / "tenants.yaml.j2"
OBJECTS_PER_TENANT = 6
SELECTOR = "benchmark=tenants"
"""The label by which the harness itself finds the objects, whoever has made them."""

PLURALS = {
    "Namespace": "namespaces",
    "ResourceQuota": "resourcequotas",
    "NetworkPolicy": "networkpolicies",
    "ServiceAccount": "serviceaccounts",
    "RoleBinding": "rolebindings",
}
COLLECTIONS = (
    "/api/v1/namespaces",
    "/api/v1/resourcequotas",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/api/v1/serviceaccounts",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
)
"""Where each kind is listed over all namespaces."""


@dataclass(frozen=True)
class Tenant:
    """One tenant. cpu: cores. memory: GiB. port: where its pods take traffic. bound: whether it has a RoleBinding."""

    name: str
    owner: str
    cpu: int
    memory: int
    port: int
    bound: bool = True


def tenants(objects: int, prefix: str = "tenant") -> List[Tenant]:
    """As many tenants as make `objects` objects. Raises ValueError when that does not come out even."""
    count, rest = divmod(objects, OBJECTS_PER_TENANT)
    if rest or count < 1:
        raise ValueError(f"{objects} objects: write a multiple of {OBJECTS_PER_TENANT}")
    return [
        Tenant(
            name=f"{prefix}-{number:05d}",
            owner=f"team-{number % 40}@example.com",
            cpu=1 + number % 8,
            memory=2 * (1 + number % 8),
            port=8080 + number % 5,
        )
        for number in range(1, count + 1)
    ]


def with_changed_quotas(given: Sequence[Tenant], number: int) -> List[Tenant]:
    """The tenants, `number` of them, evenly spread, with a larger quota: as many objects are changed."""
    chosen = _spread(given, number)
    return [replace(each, cpu=each.cpu + 1) if each in chosen else each for each in given]


def with_missing_bindings(given: Sequence[Tenant], number: int) -> List[Tenant]:
    """The tenants, `number` of them, evenly spread, without their RoleBinding: as many objects have left."""
    chosen = _spread(given, number)
    return [replace(each, bound=False) if each in chosen else each for each in given]


def variables(given: Sequence[Tenant]) -> List[Dict[str, Any]]:
    """The tenants as the playbook has them in its variables."""
    return [asdict(each) for each in given]


def manifest(given: Sequence[Tenant]) -> str:
    """The objects as one YAML text, rendered as Ansible renders a template."""
    environment = Environment(trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(tenants=variables(given))


def objects(given: Sequence[Tenant]) -> List[Dict[str, Any]]:
    """The objects themselves."""
    return [each for each in yaml.load_all(manifest(given), Loader=yaml.CSafeLoader) if each]


def path_of(item: Dict[str, Any]) -> str:
    """The path of an object's own address in the API."""
    group, plural, metadata = item["apiVersion"], PLURALS[item["kind"]], item["metadata"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    within = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{within}/{plural}/{metadata['name']}"


def _spread(given: Sequence[Tenant], number: int) -> List[Tenant]:
    if number > len(given):
        raise ValueError(f"{number} of {len(given)} tenants cannot be changed")
    return [given[index * len(given) // number] for index in range(number)]
