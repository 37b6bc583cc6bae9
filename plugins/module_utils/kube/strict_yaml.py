# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as Kubernetes reads it, with line numbers and without YAML's traps.

Differs from ``yaml.safe_load``: duplicate keys and keys that are not strings are errors, time stamps
and base-60 numbers (``22:22``) stay text, and what aliases may blow up to is bounded. Tags beyond the
JSON types are refused.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Dict, Iterator, List, NamedTuple, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import DefinitionError, Problem

try:
    import yaml
except ImportError:  # libraries.require() tells what to install
    yaml = None  # type: ignore[assignment]

MAX_ALIASED_NODES = 100_000
"""Collections that may be reached through aliases in one document: far above what people write, far below harm."""

_TAG = "tag:yaml.org,2002:"


class LocatedObject(NamedTuple):
    """A value and the line (from 1) where it starts."""

    value: Any
    line: int


def load_objects(text: str, place: str) -> List[LocatedObject]:
    """The objects in a YAML text, its lists (``kind: List``) taken apart, empty documents left out.

    ``place`` names the text in messages. Raises DefinitionError with place and line.
    """
    try:
        return list(_objects(text, place))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise DefinitionError([Problem(f"{place}:{line}", f"YAML error: {error.problem or error.context}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DefinitionError([Problem(f"{place}:{line}", f"YAML error: {error.reason}")]) from error
    except RecursionError as error:
        raise DefinitionError([Problem(place, "YAML error: nested too deeply")]) from error
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise DefinitionError(
            [Problem(f"{place}:{line}", "YAML error: half a character (a lone surrogate)")]
        ) from error


def _objects(text: str, place: str) -> Iterator[LocatedObject]:
    loader = _loader_class()(text)
    try:
        while loader.check_node():
            root = loader.get_node()
            converter = _Converter(loader, place)
            for node in _object_nodes(root):
                value = converter.convert(node)
                if value is not None:
                    yield LocatedObject(value, node.start_mark.line + 1)
    finally:
        loader.dispose()


def _object_nodes(node: Any) -> Iterator[Any]:
    """The nodes of the single objects: the items of a list kind, else the node itself."""
    fields = _fields(node)
    kind, items = fields.get("kind"), fields.get("items")
    is_list = str(getattr(kind, "value", "")).endswith("List")
    if is_list and isinstance(items, yaml.SequenceNode):
        for item in items.value:
            yield from _object_nodes(item)
    elif not (is_list and items is not None and items.tag == _TAG + "null"):
        yield node


def _fields(node: Any) -> Dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


class _Converter:
    """Turns the nodes of one document into plain values."""

    def __init__(self, loader: Any, place: str) -> None:
        self._place = place
        self._seen: Set[int] = set()
        self._open: Set[int] = set()
        self._aliased = 0
        self._scalars = {
            _TAG + "str": lambda node: node.value,
            _TAG + "null": loader.construct_yaml_null,
            _TAG + "bool": loader.construct_yaml_bool,
            _TAG + "int": lambda node: node.value if ":" in node.value else loader.construct_yaml_int(node),
            _TAG + "float": lambda node: self._float(node, loader),
        }

    def convert(self, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._enter(node)
        value = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._sequence(node)
        self._open.discard(id(node))
        return value

    def _enter(self, node: Any) -> None:
        if node.tag not in (_TAG + "map", _TAG + "seq"):
            raise self._error(node, f"the tag {node.tag} has no place in a Kubernetes object")
        if id(node) in self._open:
            raise self._error(node, "an alias refers to what it stands in")
        if id(node) in self._seen:
            self._aliased += 1
            if self._aliased > MAX_ALIASED_NODES:
                raise self._error(node, f"aliases blow the document up to more than {MAX_ALIASED_NODES} nodes")
        self._seen.add(id(node))
        self._open.add(id(node))

    def _scalar(self, node: Any) -> Any:
        construct = self._scalars.get(node.tag)
        if construct is None:
            raise self._error(node, f"the tag {node.tag} has no place in a Kubernetes object")
        try:
            return construct(node)
        except ValueError as error:
            raise self._error(node, f"{node.value!r} is not a number ({error})") from error

    def _float(self, node: Any, loader: Any) -> Any:
        if ":" in node.value:
            return node.value
        number = loader.construct_yaml_float(node)
        if not math.isfinite(number):
            raise self._error(node, f"{node.value} is not a number that JSON has; quote it if text is meant")
        return number

    def _sequence(self, node: Any) -> List[Any]:
        return [self.convert(item) for item in node.value]

    def _mapping(self, node: Any) -> Dict[str, Any]:
        merged: Dict[str, Any] = {}
        own: Dict[str, Any] = {}
        lines: Dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged.update(self._merge(value_node))
                continue
            key = self._key(key_node)
            if key in own:
                raise self._error(key_node, f'the key "{key}" stands twice; first on line {lines[key]}')
            lines[key] = key_node.start_mark.line + 1
            own[key] = self.convert(value_node)
        return {**merged, **own} if merged else own

    def _merge(self, node: Any) -> Dict[str, Any]:
        """What ``<<`` brings in; of several mappings the first one wins."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: Dict[str, Any] = {}
        for source in reversed(sources):
            value = self.convert(source)
            if not isinstance(value, dict):
                raise self._error(source, "<< takes a mapping or a list of mappings")
            merged.update(value)
        return merged

    def _key(self, node: Any) -> str:
        key = self.convert(node) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            raise self._error(node, f"the key {getattr(node, 'value', '?')!r} is not a string: quote it")
        return key

    def _error(self, node: Any, message: str) -> DefinitionError:
        return DefinitionError([Problem(f"{self._place}:{node.start_mark.line + 1}", f"YAML error: {message}")])


@lru_cache(maxsize=None)
def _loader_class() -> Any:
    """The C loader where libyaml is there (ten times as fast), without YAML's time stamps."""
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in choices if tag != _TAG + "timestamp"]
        for first, choices in base.yaml_implicit_resolvers.items()
    }
    return type("KubernetesLoader", (base,), {"yaml_implicit_resolvers": resolvers})
