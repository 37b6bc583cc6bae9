# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path of the API asks for, and the attributes by which the API server decides who may ask for it.

Paths are taken apart as kube-apiserver does (k8s.io/apiserver ``pkg/endpoints/request/requestinfo.go``), so that both
ask for the same right. That has one odd side: ``namespaces/shop/edges`` is not a subresource there, but a list of the
resource ``edges`` in the namespace ``shop``, and roles have to name it so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.resources import (
    BY_PLURAL,
    EDGES,
    GROUP,
    NAMESPACES,
    VERSION,
    Reference,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.statuses import BadRequest, NotFound

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_ROOT = f"/apis/{GROUP}/{VERSION}/"


@dataclass(frozen=True)
class Target:
    """What is asked for: metrics of ``reference`` (or of its edges), else the document that stands at the path."""

    path: str
    reference: Optional[Reference] = None
    edges: bool = False

    def attributes(self) -> Dict[str, Any]:
        """The part of the ``spec`` of a SubjectAccessReview that says what is to be done."""
        if self.reference is None:
            return {"nonResourceAttributes": {"path": self.path, "verb": "get"}}
        attributes = {"group": GROUP, "version": VERSION, **_attributes(self.reference, self.edges)}
        return {"resourceAttributes": {name: value for name, value in attributes.items() if value}}


def _attributes(reference: Reference, edges: bool) -> Dict[str, str]:
    if not reference.resource.namespaced and edges:
        return {"verb": "list", "resource": EDGES, "namespace": reference.name}
    return {
        "verb": "get" if reference.name else "list",
        "resource": reference.plural,
        "subresource": EDGES if edges else "",
        "namespace": reference.namespace,
        "name": reference.name,
    }


def parse(path: str) -> Target:
    """What a path asks for. Raises NotFound for what this API does not have, BadRequest for a name that is none."""
    if not f"{path}/".startswith(_ROOT) or path.rstrip("/") == _ROOT.rstrip("/"):
        return Target(path.rstrip("/") or "/")
    parts = path[len(_ROOT) :].rstrip("/").split("/")
    reference, edges = _resource(parts)
    for field, value in (("namespace", reference.namespace), ("name", reference.name)):
        if value and not _NAME.fullmatch(value):
            raise BadRequest(
                f"the {field} {value!r} in the path is no name of Kubernetes; write lower case letters, digits, - and ."
            )
    return Target(path.rstrip("/"), reference, edges)


def _resource(parts: List[str]) -> Tuple[Reference, bool]:
    """The reference in the parts of a path below the version, and whether it is about edges."""
    if parts[0] == NAMESPACES.plural and (len(parts) < 3 or parts[2:] == [EDGES]):
        name = parts[1] if len(parts) > 1 else ""
        return Reference(NAMESPACES.plural, name, name), len(parts) == 3
    in_namespace = parts[0] == NAMESPACES.plural
    namespace, rest = (parts[1], parts[2:]) if in_namespace else ("", parts)
    plural, name, *further = [*rest, ""]
    known = plural in BY_PLURAL and plural != NAMESPACES.plural
    if not known or len(rest) > (3 if in_namespace else 1) or further not in ([], [""], [EDGES, ""]):
        raise NotFound(f"{'/'.join(parts)} is no resource of {GROUP}/{VERSION}; it has {', '.join(BY_PLURAL)}")
    return Reference(plural, namespace, name), EDGES in further
