# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMI objects as rules look at them: raw, of any published or drafted version, and whatever stands in them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, DefaultDict, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.catalogue import (
    DOMAIN,
    DRAFT_KINDS,
    KINDS,
    Kind,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import DEFAULT_NAMESPACE
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.rules.surroundings import Name, Surroundings
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import UnknownObject, is_flat

_KINDS: Mapping[Tuple[str, str], Kind] = {(kind.api_group, kind.name): kind for kind in (*KINDS, *DRAFT_KINDS)}


@dataclass(frozen=True)
class Breach:
    """A rule (its number) that an object does not keep, in which field, and how to mend that.

    ``subject`` is set where it is another object than the one looked at, ``mild`` is the severity of a mild case.
    """

    rule: int
    field: str
    message: str
    why: str
    mend: str
    mild: Optional[Severity] = None
    subject: str = ""


@dataclass(frozen=True)
class Item:
    """One SMI object. Its ``fields`` stand below ``prefix``: ``spec.``, or nothing in flat versions."""

    kind: Kind
    version: str
    name: str
    namespace: str
    has_namespace: bool
    fields: Mapping[str, Any]
    prefix: str

    @property
    def subject(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name or '?'}"

    @property
    def rules_field(self) -> str:
        """The field of a TrafficTarget that lists its rules."""
        return "specs" if self.version == "v1alpha1" else "rules"


class World:
    """The SMI objects that are looked at, and all around them, found by name."""

    def __init__(self, items: Iterable[Item], around: Iterable[Item], surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.splits: DefaultDict[Name, List[Item]] = defaultdict(list)
        """The splits by the namespace and name of their root."""
        self.routes: Dict[Tuple[str, str, str], Item] = {}
        """The routes by kind, namespace and name."""
        for item in (*items, *around):
            if item.kind.name == "TrafficSplit":
                root = text(item.fields.get("service"))
                if root:
                    self.splits[item.namespace, plain_name(root)].append(item)
            else:
                self.routes[item.kind.name, item.namespace, item.name] = item


def is_smi(obj: Any) -> bool:
    """Whether an object is of an API group of SMI, or says so."""
    group = str(obj.get("apiVersion") or "").partition("/")[0] if isinstance(obj, Mapping) else ""
    return group == DOMAIN or group.endswith(f".{DOMAIN}")


def item_of(obj: Mapping[str, Any]) -> Item:
    """An SMI object as rules look at it. Raises wire.UnknownObject."""
    group, _slash, version = str(obj.get("apiVersion") or "").rpartition("/")
    name = obj.get("kind")
    kind = _KINDS.get((group, name)) if isinstance(name, str) else None
    if kind is None:
        raise UnknownObject(f"{group} has no kind {name!r}")
    if version not in kind.all_versions:
        versions = ", ".join(kind.all_versions)
        raise UnknownObject(f"{kind.name} has no version {version!r}; write one of: {versions}")
    flat = is_flat(kind, version)
    metadata = mapping(obj.get("metadata"))
    namespace = text(metadata.get("namespace"))
    return Item(
        kind,
        version,
        text(metadata.get("name")),
        namespace or DEFAULT_NAMESPACE,
        bool(namespace),
        obj if flat else mapping(obj.get("spec")),
        "" if flat else "spec.",
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """The value when it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: Any) -> str:
    """The value when it is text, else nothing."""
    return value if isinstance(value, str) else ""


def items_of(owner: Mapping[str, Any], name: str) -> List[Any]:
    """The items of a field that is a list; none when it is no list."""
    value = owner.get(name)
    return value if isinstance(value, list) else []


def placed(item: Item, name: str) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    """The mappings in a list field of an object, each with its place."""
    for index, value in enumerate(items_of(item.fields, name)):
        if isinstance(value, Mapping):
            yield f"{item.prefix}{name}[{index}]", value


def plain_name(service: str) -> str:
    """The name of a service without the rest of a DNS name."""
    return service.partition(".")[0]


def shown(value: Any) -> str:
    """A value in a message: not too long."""
    whole = repr(value)
    return whole if len(whole) <= 60 else f"{whole[:57]}..."
