# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of `oci_image` to what is wanted. Every error names the option and what to write instead."""

from __future__ import annotations

import os
import platform as machine
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.images.crane import Access
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.image import Place, Wanted
from ansible_collections.servicemesh.platform.plugins.module_utils.images.layer import File, place
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import IMAGE_LABELS, Platform, Recipe
from ansible_collections.servicemesh.platform.plugins.module_utils.images.reference import Reference, parse

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_PLATFORM = re.compile(r"([a-z0-9]+)/([a-z0-9]+)(?:/([a-z0-9]+))?")
_PORT = re.compile(r"([1-9][0-9]{0,4})(?:/(tcp|udp|sctp))?")
_USER = re.compile(r"[0-9]+(:[0-9]+)?|[a-z_][a-z0-9_-]*(:[a-z_][a-z0-9_-]*)?")
_MODE = re.compile(r"0?[0-7]{3,4}")


def wanted(options: Mapping[str, Any]) -> Wanted:
    """What the options ask for. Raises ImageError."""
    reference = _reference(options)
    destination = _place(options)
    if options["push"] and reference is None:
        raise ImageError("push: there is no name to push to.", "Set name, such as registry.example.com/team/app:1.0.")
    if reference is None and destination is None:
        raise ImageError("There is no place for the image.", "Set path, or name and push.")
    if destination is None and not options["push"] and options["state"] == "present":
        raise ImageError("The image would go nowhere.", "Set push to send it to the registry, or path to write it.")
    recipes = _recipes(options) if options["state"] == "present" else []
    pushed = options["push"] or (options["state"] == "absent" and reference is not None)
    return Wanted(recipes, options["base"], reference, pushed, destination)


def access(options: Mapping[str, Any]) -> Access:
    """How the options say that registries are reached. Raises ImageError."""
    username, password = options["username"] or "", options["password"] or ""
    if bool(username) != bool(password):
        raise ImageError("username and password go together.", "Set both, or none and log in with docker_config.")
    if ":" in username:
        raise ImageError("username: a ':' cannot be in it.", "Write the name alone, and the password in password.")
    _positive(options, "retries", 0)
    _positive(options, "timeout", 1)
    name = options["name"] or (options["base"] if _is_reference(options["base"]) else "")
    if username and not name:
        raise ImageError("username: no registry is asked.", "Leave username and password out.")
    registry = parse(name, "name").registry if username else ""
    return Access(
        program=options["crane"],
        registry=registry,
        username=username,
        password=password,
        docker_config=options["docker_config"],
        ca_path=options["ca_path"],
        plain_http=options["plain_http"],
        retries=options["retries"],
        timeout=options["timeout"],
    )


def asks_registry(options: Mapping[str, Any]) -> bool:
    """Whether crane is needed."""
    if options["state"] == "absent":
        return bool(options["name"])
    return bool(options["push"]) or _is_reference(options["base"])


def _is_reference(base: str) -> bool:
    return bool(base) and base != "scratch" and not base.startswith(("/", "./", "../", "~"))


def _positive(options: Mapping[str, Any], option: str, least: int) -> None:
    if options[option] < least:
        raise ImageError(f"{option}: {options[option]} is too little.", f"Write {least} or more.")


def _reference(options: Mapping[str, Any]) -> Optional[Reference]:
    if not options["name"]:
        return None
    reference = parse(options["name"], "name")
    if options["state"] == "present" and reference.digest:
        raise ImageError(
            f"name: {options['name']} has a digest, which is only known when the image is made.", "Write a tag instead."
        )
    if not reference.tag and not reference.digest:
        raise ImageError(f"name: {options['name']} has no tag.", f"Write one, such as {options['name']}:1.0.")
    return reference


def _place(options: Mapping[str, Any]) -> Optional[Place]:
    if not options["path"]:
        return None
    path = Path(os.path.abspath(options["path"]))
    if path.parent == path:
        raise ImageError(f"path: {path} cannot be an image.", "Name a new folder or file.")
    is_archive = options["format"] == "archive" or (options["format"] is None and path.suffix == ".tar")
    return Place(path, is_archive)


