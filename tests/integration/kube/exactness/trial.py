# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trial of the engine: what it says of objects, held against what the server does with them."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.applyset import set_id
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import (
    Answer,
    Body,
    Server,
    collection_path,
    each,
    object_path,
)
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.strategies import OUR_MANAGER

_SETS = itertools.count(1)
_FAILED = re.compile(r"\(definitions\[(\d+)\]\): (.*)", re.DOTALL)
_CONFLICT = re.compile(r'conflict with "([^"]+)"')
_ALLOCATED = re.compile(r"(clusterIP|nodePort): .*")
_SERVERS_OWN = ("resourceVersion", "generation", "managedFields", "uid", "creationTimestamp")

SETS = "exactness-sets"
"""The namespace of the parents of the sets."""
UNCHANGED, CONFIGURED, CREATED, FAILED = "unchanged", "configured", "created", "failed"


@dataclass(frozen=True)
class Verdict:
    """What the engine said of an object. ``diff`` and ``text`` (of a failure) are as they were told."""

    action: str
    verified: bool = True
    diff: Any = None
    text: str = ""


@dataclass(frozen=True)
class Run:
    """One call of the engine: a verdict for each definition, and the paths that it sent an apply to."""

    verdicts: Sequence[Verdict]
    sent: frozenset[str]


