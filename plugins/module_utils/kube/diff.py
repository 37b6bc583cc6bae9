# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change means to the person who wrote the definition: their fields before and after, nothing else."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import managed_fields
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF, key_of

try:
    import yaml
except ImportError:  # libraries.require() tells what to install
    yaml = None  # type: ignore[assignment]

Diff = Dict[str, str]
"""``before`` and ``after`` as YAML, with their headers, as Ansible prints it."""

_MASK = "***"


def diff_applied(before: Optional[Mapping[str, Any]], after: Mapping[str, Any], manager: str) -> Diff:
    """The difference an apply made (or would make) in what the manager writes.

    Both are as the server returned them; ``before`` is None for a new object. Fields that the manager
    gives up are shown before, fields that it takes up are shown on both sides.
    """
    written = managed_fields.applied_by(after, manager)
    given_up = managed_fields.applied_by(before, manager) if before else {}
    old = managed_fields.owned_part(before, [given_up, written])
    return _diff(old, managed_fields.owned_part(after, [written]), str(key_of(after)))


def diff_unverified(desired: Mapping[str, Any], title: str) -> Diff:
    """The difference for an object that no server has seen yet."""
    return _diff({}, desired, title)


def diff_removed(live: Mapping[str, Any]) -> Diff:
    """The difference for an object that is removed; of its content only what identifies it."""
    return _diff(managed_fields.owned_part(live, []), {}, str(key_of(live)))


def same_content(before: Mapping[str, Any], after: Mapping[str, Any], with_status: bool = False) -> bool:
    """Whether two states of an object differ only in what the server keeps for itself, and in the status."""
    return as_json(content(before, with_status)) == as_json(content(after, with_status))


def as_json(value: Any) -> str:
    """A value as a text that is equal for equal values only: to Python, true is 1 and 1 is 1.0."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def content(body: Mapping[str, Any], with_status: bool = False) -> Dict[str, Any]:
    """An object without what the server keeps for itself, and without its status."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _SERVER_METADATA}
    return {**{key: value for key, value in body.items() if with_status or key != "status"}, "metadata": metadata}


_SERVER_METADATA = ("resourceVersion", "generation", "managedFields", "creationTimestamp", "uid")


def _diff(before: Mapping[str, Any], after: Mapping[str, Any], title: str) -> Diff:
    if not (_is_member(before) and not _is_member(after)):
        before, after = _without_set(before), _without_set(after)
    before, after = _masked(before, after)
    return {
        "before_header": title,
        "after_header": title,
        "before": _to_yaml(before),
        "after": _to_yaml(after),
    }


def _is_member(body: Mapping[str, Any]) -> bool:
    return PART_OF in ((body.get("metadata") or {}).get("labels") or {})


def _without_set(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the label of the ApplySet, which the person did not write; that it goes would not be seen without it."""
    metadata = body.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != PART_OF}
    if labels == (metadata.get("labels") or {}):
        return body
    rest = {key: value for key, value in metadata.items() if key != "labels"}
    return {**body, "metadata": {**rest, "labels": labels} if labels else rest}


def _masked(before: Mapping[str, Any], after: Mapping[str, Any]) -> Tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Without the values of a Secret; a changed one can still be told from an unchanged one."""
    is_secret = any(body.get("kind") == "Secret" and body.get("apiVersion") == "v1" for body in (before, after))
    if not is_secret:
        return before, after
    old: Mapping[str, Any] = before.get("data") or {}
    new: Mapping[str, Any] = after.get("data") or {}
    return _with_data(before, old, new, "before"), _with_data(after, new, old, "after")


def _with_data(body: Mapping[str, Any], own: Mapping[str, Any], other: Mapping[str, Any], side: str) -> Dict[str, Any]:
    if not own:
        return dict(body)
    masked = {key: _MASK if other.get(key, own[key]) == own[key] else f"{_MASK} ({side})" for key in own}
    return {**body, "data": masked}


def _to_yaml(body: Mapping[str, Any]) -> str:
    if not body:
        return ""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(dict(body), Dumper=dumper, sort_keys=True, default_flow_style=False, allow_unicode=True))
