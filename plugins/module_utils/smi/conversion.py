# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion of SMI objects between any two versions of their kind.

What a version cannot say is kept in the annotation KEPT and restored by the way back. Each thing that is kept belongs
to something that the version does say (a weight to its backend, headers to their match, a port to its destination):
who changes that meanwhile is right, and what was kept of it is forgotten. A version that can say a thing itself never
looks at what is kept of it.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi import quantity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    HTTP_ROUTE_GROUP,
    TCP_ROUTE,
    TRAFFIC_SPLIT,
    TRAFFIC_TARGET,
    Kind,
    version_key,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import subject_of
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import (
    fields_of,
    header_pairs,
    headers_as,
    identify,
    is_flat,
)

KEPT = "smi.servicemesh.platform/kept"
"""The annotation with what the version of an object cannot say, as JSON."""

Fields = Dict[str, Any]
Kept = Dict[str, Any]


class ConversionError(ValueError):
    """An object that cannot be converted; the message names it, the field, and what to write instead."""


class _Way(NamedTuple):
    """How the fields of a kind come out of a version and into one: between them they stand as the richest has them."""

    lift: Callable[[Fields, int, Kept], Fields]
    lower: Callable[[Fields, int], Tuple[Fields, Kept]]


def convert(obj: Mapping[str, Any], version: str, headers: Optional[str] = None) -> Dict[str, Any]:
    """The object in another version (``v1alpha2``); the object given stays as it is.

    ``headers`` is the shape (wire.LIST or wire.MAP) in which the headers of an HTTPRouteGroup are written, None for the
    one that they have. Only apiVersion, the fields, and the annotation KEPT differ, as the API server demands of a
    conversion. Raises wire.UnknownObject and ConversionError.
    """
    kind, current = identify(obj)
    if version not in kind.versions:
        raise ConversionError(
            f"{subject_of(obj)}: apiVersion: {kind.name} has no version {version!r}; write one of: "
            f"{', '.join(kind.versions)}"
        )
    fields, kept = fields_of(obj), _read(obj)
    if version != current and kind.crd_name in _WAYS:
        way = _WAYS[kind.crd_name]
        fields, kept = way.lower(way.lift(fields, version_key(current), kept), version_key(version))
    if headers is not None:
        fields = _reshaped(obj, fields, headers)
    return _written(obj, kind, version, fields, kept)


def _read(obj: Mapping[str, Any]) -> Kept:
    """What was kept of an object; nothing when somebody has spoilt it."""
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(KEPT)
    try:
        kept = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _written(obj: Mapping[str, Any], kind: Kind, version: str, fields: Fields, kept: Kept) -> Dict[str, Any]:
    result: Dict[str, Any] = {"apiVersion": f"{kind.api_group}/{version}", "kind": kind.name}
    if "metadata" in obj:
        result["metadata"] = _metadata(obj["metadata"] or {}, kept)
    result.update(fields if is_flat(kind, version) else {"spec": fields})
    if "status" in obj:
        result["status"] = obj["status"]
    return result


def _metadata(metadata: Mapping[str, Any], kept: Kept) -> Dict[str, Any]:
    given = metadata.get("annotations")
    annotations = {name: value for name, value in (given or {}).items() if name != KEPT}
    if kept:
        annotations[KEPT] = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    was_ours_alone = not annotations and bool(given)
    return rest if was_ours_alone or (given is None and not annotations) else {**rest, "annotations": annotations}


def _items(fields: Mapping[str, Any], name: str) -> List[Any]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


# --- TrafficSplit: v1alpha1 has quantities as weights, and matches come with v1alpha3


def _lift_split(fields: Fields, version: int, kept: Kept) -> Fields:
    lifted = dict(fields)
    if version < 3 and isinstance(kept.get("matches"), list):
        lifted["matches"] = kept["matches"]
    if version > 1 and isinstance(fields.get("backends"), list):
        lifted["backends"] = _with_quantities(fields["backends"], kept.get("weights"))
    return lifted


def _with_quantities(backends: List[Any], kept: Any) -> List[Any]:
    """The backends with the weights as they were spelt, where these were not changed since."""
    if not isinstance(kept, dict) or not isinstance(kept.get("per"), int) or kept["per"] < 1:
        return backends
    spelt = {(service, weight): was for service, weight, was in _triples(kept.get("was"))}
    return [_with_quantity(backend, spelt, kept["per"]) for backend in backends]


def _with_quantity(backend: Any, spelt: Mapping[Tuple[Any, Any], Any], per: int) -> Any:
    if not isinstance(backend, Mapping) or not _is_whole(backend.get("weight")):
        return backend
    weight = backend["weight"]
    known = spelt.get((str(backend.get("service")), weight))
    return {**backend, "weight": _spelt(Fraction(weight, per)) if known is None else known}


def _triples(value: Any) -> List[List[Any]]:
    triples = value if isinstance(value, list) else []
    return [each for each in triples if isinstance(each, list) and len(each) == 3 and _is_whole(each[1])]


def _spelt(value: Fraction) -> Any:
    """A quantity as one writes it: whole, or in the largest unit in which it is whole."""
    for unit, scale in (("", 1), ("m", 10**3), ("u", 10**6), ("n", 10**9)):
        if (value * scale).denominator == 1:
            number = int(value * scale)
            return f"{number}{unit}" if unit else number
    return f"{round(value * 10**9)}n"  # quantities end there


