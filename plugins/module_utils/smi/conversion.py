# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion of SMI objects between any two versions of their kind.

What a version cannot say is kept in the annotation KEPT and restored by the way back. Each thing that is kept belongs
to something that the version does say (a weight to its backend, headers to their match, a port to its destination):
who changes that meanwhile is right, and what was kept of it is forgotten. What a version says itself always wins over
what is kept of it, and what is kept in a form that none of the versions writes is ignored.

Values that no version writes (a port that is text, a weight that is no quantity) stay where they are: rules tell them.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import (
    LIST,
    MAP,
    header_pairs,
    headers_as,
    identify,
    is_flat,
)

KEPT = "smi.servicemesh.platform/kept"
"""The annotation with what the version of an object cannot say, as JSON."""

Fields = Dict[str, Any]
Kept = Dict[str, Any]

_HEAD = ("apiVersion", "kind", "metadata", "status")
_LARGEST = 2**63 - 1  # what the API server and Go clients can decode as a whole number


class ConversionError(ValueError):
    """An object that cannot be converted: the object, the field, and what to write instead."""

    def __init__(self, subject: str, field: str, message: str) -> None:
        super().__init__(f"{subject}: {field}: {message}")
        self.subject = subject
        self.field = field
        self.message = message


class _Unsayable(ValueError):
    """A field that cannot be said in the version wanted, before it is known whose field it is."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class _Way(NamedTuple):
    """How the fields of a kind come out of a version and into one: between them they stand as the richest has them."""

    lift: Callable[[Fields, int, Kept], Fields]
    lower: Callable[[Fields, int], Tuple[Fields, Kept]]


def convert(obj: Mapping[str, Any], version: str, headers: Optional[str] = None) -> Dict[str, Any]:
    """The object in another version (``v1alpha2``). The object given stays as it is; the result shares parts with it.

    ``headers`` is the shape (wire.LIST or wire.MAP) in which the headers of an HTTPRouteGroup are written, None for the
    one that they have. Only apiVersion, the fields, and the annotation KEPT differ, as the API server demands of a
    conversion. Raises wire.UnknownObject and ConversionError.
    """
    kind, current = identify(obj)
    _check_metadata(obj)
    if version not in kind.all_versions:
        message = f"{kind.name} has no version {version!r}; write one of: {', '.join(kind.all_versions)}"
        raise ConversionError(subject_of(obj), "apiVersion", message)
    try:
        if version == current:
            return dict(obj) if headers is None else _reshaped(obj, is_flat(kind, version), headers)
        fields, beside, kept = _taken_apart(obj, is_flat(kind, current))
        if kind.crd_name in _WAYS:
            way = _WAYS[kind.crd_name]
            fields, kept = way.lower(way.lift(fields, version_key(current), kept), version_key(version))
        result = _put_together(obj, f"{kind.api_group}/{version}", is_flat(kind, version), fields, beside, kept)
        return result if headers is None else _reshaped(result, is_flat(kind, version), headers)
    except _Unsayable as error:
        raise ConversionError(subject_of(obj), error.field, str(error)) from error


def _check_metadata(obj: Mapping[str, Any]) -> None:
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    for field, value in (("metadata", metadata), ("metadata.annotations", annotations)):
        if value is not None and not isinstance(value, Mapping):
            raise ConversionError(str(obj.get("kind")), field, f"{value!r} is no mapping; write one")


# --- layouts: fields beside metadata or under spec


def _taken_apart(obj: Mapping[str, Any], flat: bool) -> Tuple[Fields, Fields, Kept]:
    """The fields; what else stands beside metadata where fields are under spec; what was kept."""
    kept = _read(obj)
    rest = {name: value for name, value in obj.items() if name not in _HEAD}
    if flat:
        hidden = {name: value for name, value in _mapping(kept.get("spec")).items() if name in _HEAD}
        beside = _mapping(kept.get("beside"))
        return (
            {**rest, **hidden},
            {name: value for name, value in beside.items() if _may_stand_beside(name, value)},
            kept,
        )
    spec = rest.get("spec")
    if not isinstance(spec, Mapping):
        return {}, rest if "spec" in rest else {**rest, "spec": None}, kept
    return dict(spec), {name: value for name, value in rest.items() if name != "spec"}, kept


def _may_stand_beside(name: str, value: Any) -> bool:
    return name not in _HEAD and (name != "spec" or value is None)


def _put_together(
    obj: Mapping[str, Any], api_version: str, flat: bool, fields: Fields, beside: Fields, kept: Kept
) -> Dict[str, Any]:
    if flat:
        # A field may have the name of something that is no field once it stands beside metadata.
        hidden = {name: value for name, value in fields.items() if name in _HEAD}
        kept = {**kept, **{name: part for name, part in (("spec", hidden), ("beside", beside)) if part}}
    result: Dict[str, Any] = {"apiVersion": api_version, "kind": obj["kind"]}
    metadata = _metadata(obj.get("metadata") or {}, kept)
    if metadata or "metadata" in obj:
        result["metadata"] = metadata
    result.update(_body(flat, fields, beside))
    if "status" in obj:
        result["status"] = obj["status"]
    return result


def _body(flat: bool, fields: Fields, beside: Fields) -> Fields:
    if flat:
        return {name: value for name, value in fields.items() if name not in _HEAD}
    if fields or "spec" not in beside:
        return {**beside, "spec": fields}
    return beside if beside["spec"] is not None else _without(beside, "spec")


def _metadata(metadata: Mapping[str, Any], kept: Kept) -> Dict[str, Any]:
    given = metadata.get("annotations") or {}
    if KEPT not in given and not kept:
        return dict(metadata)
    annotations = {name: value for name, value in given.items() if name != KEPT}
    if kept:
        annotations[KEPT] = _text(kept)
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest


def _text(kept: Kept) -> str:
    try:
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"something cannot be kept in an annotation ({error}); write text and numbers only, quote dates"
        raise _Unsayable(", ".join(sorted(kept)), message) from error


def _read(obj: Mapping[str, Any]) -> Kept:
    """What was kept of an object; nothing when somebody has spoilt it."""
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(KEPT)
    if not isinstance(text, str):
        return {}
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _without(mapping: Mapping[str, Any], name: str) -> Dict[str, Any]:
    return {each: value for each, value in mapping.items() if each != name}


# --- TrafficSplit: v1alpha1 has quantities as weights, and matches come with v1alpha3


class _Weight(NamedTuple):
    """A weight as v1alpha1 spells it and as the whole number of later versions, which is ``per`` times as much."""

    spelt: Any
    whole: int
    per: int


def _lift_split(fields: Fields, version: int, kept: Kept) -> Fields:
    lifted = dict(fields)
    if version < 3 and "matches" not in fields and _are_mappings(kept.get("matches")):
        lifted["matches"] = kept["matches"]
    if isinstance(fields.get("backends"), list):
        lifted["backends"] = _with_both_weights(fields["backends"], version, _mapping(kept.get("weights")))
    return lifted


def _lower_split(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    lowered, kept = dict(fields), {}
    if version < 3 and _are_mappings(fields.get("matches")):
        kept["matches"] = lowered.pop("matches")
    backends = fields.get("backends")
    if isinstance(backends, list) and backends and all(_is_weighted(backend) for backend in backends):
        weights = [backend["weight"] for backend in backends]
        spelling = _unsaid_factor(backends, weights) if version == 1 else _unsaid_spelling(backends, weights)
        lowered["backends"] = [
            {**backend, "weight": weight.spelt if version == 1 else weight.whole}
            for backend, weight in zip(backends, weights)
        ]
        if spelling:
            kept["weights"] = spelling
    return lowered, kept


def _are_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _is_weighted(backend: Any) -> bool:
    return isinstance(backend, Mapping) and isinstance(backend.get("weight"), _Weight)


def _with_both_weights(backends: List[Any], version: int, kept: Kept) -> List[Any]:
    """The backends with a _Weight each, or as they are when one has no weight that can be read."""
    try:
        values = [quantity.parse(backend["weight"]) for backend in backends]
    except (KeyError, TypeError, ValueError):
        return backends
    whole = version > 1 and all(_is_whole(backend["weight"]) for backend in backends)
    weights = _spelt_again(backends, kept) if whole else _made_whole(backends, values, kept if version == 1 else {})
    return [{**backend, "weight": weight} for backend, weight in zip(backends, weights)]


def _made_whole(backends: List[Any], values: List[Fraction], kept: Kept) -> List[_Weight]:
    """Whole numbers in exactly the ratios of quantities: those that they had, where nobody has changed a weight."""
    per = _factor(kept) if kept.get("of") == _names_and_weights(backends) else 0
    if not per or any((value * per).denominator != 1 for value in values):
        per = quantity.scale(values)
    return [_Weight(backend["weight"], int(value * per), per) for backend, value in zip(backends, values)]


def _names_and_weights(backends: List[Any]) -> List[List[Any]]:
    return [[str(backend.get("service")), backend["weight"]] for backend in backends]


def _spelt_again(backends: List[Any], kept: Kept) -> List[_Weight]:
    """Quantities in exactly the ratios of whole numbers: as they were spelt, where nobody has changed them since."""
    per, spelt = _factor(kept), _spellings(kept)
    keys = [(str(backend.get("service")), backend["weight"]) for backend in backends]
    if any(key in spelt for key in keys):
        found = [spelt[key].pop(0) if spelt.get(key) else _spelt(Fraction(key[1], per)) for key in keys]
        if None not in found:
            return [_Weight(text, key[1], per) for text, key in zip(found, keys)]
    return [_Weight(key[1], key[1], 1) for key in keys]


def _factor(kept: Kept) -> int:
    """The ``per`` of weights, 0 when none was kept."""
    per = kept.get("per")
    return per if isinstance(per, int) and _is_whole(per) and per > 0 else 0


def _spellings(kept: Kept) -> Dict[Tuple[str, int], List[Any]]:
    """How the weights of a service were spelt, in the order of the backends; without what does not fit its number."""
    result: Dict[Tuple[str, int], List[Any]] = {}
    for service, whole, spelt in _triples(kept.get("was")):
        if isinstance(service, str) and _is_whole(whole) and _has_value(spelt, whole, _factor(kept)):
            result.setdefault((service, whole), []).append(spelt)
    return result


def _has_value(spelt: Any, whole: int, per: int) -> bool:
    try:
        return per > 0 and quantity.parse(spelt) * per == whole
    except ValueError:
        return False


def _triples(value: Any) -> Iterator[List[Any]]:
    return (each for each in (value if isinstance(value, list) else []) if isinstance(each, list) and len(each) == 3)


def _spelt(value: Fraction) -> Any:
    """A quantity as one writes it, whole or in the largest unit in which it is whole; None below the smallest unit."""
    for unit, scale in (("", 1), ("m", 10**3), ("u", 10**6), ("n", 10**9)):
        if (value * scale).denominator == 1:
            number = int(value * scale)
            return f"{number}{unit}" if unit else number
    return None


def _unsaid_factor(backends: List[Any], weights: List[_Weight]) -> Kept:
    """By what to multiply the quantities to have the whole numbers again, where that is not what one would take."""
    if all(_is_whole(weight.spelt) and weight.spelt == weight.whole for weight in weights):
        return {}
    if quantity.scale([quantity.parse(weight.spelt) for weight in weights]) == weights[0].per:
        return {}
    of = [[str(backend.get("service")), weight.spelt] for backend, weight in zip(backends, weights)]
    return {"per": weights[0].per, "of": of}


def _unsaid_spelling(backends: List[Any], weights: List[_Weight]) -> Kept:
    """How the quantities were spelt that are not spelt like the whole numbers."""
    was = [
        [str(backend.get("service")), weight.whole, weight.spelt]
        for backend, weight in zip(backends, weights)
        if not _is_whole(weight.spelt) or weight.spelt != weight.whole
    ]
    if was and any(abs(weight.whole) > _LARGEST for weight in weights):
        raise _Unsayable("backends", "the weights are too far apart for whole numbers; write them closer to each other")
    return {"per": weights[0].per, "was": was} if was else {}


# --- TrafficTarget: rules are called specs in v1alpha1, the port of the destination ends with v1alpha2, the group of
# --- subjects comes with the draft v1alpha4


def _lift_target(fields: Fields, version: int, kept: Kept) -> Fields:
    lifted = _renamed(fields, "specs", "rules") if version == 1 else dict(fields)
    if version < 4:
        lifted = _with_groups(lifted, _mapping(kept.get("groups")))
    port, destination = _mapping(kept.get("port")), lifted.get("destination")
    if version < 3 or not isinstance(destination, Mapping) or "port" in destination or not _is_whole(port.get("is")):
        return lifted
    if port.get("of") == _identity(destination):
        lifted["destination"] = {**destination, "port": port["is"]}
    return lifted


def _lower_target(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    lowered, kept = _renamed(fields, "rules", "specs") if version == 1 else dict(fields), {}
    destination = lowered.get("destination")
    if version > 2 and isinstance(destination, Mapping) and _is_whole(destination.get("port")):
        lowered["destination"] = _without(destination, "port")
        kept["port"] = {"is": destination["port"], "of": _identity(destination)}
    groups = _groups(lowered) if version < 4 else {}
    if groups:
        lowered = _groupless(lowered)
        kept["groups"] = groups
    return lowered, kept


def _subjects(fields: Fields) -> Dict[str, List[Any]]:
    """The subjects of a target by the field that they stand in."""
    sources = fields.get("sources")
    found = {"destination": [fields["destination"]]} if "destination" in fields else {}
    return {**found, "sources": sources} if isinstance(sources, list) else found


def _groups(fields: Fields) -> Kept:
    """The API groups of subjects, by field: the identity, the how-manieth of that identity it is, and the group."""
    found = {
        name: [[*turn, subject["group"]] for subject, turn in _by_identity(subjects) if turn and _has_group(subject)]
        for name, subjects in _subjects(fields).items()
    }
    return {name: groups for name, groups in found.items() if groups}


def _groupless(fields: Fields) -> Fields:
    return _with_subjects(
        fields, lambda _field, subject, _turn: _without(subject, "group") if _has_group(subject) else subject
    )


def _with_groups(fields: Fields, kept: Kept) -> Fields:
    """The fields with the API group that each subject had, where it is still the same subject."""
    groups = {
        (name, json.dumps(identity), turn): group
        for name in ("destination", "sources")
        for identity, turn, group in _triples(kept.get(name))
        if isinstance(group, str) and _is_whole(turn)
    }

    def restored(name: str, subject: Any, turn: Optional[Tuple[Any, int]]) -> Any:
        key = (name, json.dumps(turn[0]), turn[1]) if turn else None
        return subject if key not in groups or "group" in subject else {**subject, "group": groups[key]}

    return _with_subjects(fields, restored) if groups else fields


def _with_subjects(fields: Fields, change: Callable[[str, Any, Optional[Tuple[Any, int]]], Any]) -> Fields:
    changed = dict(fields)
    for name, subjects in _subjects(fields).items():
        new = [change(name, *each) for each in _by_identity(subjects)]
        changed[name] = new[0] if name == "destination" else new
    return changed


def _by_identity(subjects: List[Any]) -> Iterator[Tuple[Any, Optional[Tuple[Any, int]]]]:
    """Subjects, each with its identity and the how-manieth of that identity it is; None where there is none."""
    turns: Dict[str, int] = {}
    for subject in subjects:
        identity = _identity(subject) if isinstance(subject, Mapping) else None
        if identity is None or not all(_is_name(part) for part in identity):
            yield subject, None
            continue
        key = json.dumps(identity)
        turns[key] = turns.get(key, -1) + 1
        yield subject, (identity, turns[key])


def _has_group(subject: Any) -> bool:
    return isinstance(subject, Mapping) and isinstance(subject.get("group"), str)


def _renamed(fields: Fields, old: str, new: str) -> Fields:
    """The fields with one called otherwise. Where the other name is there too, both change: none is lost."""
    names = {old: new, new: old}
    return {names.get(name, name): value for name, value in fields.items()}


def _identity(destination: Mapping[str, Any]) -> List[Any]:
    return [destination.get(name) for name in ("kind", "namespace", "name")]


# --- HTTPRouteGroup: headers come with v1alpha2


def _lift_group(fields: Fields, version: int, kept: Kept) -> Fields:
    headers = {
        (name, turn): value
        for name, turn, value in _triples(kept.get("headers"))
        if _is_name(name) and _is_whole(turn) and _are_headers(value)
    }
    if version > 1 or not headers or not isinstance(fields.get("matches"), list):
        return fields
    return {**fields, "matches": [_with_headers(*each, headers) for each in _by_turn(fields["matches"])]}


def _with_headers(match: Any, key: Any, headers: Mapping[Any, Any]) -> Any:
    return match if key not in headers or "headers" in match else {**match, "headers": headers[key]}


def _lower_group(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    matches = fields.get("matches")
    if version > 1 or not isinstance(matches, list):
        return fields, {}
    kept = [
        [*key, match["headers"]]
        for match, key in _by_turn(matches)
        if key and "headers" in match and _are_headers(match["headers"])
    ]
    if not kept:
        return fields, {}
    return {**fields, "matches": [_headless(*each) for each in _by_turn(matches)]}, {"headers": kept}


def _headless(match: Any, key: Any) -> Any:
    return _without(match, "headers") if key and "headers" in match and _are_headers(match["headers"]) else match


def _by_turn(matches: List[Any]) -> Iterator[Tuple[Any, Optional[Tuple[Any, int]]]]:
    """Matches, each with its name and the how-manieth of that name it is (names should differ); None without either."""
    turns: Dict[Any, int] = {}
    for match in matches:
        if not isinstance(match, Mapping) or not _is_name(match.get("name")):
            yield match, None
            continue
        name = match.get("name")
        turns[name] = turns.get(name, -1) + 1
        yield match, (name, turns[name])


def _is_name(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _are_headers(value: Any) -> bool:
    try:
        return header_pairs(value) is not None
    except ValueError:
        return False


def _reshaped(obj: Mapping[str, Any], flat: bool, shape: str) -> Dict[str, Any]:
    """The object with all headers in a shape; as it is when it is no HTTPRouteGroup."""
    if shape not in (LIST, MAP):
        raise _Unsayable("headers", f"{shape!r} is no shape of headers; write {LIST} or {MAP}")
    fields = obj if flat else obj.get("spec")
    matches = fields.get("matches") if isinstance(fields, Mapping) else None
    if obj["kind"] != HTTP_ROUTE_GROUP.name or not isinstance(fields, Mapping) or not isinstance(matches, list):
        return dict(obj)
    changed = {"matches": [_in_shape(match, f"matches[{index}]", shape) for index, match in enumerate(matches)]}
    return {**obj, **changed} if flat else {**obj, "spec": {**fields, **changed}}


def _in_shape(match: Any, field: str, shape: str) -> Any:
    if not isinstance(match, Mapping) or match.get("headers") is None:
        return match
    try:
        return {**match, "headers": headers_as(header_pairs(match["headers"]), shape)}
    except ValueError as error:
        raise _Unsayable(f"{field}.headers", str(error)) from error


# --- TCPRoute: before v1alpha4 it means all ports, which this version says with matches that name none


def _lift_tcp(fields: Fields, version: int, kept: Kept) -> Fields:
    if version > 3 or "matches" in fields:
        return fields
    matches = kept.get("matches", {})
    return fields if matches is None else {**fields, "matches": matches if _are_ports(matches) else {}}


def _lower_tcp(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    if version > 3 or fields.get("matches") == {}:
        return (fields if version > 3 else _without(fields, "matches")), {}
    if "matches" not in fields:
        return fields, {"matches": None}
    if not _are_ports(fields["matches"]):
        return fields, {}
    return _without(fields, "matches"), {"matches": fields["matches"]}


def _are_ports(matches: Any) -> bool:
    ports = matches.get("ports", []) if isinstance(matches, Mapping) else None
    return isinstance(ports, list) and all(_is_whole(port) for port in ports)


_WAYS: Mapping[str, _Way] = {
    TRAFFIC_SPLIT.crd_name: _Way(_lift_split, _lower_split),
    TRAFFIC_TARGET.crd_name: _Way(_lift_target, _lower_target),
    HTTP_ROUTE_GROUP.crd_name: _Way(_lift_group, _lower_group),
    TCP_ROUTE.crd_name: _Way(_lift_tcp, _lower_tcp),
}
