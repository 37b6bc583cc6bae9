# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes on one object when it goes from one tool to another: whose fields are whose. Pure functions.

A tool that applies on the server's side owns fields through an entry of the operation Apply: what is no longer applied
goes. A tool that applies on the client's side owns them through an Update, beside everything that was defaulted in its
requests, and keeps what it applied in an annotation; only what is in both was written by a person. (client-go's
csaupgrade takes all of the Update. The first apply then gives the defaulted fields up, and the server fills in what
the default has become by then.)
"""

from __future__ import annotations

import json
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import Fields, owned_part

Entry = Dict[str, Any]

APPLY, UPDATE = "Apply", "Update"

KUBECTL_SERVER_SIDE = "kubectl"
KUBECTL_CLIENT_SIDE = "kubectl-client-side-apply"
KUBECTL_MANAGERS = (KUBECTL_SERVER_SIDE, KUBECTL_CLIENT_SIDE)
"""The field managers of ``kubectl apply``, when it is not given another."""
KUBECTL_ANNOTATION_MANAGER = "kubectl-last-applied"
"""Keeps LAST_APPLIED on an object that went from client-side to server-side apply."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ESCAPED_BY_GO = "<>&\u2028\u2029"
ANNOTATIONS_LIMIT = 262144
"""Bytes of all annotations of an object; Kubernetes refuses more."""


def label_owners(metadata: Mapping[str, Any], label: str) -> List[str]:
    """The managers that own a label, each once."""
    return sorted({each["manager"] for each in metadata.get("managedFields") or () if _owns_label(each, label)})


def appliers(metadata: Mapping[str, Any], kind: str, label: str) -> List[str]:
    """The managers that applied the label to this very object, on the server's side or on the client's.

    Who made a copy of an object owns the label too, but did not apply it.
    """
    last_applied = last_applied_to(metadata, kind) or {}
    was_applied = label in ((last_applied.get("metadata") or {}).get("labels") or {})
    owners = [each for each in metadata.get("managedFields") or () if _owns_label(each, label)]
    return sorted({each["manager"] for each in owners if _is_apply(each, was_applied)})


def last_applied_to(metadata: Mapping[str, Any], kind: str) -> Optional[Dict[str, Any]]:
    """What was last applied on the client's side; None when there is none, or it is of another object (a copy's)."""
    try:
        body = json.loads((metadata.get("annotations") or {}).get(LAST_APPLIED, ""))
        written = body["metadata"]
        is_of_this = body["kind"] == kind and written["name"] == metadata["name"] and body["apiVersion"]
    except (ValueError, KeyError, TypeError):
        return None
    if not is_of_this or written.get("namespace", metadata.get("namespace")) != metadata.get("namespace"):
        return None
    if kind == "Secret" and isinstance(body.get("stringData"), dict):
        # The server stores it as data.
        body["data"] = {**(body.get("data") or {}), **body["stringData"]}
    return dict(body)


def moved_to_apply(
    metadata: Mapping[str, Any], kind: str, label: str, former: Collection[str], new: str
) -> List[Entry]:
    """The entries with everything that the former managers applied now applied by the new one, beside what it has.

    Fields that were merely defaulted for a former manager belong to nobody then, so no conflict can come from them.
    Where the annotation that tells them apart is lost, all goes that was written together with the label. The label
    goes in any case.
    """
    last_applied = last_applied_to(metadata, kind)
    kept: List[Entry] = []
    applied: List[Entry] = []
    updated: List[Entry] = []
    own: List[Entry] = []
    for entry in metadata.get("managedFields") or ():
        if entry.get("subresource"):
            kept.append(entry)
        elif entry["operation"] == APPLY and entry["manager"] == new:
            own.append(entry)
        elif entry["operation"] == APPLY and entry["manager"] in former:
            applied.append(entry)
        elif entry["operation"] == UPDATE and entry["manager"] in former and last_applied:
            updated.extend(_as_applied(entry, last_applied))
        elif entry["operation"] == UPDATE and entry["manager"] in former and _owns_label(entry, label):
            updated.append(entry)
        else:
            kept.append(entry)
    labelled: Fields = {"f:metadata": {"f:labels": {f"f:{label}": {}}}}
    return [*kept, *_merged([*applied, *updated, *own], new, APPLY, labelled)]


def moved_to_update(metadata: Mapping[str, Any], former: Collection[str], new: str) -> List[Entry]:
    """The entries with everything that the former managers own now in an Update of the new one, the last entry."""
    kept: List[Entry] = []
    moved: List[Entry] = []
    own: List[Entry] = []
    for entry in metadata.get("managedFields") or ():
        if entry.get("subresource"):
            kept.append(entry)
        elif entry["manager"] in former:
            moved.append(entry)
        elif entry["operation"] == UPDATE and entry["manager"] == new:
            own.append(entry)
        else:
            kept.append(entry)
    return [*kept, *_merged([*moved, *own], new, UPDATE, {})]


