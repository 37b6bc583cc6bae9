# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere, again and again: what it leaves is never lost, and the next run makes it right."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import (
    KINDS_ANNOTATION,
    NAMESPACES_ANNOTATION,
    set_id,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

from ..integration.kube.faults.runs import Run

KILLS = 50
OBJECTS = 240
LEASE = 1.0
PATHS = {
    "ConfigMap": "/api/v1/configmaps",
    "Secret": "/api/v1/secrets",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/roles",
}
SPACES = ("killed-1", "killed-2", "killed-3")


def definition(kind: str, namespace: str, name: str, state: str) -> dict[str, Any]:
    version = "rbac.authorization.k8s.io/v1" if kind == "Role" else "v1"
    labels = {"state": state}
    body: dict[str, Any] = {"metadata": {"name": name, "namespace": namespace, "labels": labels}}
    if kind == "Role":
        body["rules"] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": [state]}]
    elif kind != "ServiceAccount":
        body["stringData" if kind == "Secret" else "data"] = {"state": state}
    return {"apiVersion": version, "kind": kind, **body}


def objects(state: str) -> list[dict[str, Any]]:
    """State ``a`` has no Roles and is not in the third namespace, ``b`` has no Secrets and is not in the first."""
    kinds = ("ConfigMap", "Secret", "ServiceAccount") if state == "a" else ("ConfigMap", "ServiceAccount", "Role")
    spaces = SPACES[:2] if state == "a" else SPACES[1:]
    return [
        definition(kinds[index % 3], spaces[index // 3 % 2], f"o{index:03}", state)
        for index in range(OBJECTS if state == "a" else OBJECTS - 30)
    ]


def group_kind(kind: str) -> str:
    """As a parent has it in its annotation."""
    return kind + (".rbac.authorization.k8s.io" if kind == "Role" else "")


class World:
    """What is in the cluster."""

    def __init__(self, session: Session, applyset: dict[str, str]) -> None:
        self._session = session
        self._set = applyset
        self._id = set_id(applyset["name"], applyset["namespace"])

    def _items(self) -> Iterator[tuple[tuple[str, str, str], dict[str, Any]]]:
        """The metadata of everything in the namespaces, by kind, namespace and name."""
        for kind, path in PATHS.items():
            for item in self._session.get_json(path)["items"]:
                if item["metadata"]["namespace"] in SPACES:
                    yield (kind, item["metadata"]["namespace"], item["metadata"]["name"]), item["metadata"]

    def members(self) -> dict[tuple[str, str, str], str]:
        """The state of every member."""
        found = self._items()
        return {key: data["labels"]["state"] for key, data in found if data.get("labels", {}).get(PART_OF) == self._id}

    def foreign(self) -> dict[tuple[str, str, str], str]:
        """The version of everything else."""
        return {key: data["resourceVersion"] for key, data in self._items() if PART_OF not in data.get("labels", {})}

    def scope(self) -> tuple[set[str], set[str]]:
        """The kinds and namespaces that the parent says may hold members; none before there is a parent."""
        parent = self._session.get_or_none(
            f"/api/v1/namespaces/{self._set['namespace']}/configmaps/{self._set['name']}"
        )
        if parent is None:
            return set(), set()
        kinds, namespaces = (
            parent["metadata"]["annotations"][name] for name in (KINDS_ANNOTATION, NAMESPACES_ANNOTATION)
        )
        return set(filter(None, kinds.split(","))), set(filter(None, namespaces.split(",")))

    def check_tracked(self) -> None:
        """Every member is where the parent says that members may be."""
        kinds, namespaces = self.scope()
        for kind, namespace, _name in self.members():
            assert group_kind(kind) in kinds
            assert namespace in namespaces

    def check_converged(self, state: str) -> None:
        wanted = {
            (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): state for each in objects(state)
        }
        assert self.members() == wanted
        kinds, namespaces = self.scope()
        assert kinds == {group_kind(kind) for kind, _namespace, _name in wanted}
        assert namespaces == {namespace for _kind, namespace, _name in wanted}


@pytest.fixture
def spaces(cluster: Any, applyset: dict[str, str]) -> Iterator[None]:
    """Three namespaces with objects of others in them, among them a copy of what will be a member."""
    for space in SPACES:
        cluster.kubectl("create", "namespace", space)
        for name in ("foreign", "o000x"):
            cluster.kubectl("create", "configmap", name, "-n", space, "--from-literal=a=1")
        cluster.kubectl("create", "secret", "generic", "foreign", "-n", space, "--from-literal=a=1")
    yield
    cluster.kubectl("delete", "namespace", *SPACES, "--wait=false")


def test_fifty_times(
    connection: dict[str, Any], session: Session, applyset: dict[str, str], spaces: None, run: Any
) -> None:
    seed = time.time_ns() % 1_000_000
    chance = random.Random(seed)
    world = World(session, applyset)
    foreign = world.foreign()
    requests = {
        state: {"connection": connection, "definitions": objects(state), "applyset": applyset, "lease": LEASE}
        for state in ("a", "b")
    }
    seconds = 0.0
    for state in ("a", "b", "a"):
        with Run(**requests[state]) as whole:
            begin = time.monotonic()
            assert "counts" in whole.result()
            seconds = max(seconds, time.monotonic() - begin)
        world.check_converged(state)
    print(f"seed {seed}; a whole run takes up to {seconds:.1f} s")

    killed = mixed = 0
    while killed < KILLS:
        with Run(**requests[chance.choice("ab")]) as cut_off:
            # Who comes after one that was killed has to wait for the lease first.
            time.sleep(chance.uniform(0, seconds + LEASE * 2))
            killed += cut_off.kill()
        world.check_tracked()
        assert world.foreign() == foreign
        mixed += len(set(world.members().values())) > 1
    print(f"{mixed} of {killed} left the set half done")
    assert mixed > KILLS // 5

    for state in ("a", "b"):
        with Run(**requests[state]) as whole:
            assert "counts" in whole.result()
        world.check_converged(state)
    with Run(**requests["b"]) as again:
        assert again.result()["counts"] == {"unchanged": len(objects("b"))}
    assert world.foreign() == foreign
    gone = run(applyset=applyset, definitions=None, absent=True, wait=True)
    assert sum(change.action == "deleted" for change in gone.changes) == len(objects("b"))
    assert world.members() == {}
    assert world.foreign() == foreign
