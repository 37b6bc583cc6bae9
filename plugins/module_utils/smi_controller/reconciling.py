# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace made to have, for the mesh, what its SMI objects say. Level-triggered: only what is there counts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    KubeError,
    NamespaceTerminating,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import applied_by
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey, key_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import is_exactly
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.check import check, check_alone
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import translate
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.events import (
    CONFLICT,
    NOT_TRANSLATED,
    REFUSED,
    Recorder,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.measures import Measures
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.outputs import (
    ALL_OF_A_KIND,
    FIELD_MANAGER,
    NO_MESH,
    is_ours,
    makers,
    origin_of,
    owned,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.state import State
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.watching import Object

LOG = logging.getLogger(__name__)

WRITERS = 8
"""Requests at a time while a namespace is written."""

Tell = Tuple[str, Finding]
"""The reason of an Event, and what it is about."""


@dataclass(frozen=True)
class Mesh:
    """What to translate for. ``provider``: whose exceptions from the rules count."""

    target: str
    trust_domain: str

    @property
    def provider(self) -> str:
        return self.target if self.target == "linkerd" else ""


class NotYet(Exception):
    """Something that has to be tried again; the message says what."""


class Reconciler:
    """Looks at one namespace at a time (several namespaces at once are fine). ``leads`` is asked before each write."""

    def __init__(
        self,
        session: Session,
        state: State,
        mesh: Mesh,
        recorder: Recorder,
        measures: Measures,
        leads: Callable[[], bool],
    ) -> None:
        self._session = session
        self._state = state
        self._mesh = mesh
        self._recorder = recorder
        self._measures = measures
        self._leads = leads
        self._told: Dict[str, Set[Tuple[str, str, str]]] = {}
        self._settled: Dict[ObjectKey, Tuple[Mapping[str, Any], str]] = {}
        """What the server made no difference of when it was applied, and the version of the object as it stood then."""

    def reconcile(self, namespace: str) -> None:
        """Raises NotYet when something has to be tried again."""
        unknown = self._state.unknown()
        if unknown:
            raise NotYet("; ".join(unknown))
        objects = self._state.objects(namespace)
        wanted, kept, told = self._translated(objects, namespace)
        live = {key_of(each): each for each in self._live(namespace)}
        tasks = [each for each in wanted if not self._stands(each, live.get(key_of(each)))]
        keys = {key_of(each) for each in wanted}
        obsolete = [
            each for key, each in live.items() if key not in keys and is_ours(each) and origin_of(each) not in kept
        ]
        results = map_parallel(lambda each: self._apply(each, live.get(key_of(each))), tasks, WRITERS)
        # What traffic goes by now is there before what it went by until now goes.
        map_parallel(self._remove, obsolete, WRITERS)
        told += [each for each in results if each]
        self._tell(namespace, told)
        again = [finding.message for _reason, finding in told if finding.id == _AGAIN]
        if again:
            raise NotYet("; ".join(again))

    def _translated(
        self, objects: Sequence[Object], namespace: str
    ) -> Tuple[List[Dict[str, Any]], Set[Tuple[str, str]], List[Tell]]:
        """What is wanted, the objects (kind and name) whose translation stays as it is, and what is to be told."""
        if self._mesh.target == NO_MESH or not objects:
            return [], set(), []
        around = self._state.surroundings(objects)
        provider = self._mesh.provider
        refused = [each for each in check_alone(objects, provider) if each.severity is Severity.ERROR]
        illegal = {each.subject for each in refused}
        told = [(REFUSED, each) for each in check(objects, around, provider) if each.severity is Severity.ERROR]
        legal = [each for each in objects if subject_of(each) not in illegal]
        # An object that became illegal changes nothing: the last legal state of it stays in force.
        kept = _origins(each for each in objects if subject_of(each) in illegal)
        translation = translate(legal, self._mesh.target, around, self._mesh.trust_domain)
        told += [(NOT_TRANSLATED, each) for each in translation.findings if each.severity is Severity.ERROR]
        wanted = [owned(each, self._state.source(*_origin(each, namespace))) for each in translation.objects]
        return wanted, kept, told

    def _live(self, namespace: str) -> Iterator[Object]:
        for resource, collection in self._state.outputs.items():
            for each in collection.within(namespace):
                yield {**each, "apiVersion": resource.api_version}

    def _stands(self, wanted: Mapping[str, Any], live: Optional[Object]) -> bool:
        if live is None or not is_ours(live):
            return False
        if is_exactly(applied_by(live, FIELD_MANAGER), wanted, live):
            return True
        return self._settled.get(key_of(wanted)) == (wanted, live["metadata"].get("resourceVersion"))

    def _apply(self, wanted: Dict[str, Any], live: Optional[Object]) -> Optional[Tell]:
        """Apply an object; what is to be told when that cannot be."""
        if not self._leads():
            return REFUSED, _again(wanted, "another replica writes now")
        if live is not None and not is_ours(live):
            return CONFLICT, _foreign(wanted, live)
        resource = _resource(self._state.outputs, wanted)
        if self._state.outputs[resource].resource is None:
            return NOT_TRANSLATED, _not_served(wanted)
        path = resource.path(wanted["metadata"]["namespace"], wanted["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        try:
            answer = self._session.request("PATCH", path, query, wanted, "application/apply-patch+yaml")
        except NamespaceTerminating:
            return None
        except KubeError as error:
            self._measures.writes.labels("apply", "failed").inc()
            return NOT_TRANSLATED, _again(wanted, str(error))
        self._measures.writes.labels("apply", "done").inc()
        self._settled[key_of(wanted)] = (wanted, answer["metadata"]["resourceVersion"])
        return None

    def _remove(self, live: Object) -> None:
        if not self._leads():
            return
        metadata = live["metadata"]
        resource = next(
            each for each in self._state.outputs if each.api_version == live["apiVersion"] and each.kind == live["kind"]
        )
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        try:
            self._session.request(
                "DELETE", resource.path(metadata["namespace"], metadata["name"]), body={"preconditions": preconditions}
            )
        except ApiError as error:
            if error.status not in (404, 409):
                raise NotYet(str(error)) from error
        self._settled.pop(key_of(live), None)
        self._measures.writes.labels("delete", "done").inc()

    def _tell(self, namespace: str, told: Sequence[Tell]) -> None:
        """Tell what is new; what is no more is forgotten, and told again when it comes back."""
        before = self._told.get(namespace, set())
        now: Set[Tuple[str, str, str]] = set()
        for reason, finding in told:
            about = self._about(finding, namespace)
            key = (str(about["metadata"].get("uid")), finding.id, finding.message)
            if key not in before | now:
                self._recorder.tell(about, reason, finding)
            now.add(key)
        if now:
            self._told[namespace] = now
            self._measures.findings.labels(namespace).set(len(now))
        elif self._told.pop(namespace, None):
            self._measures.findings.remove(namespace)

    def _about(self, finding: Finding, namespace: str) -> Object:
        """The object that a finding is about: the SMI object of its subject, else the namespace itself."""
        kind, _space, rest = finding.subject.partition(" ")
        source = self._state.source(kind, namespace, rest.partition(" ")[0].rpartition("/")[2])
        return source or {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "namespace": namespace},
        }


_AGAIN = "smi-controller-write"


def _origins(objects: Iterable[Object]) -> Set[Tuple[str, str]]:
    """What translations say that they were made from: an object, or all of its kind (a denial by default)."""
    return {(each["kind"], name) for each in objects for name in (each["metadata"]["name"], ALL_OF_A_KIND)}


def _origin(obj: Mapping[str, Any], namespace: str) -> Tuple[str, str, str]:
    kind, name = origin_of(obj)
    return kind, namespace, name


def _resource(known: Iterable[Resource], obj: Mapping[str, Any]) -> Resource:
    return next(each for each in known if (each.api_version, each.kind) == (obj["apiVersion"], obj["kind"]))


def _subject(obj: Mapping[str, Any]) -> str:
    kind, name = origin_of(obj)
    return f"{kind} {obj['metadata']['namespace']}/{name}"


def _again(obj: Mapping[str, Any], why: str) -> Finding:
    return Finding(
        _AGAIN, Severity.ERROR, _subject(obj), f"{obj['kind']} {obj['metadata']['name']} is not written yet: {why}"
    )


def _foreign(wanted: Mapping[str, Any], live: Object) -> Finding:
    what = f"{wanted['kind']} {wanted['metadata']['namespace']}/{wanted['metadata']['name']}"
    return Finding(
        "smi-controller-foreign",
        Severity.ERROR,
        _subject(wanted),
        f"not translated: {what} was made by {', '.join(makers(live)) or 'somebody else'}",
        "What others have made is not changed.",
        "Delete it, or give the SMI object another name.",
    )


def _not_served(wanted: Mapping[str, Any]) -> Finding:
    return Finding(
        "smi-controller-not-served",
        Severity.ERROR,
        _subject(wanted),
        f"not translated: the cluster does not serve {wanted['kind']} of {wanted['apiVersion']}",
        "The mesh's own API has to be there for it.",
        "Install the CRDs of the mesh, or choose another --mesh.",
    )
