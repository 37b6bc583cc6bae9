# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an apply need not be sent, for it is proved that the server would change nothing.

An apply changes nothing when the fields that we own are those that we would send, and have the values that
we would send. Ownership alone does not prove the values: what an admission webhook changes while somebody
else writes is not noted in ``managedFields``. Values alone do not prove ownership. So both are compared,
without any notion of which values are alike. Where the server writes a value otherwise than it was sent
(``1000m`` as ``1``, a default within an atomic list), its own word counts: an apply that changed nothing
is remembered as a digest of what was sent and of the object as it stood there.

Either proof holds only as long as nothing changes that the server goes by: see ``circumstances``.
"""

from __future__ import annotations

import hashlib
import json
from typing import AbstractSet, Any, FrozenSet, List, Mapping, Optional, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import as_json, content
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.managed_fields import Fields

DIGEST_BYTES = 8
MAX_SETTLED = 60_000
"""Digests that are kept: half of what an object of the cluster (1 MiB) can hold."""

_PRECONDITIONS = {"uid", "resourceVersion"}
_SENT_NEVER_OWNED = ("apiVersion", "kind", "metadata")
_SPECIAL_MANAGER = "kubectl"
"""At every apply under this name the server rewrites kubectl's annotation of the last applied configuration."""


def circumstance(api_version: str, kind: str) -> str:
    """The name of what the server goes by for a kind."""
    return f"{api_version} {kind}"


class Proofs:
    """What is known by now about the members of one set.

    ``then`` and ``now`` are the circumstances (``circumstances.read``) of the last complete run and of this one,
    ``settled`` the digests that the server's word stands behind.
    """

    def __init__(self, manager: str, then: Mapping[str, str], now: Mapping[str, str], settled: AbstractSet[bytes]):
        self.now = now
        self._manager = manager
        self._same = {name for name, digest in now.items() if then.get(name) == digest}
        self._settled = settled
        self._used: Set[bytes] = set()

    def hold(self, desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Whether it is proved that applying ``desired`` would change nothing of ``live``."""
        owned = self._owned(desired, live)
        if owned is None or circumstance(desired["apiVersion"], desired["kind"]) not in self._same:
            return False
        if is_exactly(owned, desired, live):
            return True
        digest = digest_of(desired, live)
        if digest not in self._settled:
            return False
        self._used.add(digest)
        return True

    def note_unchanged(self, desired: Mapping[str, Any], before: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        """Remember that the server changed nothing when ``desired`` was applied, if that is so.

        It writes some objects anew all the same (with nulls, or empty values): then only the time of the write differs.
        """
        with_status = "status" in desired
        if as_json(state_of(before, with_status)) != as_json(state_of(live, with_status)):
            return
        owned = self._owned(desired, live)
        is_known = circumstance(desired["apiVersion"], desired["kind"]) in self.now
        # Of a Secret nothing is kept anywhere else, not even a digest: a short password can be guessed from it.
        if owned is None or not is_known or desired["kind"] == "Secret" or len(self._used) >= MAX_SETTLED:
            return
        if not is_exactly(owned, desired, live):
            self._used.add(digest_of(desired, live))

    @property
    def settled(self) -> FrozenSet[bytes]:
        """The digests that are of use for the definitions of this run."""
        return frozenset(self._used)

    def _owned(self, desired: Mapping[str, Any], live: Mapping[str, Any]) -> Optional[Fields]:
        """What we own of an object; None where nothing can be proved of it."""
        if self._manager == _SPECIAL_MANAGER or _PRECONDITIONS & set(desired["metadata"]):
            return None
        return applied_fields(live, self._manager, desired["apiVersion"])


def applied_fields(live: Mapping[str, Any], manager: str, api_version: str) -> Optional[Fields]:
    """The tree (fieldsV1) that a manager applied in an API version; None when there is none."""
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") == manager and entry["operation"] == "Apply" and not entry.get("subresource"):
            return dict(entry.get("fieldsV1") or {}) if entry.get("apiVersion") == api_version else None
    return None


def is_exactly(owned: Fields, desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether a tree covers all that is desired and nothing else, and the live values of it are the desired ones.

    False only says that this is not so on the face of it.
    """
    body = {name: value for name, value in desired.items() if name not in _SENT_NEVER_OWNED}
    metadata = {name: value for name, value in desired["metadata"].items() if name not in ("name", "namespace")}
    if metadata:
        body["metadata"] = metadata
    return _mappings_agree(owned, body, live)


def digest_of(desired: Mapping[str, Any], live: Mapping[str, Any]) -> bytes:
    """What identifies that a definition met with this object.

    Fields of others count too, and whose they are: defaults of what was sent as empty can depend on them, and so can
    whether there is a conflict.
    """
    text = as_json([desired, state_of(live, "status" in desired)])
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]


def state_of(live: Mapping[str, Any], with_status: bool = False) -> List[Any]:
    """All of an object that can make a difference to an apply: its content, and who owns what of it."""
    owners = [
        [entry.get("manager"), entry["operation"], entry.get("apiVersion"), entry.get("fieldsV1")]
        for entry in live["metadata"].get("managedFields") or ()
        if not entry.get("subresource")
    ]
    return [content(live, with_status), sorted(owners, key=as_json)]


def _agree(owned: Fields, desired: Any, live: Any) -> bool:
    if not owned:
        return _same(desired, live)
    if isinstance(desired, dict):
        return isinstance(live, dict) and _mappings_agree(owned, desired, live)
    if isinstance(desired, list):
        return isinstance(live, list) and _lists_agree(owned, desired, live)
    return False


def _mappings_agree(owned: Fields, desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    if len(owned) - ("." in owned) != len(desired):
        return False
    for name, value in desired.items():
        below = owned.get("f:" + name)
        if below is None or name not in live or not _agree(below, value, live[name]):
            return False
    return True


def _lists_agree(owned: Fields, desired: List[Any], live: List[Any]) -> bool:
    """Whether every desired item is owned by its key, agrees with the live one, and stands in the same order."""
    keys = [_ItemKey(key) for key in owned if key != "."]
    if len(keys) != len(desired):
        return False
    position = -1
    for item in desired:
        possible = [key for key in keys if key.may_be_of(item)]
        if len(possible) != 1:
            return False
        found = [index for index, other in enumerate(live) if possible[0].is_of(other)]
        if len(found) != 1 or found[0] <= position:
            return False
        position = found[0]
        if not _agree(owned[possible[0].text], item, live[position]):
            return False
    return True


class _ItemKey:
    """What identifies a list item: ``v:`` and its value, or ``k:`` and the values of its key fields."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._is_value = text.startswith("v:")
        self._wanted: Any = json.loads(text[2:]) if text[:2] in ("v:", "k:") else None

    def may_be_of(self, desired: Any) -> bool:
        """Whether a desired item can be meant; its key fields may be missing, for some have a default."""
        if self._is_value or not isinstance(desired, dict):
            return self._is_value and _same(desired, self._wanted)
        return all(_same(desired.get(name, value), value) for name, value in (self._wanted or {}).items())

    def is_of(self, live: Any) -> bool:
        """Whether a live item is meant."""
        if self._is_value or not isinstance(live, dict):
            return self._is_value and _same(live, self._wanted)
        return bool(self._wanted) and all(
            name in live and _same(live[name], value) for name, value in self._wanted.items()
        )


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1, 1.0 and true are three things."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
