# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired objects: reading them from values, texts, files and folders, and checking what needs no server."""

from __future__ import annotations

import base64
import glob
import json
import os
import re
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries, strict_yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import DefinitionError, Problem
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import ObjectKey, group_of

SUFFIXES = (".yaml", ".yml", ".json")

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Origin:
    """Where a definition stands: a file or an option, and the line (from 1; 0 when it has none)."""

    place: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.place}:{self.line}" if self.line else self.place


@dataclass
class Definition:
    """One desired object and where it was written.

    A fragment is the part of an object of others that is ours: applied to what exists, but no reason to make the
    object, to remove it or to count it as a member of a set.
    """

    body: Dict[str, Any]
    origin: Origin
    is_fragment: bool = False

    @property
    def api_version(self) -> str:
        return str(self.body["apiVersion"])

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"].get("namespace") or "")

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(group_of(self.api_version), self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.key} ({self.origin})"


Definitions = Union[None, str, Mapping[str, Any], Sequence[Union[str, Mapping[str, Any]]]]


def load_definitions(
    definitions: Definitions = None, src: Iterable[str] = (), place: str = "definitions"
) -> List[Definition]:
    """Read and check all definitions; the order is that of the arguments, files in a folder by name.

    ``definitions``: a mapping, a YAML text, or a list of them. ``src``: files, folders (searched deep for
    *.yaml, *.yml and *.json, hidden names left out) and globs. ``place`` is what messages call ``definitions``.

    Raises DefinitionError with everything that is wrong.
    """
    libraries.require("yaml")
    located = list(_from_values(definitions, place))
    for path in _files(src):
        located.extend(_from_file(path))
    problems = [problem for body, origin in located for problem in _problems(body, origin)]
    if problems:
        raise DefinitionError(problems)
    loaded = [Definition(body, origin) for body, origin in located]
    check_unique(loaded)
    for definition in loaded:
        _fold_string_data(definition.body)
    return loaded


def load_fragments(fragments: Definitions) -> List[Definition]:
    """As ``load_definitions``, for the parts that are ours of objects of others."""
    return [replace(definition, is_fragment=True) for definition in load_definitions(fragments, place="fragments")]


def check_unique(definitions: Iterable[Definition]) -> None:
    """Raise DefinitionError, which names both places, when two definitions are of one object."""
    first: Dict[ObjectKey, Definition] = {}
    problems = []
    for definition in definitions:
        other = first.setdefault(definition.key, definition)
        if other is not definition:
            text = f"{definition.key} is defined twice; first in {other.origin}. Keep one of them."
            problems.append(Problem(str(definition.origin), text))
    if problems:
        raise DefinitionError(problems)


_Located = Tuple[Any, Origin]


def _from_values(definitions: Definitions, place: str) -> Iterator[_Located]:
    if definitions is None:
        return
    if isinstance(definitions, str):
        for value, line in strict_yaml.load_objects(definitions, place):
            yield value, Origin(place, line)
    elif isinstance(definitions, Mapping):
        items = definitions.get("items", ())
        if isinstance(items, (list, type(None))) and str(definitions.get("kind", "")).endswith("List"):
            yield from _from_values(items, f"{place}.items")
        else:
            yield dict(definitions), Origin(place)
    elif isinstance(definitions, Sequence):
        for index, item in enumerate(definitions):
            yield from _from_values(item, f"{place}[{index}]")
    else:
        raise DefinitionError([Problem(place, f"expected mappings or YAML text, found {type(definitions).__name__}")])


def _files(sources: Iterable[str]) -> Iterator[str]:
    for source in sources:
        if os.path.isdir(source):
            found = list(_walk(source))
        elif os.path.exists(source):
            found = [source]
        else:
            found = sorted(path for path in glob.glob(source, recursive=True) if os.path.isfile(path))
        if not found:
            kinds = ", ".join("*" + suffix for suffix in SUFFIXES)
            text = f"no definitions there: expected a file, a folder that holds {kinds}, or a glob that matches files"
            raise DefinitionError([Problem(source, text)])
        yield from found


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.join(parent, name)