def _recipes(options: Mapping[str, Any]) -> List[Recipe]:
    chosen: Sequence[Mapping[str, Any]] = options["platforms"] or [{"platform": _this_machine(), "files": None}]
    shared = _files(options["files"] or [], "files")
    recipes = []
    for number, entry in enumerate(chosen):
        own = _files(entry["files"] or [], f"platforms[{number}].files")
        recipes.append(_recipe(options, _platform(entry["platform"], f"platforms[{number}].platform"), [*shared, *own]))
    names = [str(recipe.platform) for recipe in recipes]
    for name in names:
        if names.count(name) > 1:
            raise ImageError(f"platforms: {name} is there {names.count(name)} times.", "Write each platform once.")
    return recipes


def _recipe(options: Mapping[str, Any], platform: Platform, files: Sequence[File]) -> Recipe:
    if not files and options["base"] in ("", "scratch"):
        raise ImageError(f"files: the image for {platform} holds nothing.", "Name files, or a base.")
    user = str(options["user"])
    if user and not _USER.fullmatch(user):
        raise ImageError(f"user: {user!r} is no user.", "Write a UID or UID:GID, such as 65532:65532.")
    return Recipe(
        files=files,
        platform=platform,
        entrypoint=options["entrypoint"] or (),
        command=options["command"] or (),
        user=user,
        working_dir=_folder(options["working_dir"]),
        environment=_environment(options["env"] or {}),
        labels=_labels(options),
        ports=[_port(str(port)) for port in options["ports"] or ()],
    )


def _files(entries: Sequence[Mapping[str, Any]], option: str) -> List[File]:
    return [_file(entry, f"{option}[{number}]") for number, entry in enumerate(entries)]


def _file(entry: Mapping[str, Any], option: str) -> File:
    destination: str = entry["dest"]
    if not destination.startswith("/"):
        raise ImageError(f"{option}.dest: {destination!r} is not absolute.", f"Write /{destination}.")
    source = Path(entry["src"])
    if destination.endswith("/") and not source.is_dir():
        destination += source.name
    place(destination)
    return File(source, destination, _mode(entry["mode"], option))


def _mode(mode: Any, option: str) -> Optional[int]:
    if mode is None:
        return None
    if not isinstance(mode, str) or not _MODE.fullmatch(mode):
        raise ImageError(
            f"{option}.mode: {mode!r} is no mode.", "Write octal digits in quotes, such as '0644': YAML reads numbers."
        )
    return int(mode, 8)


def this_architecture() -> str:
    """The processor of this machine, in Go's words."""
    return _ARCHITECTURES.get(machine.machine(), machine.machine())


def _this_machine() -> str:
    return f"linux/{this_architecture()}"


def _platform(text: str, option: str) -> Platform:
    found = _PLATFORM.fullmatch(text)
    if not found:
        raise ImageError(f"{option}: {text!r} is no platform.", "Write os/architecture, such as linux/arm64.")
    return Platform(found.group(2), found.group(1), found.group(3) or "")


def _folder(path: Optional[str]) -> str:
    if path and not path.startswith("/"):
        raise ImageError(f"working_dir: {path!r} is not absolute.", f"Write /{path}.")
    return path or ""


def _port(text: str) -> str:
    found = _PORT.fullmatch(text)
    if not found or int(found.group(1)) > 65535:
        raise ImageError(f"ports: {text!r} is no port.", "Write a number up to 65535, also with a protocol: 53/udp.")
    return f"{found.group(1)}/{found.group(2) or 'tcp'}"


def _environment(values: Mapping[str, Any]) -> List[str]:
    for key in values:
        if not key or "=" in key:
            raise ImageError(f"env: {key!r} is no name of a variable.", "Write a name without '='.")
    return [f"{key}={_text(value)}" for key, value in sorted(values.items())]


def _labels(options: Mapping[str, Any]) -> Dict[str, str]:
    stamp = {IMAGE_LABELS + key: options[key] for key in ("version", "revision") if options[key]}
    return {**{str(key): _text(value) for key, value in (options["labels"] or {}).items()}, **stamp}


def _text(value: Any) -> str:
    """A value as people write it in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
