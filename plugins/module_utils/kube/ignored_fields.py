# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that others write and that we therefore never send.

Server-side apply owns what it is sent, so a field can either be ours or be left to another writer: an
ignored field is left out always, on creation too. The server's default stands until the other writer
comes (one replica until a HorizontalPodAutoscaler raises it to its minimum). A value that was sent once
and is taken back later would be reset by the server under the feet of the other writer.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey

IGNORED_FIELD_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "kind": {"type": "str", "required": True},
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "path": {"type": "str", "required": True},
}


@dataclass(frozen=True)
class IgnoredField:
    """A field of all objects of a kind (or of those with a name or in a namespace).

    ``path`` is dotted and passes through lists: ``webhooks.clientConfig.caBundle`` is that of every
    webhook. A dot that belongs to a name is written ``\\.``.
    """

    kind: str
    path: str
    name: str = ""
    namespace: str = ""

    def concerns(self, key: ObjectKey) -> bool:
        """Whether the field is one of this object."""
        return self.kind == key.kind and self.name in ("", key.name) and self.namespace in ("", key.namespace)

    @property
    def parts(self) -> List[str]:
        return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", self.path)]


def ignored_field(options: Mapping[str, Any]) -> IgnoredField:
    """An entry of an option ``ignore_fields``, as IGNORED_FIELD_ARGUMENTS describes it."""
    return IgnoredField(**{key: value for key, value in options.items() if value is not None})


def without_ignored(body: Dict[str, Any], key: ObjectKey, ignored: Sequence[IgnoredField]) -> Dict[str, Any]:
    """The object without its ignored fields; the object itself when it has none."""
    concerning = [field for field in ignored if field.concerns(key)]
    if not concerning:
        return body
    remaining = copy.deepcopy(body)
    for field in concerning:
        _drop(remaining, field.parts)
    return remaining


def _drop(value: Any, parts: Sequence[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _drop(item, parts)
    elif isinstance(value, dict) and len(parts) == 1:
        value.pop(parts[0], None)
    elif isinstance(value, dict):
        _drop(value.get(parts[0]), parts[1:])