def without_manager(entries: Sequence[Entry], manager: str) -> List[Entry]:
    """The entries without those of a manager."""
    return [entry for entry in entries if entry["manager"] != manager]


def last_applied_of(body: Mapping[str, Any], tree: Fields) -> str:
    """The annotation for an object whose fields in the tree were the last applied ones, as kubectl would write it."""
    part = owned_part(body, [tree])
    part["metadata"] = {"annotations": {}, **part["metadata"]}
    text = json.dumps(part, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for character in _ESCAPED_BY_GO:
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text + "\n"


def annotations_size(annotations: Mapping[str, str]) -> int:
    """Bytes, as Kubernetes counts them."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())


def shown(metadata: Mapping[str, Any]) -> str:
    """Who owns fields of an object, for a person to compare."""
    entries = [each for each in metadata.get("managedFields") or () if not each.get("subresource")]
    owners = sorted({f"  - {each['manager']} ({each['operation']})" for each in entries})
    annotation = [f"annotation: {LAST_APPLIED}"] if LAST_APPLIED in (metadata.get("annotations") or {}) else []
    return "\n".join(["field managers:", *owners, *annotation, ""])


def _is_apply(entry: Entry, was_applied: bool) -> bool:
    """Whether an entry is of an apply: one of the server, or one of kubectl when the object has been through that.

    The other commands of kubectl (create, edit, ...) write the annotation too, and have names that begin with its own.
    """
    if entry["operation"] == APPLY:
        return True
    manager = str(entry["manager"])
    return was_applied and (manager == KUBECTL_CLIENT_SIDE or not manager.startswith("kubectl-"))


def _owns_label(entry: Entry, label: str) -> bool:
    labels = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels") or {}
    return f"f:{label}" in labels


def _merged(sources: Sequence[Entry], manager: str, operation: str, beside: Fields) -> List[Entry]:
    """One entry with the fields of all, and those beside, in the API version of the first; none when there are none.

    An object has one Apply entry of a manager only. Paths of another version that do not exist in that of the entry
    do no harm: the server passes over them.
    """
    if not sources:
        return []
    first = sources[0]
    tree = beside
    for source in sources:
        tree = _union(tree, source.get("fieldsV1") or {})
    return [{**first, "manager": manager, "operation": operation, "fieldsV1": tree}]


def _union(one: Fields, other: Fields) -> Fields:
    """The fields of both. An empty tree below a key is the field itself, as is ``.`` beside other keys."""
    merged = dict(one)
    for key, subtree in other.items():
        merged[key] = _union_below(one[key], subtree) if key in one else subtree
    return merged


def _union_below(one: Fields, other: Fields) -> Fields:
    if one == other:
        return one
    return _union(one or {".": {}}, other or {".": {}})


def _as_applied(entry: Entry, last_applied: Mapping[str, Any]) -> List[Entry]:
    """The part of an Update that was written by a person, in the form that an Apply of it would have."""
    tree = _written(entry.get("fieldsV1") or {}, last_applied)
    return [{**entry, "apiVersion": last_applied["apiVersion"], "fieldsV1": tree}] if tree else []


def _written(fields: Fields, value: Any) -> Fields:
    """The keys of a tree that lead to something in the value."""
    kept: Fields = {}
    for key, below in fields.items():
        is_there, inner = _at(key, value)
        if not is_there:
            continue
        part = _written(below, inner)
        is_field = not below or "." in below
        if part and is_field and key.startswith("k:"):
            kept[key] = {".": {}, **part}
        elif part or is_field:
            kept[key] = part
    return kept


def _at(key: str, value: Any) -> Tuple[bool, Any]:
    """Whether ``f:name``, ``k:{"name":"a"}``, ``v:"a"`` or ``i:0`` leads to something in a value, and to what."""
    kind, _colon, text = key.partition(":")
    if kind == "f":
        found = value.get(text) if isinstance(value, dict) else None
        return found is not None, found
    if not isinstance(value, list):
        return False, None
    if kind == "k":
        return _item_of(json.loads(text), value)
    if kind == "v":
        return json.loads(text) in value, None
    is_index = kind == "i" and int(text) < len(value)
    return is_index, value[int(text)] if is_index else None


def _item_of(wanted: Mapping[str, Any], items: Sequence[Any]) -> Tuple[bool, Any]:
    """The item with these keys. One that a person left out was defaulted, so the item that says most of them is it."""
    candidates = [item for item in items if isinstance(item, dict) and wanted.keys() & item.keys()]
    fitting = [item for item in candidates if all(item.get(key, wanted[key]) == wanted[key] for key in wanted)]
    if not fitting:
        return False, None
    return True, max(fitting, key=lambda item: len(wanted.keys() & item.keys()))
