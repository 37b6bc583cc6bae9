# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a migration against a cluster: each can be cut off, and the next run goes on from what is there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.changes import DELETED, UNCHANGED, Change
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge_in
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi import migration
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.migration import Plan, Work
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import translate
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_migration.store import Reader, originals_of

APPLYSET = {"name": "smi-migration", "namespace": "servicemesh-platform", "kind": "ConfigMap"}
FIELD_MANAGER = "servicemesh.platform/smi-migration"
POLL = 0.5
"""Seconds between two looks at the status of the routes."""

Objects = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Wishes:
    """What is asked for. ``wait_timeout`` is in seconds."""

    connection: Mapping[str, Any]
    namespaces: Sequence[str] = ()
    wait: bool = True
    wait_timeout: int = 120
    dry_run: bool = False


@dataclass
class Result:
    """What is to be done or was done, and what was found."""

    steps: List[Dict[str, str]] = field(default_factory=list)
    findings: List[Finding] = field(default_factory=list)
    changes: List[Change] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(each.action != UNCHANGED for each in self.changes)


class Migration:
    """One call against one cluster. Its methods raise KubeError."""

    def __init__(self, session: Session, wishes: Wishes) -> None:
        self._session = session
        self._wishes = wishes
        self._reader = Reader(session, Discovery(session), wishes.namespaces)
        self.result = Result()

    def plan(self) -> Plan:
        """Look, and tell what would be done."""
        surroundings = self._reader.surroundings()

        def translated(objects: Objects) -> Tuple[List[Dict[str, Any]], List[Finding]]:
            translation = translate(objects, "gateway-api", surroundings)
            return translation.objects, translation.findings

        plan = migration.plan(self._reader.found(), translated)
        self.result.findings += [*map(_no_namespace, self._reader.missing_namespaces()), *plan.findings]
        self.result.steps = [step for work in plan.works for step in work.steps()]
        return plan

    def migrate(self) -> None:
        """Make the routes, wait for them, keep and delete the splits, delete the leftover profiles."""
        works = self.plan().works
        earlier = {tuple(each["root"]): each for each in self._reader.originals()}
        self._apply([_kept(each, earlier.get(each.root)) for each in works if each.splits])
        self._apply([route for each in works for route in each.routes], APPLYSET)
        ready = works if self._wishes.dry_run else self._accepted(works)
        self._delete([split for each in ready for split in each.splits])
        self._delete([profile for each in ready for profile in each.profiles])

    def roll_back(self) -> None:
        """Create the splits again, then remove the routes that were made for them."""
        kept = self._reader.originals()
        existing = self._reader.found()
        there = {_identity(each) for each in (*existing.splits, *existing.routes, *existing.profiles)}
        splits = [split for each in kept for split in each["splits"] if _identity(split) not in there]
        profiles = [profile for each in kept for profile in each["profiles"] if _identity(profile) not in there]
        made = {_identity(each): tuple(root["root"]) for root in kept for each in root["routes"]}
        routes = [each for each in existing.routes if _identity(each) in made]
        ours = [each for each in routes if migration.is_ours(each, made[_identity(each)])]
        self.result.findings += [_not_ours(each) for each in routes if each not in ours]
        self.result.steps = [
            *(
                {"service": _root_of(kept, each), "action": "create", "object": subject_of(each)}
                for each in (*splits, *profiles)
            ),
            *(
                {"service": "/".join(made[_identity(each)]), "action": "delete", "object": subject_of(each)}
                for each in ours
            ),
        ]
        self._apply([*splits, *profiles])
        self._delete(ours)
        self._converge([originals_of((each["root"][0], each["root"][1])) for each in kept], absent=True)

    def verify(self) -> None:
        """Findings for what is not as a finished migration leaves it."""
        plan = self.plan()
        self.result.findings += [_left(subject) for work in plan.works for subject in _objects_of(work)]
        routes = {_identity(each): each for each in self._reader.routes()}
        for each in self._reader.originals():
            for route in each["routes"]:
                live = routes.get(_identity(route))
                if live is None:
                    self.result.findings.append(_missing(route))
                elif self._wishes.wait and not migration.is_accepted(live):
                    self.result.findings.append(migration.not_accepted(live))

    def _accepted(self, works: Sequence[Work]) -> List[Work]:
        """The works whose routes are all accepted by the end of the time."""
        if not self._wishes.wait:
            self.result.findings += [migration.not_waited_for(route) for work in works for route in work.routes]
            return list(works)
        deadline = time.monotonic() + self._wishes.wait_timeout
        while True:
            live = {_identity(each): each for each in self._reader.routes()} if any(w.routes for w in works) else {}
            waiting = [
                live.get(_identity(route), route)
                for work in works
                for route in work.routes
                if not migration.is_accepted(live.get(_identity(route), route))
            ]
            if not waiting or time.monotonic() >= deadline:
                break
            time.sleep(POLL)
        self.result.findings += [migration.not_accepted(each) for each in waiting]
        refused = {_identity(each) for each in waiting}
        return [work for work in works if not any(_identity(route) in refused for route in work.routes)]

    def _apply(self, objects: Objects, applyset: Any = None) -> None:
        self._converge(objects, applyset=applyset, prune=False)

    def _delete(self, objects: Objects) -> None:
        """Delete the objects as they were looked at; who was changed since then stays, with a finding."""
        for each in objects:
            try:
                self._delete_one(each)
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
                if error.status == 409:
                    self.result.findings.append(migration.changed_meanwhile(each))

    def _delete_one(self, obj: Mapping[str, Any]) -> None:
        resource, metadata = self._reader.resource(obj), obj["metadata"]
        preconditions = {name: metadata[name] for name in ("uid", "resourceVersion")}
        body = {"preconditions": preconditions, **({"dryRun": ["All"]} if self._wishes.dry_run else {})}
        key = ObjectKey(resource.group, resource.kind, metadata["namespace"], metadata["name"])
        self._session.request("DELETE", resource.path(key.namespace, key.name), body=body)
        self.result.changes.append(Change(resource.api_version, key, DELETED))

    def _converge(self, objects: Objects, **options: Any) -> None:
        if not objects:
            return
        request = Request(
            connection=self._wishes.connection,
            definitions=list(objects),
            field_manager=FIELD_MANAGER,
            dry_run=self._wishes.dry_run,
            **options,
        )
        self.result.changes += converge_in(self._session, request).changes


