# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Optional

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.diff import Diff
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey

CREATED = "created"
CONFIGURED = "configured"
UNCHANGED = "unchanged"
DELETED = "deleted"
ACTIONS = (CREATED, CONFIGURED, UNCHANGED, DELETED)


@dataclass(frozen=True)
class Change:
    """What was done to an object, or in check mode would be done.

    ``verified`` is false where no server could look at it: its cluster, namespace or kind is still to come.
    """

    api_version: str
    key: ObjectKey
    action: str
    verified: bool = True
    diff: Optional[Diff] = None

    def as_return(self) -> Dict[str, Any]:
        """As a module returns it."""
        return {
            "apiVersion": self.api_version,
            "kind": self.key.kind,
            "namespace": self.key.namespace,
            "name": self.key.name,
            "action": self.action,
            "verified": self.verified,
        }


def count(changes: Iterable[Change]) -> Dict[str, int]:
    """How many objects met each action."""
    counts = dict.fromkeys(ACTIONS, 0)
    for change in changes:
        counts[change.action] += 1
    return counts