@dataclass
class Trial:
    """One ApplySet and its definitions, applied and applied again until what the server says is known.

    ``complaints`` is what was found wrong so far; ``check`` raises when there is anything.
    """

    server: Server
    connection: dict[str, Any]
    definitions: list[Body]
    tally: Counter[str] = field(default_factory=Counter)
    manager: str = OUR_MANAGER
    settling_runs: int = 3

    def __post_init__(self) -> None:
        self.name = f"exactness-{next(_SETS)}"
        self.complaints: list[str] = []
        self.given = [f"object {number}" for number in range(len(self.definitions))]
        self._settle()

    @property
    def live(self) -> list[Body | None]:
        """The objects as they are."""
        return self._look(self.definitions)

    def judge(self, definitions: Sequence[Body] | None = None, force: bool = False, complain: bool = True) -> Run:
        """Apply the definitions (by default those of before), in check mode and for real; gives the real run.

        The verdicts are held against what a plain apply of each would do and does, and against what happened.
        """
        wanted = list(definitions or self.definitions)
        self.tally["objects"] += len(wanted)
        before = self._look(wanted)
        expected = each(lambda body: self.plain_apply(body, force, dry_run=True), wanted)
        checked = self.run(wanted, force, dry_run=True)
        self._check_nothing_changed(wanted, before, self._look(wanted))
        done = self.run(wanted, force)
        after = self._look(wanted)
        for number, body in enumerate(wanted):
            self._check_same(number, checked.verdicts[number], done.verdicts[number], before[number])
            self._check_true(number, body, done.verdicts[number], before[number], after[number])
            self._check_expected(number, expected[number], done.verdicts[number], before[number], after[number])
        self._check_server_agrees(wanted, done, after, force)
        self._check_rests(wanted, done, force)
        if complain:
            self.check()
        return done

    def check(self) -> None:
        """Raise with everything that was found wrong."""
        assert not self.complaints, "\n\n".join([f"{len(self.complaints)} complaints", *self.complaints[:3]])

    def remove(self) -> None:
        """Delete the objects and the set with plain requests."""
        for number, live in enumerate(self.live):
            if live and live["metadata"].get("finalizers"):
                self.server.merge(object_path(self.definitions[number]), {"metadata": {"finalizers": None}})
        cluster_wide = [body for body in self.definitions if not body["metadata"].get("namespace")]
        each(lambda body: self.server.delete(object_path(body)), cluster_wide)
        for path in sorted({collection_path(body) for body in self.definitions if body not in cluster_wide}):
            self.server.delete(path, {"propagationPolicy": "Background"} if "batch" in path else None)
        self.server.delete(f"/api/v1/namespaces/{SETS}/configmaps/{self.name}")

    def _settle(self) -> None:
        """Apply until the engine has seen that nothing changes any more; what cannot be made at all is left out."""
        first = self.run(self.definitions)
        made = [number for number, verdict in enumerate(first.verdicts) if verdict.action != FAILED]
        self.tally["refused at first"] += len(self.definitions) - len(made)
        self.made = made
        """The numbers of the definitions that could be made."""
        self.definitions = [self.definitions[number] for number in made]
        self.given = [self.given[number] for number in made]
        for _again in range(self.settling_runs - 1):
            before = self._look(self.definitions)
            run = self.run(self.definitions)
            after = self._look(self.definitions)
            for number, body in enumerate(self.definitions):
                self._check_true(number, body, run.verdicts[number], before[number], after[number])

    def proved(self, run: Run) -> list[bool]:
        """For each definition, whether it was called unchanged without sending it."""
        return [
            verdict.action == UNCHANGED and object_path(body) not in run.sent
            for body, verdict in zip(self.definitions, run.verdicts)
        ]

    def run(self, definitions: Sequence[Body], force: bool = False, dry_run: bool = False) -> Run:
        """One call of the engine."""
        request = Request(
            connection=self.connection,
            definitions=[json.loads(json.dumps(body)) for body in definitions],
            applyset={"name": self.name, "namespace": SETS, "kind": "ConfigMap"},
            field_manager=self.manager,
            force_conflicts=force,
            dry_run=dry_run,
            diff=True,
        )
        failures: Sequence[str] = ()
        with _traffic() as seen:
            try:
                changes = converge(request).changes
            except ApplyFailed as error:
                changes, failures = error.done, error.failures
        found = {(change.key.kind, change.key.name): change for change in changes}
        verdicts = [Verdict(FAILED, text="no verdict at all")] * len(definitions)
        for number, body in enumerate(definitions):
            change = found.get((body["kind"], body["metadata"]["name"]))
            if change:
                verdicts[number] = Verdict(change.action, change.verified, change.diff)
        for failure in failures:
            told = _FAILED.search(failure)
            assert told, failure
            verdicts[int(told.group(1))] = Verdict(FAILED, text=told.group(2))
        sent = frozenset(path.partition("?")[0] for method, path in seen if method == "PATCH")
        assert seen, "the requests of the engine are not seen any more"
        return Run(verdicts, sent)

    def plain_apply(self, body: Body, force: bool = False, dry_run: bool = False) -> Answer:
        """What the engine would send of a definition, sent without it."""
        return self.server.apply(self._as_sent(body), self.manager, force, dry_run)

    def _as_sent(self, body: Body) -> Body:
        """What the engine has to send of a definition."""
        metadata = body["metadata"]
        identifier = set_id(self.name, SETS)
        body = {**body, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), PART_OF: identifier}}}
        if body["kind"] == "Secret" and "stringData" in body:
            text = body.pop("stringData") or {}
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
            if encoded:
                body["data"] = {**(body.get("data") or {}), **encoded}
        return body

    def _look(self, definitions: Sequence[Body]) -> list[Body | None]:
        """The objects as they are, in the API versions of the definitions."""
        listed: dict[str, dict[str, Body]] = {}
        for path in {collection_path(body) for body in definitions}:
            listed[path] = {item["metadata"]["name"]: item for item in self.server.items(path)}
        return [listed[collection_path(body)].get(body["metadata"]["name"]) for body in definitions]

    def _complain(self, number: int, what: str, **shown: Any) -> None:
        if isinstance(shown.get("before"), dict) and isinstance(shown.get("after"), dict):
            shown = {"difference": list(differences(shown["before"], shown["after"])), **shown}
        details = "".join(f"\n    {name}: {_shown(value)}" for name, value in shown.items())
        self.complaints.append(f"{self.given[number]}: {what}{details}")

    def _check_nothing_changed(self, wanted: Sequence[Body], before: Sequence[Any], after: Sequence[Any]) -> None:
        for number, (body, one, other) in enumerate(zip(wanted, before, after)):
            if content(one, body) != content(other, body):
                self._complain(number, "check mode has changed it", before=one, after=other)

    def _check_same(self, number: int, checked: Verdict, done: Verdict, before: Body | None) -> None:
        """Check mode tells what the run then does."""
        if before and before["metadata"].get("deletionTimestamp"):
            same = checked.action == done.action
        else:
            same = _without_allocated(checked) == _without_allocated(done)
        if not same:
            self._complain(number, "check mode and the run differ", checked=checked, done=done, before=before)

    def _check_true(self, number: int, body: Body, done: Verdict, before: Body | None, after: Body | None) -> None:
        """It is changed when, and only when, its content is another."""
        if done.action == FAILED:
            if content(before, body) != content(after, body):
                self._complain(number, "failed, and yet changed", verdict=done, before=before, after=after)
            return
        if before is None:
            right = CREATED
        else:
            right = UNCHANGED if content(before, body) == content(after, body) else CONFIGURED
        if done.action != right:
            self._complain(number, f"is {right}, said {done.action}", ours=body, before=before, after=after)

    def _check_expected(
        self, number: int, answer: Answer, done: Verdict, before: Body | None, after: Body | None
    ) -> None:
        """It fails when, and only when, the server refuses it, with the same managers and fields."""
        self.tally[f"verdict {done.action}"] += 1
        if answer.is_error != (done.action == FAILED):
            self._complain(number, f"the server answers {answer.status}", said=answer.body.get("message"), done=done)
        for place, message in sorted(answer.conflicts):
            self.tally["conflicts"] += 1
            found = _CONFLICT.search(message)
            manager = found.group(1) if found else message
            if place not in done.text or manager not in done.text:
                self._complain(number, f"does not tell the conflict over {place} with {manager}", done=done)

    def _check_server_agrees(self, wanted: Sequence[Body], done: Run, after: Sequence[Any], force: bool) -> None:
        """What is called unchanged is not changed by a plain apply of the same."""
        numbers = [number for number, verdict in enumerate(done.verdicts) if verdict.action == UNCHANGED]
        answers = each(lambda number: self.plain_apply(wanted[number], force), numbers)
        for number, answer in zip(numbers, answers):
            body, is_proved = wanted[number], object_path(wanted[number]) not in done.sent
            by = "proved" if is_proved else "sent"
            self.tally[f"unchanged, {by}"] += 1
            if answer.is_error:
                self._complain(
                    number, f"is unchanged ({by}), but the server refuses it", said=answer.body.get("message")
                )
            elif content(answer.body, body) != content(after[number], body):
                self._complain(
                    number,
                    f"is unchanged ({by}), but the server changes it",
                    ours=body,
                    before=after[number],
                    after=answer.body,
                )
            elif version(answer.body) != version(after[number]):
                what = _written(after[number], answer.body)
                self.tally[f"unchanged, {by}, but {what} written"] += 1

    def _check_rests(self, wanted: Sequence[Body], done: Run, force: bool) -> None:
        """A run right after changes nothing more, or says so.

        An apply that takes the last item out of a map or list leaves null there, and the next makes it empty again.
        """
        before = self._look(wanted)
        again = self.run(wanted, force)
        after = self._look(wanted)
        for number, body in enumerate(wanted):
            verdict = again.verdicts[number]
            self._check_true(number, body, verdict, before[number], after[number])
            if done.verdicts[number].action == FAILED or verdict.action == UNCHANGED:
                continue
            self.tally[f"{verdict.action} by a run right after"] += 1
            answer = self.plain_apply(body, force, dry_run=True)
            if verdict.action == FAILED and not answer.is_error:
                self._complain(number, "fails in a run right after, but the server takes it", done=verdict)