def _from_file(path: str) -> Iterator[_Located]:
    text = _read(path)
    if path.endswith(".json"):
        yield from _from_values(_parse_json(text, path), path)
        return
    for value, line in strict_yaml.load_objects(text, path):
        yield value, Origin(path, line)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise DefinitionError([Problem(path, f"is not UTF-8 text (byte {error.start})")]) from error
    except OSError as error:
        raise DefinitionError([Problem(path, f"cannot be read: {error.strerror}")]) from error


def _parse_json(text: str, path: str) -> Any:
    def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            twice = next(key for key, _value in pairs if sum(key == other for other, _value in pairs) > 1)
            raise DefinitionError([Problem(path, f'JSON error: the key "{twice}" stands twice')])
        return value

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise DefinitionError([Problem(f"{path}:{error.lineno}", f"JSON error: {error.msg}")]) from error
    except RecursionError as error:
        raise DefinitionError([Problem(path, "JSON error: nested too deeply")]) from error


def _problems(body: Any, origin: Origin) -> Iterator[Problem]:
    """What is wrong with one definition, as far as it can be told without a server."""
    if not isinstance(body, dict):
        yield Problem(str(origin), f"expected a Kubernetes object (a mapping), found {type(body).__name__}")
        return
    for field, example in (("apiVersion", "apps/v1"), ("kind", "Deployment")):
        if not isinstance(body.get(field), str) or not body[field]:
            yield Problem(str(origin), f"{field} is missing; write for example {field}: {example}")
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        yield Problem(str(origin), "metadata is missing; it holds at least the name")
        return
    what = f"{body.get('kind', 'object')} {metadata.get('name', '')}".rstrip()
    for message in _metadata_problems(metadata):
        yield Problem(str(origin), f"{what}: {message}")
    if _is_secret(body):
        for message in _secret_problems(body):
            yield Problem(str(origin), f"{what}: {message}")


def _metadata_problems(metadata: Mapping[str, Any]) -> Iterator[str]:
    yield from _name_problems(metadata)
    namespace = metadata.get("namespace")
    if namespace is not None and not (isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace)):
        yield f"metadata.namespace {namespace!r} is not a namespace name (a-z, 0-9 and -, at most 63 characters)"
    for field in ("labels", "annotations"):
        yield from _text_map_problems(metadata.get(field), f"metadata.{field}")


def _name_problems(metadata: Mapping[str, Any]) -> Iterator[str]:
    name = metadata.get("name")
    if name is None and "generateName" in metadata:
        yield "metadata.generateName cannot be applied again to the same object; give metadata.name"
    elif not isinstance(name, str) or not name:
        yield f"metadata.name must be a string that is not empty, found {name!r}"
    elif "/" in name or "%" in name or name in (".", ".."):
        yield "metadata.name may not be . or .. nor hold / or %"


def _secret_problems(body: Mapping[str, Any]) -> Iterator[str]:
    """Without the values, which are secret."""
    for field in ("data", "stringData"):
        values = body.get(field)
        if values is not None and not isinstance(values, dict):
            yield f"{field} must be a mapping"
            continue
        for key, value in (values or {}).items():
            if not isinstance(value, str):
                yield f"{field}.{key} must be a string: quote it"


def _text_map_problems(values: Any, field: str) -> Iterator[str]:
    if values is not None and not isinstance(values, dict):
        yield f"{field} must be a mapping"
        return
    for key, value in (values or {}).items():
        if not isinstance(value, str):
            yield f"{field}.{key} is {json.dumps(value)}, but must be a string: quote it"


def _is_secret(body: Mapping[str, Any]) -> bool:
    return body.get("apiVersion") == "v1" and body.get("kind") == "Secret"


def _fold_string_data(body: Dict[str, Any]) -> None:
    """Move stringData of a Secret into data.

    The server keeps stringData as write-only: applied as such, a key that leaves the definition would
    stay in the Secret for ever.
    """
    text: Optional[Dict[str, str]] = body.pop("stringData", None) if _is_secret(body) else None
    if text:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        body["data"] = {**(body.get("data") or {}), **encoded}
