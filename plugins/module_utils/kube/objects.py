# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What identifies an object of a cluster."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

PART_OF = "applyset.kubernetes.io/part-of"
"""The label that makes an object a member of an ApplySet."""


class ObjectKey(NamedTuple):
    """The identity of an object, whatever version of its API it is written in."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def group_of(api_version: str) -> str:
    """The group of an apiVersion: ``apps`` of ``apps/v1``, the empty string of ``v1``."""
    return api_version.rpartition("/")[0]


def key_of(body: Mapping[str, Any]) -> ObjectKey:
    """The identity of an object as the API server returns it (apiVersion, kind and metadata are there)."""
    metadata = body["metadata"]
    return ObjectKey(group_of(body["apiVersion"]), body["kind"], metadata.get("namespace") or "", metadata["name"])
