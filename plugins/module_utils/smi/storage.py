# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving stored SMI objects to the version that their CRD is going to store (pure).

The API server keeps an object as it was written: a CRD that stores another version from now on changes nothing that is
stored, and without a webhook only the apiVersion of what is read. Its status.storedVersions tells which versions
objects may be stored in; who takes one of them out of the CRD while there are such objects cannot even list them. See
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    KINDS,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    Kind,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.conversion import ConversionError, convert
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.crds import headers_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.refusals import refusals
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.schemas import ANY
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import fields_of, identify, is_flat

Object = Mapping[str, Any]
Definition = Dict[str, Any]


class CannotMove(ValueError):
    """Objects that cannot be stored otherwise; the message says why and what to do."""


@dataclass(frozen=True)
class Move:
    """A CRD with objects that may be stored in other versions, or with other headers, than it is going to have.

    ``stored`` are the versions that objects may be stored in, oldest first. ``headers`` is the shape in which headers
    are to be written, None to leave them as they are.
    """

    kind: Kind
    live: Object
    wanted: Object
    stored: Tuple[str, ...]
    target: str
    headers: Optional[str] = None

    @property
    def former(self) -> List[str]:
        """The versions that no object is to be stored in any more."""
        return [version for version in self.stored if version != self.target]

    @property
    def is_readable(self) -> bool:
        """Whether every object can be read in the version that it is stored in, and is given as it is stored."""
        served = [each["name"] for each in self.live["spec"]["versions"] if each["served"]]
        converted = _strategy(self.live) != "None" and len(self.stored) > 1
        return not converted and all(version in served for version in self.stored)


def moves(live: Mapping[str, Object], wanted: Sequence[Object], interrupted: Sequence[str] = ()) -> List[Move]:
    """What has to be moved before CRDs can be as they are wanted. ``live`` has the CRDs that are there, by their names.

    ``interrupted`` names the CRDs whose move an earlier run began. Raises CannotMove.
    """
    kinds = {kind.crd_name: kind for kind in KINDS}
    pairs = [(live[_name(each)], each) for each in wanted if _name(each) in live and _name(each) in kinds]
    found = [_move(kinds[_name(each)], there, each) for there, each in pairs]
    return [move for move in found if move.former or move.headers or move.kind.crd_name in interrupted]


def readable(move: Move) -> Definition:
    """The spec of the CRD with which every object can be read as it is stored."""
    spec = copy.deepcopy(dict(move.live["spec"]))
    spec["conversion"] = {"strategy": "None"}
    for version in spec["versions"]:
        version["served"] = version["served"] or version["name"] in move.stored
    return spec


def staged(move: Move) -> Definition:
    """The spec of the CRD while objects are moved: it stores the new version, serves nothing else, and lists all."""
    spec = {**copy.deepcopy(dict(move.wanted["spec"])), "conversion": {"strategy": "None"}}
    for version in spec["versions"]:
        version["served"] = version["name"] == move.target
    return {**spec, "versions": _listed(move, spec["versions"])}


def waiting(move: Move) -> Definition:
    """The CRD as it is wanted, as far as the API server takes that before the objects are moved."""
    spec = copy.deepcopy(dict(move.wanted["spec"]))
    return {**move.wanted, "spec": {**spec, "versions": _listed(move, spec["versions"])}}


def most_complete(readings: Sequence[Object]) -> Object:
    """The one of several readings of an object that shows how it is stored. There must be one.

    A reading in another version than that of the object lacks the fields that this version does not know. Of readings
    that show the same, the newest is taken; but only v1alpha1 can mean weights that are no whole numbers.
    """
    newest_first = sorted(readings, key=_version_key, reverse=True)
    sizes = [_leaves(_own_fields(each)) for each in newest_first]
    equal = [each for each, size in zip(newest_first, sizes) if size == max(sizes)]
    best = equal[0]
    if best["kind"] == TRAFFIC_SPLIT.name and not _has_whole_weights(best):
        return next((each for each in equal if _version_key(each) == 1), best)
    return best