def _lower_split(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    lowered, kept = dict(fields), {}
    if version < 3 and "matches" in fields:
        kept["matches"] = lowered.pop("matches")
    if version > 1 and isinstance(fields.get("backends"), list):
        lowered["backends"], weights = _with_whole_weights(fields["backends"])
        if weights:
            kept["weights"] = weights
    return lowered, kept


def _with_whole_weights(backends: List[Any]) -> Tuple[List[Any], Kept]:
    """The backends with whole weights in exactly the ratios of the quantities, and how these were spelt."""
    try:
        values = [quantity.parse(backend["weight"]) for backend in backends]
    except (KeyError, TypeError, ValueError):
        return backends, {}  # wrong in any version: a rule tells it
    per = quantity.scale(values)
    weights = [int(value * per) for value in values]
    pairs = list(zip(backends, weights))
    was = [
        [str(backend.get("service")), weight, backend["weight"]]
        for backend, weight in pairs
        if not _is_whole(backend["weight"]) or backend["weight"] != weight
    ]
    return [{**backend, "weight": weight} for backend, weight in pairs], {"per": per, "was": was} if was else {}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# --- TrafficTarget: rules are called specs in v1alpha1, and the port of the destination ends with v1alpha2


def _lift_target(fields: Fields, version: int, kept: Kept) -> Fields:
    lifted = {"rules" if version == 1 and name == "specs" else name: value for name, value in fields.items()}
    port, destination = kept.get("port"), fields.get("destination")
    if version < 3 or not isinstance(destination, Mapping) or not isinstance(port, dict) or "is" not in port:
        return lifted
    is_same = port.get("of") == _identity(destination)
    return {**lifted, "destination": {**destination, "port": port["is"]}} if is_same else lifted


def _lower_target(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    lowered = {"specs" if version == 1 and name == "rules" else name: value for name, value in fields.items()}
    destination = fields.get("destination")
    if version < 3 or not isinstance(destination, Mapping) or "port" not in destination:
        return lowered, {}
    lowered["destination"] = {name: value for name, value in destination.items() if name != "port"}
    return lowered, {"port": {"is": destination["port"], "of": _identity(destination)}}


def _identity(destination: Mapping[str, Any]) -> List[Any]:
    return [destination.get(name) for name in ("kind", "namespace", "name")]


# --- HTTPRouteGroup: headers come with v1alpha2


def _lift_group(fields: Fields, version: int, kept: Kept) -> Fields:
    headers = kept.get("headers")
    if version > 1 or not isinstance(headers, dict) or not isinstance(fields.get("matches"), list):
        return fields
    return {**fields, "matches": [_with_headers(match, headers) for match in fields["matches"]]}


def _with_headers(match: Any, headers: Mapping[str, Any]) -> Any:
    name = match.get("name") if isinstance(match, Mapping) else None
    return {**match, "headers": headers[name]} if isinstance(name, str) and name in headers else match


def _lower_group(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    headers = {
        match["name"]: match["headers"]
        for match in _items(fields, "matches")
        if isinstance(match, Mapping) and "headers" in match and isinstance(match.get("name"), str)
    }
    if version > 1 or not headers:
        return fields, {}
    matches = [_without(match, "headers") if _has_headers(match) else match for match in fields["matches"]]
    return {**fields, "matches": matches}, {"headers": headers}


def _has_headers(match: Any) -> bool:
    return isinstance(match, Mapping) and isinstance(match.get("name"), str) and "headers" in match


def _without(mapping: Mapping[str, Any], name: str) -> Dict[str, Any]:
    return {each: value for each, value in mapping.items() if each != name}


def _reshaped(obj: Mapping[str, Any], fields: Fields, shape: str) -> Fields:
    """The fields with all headers in a shape."""
    if not any(_has_headers(match) for match in _items(fields, "matches")):
        return fields
    matches = []
    for index, match in enumerate(fields["matches"]):
        if _has_headers(match) and match["headers"] is not None:
            try:
                match = {**match, "headers": headers_as(header_pairs(match["headers"]), shape)}
            except ValueError as error:
                raise ConversionError(f"{subject_of(obj)}: matches[{index}].headers: {error}") from error
        matches.append(match)
    return {**fields, "matches": matches}


# --- TCPRoute: it says something only from v1alpha4 on


def _lift_tcp(fields: Fields, version: int, kept: Kept) -> Fields:
    return {**fields, "matches": kept["matches"]} if version < 4 and isinstance(kept.get("matches"), dict) else fields


def _lower_tcp(fields: Fields, version: int) -> Tuple[Fields, Kept]:
    if version > 3 or "matches" not in fields:
        return fields, {}
    return _without(fields, "matches"), {"matches": fields["matches"]}


_WAYS: Mapping[str, _Way] = {
    TRAFFIC_SPLIT.crd_name: _Way(_lift_split, _lower_split),
    TRAFFIC_TARGET.crd_name: _Way(_lift_target, _lower_target),
    HTTP_ROUTE_GROUP.crd_name: _Way(_lift_group, _lower_group),
    TCP_ROUTE.crd_name: _Way(_lift_tcp, _lower_tcp),
}