def _identity(obj: Mapping[str, Any]) -> Tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def _kept(work: Work, earlier: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """The originals of a root, with those that a run that was cut off has deleted already."""

    def merged(now: Objects, before: Objects) -> List[Mapping[str, Any]]:
        there = {_identity(each) for each in now}
        return [*now, *(each for each in before if _identity(each) not in there)]

    before = earlier or {"splits": (), "routes": (), "profiles": ()}
    return originals_of(
        work.root,
        merged(work.splits, before["splits"]),
        merged(work.routes, before["routes"]),
        merged(work.profiles, before["profiles"]),
    )


def _root_of(kept: Objects, obj: Mapping[str, Any]) -> str:
    return next("/".join(each["root"]) for each in kept if obj in (*each["splits"], *each["profiles"]))


def _objects_of(work: Work) -> List[str]:
    return [subject_of(each) for each in (*work.splits, *work.profiles)]


def _left(subject: str) -> Finding:
    return Finding(
        "smi-migrate-left",
        Severity.ERROR,
        subject,
        "it is still there and can be migrated",
        "A TrafficSplit or a ServiceProfile of the same service takes part in deciding where traffic goes.",
        "Run the migration (again).",
    )


def _no_namespace(name: str) -> Finding:
    return Finding(
        "smi-migrate-no-namespace",
        Severity.ERROR,
        f"Namespace {name}",
        "it does not exist",
        "Nothing can be migrated there.",
        "Correct its name, or leave it out.",
    )


def _missing(route: Mapping[str, Any]) -> Finding:
    return Finding(
        "smi-migrate-route-missing",
        Severity.ERROR,
        subject_of(route),
        "the migration made it and it is not there",
        "Nothing divides the traffic of its service.",
        "Roll the migration back, and run it again.",
    )


def _not_ours(route: Mapping[str, Any]) -> Finding:
    return Finding(
        "smi-migrate-route-taken-over",
        Severity.WARNING,
        subject_of(route),
        f"the migration made it, and its label {migration.ROOT_LABEL} is gone; it stays",
        "Somebody else has taken it over.",
        "Delete it by hand when it is not needed.",
    )