def moved(move: Move, obj: Object) -> Dict[str, Any]:
    """The object as it is to be stored. Raises CannotMove."""
    try:
        result = convert(obj, move.target, move.headers)
    except ConversionError as error:
        raise CannotMove(str(error)) from error
    schema = next(each["schema"] for each in move.wanted["spec"]["versions"] if each["name"] == move.target)
    reasons = refusals(schema["openAPIV3Schema"], result)
    if reasons:
        raise CannotMove(f"{subject_of(obj)}: cannot be stored in {move.target}: {'; '.join(reasons)}")
    return result


def owners(move: Move, entries: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Who owns which fields (``metadata.managedFields``) when these are written as the new version has them.

    The API server forgets the entries of versions that it does not serve, and then takes every field for somebody
    else's. Paths that the new version does not have do no harm: it passes over them.
    """
    return [_in_target(move, entry) for entry in entries]


def _in_target(move: Move, entry: Mapping[str, Any]) -> Dict[str, Any]:
    group, _slash, version = str(entry.get("apiVersion")).rpartition("/")
    if group != move.kind.api_group or version == move.target or version not in move.kind.all_versions:
        return dict(entry)
    tree = dict(entry.get("fieldsV1") or {})
    beside = {key: tree.pop(key) for key in ("f:metadata", "f:status") if key in tree}
    fields = tree if is_flat(move.kind, version) else tree.get("f:spec", {})
    if move.kind is TRAFFIC_TARGET and "v1alpha1" in (version, move.target):
        names = {"f:specs": "f:rules", "f:rules": "f:specs"}
        fields = {names.get(key, key): below for key, below in fields.items()}
    if is_flat(move.kind, move.target):
        moved_fields = {key: below for key, below in fields.items() if key != "."}
    else:
        moved_fields = {"f:spec": fields} if fields else {}
    return {**entry, "apiVersion": f"{group}/{move.target}", "fieldsV1": {**beside, **moved_fields}}


def _move(kind: Kind, live: Object, wanted: Object) -> Move:
    stored = [str(version) for version in (live.get("status") or {}).get("storedVersions") or (_storage(live),)]
    unknown = [version for version in stored if version not in kind.all_versions]
    if unknown:
        raise CannotMove(
            f"{kind.crd_name}: objects may be stored in {', '.join(unknown)} (status.storedVersions), which SMI "
            f"does not have; write them in one of {', '.join(kind.all_versions)} with the tool that made them, and "
            f"take {', '.join(unknown)} out of status.storedVersions"
        )
    target = _storage(wanted)
    headers = headers_of(wanted, target) if kind is HTTP_ROUTE_GROUP else None
    differ = headers != ANY and any(headers_of(live, version) not in (None, headers) for version in stored)
    return Move(
        kind, live, wanted, tuple(sorted(stored, key=version_key)), target, headers if headers and differ else None
    )


def _listed(move: Move, versions: Sequence[Definition]) -> List[Definition]:
    """The versions with those that objects may be stored in, as the live CRD has them and not served."""
    names = [each["name"] for each in versions]
    there = {each["name"]: each for each in move.live["spec"]["versions"]}
    kept = [{**there[name], "served": False, "storage": False} for name in move.former if name not in names]
    return sorted([*versions, *copy.deepcopy(kept)], key=lambda each: version_key(each["name"]))


def _storage(definition: Object) -> str:
    return next(str(each["name"]) for each in definition["spec"]["versions"] if each["storage"])


def _strategy(definition: Object) -> str:
    return str((definition["spec"].get("conversion") or {}).get("strategy") or "None")


def _name(definition: Object) -> str:
    return str(definition["metadata"]["name"])


def _version_key(obj: Object) -> int:
    return version_key(str(obj["apiVersion"]).rpartition("/")[2])


def _own_fields(obj: Object) -> Dict[str, Any]:
    """The fields without a spec that stands there because a CRD keeps what a flat version does not know."""
    fields = fields_of(obj)
    if is_flat(*identify(obj)):
        fields.pop("spec", None)
    return fields


def _leaves(value: Any) -> int:
    """How much is written there; an empty mapping or list counts too."""
    children: Iterator[Any] = iter(())
    if isinstance(value, Mapping):
        children = iter(value.values())
    elif isinstance(value, list):
        children = iter(value)
    return 1 + sum(_leaves(child) for child in children)


def _has_whole_weights(split: Object) -> bool:
    backends = fields_of(split).get("backends")
    weights = [each.get("weight") for each in backends or () if isinstance(each, Mapping)]
    return all(isinstance(weight, int) for weight in weights)
