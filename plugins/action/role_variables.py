# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check and type the variables of the role that runs this task."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Iterator, Mapping

import yaml
from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory, Problem

RULES = "ansible_collections.servicemesh.platform.plugins.module_utils.variables"


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the role's variables, typed and without the role's prefix, or fail with all problems at once."""
        super().run(tmp, task_vars)
        role = self._task._role
        if role is None:
            raise AnsibleError("role_variables works inside a role only")
        name = role.get_name().rsplit(".", 1)[-1]
        options = role_options(role._role_path)
        prefix = f"{name}_"
        problems = list(unknown(prefix, options, task_vars))
        given = self._given(options, task_vars, role.get_default_vars(), problems)
        validated = ArgumentSpecValidator(options).validate(given)
        problems += validated.error_messages
        typed = {key: absolute(validated.validated_parameters.get(key), option) for key, option in options.items()}
        problems += homeless(typed)
        rules = rules_of(name)
        inventory = Inventory(task_vars["inventory_hostname"], task_vars["groups"], task_vars["hostvars"])
        if rules and not problems:
            problems += rules.problems(typed, inventory)
        if problems:
            return {"failed": True, "msg": complaint(role.get_name(), task_vars["inventory_hostname"], problems)}
        result = {key[len(prefix) :]: value for key, value in typed.items()}
        if hasattr(rules, "derived"):
            result.update(rules.derived(typed, inventory))
        return {"changed": False, **result}

    def _given(
        self,
        options: Mapping[str, Any],
        task_vars: Mapping[str, Any],
        defaults: Mapping[str, Any],
        problems: list[Any],
    ) -> dict[str, Any]:
        """The values of the role's variables that are set; an empty string, as a survey sends it, means the default."""
        given = {}
        for key, option in options.items():
            try:
                value = self._templar.template(task_vars.get(key))
                if is_unset(value):
                    value = self._templar.template(defaults.get(key))
            except AnsibleUndefinedVariable as error:
                problems.append(f"{key} cannot be worked out: {error.message}")
                continue
            if not is_unset(value):
                given[key] = parsed(value, option.get("type", "str"))
        return given


@lru_cache(maxsize=None)
def role_options(role_path: str) -> dict[str, Any]:
    """The options of a role's entry point ``main``, as ``meta/argument_specs.yml`` states them."""
    specs = yaml.safe_load(Path(role_path, "meta", "argument_specs.yml").read_text(encoding="utf-8"))
    options: dict[str, Any] = specs["argument_specs"]["main"].get("options", {})
    return options


def rules_of(role: str) -> ModuleType | None:
    """The module with the rules for the variables of a role; a role without rules has none."""
    name = f"{RULES}.{role}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def is_unset(value: Any) -> bool:
    """Whether a variable counts as not given."""
    return value is None or (isinstance(value, str) and not value.strip())


def parsed(value: Any, wanted: str) -> Any:
    """A list or mapping that arrived as text, as surveys and ``-e key=value`` send it; anything else as it is."""
    expected = {"list": list, "dict": dict}.get(wanted)
    if not expected or not isinstance(value, str):
        return value
    try:
        loaded = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return loaded if isinstance(loaded, expected) else value


def homeless(typed: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each path that begins with ``~`` still: then there is no home folder that it could stand for."""
    for key, value in typed.items():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, str) and path.startswith("~"):
                yield Problem(key, path, "there is no such home folder; set HOME, or write an absolute path")


def absolute(value: Any, option: Mapping[str, Any]) -> Any:
    """Paths as seen from where the playbook was called: modules run elsewhere, in the folder of the playbook."""
    if option.get("type") == "path" and value:
        return path_from_here(value)
    if option.get("elements") == "path" and value:
        return [path_from_here(path) for path in value]
    return value


def path_from_here(path: str) -> str:
    """An absolute path; one that begins with ``~`` still is left for `homeless`."""
    return path if path.startswith("~") else os.path.abspath(path)


def unknown(prefix: str, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each variable that has the role's prefix but is none of its variables: a slip of the pen."""
    for key in task_vars:
        if not key.startswith(prefix) or key in options:
            continue
        near = get_close_matches(key, options, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(options))}"
        yield Problem(key, "set", f"no such variable; {hint}")


def complaint(role: str, environment: str, problems: list[Any]) -> str:
    """One message for all problems of one role."""
    lines = "\n".join(f"  - {problem}" for problem in problems)
    return f"The variables of role {role} cannot be used for environment {environment}:\n{lines}"
