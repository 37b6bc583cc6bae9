# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller knows of the cluster: the SMI objects, and what they refer to."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import replace
from typing import Any, Callable, DefaultDict, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import KINDS, TRAFFIC_SPLIT, Kind
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.look import (
    is_smi,
    mapping,
    plain_name,
    text,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Name, Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import fields_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.outputs import ALL_OUTPUTS, is_ours
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.watching import (
    Change,
    Collection,
    Object,
)

SERVICES = Resource("v1", "Service", "services", namespaced=True)
ACCOUNTS = Resource("v1", "ServiceAccount", "serviceaccounts", namespaced=True)
PODS = Resource("v1", "Pod", "pods", namespaced=True)


class State:
    """The collections, and ``touch``, called with each namespace in which something has changed."""

    def __init__(self, session: Session, touch: Callable[[str], None]) -> None:
        self._touch = touch
        self._mentions = _Mentions()
        self.smi: Dict[str, Collection] = {
            kind.name: Collection(kind.crd_name, session, _newest(session, kind), self._note_smi, _smi_object)
            for kind in KINDS
        }
        self.around: Dict[str, Collection] = {
            each.kind: Collection(each.plural, session, _always(each), self._note_around, trim)
            for each, trim in ((SERVICES, _service), (ACCOUNTS, _named), (PODS, _pod))
        }
        self.outputs: Dict[Resource, Collection] = {
            each: Collection(
                f"{each.plural}.{each.group}", session, _if_served(session, each), self._note_output, _output
            )
            for each in ALL_OUTPUTS
        }

    def collections(self) -> List[Collection]:
        """All of them."""
        return [*self.smi.values(), *self.around.values(), *self.outputs.values()]

    def unknown(self) -> List[str]:
        """Why what is needed for a translation is not known; nothing when it is."""
        needed = (*self.smi.values(), *self.around.values())
        return [f"{each.title}: {each.problem}" for each in needed if each.problem]

    def namespaces(self) -> Set[str]:
        """The namespaces in which there is something to do."""
        return {name for each in (*self.smi.values(), *self.outputs.values()) for name in each.namespaces()}

    def objects(self, namespace: str) -> List[Object]:
        """The SMI objects of a namespace."""
        return [each for collection in self.smi.values() for each in collection.within(namespace)]

    def source(self, kind: str, namespace: str, name: str) -> Optional[Object]:
        """An SMI object; None when there is none."""
        return self.smi[kind].get(namespace, name) if kind in self.smi else None

    def related(self, obj: Object) -> List[Object]:
        """The other SMI objects that rules about this one look at."""
        namespace = str(obj["metadata"].get("namespace") or "")
        own = (obj["kind"], obj["metadata"].get("name"))
        found = [self.source(kind, namespace, name) for kind, name in self._named_by(obj, namespace)]
        return [each for each in found if each and (each["kind"], each["metadata"]["name"]) != own]

    def surroundings(self, objects: Sequence[Object]) -> Surroundings:
        """What is around the SMI objects of one namespace."""
        return self._around(objects, self.around["Service"].within, ())

    def near(self, obj: Object) -> Surroundings:
        """What rules about a single SMI object look at. Of the services of its namespace only those that it names:
        there may be thousands, and it is asked for with every object that somebody writes.
        """
        services, names = self.around["Service"], sorted(_services(fields_of(obj)))

        def named(namespace: str) -> List[Object]:
            return [each for each in (services.get(namespace, name) for name in names) if each]

        return self._around([obj], named, self.related(obj))

    def _around(
        self, objects: Sequence[Object], services: Callable[[str], List[Object]], further: Sequence[Object]
    ) -> Surroundings:
        namespaces = {str(each["metadata"].get("namespace") or "") for each in objects}
        subjects = {namespace for each in objects for namespace in _subject_namespaces(each)} | namespaces
        accounts, pods = (self.around[kind].within for kind in ("ServiceAccount", "Pod"))
        wanted = ((services, namespaces), (accounts, subjects), (pods, subjects))
        around = Surroundings.of(
            (each for within, where in wanted for name in where for each in within(name)),
            (kind for kind, each in (*self.around.items(), *self.smi.items()) if not each.problem),
        )
        return replace(around, namespaces=frozenset(subjects), smi=tuple(further))

    def _named_by(self, obj: Object, namespace: str) -> Iterator[Tuple[str, str]]:
        fields = fields_of(obj)
        if obj["kind"] == TRAFFIC_SPLIT.name:
            names = {name for service in _services(fields) for name in self._mentions.of(namespace, service)}
            yield from ((TRAFFIC_SPLIT.name, name) for name in sorted(names))
        for field in ("matches", "rules", "specs"):
            for each in fields.get(field) or () if isinstance(fields.get(field), list) else ():
                yield text(mapping(each).get("kind")), text(mapping(each).get("name"))

    def _note_smi(self, change: Change) -> None:
        if (change.after or change.before or {}).get("kind") == TRAFFIC_SPLIT.name:
            self._mentions.replace(change)
        self._touch(change.name[0])

    def _note_around(self, change: Change) -> None:
        namespace = change.name[0]
        if any(each.within(namespace) for each in self.smi.values()):
            self._touch(namespace)

    def _note_output(self, change: Change) -> None:
        if change.before and is_ours(change.before):
            self._touch(change.name[0])
        else:
            self._note_around(change)


class _Mentions:
    """The splits that name a service, as root or as backend."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._splits: DefaultDict[Name, Set[str]] = defaultdict(set)

    def of(self, namespace: str, service: str) -> List[str]:
        with self._lock:
            return list(self._splits.get((namespace, service), ()))

    def replace(self, change: Change) -> None:
        namespace, name = change.name
        with self._lock:
            for service in _services(fields_of(change.before)) if change.before else ():
                self._splits[namespace, service].discard(name)
            for service in _services(fields_of(change.after)) if change.after else ():
                self._splits[namespace, service].add(name)


def _services(fields: Mapping[str, Any]) -> Set[str]:
    backends = fields.get("backends")
    named = [mapping(each).get("service") for each in backends] if isinstance(backends, list) else []
    return {plain_name(text(each)) for each in (fields.get("service"), *named)} - {""}


def _subject_namespaces(obj: Object) -> Iterator[str]:
    fields = fields_of(obj) if is_smi(obj) else {}
    sources = fields.get("sources")
    for each in (fields.get("destination"), *(sources if isinstance(sources, list) else ())):
        namespace = text(mapping(each).get("namespace"))
        if namespace:
            yield namespace


def _always(resource: Resource) -> Callable[[], Optional[Resource]]:
    return lambda: resource


def _newest(session: Session, kind: Kind) -> Callable[[], Optional[Resource]]:
    """The newest version that the cluster serves: it can say most, and is the stored one as a rule."""

    def find() -> Optional[Resource]:
        served = _served(session, kind.crd_name)
        newest = next((version for version in reversed(kind.versions) if version in served), None)
        found = Resource(f"{kind.api_group}/{newest}", kind.name, kind.plural, namespaced=True)
        return found if newest else None

    return find


def _if_served(session: Session, resource: Resource) -> Callable[[], Optional[Resource]]:
    version = resource.api_version.rpartition("/")[2]
    name = f"{resource.plural}.{resource.group}"
    return lambda: resource if version in _served(session, name) else None


def _served(session: Session, crd: str) -> Set[str]:
    """The versions that a CRD serves; none when there is no such CRD.

    Discovery would not do: a server that has just started does not list its custom resources for a moment, and what is
    not there any more takes its translations with it.
    """
    definition = session.get_or_none(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd}") or {}
    versions = (definition.get("spec") or {}).get("versions") or ()
    return {str(each["name"]) for each in versions if each.get("served")}


def _without_owners(obj: Object) -> Dict[str, Any]:
    return {name: value for name, value in obj["metadata"].items() if name != "managedFields"}


def _smi_object(obj: Object) -> Object:
    return {**obj, "metadata": _without_owners(obj)}


def _service(obj: Object) -> Object:
    return {"kind": "Service", "metadata": _name_of(obj), "spec": obj.get("spec")}


def _named(obj: Object) -> Object:
    return {"kind": "ServiceAccount", "metadata": _name_of(obj)}


def _pod(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    ports = [{"ports": each["ports"]} for each in spec.get("containers") or () if each.get("ports")]
    labels = obj["metadata"].get("labels") or {}
    return {
        "kind": "Pod",
        "metadata": {**_name_of(obj), "labels": labels},
        "spec": {"serviceAccountName": spec.get("serviceAccountName"), "containers": ports},
    }


def _name_of(obj: Object) -> Dict[str, Any]:
    return {name: obj["metadata"].get(name) for name in ("name", "namespace")}


def _output(obj: Object) -> Object:
    """All of one that is ours; of others only who made it."""
    if is_ours(obj):
        return {name: value for name, value in obj.items() if name != "status"}
    owners = [{"manager": each.get("manager")} for each in obj["metadata"].get("managedFields") or ()]
    return {"kind": obj["kind"], "metadata": {**_name_of(obj), "managedFields": owners}}