_CONTROLLERS = ("deployment.kubernetes.io/revision", "autoscaling.alpha.kubernetes.io/conditions")
"""Annotations that controllers write on a slow machine while a trial looks on."""


def content(body: Body | None, definition: Body) -> Any:
    """What counts of an object: all but what the server keeps for itself, and the status where it is a subresource."""
    if body is None:
        return None
    metadata = {name: value for name, value in body["metadata"].items() if name not in _SERVERS_OWN}
    annotations = {name: text for name, text in (metadata.pop("annotations", {})).items() if name not in _CONTROLLERS}
    metadata = {**metadata, "annotations": annotations} if annotations else metadata
    ignored = {"metadata", "apiVersion", "kind"} | (set() if definition["kind"] == "Loose" else {"status"})
    # As text: 1, 1.0 and true are equal to Python.
    return json.dumps([metadata, {name: body[name] for name in body if name not in ignored}], sort_keys=True)


def _without_allocated(verdict: Verdict) -> Verdict:
    """The verdict without what the server chooses anew each time it makes an object."""
    if verdict.action != CREATED or not verdict.diff:
        return verdict
    return replace(verdict, diff={name: _ALLOCATED.sub("", text) for name, text in verdict.diff.items()})


def version(body: Body) -> str:
    return str(body["metadata"]["resourceVersion"])


def _written(before: Body, after: Body) -> str:
    """What differs between two versions of an object whose content is the same."""
    if before.get("status") != after.get("status"):
        return "status"
    if _owners(before) != _owners(after):
        return "ownership"
    return "nothing that shows"


def _owners(body: Body) -> Any:
    """Who owns what of the object, but of its status."""
    entries = body["metadata"].get("managedFields") or ()
    # They are in the order of their times.
    return sorted(
        json.dumps({name: value for name, value in entry.items() if name != "time"}, sort_keys=True)
        for entry in entries
        if entry.get("subresource") != "status"
    )


def _shown(value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    entries = value.get("metadata", {}).get("managedFields")
    if entries:
        # One line each, and the fields as they are stored.
        value = {**value, "metadata": {**value["metadata"], "managedFields": [json.dumps(entry) for entry in entries]}}
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """The places where two values differ, with both."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            if name not in _SERVERS_OWN:
                yield from differences(one.get(name, "<absent>"), other.get(name, "<absent>"), f"{path}.{name}")
    elif json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        yield f"{path}: {json.dumps(one)} -> {json.dumps(other)}"


@contextmanager
def _traffic() -> Iterator[list[tuple[str, str]]]:
    """Method and path of every request that is made meanwhile, in the order of their beginning."""
    seen: list[tuple[str, str]] = []
    lock = threading.Lock()
    original: Callable[..., Any] = http.client.HTTPConnection.putrequest

    def putrequest(connection: Any, method: str, url: str, *rest: Any, **named: Any) -> Any:
        with lock:
            seen.append((method, url))
        return original(connection, method, url, *rest, **named)

    http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        http.client.HTTPConnection.putrequest = original  # type: ignore[method-assign]
