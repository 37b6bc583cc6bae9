# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module where the playbook runs, in the process that Ansible has made for the task.

A module that is sent to its host is packed, written to a file, run by a new interpreter, which compiles it and
imports everything anew: 0.5 seconds before the first request. All of that is for a host that is elsewhere. An
environment is this very machine and this very interpreter most of the time; then only the work itself is left.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import AnsibleValidationError, UnsupportedError
from ansible.plugins.action import ActionBase
from ansible_collections.servicemesh.platform.plugins.module_utils.interface import Interface

with suppress(ImportError):  # the task tells what to install
    # Ansible loads this file before it makes processes for the tasks: what is imported here is so for all of them.
    import_module("kubernetes.config")


class InProcessAction(ActionBase):
    """Runs the module of the same name: in this process where that makes no difference, else as any module."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    interface: Interface

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module to its end."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self.answer(self._task.args, task_vars or {}))
        return result

    def answer(self, arguments: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the module returns for these arguments."""
        if not self._is_here(task_vars):
            answer: dict[str, Any] = self._execute_module(
                module_args=dict(arguments), task_vars=task_vars, wrap_async=bool(self._task.async_val)
            )
            return answer
        os.chdir(self._loader.get_basedir())  # as the connection `local` does for the process of a module
        return call(self.interface, plain(arguments), self._task.check_mode, self._task.diff)

    def _is_here(self, task_vars: Mapping[str, Any]) -> bool:
        """Whether a process of its own would be one on this machine, with this user, interpreter and environment."""
        task = self._task
        is_elsewhere = self._connection.transport != "local" or self._connection.become is not None
        if is_elsewhere or task.async_val or any(task.environment or ()):
            return False
        if task.delegate_to:
            task_vars = task_vars.get("ansible_delegated_vars", {}).get(task.delegate_to, {})
        interpreter = self._templar.template(task_vars.get("ansible_python_interpreter"))
        return isinstance(interpreter, str) and is_this_interpreter(interpreter)


def call(interface: Interface, arguments: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """What the module returns for these arguments."""
    validator = ArgumentSpecValidator(interface.argument_spec, required_one_of=interface.required_one_of)
    validated = validator.validate(arguments)
    options: dict[str, Any] = validated.validated_parameters
    invocation = {"module_args": interface.shown(options)}
    if validated.error_messages:
        result: dict[str, Any] = {"failed": True, "msg": "; ".join(map(_message, validated.errors))}
    else:
        try:
            result = interface.run(options, check_mode, diff)
        finally:
            _forget_credentials()
    return dict(remove_values({**result, "invocation": invocation}, interface.secrets(options)))


def _forget_credentials() -> None:
    """Remove the files that the package kubernetes has written the certificates and keys of a kubeconfig to.

    It does that when its interpreter ends (atexit), and the processes that Ansible makes for tasks end without that.
    """
    loader = sys.modules.get("kubernetes.config.kube_config")
    if loader:
        loader._cleanup_temp_files()


def _message(error: AnsibleValidationError) -> str:
    return f"Unsupported parameters: {error.msg}" if isinstance(error, UnsupportedError) else str(error.msg)


def plain(value: Any) -> Any:
    """A value as JSON would bring it: Ansible's own strings and containers know where they come from, or are lazy."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def is_this_interpreter(path: str) -> bool:
    """Whether a path leads to the interpreter that runs this, with the same packages: a virtual environment is told
    by the folder of its interpreter, which is a link to that of the system."""
    expanded = os.path.expanduser(path)
    same_folder = os.path.dirname(os.path.abspath(expanded)) == os.path.dirname(os.path.abspath(sys.executable))
    return same_folder and os.path.realpath(expanded) == os.path.realpath(sys.executable)
