# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the variables of the role ``toolchain``."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import AnsibleValidationError, UnsupportedError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import GoError
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool import TOOL_OPTIONS, contradiction
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import (
    CATALOGUE,
    from_catalogue,
    from_text,
    is_by_name,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.toolchain import parse_version
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.formats import unique
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

TOOLS_FOLDER = "tools"
"""The folder of the tools below the cache folder, when no other is chosen."""

_WRITE = "write a name such as helm, PACKAGE@VERSION, or a mapping with name, module and version, or name and source"


def problems(variables: Mapping[str, Any], inventory: Inventory) -> Iterator[Problem]:
    """Every problem with the tools that are wanted."""
    yield from _minimum(variables["toolchain_go_minimum"])
    names = []
    for number, entry in enumerate(variables["toolchain_tools"] or []):
        options, wrong = _tool(entry)
        for expected in wrong:
            yield Problem(f"toolchain_tools[{number}]", entry, expected)
        names.append(options.get("name"))
    yield from unique("toolchain_tools[].name", [name for name in names if name])


def derived(variables: Mapping[str, Any], inventory: Inventory) -> Dict[str, Any]:
    """The tools with all their options, and the folder for them.

    A relative `source` is one of the catalogue, a folder in the files of the role.
    """
    cache = variables["toolchain_cache_dir"]
    return {
        "tools": [_tool(entry)[0] for entry in variables["toolchain_tools"] or []],
        "bin_dir": variables["toolchain_bin_dir"] or os.path.join(cache, TOOLS_FOLDER),
    }


def _minimum(minimum: str) -> Iterator[Problem]:
    try:
        parse_version(minimum)
    except GoError as error:
        yield Problem("toolchain_go_minimum", minimum, error.mend)


def _tool(entry: Any) -> Tuple[Dict[str, Any], List[str]]:
    """The options of a tool with their types, and what is wrong with them."""
    options = from_text(entry) if isinstance(entry, str) else entry
    if not isinstance(options, dict) or not options.get("name"):
        return {}, [_WRITE]
    options = {key: None if value == "" else value for key, value in options.items()}
    validated = ArgumentSpecValidator(TOOL_OPTIONS).validate(options)
    if validated.error_messages:
        return options, [f"{_told(error)}; {_WRITE}" for error in validated.errors]
    if is_by_name(options):
        return _of_catalogue(options)
    typed: Dict[str, Any] = validated.validated_parameters
    if typed["source"]:
        typed["source"] = os.path.abspath(typed["source"])
    return typed, _wrong(typed)


def _of_catalogue(options: Mapping[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    name = options["name"]
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, n=1)
        known = f"did you mean {near[0]}?" if near else f"known by their names are {', '.join(sorted(CATALOGUE))}"
        return dict(options), [f"no tool of the catalogue; {known} For another one, {_WRITE}".replace("  ", " ")]
    if options.get("version") and CATALOGUE[name].get("source"):
        return dict(options), [
            "its version is that of the go.mod in the role; leave version out, or write a go.mod of your own and name "
            "its folder in source, with package"
        ]
    chosen: Dict[str, Any] = ArgumentSpecValidator(TOOL_OPTIONS).validate(from_catalogue(options)).validated_parameters
    return chosen, _wrong(chosen)


def _told(error: AnsibleValidationError) -> str:
    return f"unknown: {error.msg}".rstrip(".") if isinstance(error, UnsupportedError) else str(error.msg)


def _wrong(options: Mapping[str, Any]) -> List[str]:
    found = contradiction(options)
    return [" ".join(found)] if found else []
